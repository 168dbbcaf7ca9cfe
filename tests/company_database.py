"""A company's own database beside the appliance's, on the server that all tests share: a small shop, and three roles.

`reader` can only read, `writer` could write, `owner` changes what is there. Rows are few and known.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
from psycopg import sql

from tests.conftest import Servers

SECRET = "s3cret-of-the-reader"
_SHOP = """
CREATE TABLE customer (
    id integer PRIMARY KEY, nombre text NOT NULL, email text, city text NOT NULL, remarks text);
CREATE TABLE product (
    id integer PRIMARY KEY, name text NOT NULL, category text NOT NULL, price numeric(10, 2) NOT NULL);
CREATE TABLE sale (
    id integer PRIMARY KEY, customer_id integer NOT NULL REFERENCES customer,
    product_id integer NOT NULL REFERENCES product, sold_on date NOT NULL, amount numeric(10, 2) NOT NULL, note text);
CREATE TABLE salary (id integer PRIMARY KEY, amount numeric(10, 2) NOT NULL);
CREATE VIEW sales_by_city AS
    SELECT city, sum(amount) AS amount FROM sale JOIN customer c ON c.id = customer_id GROUP BY city;
INSERT INTO customer
    SELECT n, 'Persona ' || n, 'p' || n || '@example.org', (ARRAY['Madrid', 'Sevilla', 'Vigo'])[1 + n % 3],
           'mi correo es p' || n || '@example.org' FROM generate_series(1, 30) n;
INSERT INTO product
    SELECT n, 'Product ' || n, (ARRAY['tools', 'paint'])[1 + n % 2], n FROM generate_series(1, 10) n;
INSERT INTO sale
    SELECT n, 1 + n % 30, 1 + n % 10, date '2026-01-01' + n % 90, 10 + n % 5, 'note ' || n
    FROM generate_series(1, 300) n;
INSERT INTO salary VALUES (1, 50000);
"""


@dataclass(frozen=True)
class Company:
    """folder: of the server's socket. name: of the database. passwords: where files with passwords lie."""

    folder: Path
    name: str
    owner_url: str
    passwords: Path

    def settings(self, role: str = "reader") -> dict[str, Any]:
        """As the appliance is told of it."""
        return {
            "unix_socket": str(self.folder),
            "database": self.name,
            "user": f"{self.name}_{role}",
            "password_file": f"{role}.password",
        }

    def execute(self, statement: str) -> None:
        """As its owner."""
        with psycopg.connect(self.owner_url, autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[call-overload]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """As its owner sees it."""
        with psycopg.connect(self.owner_url) as connection:
            return connection.execute(query).fetchall()  # type: ignore[call-overload, no-any-return]


@contextmanager
def company_database(servers: Servers, passwords: Path) -> Iterator[Company]:
    """A fresh one; dropped with its roles at the end. passwords: the folder for the files with their passwords."""
    name = f"shop_{uuid4().hex[:8]}"
    server = servers.postgres
    passwords.mkdir(mode=0o700, parents=True, exist_ok=True)
    with psycopg.connect(server.url(database="postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        for role in ("reader", "writer"):
            made = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
            admin.execute(made.format(sql.Identifier(f"{name}_{role}"), sql.Literal(SECRET)))
            path = passwords / f"{role}.password"
            path.write_text(SECRET, encoding="utf-8")
            path.chmod(0o600)
        company = Company(server.sockets, name, server.url(database=name), passwords)
        try:
            company.execute(_SHOP)
            company.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
            company.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}_reader, {name}_writer")
            company.execute(f"GRANT INSERT, UPDATE, DELETE ON sale TO {name}_writer")
            yield company
        finally:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
            for role in ("reader", "writer"):
                admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(f"{name}_{role}")))
