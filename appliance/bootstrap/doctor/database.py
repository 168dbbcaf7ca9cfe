"""Reads PostgreSQL: version, settings of an external one, migrations, the index's models, the last canaries."""

from __future__ import annotations

import psycopg

from appliance.bootstrap.doctor.place import Idle, Place
from appliance.services.doctor.database import CanariesReading, IndexedModelReading, PostgresReading
from appliance.storage.migrating import packaged_migrations

_ABOUT = """
SELECT current_setting('server_version'),
       coalesce((SELECT extversion FROM pg_extension WHERE extname = 'vector'), ''),
       pg_size_bytes(current_setting('shared_buffers')), pg_size_bytes(current_setting('effective_cache_size')),
       current_setting('fsync') = 'on', current_setting('full_page_writes') = 'on',
       current_setting('max_connections')::int,
       ARRAY(SELECT name FROM schema_migrations)"""
_MODELS = """
SELECT m.model_id, m.state, m.renewing, m.problem, coalesce(sum(p.done), 0)::bigint, coalesce(sum(p.chunks), 0)::bigint
FROM embedding_models m LEFT JOIN embedding_progress p USING (model_id)
GROUP BY m.model_id ORDER BY m.state, m.model_id"""
_CANARIES = "SELECT finished_at, probes, hits FROM canary_runs ORDER BY id DESC LIMIT 1"
_MB = 2**20


def read_postgres(place: Place) -> PostgresReading:
    """Problem instead of an exception: that it does not answer is what is to be told."""
    box = place.needed_box
    is_embedded = box.postgres is not None
    try:
        ((version, vector, buffers, cache, fsync, pages, most, names),) = place.rows(_ABOUT)
    except Idle:
        return PostgresReading(is_idle=True)
    except psycopg.Error as error:
        lines = place.last_lines("postgres") if is_embedded else ()
        return PostgresReading(is_embedded=is_embedded, problem=str(error).strip(), lines=lines)
    wanted = {one.name for one in packaged_migrations()}
    settings = box.settings
    return PostgresReading(
        is_embedded=is_embedded,
        version=version,
        vector=vector,
        applied=len(names),
        missing=len(wanted - set(names)),
        buffers_mb=buffers / _MB,
        cache_mb=cache / _MB,
        unsafe=tuple(name for name, is_on in (("fsync", fsync), ("full_page_writes", pages)) if not is_on),
        most_connections=most,
        wanted_connections=settings.server.workers * settings.database.pool_size,
    )


def read_index(place: Place) -> tuple[IndexedModelReading, ...]:
    """Nothing where the database does not answer: its own check says that."""
    try:
        rows = place.rows(_MODELS)
    except (Idle, psycopg.Error):
        return ()
    return tuple(
        IndexedModelReading(model, state, problem, renewing, done, chunks)
        for model, state, renewing, problem, done, chunks in rows
    )


def read_canaries(place: Place) -> CanariesReading:
    """Of the last run."""
    try:
        rows = place.rows(_CANARIES)
    except (Idle, psycopg.Error):
        return CanariesReading(is_idle=True)
    if not rows:
        return CanariesReading()
    finished_at, probes, hits = rows[0]
    return CanariesReading(date=f"{finished_at:%Y-%m-%d %H:%M}", probes=probes, hits=hits)
