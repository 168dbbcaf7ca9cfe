"""The sales of a company that does not exist, as a SQLite file, so that a first question to the tables has an answer.

The same day always gives the same rows: two years up to that day, so that "last month" and "marzo" find something
whenever a box is set up. Beside them the questions that are saved with it.
"""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from appliance.domain.data import SavedParameter
from appliance.domain.people import Language

SAMPLE_SALES = "Tramontel: ventas"
DESCRIPTION = (
    "Ventas y almacén de una empresa ficticia, para probar. Quítala cuando no la necesites. · Sales and stock of a "
    "company that does not exist, to try things with. Remove it when you do not need it."
)
TABLES = ("clientes", "facturas", "existencias")
_DAYS = 730
_SEED = 20_260_302

_SCHEMA = """
CREATE TABLE clientes (
    cliente_id INTEGER PRIMARY KEY, empresa TEXT NOT NULL, ciudad TEXT NOT NULL, pais TEXT NOT NULL,
    sector TEXT NOT NULL, contacto_email TEXT NOT NULL, alta DATE NOT NULL);
CREATE TABLE facturas (
    factura_id INTEGER PRIMARY KEY, cliente_id INTEGER NOT NULL REFERENCES clientes (cliente_id), fecha DATE NOT NULL,
    servicio TEXT NOT NULL, importe DECIMAL(10, 2) NOT NULL, pagada BOOLEAN NOT NULL);
CREATE INDEX facturas_por_fecha ON facturas (fecha);
CREATE TABLE existencias (
    almacen TEXT NOT NULL, articulo TEXT NOT NULL, unidades INTEGER NOT NULL, minimo INTEGER NOT NULL,
    PRIMARY KEY (almacen, articulo));
"""
_PLACES = (
    *(("Valencia", "España"), ("Madrid", "España"), ("Bilbao", "España"), ("Sevilla", "España")),
    *(("Oporto", "Portugal"), ("Lisboa", "Portugal"), ("Lyon", "Francia"), ("Rotterdam", "Países Bajos")),
)
_SECTORS = ("Alimentación", "Farmacia", "Textil", "Cerámica", "Electrónica")
_FIRST = ("Conservas", "Frutas", "Laboratorios", "Tejidos", "Cerámicas", "Muebles", "Lácteos", "Bodegas")
_SECOND = ("del Turia", "Levante", "Ibérica", "Miramar", "San Telmo", "Norte")
_SERVICES = (("Transporte frigorífico", 480), ("Almacenaje", 260), ("Grupaje", 175), ("Última milla", 95))
_GOODS = (
    "Palé europeo",
    "Caja isotérmica",
    "Film estirable",
    "Precinto",
    "Etiqueta térmica",
    "Acumulador de frío",
)
_STORES = ("Valencia", "Madrid", "Oporto")


def write_sample_sales(path: Path, today: date) -> None:
    """Write the file, which must not be there."""
    drawn = random.Random(_SEED)  # noqa: S311 - sample rows, no secret
    with closing(sqlite3.connect(path)) as database, database:
        database.executescript(_SCHEMA)
        customers = _customers(drawn, today)
        database.executemany("INSERT INTO clientes VALUES (?, ?, ?, ?, ?, ?, ?)", customers)
        database.executemany(
            "INSERT INTO facturas VALUES (?, ?, ?, ?, ?, ?)", _invoices(drawn, today, len(customers))
        )
        database.executemany("INSERT INTO existencias VALUES (?, ?, ?, ?)", _stock(drawn))


def _customers(drawn: random.Random, today: date) -> list[tuple[object, ...]]:
    names = [f"{first} {second}" for first in _FIRST for second in _SECOND]
    drawn.shuffle(names)
    rows: list[tuple[object, ...]] = []
    for number, name in enumerate(names[:36], start=1):
        city, country = drawn.choice(_PLACES)
        since = today - timedelta(days=_DAYS + drawn.randrange(1, 1500))
        email = f"compras{number}@cliente.example"
        rows.append((number, name, city, country, drawn.choice(_SECTORS), email, since.isoformat()))
    return rows


def _invoices(drawn: random.Random, today: date, customers: int) -> list[tuple[object, ...]]:
    """One to four a working day; amounts in cents, as SQLite has no decimal numbers of its own."""
    rows: list[tuple[object, ...]] = []
    for back in range(_DAYS, -1, -1):
        day = today - timedelta(days=back)
        if day.weekday() > 4:
            continue
        for _ in range(drawn.randrange(1, 5)):
            service, usual = drawn.choices(_SERVICES, weights=(4, 3, 3, 2))[0]
            amount = Decimal(round(usual * drawn.uniform(0.4, 2.6) * 100)) / 100
            is_paid = back > 60 or drawn.random() < 0.6
            customer = min(customers, int(drawn.paretovariate(0.9)))
            rows.append((len(rows) + 1, customer, day.isoformat(), service, float(amount), is_paid))
    return rows


def _stock(drawn: random.Random) -> list[tuple[object, ...]]:
    return [
        (store, goods, drawn.randrange(0, 900), drawn.randrange(50, 300))
        for store in _STORES
        for goods in _GOODS
    ]


@dataclass(frozen=True, slots=True)
class SampleQuestion:
    """A question that is saved and verified with the sample, and other ways to ask it."""

    language: Language
    question: str
    wordings: tuple[str, ...]
    sql: str
    parameters: tuple[SavedParameter, ...] = ()


_PERIOD = (
    SavedParameter("desde", "date", "desde", "mes pasado"),
    SavedParameter("antes", "date", "antes de", "mes pasado"),
)
_YEAR = (SavedParameter("ano", "integer", "año", "este año"),)

QUESTIONS = (
    SampleQuestion(
        "es",
        "¿Cuál fue el total de ventas en {periodo}?",
        ("total de ventas", "¿cuánto vendimos?", "total sales in a period", "how much did we sell"),
        "SELECT round(sum(importe), 2) AS total, count(*) AS facturas FROM facturas "
        "WHERE fecha >= :desde AND fecha < :antes",
        _PERIOD,
    ),
    SampleQuestion(
        "es",
        "¿Cuánto se vendió cada mes de {año}?",
        ("ventas por mes", "sales by month", "monthly sales of a year"),
        "SELECT CAST(strftime('%m', fecha) AS INTEGER) AS mes, round(sum(importe), 2) AS total FROM facturas "
        "WHERE CAST(strftime('%Y', fecha) AS INTEGER) = :ano GROUP BY mes ORDER BY mes",
        _YEAR,
    ),
    SampleQuestion(
        "es",
        "¿Cuánto vendimos de cada servicio en {periodo}?",
        ("ventas por servicio", "sales by service"),
        "SELECT servicio, round(sum(importe), 2) AS total FROM facturas WHERE fecha >= :desde AND fecha < :antes "
        "GROUP BY servicio ORDER BY total DESC",
        _PERIOD,
    ),
    SampleQuestion(
        "es",
        "¿Qué clientes compraron más?",
        ("mejores clientes", "top customers by sales", "which customers bought most"),
        "SELECT c.empresa, round(sum(f.importe), 2) AS total FROM clientes c JOIN facturas f "
        "ON f.cliente_id = c.cliente_id GROUP BY c.cliente_id, c.empresa ORDER BY total DESC LIMIT 10",
    ),
    SampleQuestion(
        "es",
        "¿Cuánto nos deben los clientes?",
        (
            "facturas sin pagar",
            "importe pendiente de cobro",
            "unpaid invoices",
            "how much do customers owe us",
        ),
        "SELECT count(*) AS facturas, round(sum(importe), 2) AS pendiente FROM facturas WHERE NOT pagada",
    ),
    SampleQuestion(
        "es",
        "¿Qué artículos están por debajo del mínimo?",
        ("existencias bajo mínimos", "qué falta en el almacén", "which articles are below the minimum stock"),
        "SELECT almacen, articulo, unidades, minimo FROM existencias WHERE unidades < minimo "
        "ORDER BY almacen, articulo",
    ),
)
