"""Looks through tables of a database: what stands in their columns, and whether it is about people."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

from appliance.domain.data_sources import ChosenTable, DataSource, SchemaRead
from appliance.services.data.chosen_tables import MOST_SAMPLES, Looked
from appliance.services.data.drift import drift_of, fingerprint
from appliance.services.data.personal_columns import because, is_personal_by_values, personal_by_name
from appliance.services.data.source_ports import Connected
from inference.personal_data.detector import Detector
from querying.errors import QueryingError, SourceUnavailable
from querying.ports import Connector
from querying.types import Table

_TOLD = 20  # tables in the grants for a role, before any is chosen
_LOOKED_AT = 50  # values of a column
_MOST_S = 60.0  # of looking through all columns that are chosen at once


class Looking:
    """Reads schemas, roles and samples. now: of the moment a schema was read. clock: seconds."""

    def __init__(
        self,
        connections: Connected,
        detector: Detector,
        now: Callable[[], datetime],
        clock: Callable[[], float],
    ) -> None:
        self._connections = connections
        self._detector = detector
        self._now = now
        self._clock = clock

    async def read(self, source: DataSource, chosen: Sequence[ChosenTable]) -> SchemaRead:
        """The database as it is now, and what of the chosen tables is not as it was. Raises QueryingError."""
        return await self.read_by(await self._connections.to(source), chosen)

    async def read_by(self, connector: Connector, chosen: Sequence[ChosenTable]) -> SchemaRead:
        """The same of a connector. Without chosen tables the grants are those for all that can be read."""
        schema = await connector.schema()
        wanted = [one.table.full_name for one in chosen] or [
            table.full_name for table in schema.tables[:_TOLD]
        ]
        return SchemaRead(
            schema.tables,
            fingerprint(schema.tables),
            self._now(),
            schema.default_namespace,
            await connector.role(wanted),
            drift_of(chosen, schema.tables),
        )

    async def through(
        self, source: DataSource, tables: Sequence[tuple[Table, frozenset[str]]]
    ) -> dict[str, Looked]:
        """By full name. tables: with the columns to look through. Raises SourceUnavailable.

        What a column holds is asked for as long as there is time; who has too much in it stays unseen.
        """
        connector = await self._connections.to(source)
        ends = self._clock() + _MOST_S
        return {
            table.full_name: await self._one(connector, table, columns, ends) for table, columns in tables
        }

    async def _one(self, connector: Connector, table: Table, columns: frozenset[str], ends: float) -> Looked:
        by_name = personal_by_name(table)
        values: dict[str, tuple[str, ...]] = {}
        unseen: set[str] = set()
        for column in table.columns:
            if column.name not in columns or column.name in by_name or column.kind != "text":
                continue
            if self._clock() >= ends:
                unseen.add(column.name)
                continue
            try:
                values |= await connector.samples(table.full_name, [column.name], _LOOKED_AT)
            except SourceUnavailable:
                raise
            except QueryingError:
                unseen.add(column.name)
        by_values = frozenset(
            [
                name
                for name, found in values.items()
                if await asyncio.to_thread(is_personal_by_values, found, self._detector)
            ]
        )
        personal = {column.name: because(column.name, by_name, by_values) for column in table.columns}
        few = {name: found for name, found in values.items() if len(found) <= MOST_SAMPLES}
        return Looked(personal, few, frozenset(unseen))
