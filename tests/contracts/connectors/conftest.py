"""The rows of the table that run here: PostgreSQL, MariaDB and SQLite, each with the shop, made once a run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest

from querying.connectors import CONNECTORS
from querying.ports import Connector
from querying.testing.shop import shop_statements, write_shop
from tests.conftest import Servers
from tests.contracts.connectors.rooms import (
    DATABASE,
    MariaRoom,
    PostgresRoom,
    Room,
    SqliteRoom,
    opened,
    private,
)
from tests.own_mariadb import OWNER_PASSWORD, own_mariadb

NEVER_MET = {"sqlserver"}
"""No server of it runs here; tests/querying/test_sqlserver.py looks at what it sends."""


@pytest.fixture(scope="session")
def postgres_room(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresRoom]:
    """In a database of its own."""
    server = servers.postgres
    with psycopg.connect(server.url(database="postgres"), autocommit=True) as owner:
        owner.execute(f"CREATE DATABASE {DATABASE}")
    url = server.url(database=DATABASE)
    with psycopg.connect(url) as owner:
        for statement in shop_statements("postgres"):
            owner.execute(statement)
        owner.execute(
            "CREATE TABLE passing (id integer PRIMARY KEY, gone text); COMMENT ON TABLE stock IS 'existencias'"
        )
        owner.execute("COMMENT ON COLUMN stock.quantity IS 'piezas'")
    file = private(tmp_path_factory.mktemp("postgres") / "password", server.password + "\n")
    yield PostgresRoom(url, str(server.sockets), "appliance_owner", file)
    with psycopg.connect(server.url(database="postgres"), autocommit=True) as owner:
        owner.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")


@pytest.fixture(scope="session")
def maria_room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaRoom]:
    """On a server of its own."""
    with own_mariadb() as server:
        server.rows(f"CREATE DATABASE {DATABASE} CHARACTER SET utf8mb4")
        with server.as_user(database=DATABASE) as owner, owner.cursor() as cursor:
            for statement in shop_statements("mysql"):
                cursor.execute(statement)
            cursor.execute("CREATE TABLE passing (id integer PRIMARY KEY, gone text)")
            cursor.execute(
                "ALTER TABLE stock COMMENT 'existencias', MODIFY quantity integer NOT NULL COMMENT 'piezas'"
            )
        yield MariaRoom(server, private(tmp_path_factory.mktemp("maria") / "password", OWNER_PASSWORD))


@pytest.fixture(scope="session")
def sqlite_room(tmp_path_factory: pytest.TempPathFactory) -> SqliteRoom:
    """One file."""
    room = SqliteRoom(write_shop(Path(tmp_path_factory.mktemp("sqlite")) / "shop.db"))
    room.fetch("CREATE TABLE passing (id integer PRIMARY KEY, gone text)")
    return room


_ROOMS = {"postgres": "postgres_room", "mysql": "maria_room", "sqlite": "sqlite_room"}


@pytest.fixture(params=sorted(set(CONNECTORS) - NEVER_MET))
def room(request: pytest.FixtureRequest) -> Room:
    """Each row of the table that a server or a file of runs here."""
    found: Room = request.getfixturevalue(_ROOMS[request.param])
    return found


@pytest.fixture
async def connector(room: Room) -> AsyncIterator[Connector]:
    """Signed in as the owner, who may everything: what holds a query back is the connector alone."""
    made = opened(room)
    yield made
    await made.close()
