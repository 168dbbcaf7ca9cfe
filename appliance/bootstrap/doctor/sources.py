"""Asks the company's databases whether they answer, all at once, and reads what is known of each."""

from __future__ import annotations

import asyncio
from pathlib import Path

import psycopg

from appliance.bootstrap.data_connecting import connections_of
from appliance.bootstrap.doctor.place import Idle, Place
from appliance.domain.data_sources import DataSource
from appliance.services.data.connections import Connections
from appliance.services.doctor.sources import SourceReading
from querying.errors import QueryingError

_ANSWERS_S = 10.0
_OPEN_TO_OTHERS = 0o027
_SOURCES = """
SELECT s.id, s.name, s.kind, s.settings,
       ARRAY(SELECT concat_ws(' ', d.change, concat_ws('.', nullif(d.namespace, ''), d.table_name,
                                                       nullif(d.column_name, '')))
             FROM data_drift d WHERE d.source_id = s.id ORDER BY 1)
FROM data_sources s WHERE NOT s.is_paused ORDER BY s.name_key"""


def read_sources(place: Place) -> tuple[SourceReading, ...]:
    """Nothing where our own database does not answer: its own check says that."""
    try:
        rows = place.rows(_SOURCES)
    except (Idle, psycopg.Error):
        return ()
    return asyncio.run(_all(place, [(DataSource(*row[:4]), tuple(row[4])) for row in rows])) if rows else ()


async def _all(place: Place, sources: list[tuple[DataSource, tuple[str, ...]]]) -> tuple[SourceReading, ...]:
    connections = connections_of(place.needed_box)
    try:
        return tuple(await asyncio.gather(*(_one(connections, *one) for one in sources)))
    finally:
        await connections.close()


async def _one(connections: Connections, source: DataSource, drift: tuple[str, ...]) -> SourceReading:
    open_file = _open_file(source)
    try:
        async with asyncio.timeout(_ANSWERS_S):
            role = await (await connections.to(source)).role()
    except TimeoutError:
        return SourceReading(source.name, f"nothing within {_ANSWERS_S:g} s", (), drift, open_file)
    except QueryingError as error:
        return SourceReading(source.name, str(error), (), drift, open_file)
    return SourceReading(source.name, "", role.problems if role.can_write else (), drift, open_file)


def _open_file(source: DataSource) -> str:
    named = source.settings.get("password_file")
    try:
        is_open = named and Path(named).stat().st_mode & _OPEN_TO_OTHERS
    except OSError:
        return ""  # that it cannot be read is why it does not answer
    return str(named) if is_open else ""
