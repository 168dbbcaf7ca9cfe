"""Reads how the box is used: the queue, the ledger of the last hour, short probes, and the settings beside them."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import statistics
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psycopg

from appliance.bootstrap.credentials_file import read_credentials
from appliance.bootstrap.doctor.engines import probe_engines
from appliance.bootstrap.doctor.place import Idle, Place
from appliance.services.doctor.tuning import TuningReading
from appliance.services.doctor.use import Line, QueueReading, SpeedReading
from appliance.storage.roles import DatabaseRole

_PATIENCE_S = 5.0
_TRIES = 5
_LOOPBACK = ("127.0.0.1", "::1", "localhost")

_LATELY = """
SELECT count(*), coalesce(percentile_cont(0.95) WITHIN GROUP (ORDER BY wait_ms), 0),
       coalesce(percentile_cont(0.95) WITHIN GROUP (ORDER BY ttft_ms - coalesce(wait_ms, 0)), 0)
FROM requests WHERE started_at > now() - interval '15 minutes' AND status = 'completed' AND wait_ms IS NOT NULL
  AND engine IS DISTINCT FROM 'embedder'"""
_ENDS = """
SELECT status, coalesce(error_code, status), count(*) FROM requests
WHERE started_at > now() - interval '1 hour' AND status <> 'started' GROUP BY 1, 2"""
_TRACES = """
SELECT trace -> 'steps' FROM turns
WHERE finished_at > now() - interval '15 minutes' AND jsonb_typeof(trace -> 'steps') = 'array'
ORDER BY finished_at DESC LIMIT 500"""
_COUNTS = """
SELECT (SELECT count(*) FROM users WHERE NOT is_suspended AND email NOT LIKE %s), (SELECT count(*) FROM limits)"""


def read_queue(place: Place) -> QueueReading:
    """The lines as the gateway sees them, and what the ledger tells of the last hour."""
    if not place.is_running:
        return QueueReading(is_running=False)
    lines, problem = (place.live.lines, place.live.problem) if place.live else _lines_over_http(place)
    refused: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    total = waited = 0
    wait_ms = 0.0
    with suppress(Idle, psycopg.Error):
        ((waited, wait_ms, _),) = place.rows(_LATELY)
        for status, why, count in place.rows(_ENDS):
            total += count
            if status == "refused":
                refused[why] += count
            elif status in ("failed", "broken"):
                failed[why] += count
    return QueueReading(True, lines, float(wait_ms) / 1000, waited, total, refused, failed, problem)


def _lines_over_http(place: Place) -> tuple[tuple[Line, ...], str]:
    """As every client sees them; nothing without an administrator's key."""
    key = read_credentials(place.data / "credentials.json").get("api_key")
    if not key:
        return (), ""
    asked = urllib.request.Request(  # noqa: S310 - our own gateway
        f"{place.url}/api/queue", headers={"authorization": f"Bearer {key}"}
    )
    try:
        with urllib.request.urlopen(asked, timeout=_PATIENCE_S) as answer:  # noqa: S310
            told = json.loads(answer.read())
        return tuple(_line(pool, told.get("people", [])) for pool in told["pools"]), ""
    except (OSError, ValueError, KeyError, TypeError):
        return (), ""  # the key was revoked, or the gateway is away, which its own check tells


def _line(pool: dict[str, Any], people: list[dict[str, Any]]) -> Line:
    waiting = pool["waiting"]
    who = sorted(
        ((str(one["email"]), int(one["waiting"])) for one in people if one["waiting"]),
        key=lambda one: -one[1],
    )
    return Line(pool["name"], pool["running"], waiting["interactive"] + waiting["batch"], tuple(who))


def read_speed(place: Place) -> SpeedReading:
    """A trifle asked of each part a few times, and the ledger's and the traces' last quarter of an hour."""
    if not place.is_running:
        return SpeedReading(is_running=False)
    probes = {
        name: took
        for name, took in (
            ("postgres", _probe_postgres(place)),
            ("valkey", _probe_valkey(place)),
            ("embedder", _probe_embedder(place)),
        )
        if took is not None
    }
    answers, first_ms = 0, 0.0
    steps: list[list[dict[str, Any]]] = []
    with suppress(Idle, psycopg.Error):
        ((answers, _, first_ms),) = place.rows(_LATELY)
        steps = [row[0] for row in place.rows(_TRACES)]
    search_s, slowest = slow_searches(steps)
    return SpeedReading(
        True, probes, probe_engines(place), float(first_ms) / 1000, answers, search_s, slowest, len(steps)
    )


def slow_searches(searches: list[list[dict[str, Any]]]) -> tuple[float | None, str]:
    """(95th percentile in seconds, the step that took most in the slow ones). searches: the steps of each, in ms.

    Steps may run side by side, so a search is taken to last as long as all of them together: too long if anything.
    """
    took = sorted(
        (sum(float(step.get("took_ms", 0)) for step in steps), at) for at, steps in enumerate(searches)
    )
    if not took:
        return None, ""
    slow = took[min(len(took) - 1, int(len(took) * 0.95)) :]
    spent: Counter[str] = Counter()
    for _, at in slow:
        for step in searches[at]:
            spent[str(step.get("name", "?"))] += int(float(step.get("took_ms", 0)))
    return slow[0][0] / 1000, spent.most_common(1)[0][0] if spent else ""


def _probe_postgres(place: Place) -> float | None:
    box = place.needed_box
    try:
        with psycopg.connect(box.database_url(DatabaseRole.MAINTENANCE), connect_timeout=5) as connection:
            return _middle(lambda: connection.execute("SELECT 1").fetchone())
    except psycopg.Error:
        return None


def _probe_valkey(place: Place) -> float | None:
    from redis import Redis, RedisError

    try:
        with Redis.from_url(place.needed_box.valkey_url, socket_timeout=5) as client:
            return _middle(client.ping)
    except (RedisError, OSError):
        return None


def _probe_embedder(place: Place) -> float | None:
    from inference.embedding.client import EmbedderClient
    from inference.errors import EmbedderUnavailable

    async def ask() -> float:
        client = EmbedderClient(place.needed_box.embedder_socket, answer_timeout_s=_PATIENCE_S)
        try:
            took = []
            for number in range(_TRIES):
                started = time.perf_counter()
                await client.embed_query(f"how many days of holiday {number}")
                took.append((time.perf_counter() - started) * 1000)
            return statistics.median(took)
        finally:
            await client.close()

    if place.needed_box.settings.embedding.source == "engine":
        return None  # an engine's vectors may cost money
    try:
        return asyncio.run(ask())
    except EmbedderUnavailable:
        return None


def _middle(ask: Callable[[], object]) -> float:
    took = []
    for _ in range(_TRIES):
        started = time.perf_counter()
        ask()
        took.append((time.perf_counter() - started) * 1000)
    return statistics.median(took)


def read_tuning(place: Place) -> TuningReading:
    """The settings in force, beside the cores that this process may use."""
    settings = place.needed_box.settings
    people = limits = None
    with suppress(Idle, psycopg.Error):
        ((people, limits),) = place.rows(_COUNTS, "%@canary.invalid")
    return TuningReading(
        cores=len(os.sched_getaffinity(0)),
        workers=settings.server.workers,
        drain_s=settings.server.drain_s,
        reserved_slots=settings.gate.reserved_slots,
        max_queue=settings.gate.max_queue,
        ingestion_jobs=settings.knowledge.ingestion_jobs,
        reading_children=settings.parsing.concurrent,
        embedding_threads=settings.embedding.threads,
        ocr_dpi=settings.parsing.ocr_dpi,
        has_ocr=bool(settings.parsing.ocr_program) and shutil.which(settings.parsing.ocr_program) is not None,
        min_free_mib=settings.knowledge.min_free_mib,
        is_open=settings.server.host not in _LOOPBACK or bool(settings.server.public_url),
        people=people,
        limits=limits,
    )
