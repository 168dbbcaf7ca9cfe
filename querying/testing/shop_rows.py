"""What a small shop in Spain wrote down in two years: the same rows for the same seed, on every machine.

Two rows are canaries: nobody who may ask the shop may ever see the words in them.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

Cell = None | bool | int | str | Decimal | date | datetime
ShopRows = Mapping[str, Sequence[tuple[Cell, ...]]]

CANARY_PERSONAL = "canario-personal@nadie.example"
"""The e-mail address of customer 1: a column about people."""

CANARY_UNCHOSEN = "CANARIO DE LA NOMINA"
"""Stands in payroll, a table that nobody chose."""

_FIRST = (
    "Begoña",
    "José",
    "María",
    "Nuria",
    "Íñigo",
    "Lucía",
    "Óscar",
    "Ana",
    "Martín",
    "Sofía",
    "Andrés",
    "Inés",
    "Raúl",
    "Belén",
    "Hugo",
    "Zoë",
)
_LAST = (
    "Núñez",
    "García",
    "Peña",
    "Ibáñez",
    "López",
    "Muñoz",
    "Sáez",
    "Ortega",
    "Güell",
    "Castro",
    "O'Donnell",
    "Vázquez",
)
_PLACES = (
    ("Málaga", "Andalucía"),
    ("Córdoba", "Andalucía"),
    ("A Coruña", "Galicia"),
    ("Logroño", "La Rioja"),
    ("Madrid", "Madrid"),
    ("Bilbao", "Euskadi"),
    ("Castellón", "Comunitat Valenciana"),
)
_SEGMENTS = ("particular", "empresa", "hostelería")
_PRODUCTS = (
    ("Jamón ibérico", "Alimentación"),
    ("Aceite de oliva 5 l", "Alimentación"),
    ("Turrón de Alicante", "Alimentación"),
    ("Piñones 500 g", "Alimentación"),
    ("Café molido", "Alimentación"),
    ("Vino de Rueda", "Bebidas"),
    ("Sidra natural", "Bebidas"),
    ("Agua con gas", "Bebidas"),
    ("Vermú rojo", "Bebidas"),
    ("Sartén 28 cm", "Menaje"),
    ("Cuchillo jamonero", "Menaje"),
    ("Paellera 40 cm", "Menaje"),
    ("Cafetera italiana", "Menaje"),
    ("Mantel de algodón", "Textil"),
    ("Delantal", "Textil"),
    ("Paño de cocina", "Textil"),
)
_STATUSES = ("entregado", "entregado", "entregado", "enviado", "pendiente", "devuelto")
_CHANNELS = ("tienda", "web", "teléfono")
_WAREHOUSES = ("Málaga", "Almería")
_FIRST_DAY = datetime(2024, 1, 2, 9, 0)


def shop_rows(seed: int = 9) -> ShopRows:
    """By table, in the order in which they can be inserted."""
    chance = random.Random(seed)  # noqa: S311 - the same rows everywhere
    orders = _orders(chance)
    products = _products(chance)
    return {
        "customer": _customers(chance),
        "product": products,
        "orders": orders,
        "order_line": _lines(chance, orders, products),
        "stock": _stock(chance, products),
        "payroll": [
            (1, CANARY_UNCHOSEN, Decimal("31000.00")),
            (2, "Begoña Núñez", Decimal("28500.50")),
        ],
    }


def _customers(chance: random.Random) -> list[tuple[Cell, ...]]:
    rows: list[tuple[Cell, ...]] = []
    for number in range(1, 61):
        name = f"{chance.choice(_FIRST)} {chance.choice(_LAST)}"
        city, region = chance.choice(_PLACES)
        email = CANARY_PERSONAL if number == 1 else f"cliente{number}@tienda.example"
        phone = None if chance.random() < 0.3 else f"+34 6{chance.randrange(10**8):08d}"
        birthday = date(1950, 1, 1) + timedelta(days=chance.randrange(18_000))
        since = date(2019, 1, 1) + timedelta(days=chance.randrange(1_800))
        rows.append((number, name, email, phone, birthday, city, region, chance.choice(_SEGMENTS), since))
    return rows


def _products(chance: random.Random) -> list[tuple[Cell, ...]]:
    rows: list[tuple[Cell, ...]] = []
    for number, (name, category) in enumerate(_PRODUCTS, start=1):
        price = Decimal(chance.randrange(150, 12_000)).scaleb(-2)
        cost = None if number % 7 == 0 else (price * Decimal("0.6")).quantize(Decimal("0.01"))
        launched = None if number % 5 == 0 else date(2018 + number % 6, 1 + number % 12, 15)
        rows.append((number, name, category, price, cost, number % 8 == 0, launched))
    return rows


def _orders(chance: random.Random) -> list[tuple[Cell, ...]]:
    rows: list[tuple[Cell, ...]] = []
    at = _FIRST_DAY
    for number in range(1, 301):
        at += timedelta(minutes=chance.randrange(600, 6_000))
        status = chance.choice(_STATUSES)
        shipped = None if status == "pendiente" else at.date() + timedelta(days=chance.randrange(1, 6))
        rows.append((number, chance.randrange(1, 56), at, shipped, status, chance.choice(_CHANNELS)))
    return rows


def _lines(
    chance: random.Random, orders: Sequence[tuple[Cell, ...]], products: Sequence[tuple[Cell, ...]]
) -> list[tuple[Cell, ...]]:
    """Not every product is ever ordered, and not every customer orders."""
    rows: list[tuple[Cell, ...]] = []
    for order in orders:
        for line, product in enumerate(chance.sample(products[:-1], chance.randrange(1, 5)), start=1):
            discount = Decimal(chance.randrange(5, 30)).scaleb(-2) if chance.random() < 0.2 else None
            rows.append((order[0], line, product[0], chance.randrange(1, 9), product[3], discount))
    return rows


def _stock(chance: random.Random, products: Sequence[tuple[Cell, ...]]) -> list[tuple[Cell, ...]]:
    return [
        (
            product[0],
            warehouse,
            chance.randrange(0, 200),
            None if chance.random() < 0.1 else _FIRST_DAY + timedelta(days=chance.randrange(700)),
        )
        for product in products
        for warehouse in _WAREHOUSES
    ]
