"""The doors of data sources before a test's own database, and a SQLite shop in the folder they may lie in."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path

from fastapi import APIRouter

from appliance.api.data_sources import Connecting, data_source_routes
from appliance.api.identity import Identity
from appliance.bootstrap.data_connecting import Places, kept_settings, opened
from appliance.bootstrap.data_sources import build_looking
from appliance.services.data.connections import Connections
from appliance.services.data.source_tables import SourceTables
from appliance.services.data.sources import Sources
from appliance.storage.data_sources import PostgresDataSources
from appliance.storage.database import Database
from appliance.storage.shares import PostgresShares
from inference.egress import Neighbours
from querying.types import Caps
from tests.data_world import desk_of

_SHOP = """
CREATE TABLE customer (id integer PRIMARY KEY, email text, city text);
CREATE TABLE sale (id integer PRIMARY KEY, customer_id integer REFERENCES customer, amount decimal(10, 2));
CREATE TABLE salary (id integer PRIMARY KEY, amount decimal(10, 2));
INSERT INTO customer VALUES (1, 'a@b.example', 'Vigo'), (2, 'c@d.example', 'Lugo');
INSERT INTO sale VALUES (1, 1, 10.5), (2, 1, 20), (3, 2, 1000.25);
"""


def connections_in(databases: Path, passwords: Path) -> Connections:
    """For databases of the own network, with files in these folders alone."""
    return Connections(partial(opened, Places(databases, passwords), Neighbours()))


def data_doors(
    database: Database, identity: Identity, connections: Connections, databases: Path, passwords: Path
) -> APIRouter:
    """/api/data. database: as the gateway sees it."""
    repository, looking = PostgresDataSources(database), build_looking(connections)
    check = partial(kept_settings, Places(databases, passwords))
    sources = Sources(repository, connections, looking, check, PostgresShares(database))
    told = Connecting(str(passwords), str(databases), ("postgres", "sqlite"), Caps())
    tables = SourceTables(sources, repository, looking)
    return data_source_routes(sources, tables, desk_of(database, connections), told, identity)


def sqlite_shop(databases: Path) -> Path:
    """shop.db in that folder."""
    databases.mkdir(parents=True, exist_ok=True)
    path = databases / "shop.db"
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as made:
        made.executescript(_SHOP)
    return path
