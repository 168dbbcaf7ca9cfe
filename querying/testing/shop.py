"""The shop as a schema to be asked, as SQL that makes it, and as a SQLite file.

`customer`, `product`, `orders`, `order_line`, `stock` and the view `monthly_sales` are chosen; `payroll` is not. In
`customer`, what is about people (name, e-mail, phone, birthday) is personal. One product column has an accent.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Literal

from querying.testing.shop_rows import Cell, ShopRows, shop_rows
from querying.types import Column, Dialect, ForeignKey, Schema, Table, ValueKind

MakeDialect = Literal["postgres", "mysql", "sqlite", "duckdb"]
"""Databases that the shop can be made in; SQL Server is asked in tests of text alone."""

_ROWS_AT_ONCE = 100
_KINDS: dict[str, tuple[ValueKind, dict[MakeDialect, str]]] = {
    "integer": ("integer", {}),
    "varchar(80)": ("text", {"postgres": "text", "sqlite": "text"}),
    "decimal(10,2)": ("decimal", {}),
    "boolean": ("boolean", {"mysql": "tinyint(1)"}),
    "date": ("date", {}),
    "timestamp": ("timestamp", {"mysql": "datetime"}),
}
_PERSONAL = {"customer": frozenset({"name", "email", "phone", "birthday"})}
_TABLES: dict[str, tuple[tuple[str, str, bool], ...]] = {
    "customer": (
        ("customer_id", "integer", False),
        ("name", "varchar(80)", False),
        ("email", "varchar(80)", False),
        ("phone", "varchar(80)", True),
        ("birthday", "date", False),
        ("city", "varchar(80)", False),
        ("region", "varchar(80)", False),
        ("segment", "varchar(80)", False),
        ("since", "date", False),
    ),
    "product": (
        ("product_id", "integer", False),
        ("name", "varchar(80)", False),
        ("categoría", "varchar(80)", False),
        ("price", "decimal(10,2)", False),
        ("cost", "decimal(10,2)", True),
        ("discontinued", "boolean", False),
        ("launched", "date", True),
    ),
    "orders": (
        ("order_id", "integer", False),
        ("customer_id", "integer", False),
        ("ordered_at", "timestamp", False),
        ("shipped_on", "date", True),
        ("status", "varchar(80)", False),
        ("channel", "varchar(80)", False),
    ),
    "order_line": (
        ("order_id", "integer", False),
        ("line", "integer", False),
        ("product_id", "integer", False),
        ("quantity", "integer", False),
        ("unit_price", "decimal(10,2)", False),
        ("discount", "decimal(10,2)", True),
    ),
    "stock": (
        ("product_id", "integer", False),
        ("warehouse", "varchar(80)", False),
        ("quantity", "integer", False),
        ("counted_at", "timestamp", True),
    ),
    "payroll": (
        ("employee_id", "integer", False),
        ("name", "varchar(80)", False),
        ("salary", "decimal(10,2)", False),
    ),
}
_KEYS = {
    "customer": ("customer_id",),
    "product": ("product_id",),
    "orders": ("order_id",),
    "order_line": ("order_id", "line"),
    "stock": ("product_id", "warehouse"),
    "payroll": ("employee_id",),
}
_POINTS_AT = {
    "orders": (("customer_id", "customer"),),
    "order_line": (("order_id", "orders"), ("product_id", "product")),
    "stock": (("product_id", "product"),),
}
_VIEW = "monthly_sales"
_VIEW_COLUMNS: tuple[tuple[str, str, bool], ...] = (
    ("year", "integer", True),
    ("month", "integer", True),
    ("revenue", "decimal(10,2)", True),
)
_DESCRIPTIONS = {
    "customer": "Clientes de la tienda",
    "product": "Artículos que se venden",
    "orders": "Pedidos",
    "order_line": "Líneas de cada pedido; el importe es quantity * unit_price * (1 - discount)",
    "stock": "Existencias por almacén",
    "monthly_sales": "Ventas por mes",
}
CHOSEN = ("customer", "product", "orders", "order_line", "stock", "monthly_sales")
NAMESPACES: dict[Dialect, str] = {
    "postgres": "public",
    "mysql": "shop",
    "tsql": "dbo",
    "sqlite": "",
    "duckdb": "",
}


def shop_schema(
    dialect: Dialect, namespace: str | None = None, is_offered: bool = True, everything: bool = False
) -> Schema:
    """What may be asked of it. is_offered: without personal columns; else they are marked. everything: payroll too."""
    place = NAMESPACES[dialect] if namespace is None else namespace
    names = (*CHOSEN, "payroll") if everything else CHOSEN
    return Schema(dialect, tuple(_table(name, place, is_offered) for name in names), place)


def _table(name: str, namespace: str, is_offered: bool) -> Table:
    personal = _PERSONAL.get(name, frozenset())
    columns = tuple(
        Column(
            column,
            _KINDS[written][0],
            database_type=written,
            is_nullable=is_nullable,
            is_personal=column in personal,
        )
        for column, written, is_nullable in (_VIEW_COLUMNS if name == _VIEW else _TABLES[name])
        if not (is_offered and column in personal)
    )
    return Table(
        name,
        columns,
        namespace,
        kind="view" if name == _VIEW else "table",
        description=_DESCRIPTIONS.get(name, ""),
        primary_key=_KEYS.get(name, ()),
        foreign_keys=tuple(
            ForeignKey((column,), table, (column,), namespace) for column, table in _POINTS_AT.get(name, ())
        ),
    )


def shop_statements(dialect: MakeDialect, rows: ShopRows | None = None) -> Iterator[str]:
    """One after the other, in an empty database."""
    for table, values in (shop_rows() if rows is None else rows).items():
        yield _create(table, dialect)
        for start in range(0, len(values), _ROWS_AT_ONCE):
            written = ",\n".join(
                f"({', '.join(_written(cell, dialect) for cell in row)})"
                for row in values[start : start + _ROWS_AT_ONCE]
            )
            yield f"INSERT INTO {table} VALUES\n{written}"
    yield _view(dialect)


def shop_script(dialect: MakeDialect) -> str:
    """For a database's own client."""
    return ";\n".join(shop_statements(dialect)) + ";\n"


def write_shop(path: Path) -> Path:
    """As a SQLite file."""
    with closing(sqlite3.connect(path)) as database:
        database.executescript(shop_script("sqlite"))
        database.commit()
    return path


def _create(table: str, dialect: MakeDialect) -> str:
    columns = [
        f"{name} {_KINDS[written][1].get(dialect, written)}{'' if is_nullable else ' NOT NULL'}"
        for name, written, is_nullable in _TABLES[table]
    ]
    keys = [f"PRIMARY KEY ({', '.join(_KEYS[table])})"]
    keys += [
        f"FOREIGN KEY ({column}) REFERENCES {other} ({column})" for column, other in _POINTS_AT.get(table, ())
    ]
    suffix = " CHARACTER SET utf8mb4" if dialect == "mysql" else ""
    return f"CREATE TABLE {table} ({', '.join([*columns, *keys])}){suffix}"


def _view(dialect: MakeDialect) -> str:
    year, month = (
        (f"CAST(strftime('{sign}', o.ordered_at) AS integer)" for sign in ("%Y", "%m"))
        if dialect == "sqlite"
        else (
            f"CAST(EXTRACT({part} FROM o.ordered_at) AS {'signed' if dialect == 'mysql' else 'integer'})"
            for part in ("YEAR", "MONTH")
        )
    )
    sums = (
        "sum(l.quantity * l.unit_price) AS revenue FROM orders o JOIN order_line l ON l.order_id = o.order_id"
    )
    return f"CREATE VIEW {_VIEW} AS SELECT {year} AS year, {month} AS month, {sums} GROUP BY {year}, {month}"


def _written(cell: Cell, dialect: MakeDialect) -> str:
    if cell is None:
        return "NULL"
    if isinstance(cell, bool):
        return ("TRUE" if cell else "FALSE") if dialect in ("postgres", "duckdb") else str(int(cell))
    if isinstance(cell, (int, Decimal)):
        return str(cell)
    text = (
        cell.isoformat(" ")
        if isinstance(cell, datetime)
        else cell.isoformat()
        if isinstance(cell, date)
        else cell
    )
    return "'" + text.replace("'", "''") + "'"
