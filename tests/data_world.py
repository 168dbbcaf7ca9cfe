"""A desk before a company's database: three people, one source with four chosen tables, a clock that counts."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

from appliance.bootstrap.data_connecting import Places as FilePlaces
from appliance.bootstrap.data_connecting import kept_settings, opened
from appliance.domain.administration import AuditLine, AuditQuery
from appliance.domain.data_sources import NewSource, SourceCaps
from appliance.domain.people import Caller, Role
from appliance.fairness.accounting.ledger_rows import uuid7
from appliance.services.data.connections import Connections
from appliance.services.data.desk import Desk
from appliance.services.data.looking import Looking
from appliance.services.data.places import Places
from appliance.services.data.source_tables import SourceTables
from appliance.services.data.sources import Sources
from appliance.storage.audit import PostgresAudit
from appliance.storage.data_asking import PostgresAskableSources
from appliance.storage.data_results import PostgresResults
from appliance.storage.data_sources import PostgresDataSources
from appliance.storage.database import Database
from appliance.storage.roles import DatabaseRole, url_as
from appliance.storage.shares import PostgresShares
from inference.egress import Neighbours
from inference.personal_data.patterns import PatternDetector
from querying.types import Caps
from tests.company_database import Company
from tests.conftest import ROLE_SECRET

CHOSEN = ("public.customer", "public.product", "public.sale", "public.sales_by_city")


@dataclass
class DataWorld:
    """root administers, ana was granted the source, luis was not. told: (outcome, code) of each query."""

    database: Database
    company: Company
    repository: PostgresDataSources
    connections: Connections
    sources: Sources
    tables: SourceTables
    looking: Looking
    desk: Desk
    root: Caller
    ana: Caller
    luis: Caller
    told: list[tuple[str, str]]
    source_id: UUID

    async def lines(self, action: str) -> Sequence[AuditLine]:
        """Of the audit, newest first."""
        page = await PostgresAudit(self.database).lines(self.root.viewer, AuditQuery(action=action), 100)
        return list(page.rows)

    def desk_with(self, *, most: int = 4, wait_s: float = 10.0, caps: Caps | None = None) -> Desk:
        """Another desk before the same sources."""
        return desk_of(self.database, self.connections, most=most, wait_s=wait_s, caps=caps, told=self.told)


def desk_of(
    database: Database,
    connections: Connections,
    *,
    most: int = 4,
    wait_s: float = 10.0,
    caps: Caps | None = None,
    told: list[tuple[str, str]] | None = None,
) -> Desk:
    """told: (outcome, code) of each query go there."""
    counted = [] if told is None else told
    return Desk(
        PostgresAskableSources(database),
        connections,
        PostgresResults(database),
        Places(most, wait_s),
        caps or Caps(),
        now=lambda: datetime.now(UTC),
        clock=time.monotonic,
        new_id=uuid7,
        told=lambda outcome, code, _seconds: counted.append((outcome, code)),
    )


@asynccontextmanager
async def data_world(owner_url: str, company: Company, **new: Any) -> AsyncIterator[DataWorld]:
    """new: of the source, such as its caps."""
    database = Database(url_as(owner_url, DatabaseRole.API, ROLE_SECRET), pool_size=8)
    await database.open()
    files = FilePlaces(company.passwords.parent, company.passwords)
    connections = Connections(partial(opened, files, Neighbours()))
    try:
        root, ana, luis = [await _person(database, name) for name in ("root", "ana", "luis")]
        repository = PostgresDataSources(database)
        looking = Looking(connections, PatternDetector(), lambda: datetime.now(UTC), time.monotonic)
        sources = Sources(
            repository, connections, looking, partial(kept_settings, files), PostgresShares(database)
        )
        tables = SourceTables(sources, repository, looking)
        made = await sources.add(
            root,
            NewSource("Ventas", "postgres", company.settings(), caps=new.pop("caps", SourceCaps()), **new),
        )
        source_id = made.source.id
        await tables.choose(root, source_id, dict.fromkeys(CHOSEN))
        await sources.give(root, source_id, f"user:{ana.email}")
        world = DataWorld(
            *(database, company, repository, connections, sources, tables, looking),
            desk=None,  # type: ignore[arg-type]
            root=root,
            ana=ana,
            luis=luis,
            told=[],
            source_id=source_id,
        )
        world.desk = world.desk_with()
        yield world
    finally:
        await connections.close()
        await database.close()


async def _person(database: Database, name: str) -> Caller:
    role = Role.ADMIN if name == "root" else Role.USER
    email = f"{name}@example.com"
    async with database.transaction() as connection:
        found = await connection.execute(
            "INSERT INTO users (email, email_key, name, role) VALUES (%s, %s, %s, %s) RETURNING id",
            (email, email, name, role.value),
        )
        row = await found.fetchone()
    assert row is not None
    return Caller(row[0], email, role)
