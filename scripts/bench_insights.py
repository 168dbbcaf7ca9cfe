"""How long `/api/insights` asks a ledger of a million rows: `python scripts/bench_insights.py [--rows 1000000]`.

Starts a PostgreSQL of its own in a folder of its own, fills the ledger with sixty days of 200 people, adds the days up
as the worker does, and asks for each period as an administrator does, with row-level security. Prints a table.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from uuid import UUID

import psycopg

from appliance.domain.people import Caller, Role
from appliance.services.insights.report import DAYS, PARTS, InsightsReport
from appliance.storage.database import Database
from appliance.storage.feedback import PostgresFeedback
from appliance.storage.insights import PostgresInsights, add_up_answer_times
from appliance.storage.migrating import migrate
from appliance.storage.roles import DatabaseRole, url_as
from appliance.supervisor.postgres import EmbeddedPostgres
from appliance.supervisor.unprivileged import account_for_servers
from rag.analysis import Analyzer

SECRET = "secret-of-the-bench"
ADMINISTRATOR = Caller(UUID(int=1), "root@box.example", Role.ADMIN, frozenset())
ROUNDS = 5
# Seven of ten were asked by people, three of these by the pipeline, whose calls are the other three rows.
FILL = """
ALTER TABLE requests DISABLE TRIGGER count_usage;
INSERT INTO requests (id, request_id, worker, user_id, model, route, engine, started_at, status, prompt_tokens,
                      completion_tokens, finish_reason, wait_ms, ttft_ms, total_ms, error_code)
SELECT gen_random_uuid(), 'req_' || n, gen_random_uuid(),
       ('00000000-0000-0000-0000-' || lpad((n %% 200)::text, 12, '0'))::uuid,
       CASE WHEN n %% 7 < 3 THEN 'answer-with-sources' WHEN n %% 7 < 6 THEN 'llama' ELSE 'qwen' END,
       '/v1/chat/completions', 'local', now() - interval '60 days' + n * interval '60 days' / %(asked)s,
       CASE WHEN n %% 97 = 0 THEN 'failed' WHEN n %% 301 = 0 THEN 'refused' ELSE 'completed' END, 900, 200,
       CASE WHEN n %% 7 < 3 AND n %% 20 = 0 THEN 'nothing_found' ELSE 'stop' END,
       CASE WHEN n %% 7 < 3 THEN NULL ELSE exp(random() * 6) END, 100 + exp(random() * 7), 500 + exp(random() * 10),
       CASE WHEN n %% 97 = 0 THEN 'engine_unavailable' WHEN n %% 301 = 0 THEN 'queue_full' END
FROM generate_series(1, %(asked)s) n;
INSERT INTO requests (id, request_id, part_of, worker, user_id, model, route, engine, started_at, status, prompt_tokens,
                      completion_tokens, finish_reason, wait_ms, ttft_ms, total_ms)
SELECT gen_random_uuid(), request_id, id, worker, user_id, 'llama', route, 'local', started_at + interval '200 ms',
       'completed', 900, 200, 'stop', exp(random() * 6), ttft_ms * .8, total_ms * .8
FROM requests WHERE model = 'answer-with-sources';
ALTER TABLE requests ENABLE TRIGGER count_usage
"""


@contextmanager
def a_database() -> Iterator[str]:
    """The owner's address of a migrated one."""
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir="/tmp"))
    folder.chmod(0o755)
    postgres = EmbeddedPostgres(folder, "owner-password", account_for_servers())
    postgres.prepare()
    child = subprocess.Popen(postgres.command(), stderr=subprocess.DEVNULL)
    try:
        postgres.wait_ready()
        with psycopg.connect(postgres.url(database="postgres"), autocommit=True) as owner:
            owner.execute("CREATE DATABASE bench")
        url = postgres.url(database="bench")
        asyncio.run(migrate(url, SECRET))
        yield url
    finally:
        child.terminate()
        child.wait()
        shutil.rmtree(folder, ignore_errors=True)


async def measure(url: str) -> None:
    """url: the owner's. Prints one row a period."""
    database = Database(url_as(url, DatabaseRole.API, SECRET))
    await database.open()
    report = InsightsReport(PostgresInsights(database), PostgresFeedback(database), Analyzer())
    begun = time.perf_counter()
    days = 0
    while await add_up_answer_times(database, 1):
        days += 1
    print(f"\n{days} days added up in {time.perf_counter() - begun:.1f} s, once; then a day at a time.\n")
    print("| period | " + " | ".join(PARTS) + " | all |\n|---|" + "---|" * (len(PARTS) + 1))
    for period in DAYS:
        asked = [*((part,) for part in PARTS), PARTS]
        times = [await _best(partial(report.report, ADMINISTRATOR, period, parts)) for parts in asked]
        print(f"| {period} | " + " | ".join(f"{one:.0f} ms" for one in times) + " |")
    await database.close()


async def _best(ask: Callable[[], Awaitable[object]]) -> float:
    """Milliseconds; the best of some, after a first one."""
    best = float("inf")
    for _ in range(ROUNDS + 1):
        begun = time.perf_counter()
        await ask()
        best = min(best, (time.perf_counter() - begun) * 1000)
    return best


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rows", type=int, default=1_000_000)
    asked = parser.parse_args().rows * 7 // 10
    with a_database() as url:
        with psycopg.connect(url, autocommit=True) as owner:
            for statement in FILL.split(";\n"):
                owner.execute(statement.encode(), {"asked": asked})
            owner.execute("VACUUM ANALYZE requests")
            (rows,) = owner.execute("SELECT count(*) FROM requests").fetchone() or (0,)
        load = ", ".join(f"{one:.2f}" for one in os.getloadavg())
        print(f"{datetime.now(UTC):%d %B %Y %H:%M} UTC, {rows:,} rows, load average {load}")
        asyncio.run(measure(url))


if __name__ == "__main__":
    main()
