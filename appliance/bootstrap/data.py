"""Joins the company's tables: sources and connectors, the desk before them, saved questions, doors."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from fastapi import APIRouter
from prometheus_client import CollectorRegistry

from appliance.api.identity import Identity
from appliance.bootstrap.box import Box
from appliance.bootstrap.data_connecting import connections_of
from appliance.bootstrap.data_sources import build_source_routes
from appliance.bootstrap.metrics.data import DataMetrics
from appliance.bootstrap.saved_questions import SavedRoom, build_saved
from appliance.bootstrap.workbooks import WorkbookRoom, build_workbooks
from appliance.fairness.accounting.ledger_rows import uuid7
from appliance.ports.data import DataDesk, SavedQuestions
from appliance.services.data.connections import Connections
from appliance.services.data.desk import Desk
from appliance.services.data.places import Places
from appliance.storage.data_asking import PostgresAskableSources
from appliance.storage.data_results import PostgresResults
from appliance.storage.database import Database
from inference.ports import Embedder
from querying.settings import DataSettings
from querying.types import Caps
from rag.analysis import Analyzer

if TYPE_CHECKING:
    from appliance.bootstrap.tracing import Tracing


@dataclass(frozen=True, slots=True)
class DataRoom:
    """What the gateway needs of this room. close() after the last query."""

    box: Box
    database: Database
    connections: Connections
    desk: DataDesk
    saved_room: SavedRoom
    workbooks: WorkbookRoom

    @property
    def saved(self) -> SavedQuestions:
        return self.saved_room.book

    def routers(self, identity: Identity) -> list[APIRouter]:
        """Every route of this room."""
        caps = caps_of(self.box.settings.data)
        sources = build_source_routes(self.box, self.database, self.connections, self.desk, caps, identity)
        return [sources, self.workbooks.routes(identity.caller), *self.saved_room.routers(identity)]

    async def close(self) -> None:
        await self.connections.close()
        await self.workbooks.close()


def build_data(
    box: Box,
    database: Database,
    registry: CollectorRegistry,
    embedder: Embedder,
    tracing: Tracing | None = None,
) -> DataRoom:
    """The room; without sources nobody asks anything. database: of the api role."""
    settings = box.settings.data
    connections = connections_of(box)
    workbooks = build_workbooks(database, box.settings.parsing, settings)
    own_desk = Desk(
        PostgresAskableSources(database),
        connections,
        PostgresResults(database),
        Places(settings.queries_at_a_time, settings.wait_s),
        caps_of(settings),
        workbooks=workbooks.sources,
        now=lambda: datetime.now(UTC),
        clock=time.monotonic,
        new_id=uuid7,
        told=DataMetrics(registry).told,
    )
    desk = own_desk if tracing is None else tracing.desk(own_desk)
    analyzer = Analyzer(box.settings.retrieval.languages)
    saved = build_saved(database, desk, analyzer, embedder, box.data / "exports")
    return DataRoom(box, database, connections, desk, saved, workbooks)


def caps_of(settings: DataSettings) -> Caps:
    """What one query may take at most."""
    return Caps(settings.rows, settings.mib * 2**20, settings.timeout_s, settings.cost or None)
