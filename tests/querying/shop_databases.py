"""The shop in databases that really run, to be asked with the bare drivers: raw text, and what the guard made of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import psycopg

from appliance.supervisor.postgres import EmbeddedPostgres
from querying.testing.shop import shop_statements
from tests.own_mariadb import OwnMariaDB

Fetch = Callable[[str], Sequence[tuple[Any, ...]]]

READER = "shop_reader"
READER_PASSWORD = "reader-password"
_CHOSEN = "product, orders, order_line, stock, monthly_sales"
_CUSTOMER = "customer_id, city, region, segment, since"


@contextmanager
def shop_in_postgres(server: EmbeddedPostgres) -> Iterator[str]:
    """A database of its own; its owner's address. A role `shop_reader` may read what was chosen, and no more."""
    name = f"shop_{uuid4().hex[:8]}"
    with psycopg.connect(server.url(database="postgres"), autocommit=True) as owner:
        owner.execute(f"CREATE DATABASE {name}")
        url = server.url(database=name)
        with psycopg.connect(url, autocommit=True) as shop:
            for statement in shop_statements("postgres"):
                shop.execute(statement)
            shop.execute("CREATE SEQUENCE numbers")
            shop.execute(
                f"DO $$ BEGIN CREATE ROLE {READER} LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$"
            )
            shop.execute(
                f"GRANT SELECT ON {_CHOSEN} TO {READER}; GRANT SELECT ({_CUSTOMER}) ON customer TO {READER}"
            )
        yield url
        owner.execute(f"DROP DATABASE {name} WITH (FORCE)")


def postgres_fetch(connection: psycopg.Connection[Any]) -> Fetch:
    """As bytes on the wire say; nothing is interpolated."""
    return lambda query: connection.execute(query.encode()).fetchall()


def mariadb_fetch(server: OwnMariaDB, *signed_in: str) -> Fetch:
    """In autocommit, nothing is interpolated."""
    connection = server.as_user(*signed_in, database="shop")

    def fetch(query: str) -> Sequence[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(query)
            return list(cursor.fetchall())

    return fetch


def fill_mariadb(server: OwnMariaDB) -> None:
    """The shop as the database `shop`."""
    with server.as_user() as connection, connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE shop CHARACTER SET utf8mb4")
        cursor.execute("USE shop")
        for statement in shop_statements("mysql"):
            cursor.execute(statement)


def reader_of_mariadb(server: OwnMariaDB) -> Fetch:
    """As a user who may read what was chosen, and no more."""
    with server.as_user() as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE USER IF NOT EXISTS {READER} IDENTIFIED BY '{READER_PASSWORD}'")
        for table in _CHOSEN.split(", "):
            cursor.execute(f"GRANT SELECT ON shop.{table} TO {READER}")
        cursor.execute(f"GRANT SELECT ({_CUSTOMER}) ON shop.customer TO {READER}")
    return mariadb_fetch(server, READER, READER_PASSWORD)
