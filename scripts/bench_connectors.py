"""What asking a database through a connector costs, and what it bears: beside the bare driver, on servers of its own.

    python -m scripts.bench_connectors

Overhead as a ratio to the driver alone, how soon a cancelled query is gone, and how much memory results of ten million
rows and a column of large pictures take. Its tables stand in docs/data.md.
"""

from __future__ import annotations

import asyncio
import resource
import shutil
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import psycopg
import pymysql

from inference.egress import Neighbours
from querying.connectors.opening import open_connector
from querying.ports import Connector
from querying.types import Caps, CheckedQuery, Dialect
from tests.own_mariadb import OWNER, OWNER_PASSWORD, own_mariadb
from tests.own_postgres import own_postgres
from tests.waiting import until

MIB = 2**20
_ROWS = "SELECT id, name, price, day FROM goods WHERE id <= {} ORDER BY id"
_SMALL, _LARGE = 1, 10_000
_PLENTY = Caps(rows=10**6, bytes=2**30, seconds=300)


def query(sql: str, dialect: Dialect) -> CheckedQuery:
    """As the guard would hand it on."""
    return CheckedQuery(sql, sql, dialect, frozenset(("goods", "public.goods", "bench.goods", "pictures")))


async def median_ms(ask: Callable[[], Awaitable[Any]], times: int) -> float:
    """Of so many, after one that warms up."""
    await ask()
    found = []
    for _ in range(times):
        begun = time.perf_counter()
        await ask()
        found.append((time.perf_counter() - begun) * 1000)
    return statistics.median(found)


def resident_mib() -> float:
    """Of this process now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / MIB


async def growth_mib(ask: Awaitable[Any]) -> tuple[Any, float]:
    """What came back, and by how much this process had grown at its largest meanwhile."""
    before, most = resident_mib(), 0.0

    async def watch() -> None:
        nonlocal most
        while True:
            most = max(most, resident_mib())
            await asyncio.sleep(0.005)

    watching = asyncio.create_task(watch())
    try:
        brought = await ask
    finally:
        watching.cancel()
    return brought, max(most, resident_mib()) - before


async def compare(
    name: str, connector: Connector, bare: Callable[[str], list[Any]], dialect: Dialect
) -> None:
    """The same query by both."""
    for rows, times in ((_SMALL, 200), (_LARGE, 15)):
        sql = _ROWS.format(rows)
        ours = await median_ms(lambda sql=sql: connector.run(query(sql, dialect), _PLENTY), times)

        async def alone(sql: str = sql) -> None:
            bare(sql)

        theirs = await median_ms(alone, times)
        print(f"| {name} | {rows:,} | {theirs:.2f} | {ours:.2f} | {ours / theirs:.2f} |")


async def bear(
    name: str, connector: Connector, numbers: str, slow: str, gone: Callable[[], bool], dialect: Dialect
) -> None:
    """Ten million rows, a column of blobs, and a query that nobody waits for any more."""
    for caps, words in ((Caps(), "10,000 rows"), (Caps(rows=10**8, bytes=16 * MIB, seconds=300), "16 MiB")):
        begun = time.perf_counter()
        rows, grown = await growth_mib(connector.run(query(numbers, dialect), caps))
        took = time.perf_counter() - begun
        print(f"| {name} | 10,000,000 rows, cap {words} | {len(rows.rows):,} | {took:.2f} | {grown:.0f} |")
    begun = time.perf_counter()
    rows, grown = await growth_mib(
        connector.run(query("SELECT id, b FROM pictures ORDER BY id", dialect), Caps())
    )
    took = time.perf_counter() - begun
    print(f"| {name} | 10 blobs of 60 MiB | {len(rows.rows)}, cut: {rows.cut} | {took:.2f} | {grown:.0f} |")
    waits = []
    for _ in range(10):
        task = asyncio.create_task(connector.run(query(slow, dialect), _PLENTY))
        await asyncio.sleep(0.3)
        begun = time.perf_counter()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        back = time.perf_counter() - begun
        await until(gone)
        waits.append((back * 1000, (time.perf_counter() - begun) * 1000))
    back, gone_in = (statistics.median(found) for found in zip(*waits, strict=True))
    print(f"| {name} | cancelled; ms until it is back, until it is gone | {back:.1f}, {gone_in:.1f} | | |")


async def postgres(folder: Path) -> None:
    """As the owner of a server of its own."""
    async with own_postgres() as server:
        with psycopg.connect(server.owner_url, autocommit=True) as owner:
            owner.execute(
                "CREATE TABLE goods (id integer PRIMARY KEY, name text, price numeric(10,2), day date)"
            )
            owner.execute(
                "INSERT INTO goods SELECT n, 'thing ' || n, n * 1.1, date '2020-01-01' + n % 999 "
                "FROM generate_series(1, 20000) n"
            )
            owner.execute("CREATE TABLE pictures (id integer PRIMARY KEY, b bytea)")
            owner.execute("ALTER TABLE pictures ALTER b SET STORAGE EXTERNAL")
            owner.execute(
                f"INSERT INTO pictures SELECT n, convert_to(repeat('x', {60 * MIB}), 'UTF8') "
                "FROM generate_series(1, 10) n"
            )
            parts = psycopg.conninfo.conninfo_to_dict(server.owner_url)
            file = folder / "pg"
            file.write_text(str(parts["password"]))
            file.chmod(0o600)
            told = {"unix_socket": parts["host"], "database": parts["dbname"], "user": parts["user"]}
            connector = open_connector("postgres", {**told, "password_file": file}, Neighbours())
            await compare("PostgreSQL", connector, lambda sql: owner.execute(sql).fetchall(), "postgres")
            active = (
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'appliance questions' "
                "AND state = 'active'"
            )
            await bear(
                "PostgreSQL",
                connector,
                "SELECT n FROM generate_series(1, 10000000) n",
                "SELECT pg_sleep(100)",
                lambda: not owner.execute(active).fetchone()[0],
                "postgres",
            )
            await connector.close()


async def mariadb(folder: Path) -> None:
    """As the owner of a server of its own."""
    with own_mariadb("--skip-networking", "--max-allowed-packet=1G") as server:
        server.rows("CREATE DATABASE bench")
        server.rows(
            "CREATE TABLE goods (id integer PRIMARY KEY, name text, price decimal(10,2), day date)", "bench"
        )
        server.rows(
            "INSERT INTO goods SELECT seq, CONCAT('thing ', seq), seq * 1.1, '2020-01-01' + INTERVAL seq % 999 "
            "DAY FROM seq_1_to_20000",
            "bench",
        )
        server.rows("CREATE TABLE pictures (id integer PRIMARY KEY, b longblob) ENGINE=Aria", "bench")
        server.rows(f"INSERT INTO pictures SELECT seq, REPEAT('x', {60 * MIB}) FROM seq_1_to_10", "bench")
        file = folder / "maria"
        file.write_text(OWNER_PASSWORD)
        file.chmod(0o600)
        told = {"unix_socket": server.socket, "database": "bench", "user": OWNER, "password_file": file}
        connector = open_connector("mysql", told, Neighbours())
        owner = server.as_user(database="bench")

        def bare(sql: str) -> list[Any]:
            with owner.cursor(pymysql.cursors.SSCursor) as cursor:
                cursor.execute(sql)
                return list(cursor.fetchall())

        await compare("MariaDB", connector, bare, "mysql")
        running = "SELECT count(*) FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP%'"
        await bear(
            "MariaDB",
            connector,
            "SELECT seq FROM seq_1_to_10000000",
            "SELECT SLEEP(100)",
            lambda: not bare(running)[0][0],
            "mysql",
        )
        await connector.close()


async def sqlite(folder: Path) -> None:
    """A file."""
    path = folder / "bench.db"
    with sqlite3.connect(path) as owner:
        owner.execute("CREATE TABLE goods (id integer PRIMARY KEY, name text, price real, day text)")
        counting = "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {}) "
        owner.execute(
            counting.format(20_000).join(("INSERT INTO goods ", ""))
            + "SELECT n, 'thing ' || n, n * 1.1, date('2020-01-01', n || ' days') FROM s"
        )
        owner.execute("CREATE TABLE pictures (id integer PRIMARY KEY, b blob)")
        owner.execute(
            counting.format(10).join(("INSERT INTO pictures ", "")) + f"SELECT n, zeroblob({60 * MIB}) FROM s"
        )
    connector = open_connector("sqlite", {"path": path}, Neighbours())
    other = sqlite3.connect(path)
    await compare("SQLite", connector, lambda sql: other.execute(sql).fetchall(), "sqlite")
    endless = "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s) SELECT count(*) FROM s"
    await bear(
        "SQLite", connector, counting.format(10_000_000) + "SELECT n FROM s", endless, lambda: True, "sqlite"
    )
    await connector.close()


async def main() -> None:
    """Everything, one after the other."""
    folder = Path(tempfile.mkdtemp(prefix="bench-connectors-"))
    print("| database | what | rows / driver ms | s / ours ms | MiB / ratio |\n|---|---|---|---|---|")
    try:
        for part in (postgres, mariadb, sqlite):
            await part(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    asyncio.run(main())
