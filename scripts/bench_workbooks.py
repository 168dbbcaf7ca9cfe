"""What tables of 200,000 rows cost, in the way that was chosen and in those that were not; see docs/decisions/0019.

    .venv/bin/python scripts/bench_workbooks.py [--rows 200000] [--postgres URL]

Makes a workbook and a CSV file of ten columns, makes tables of them in the confined child, then loads and asks the same
rows in DuckDB (Parquet into memory; a database file), SQLite and, where an address is given, PostgreSQL.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import os
import random
import resource
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import psycopg
import xlsxwriter

from querying.types import Caps, CheckedQuery, Schema
from querying.workbooks.connector import TASKS, WorkbookConnector
from querying.workbooks.wire import PackedTables, decode_tables
from rag.sandbox.client import ParsingSandbox
from rag.sandbox.task import Task
from rag.settings import ParsingSettings

_HEADER = ["Id", "Fecha", "Ciudad", "Cliente", "Importe", "Unidades", "Indice", "Ref", "Pagado", "Dto"]
_SQL = "SELECT ciudad, count(*), sum(importe) FROM {table} WHERE {paid} GROUP BY ciudad ORDER BY 1"


def rows_of(count: int) -> list[list[object]]:
    """Sales of a year, always the same."""
    drawn = random.Random(1)
    return [
        [
            at,
            date(2025, 1, 1) + timedelta(drawn.randrange(365)),
            drawn.choice(["Madrid", "Sevilla", "Vigo", "Bilbao"]),
            f"cliente {drawn.randrange(5000)}",
            drawn.randrange(1, 10_000_000) / 100,
            drawn.randrange(1, 50),
            drawn.random(),
            f"ref-{drawn.randrange(10**6):06}",
            drawn.choice(["SÍ", "NO"]),
            round(drawn.random(), 2),
        ]
        for at in range(count)
    ]


def write_xlsx(path: Path, rows: Sequence[Sequence[object]]) -> None:
    """As a program writes it."""
    with xlsxwriter.Workbook(path) as book:
        sheet, day = book.add_worksheet("Ventas"), book.add_format({"num_format": "dd/mm/yyyy"})
        sheet.write_row(0, 0, _HEADER)
        for at, row in enumerate(rows, start=1):
            for column, value in enumerate(row):
                if isinstance(value, date):
                    sheet.write_datetime(at, column, datetime.combine(value, datetime.min.time()), day)
                else:
                    sheet.write(at, column, value)


def write_csv(path: Path, rows: Sequence[Sequence[object]]) -> None:
    """As a Spanish program writes it."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(_HEADER)
        for row in rows:
            writer.writerow([str(one).replace(".", ",") if isinstance(one, float) else one for one in row])


def told(label: str, seconds: float, more: str = "") -> None:
    """A line of the table."""
    print(f"{label:52s} {seconds * 1000:10.0f} ms   {more}", flush=True)


def apart(label: str, work: Callable[[], Mapping[str, float]]) -> None:
    """In a process of its own, so that its memory is its own."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for name, seconds in work().items():
            told(f"{label}: {name}", seconds)
        print(
            f"{'':52s} {(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024:10d} MiB more"
        )
        sys.stdout.flush()
        os._exit(0)
    os.waitpid(child, 0)


def timed(work: Callable[[], object]) -> float:
    """Seconds."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


async def chosen(folder: Path) -> bytes:
    """The way of the product: a confined child makes tables, and one more for each query asks them."""
    settings = ParsingSettings(ocr_program="", timeout_s=600, cpu_s=600)
    making = ParsingSandbox(settings, {"tables": "querying.workbooks.extracting:TableMaker"})
    asking = ParsingSandbox(settings, TASKS, gives_way=False)
    content = b""
    try:
        for name in ("ventas.xlsx", "ventas.csv"):
            path, began = folder / name, time.perf_counter()
            order = {"path": str(path), "media_type": "text/csv", "name": "ventas"}
            made: PackedTables = decode_tables(await making.work(Task("tables", order, (path,))))
            (table,) = made.tables
            content = table.content
            size = f"{path.stat().st_size >> 10} KiB become {len(content) >> 10} KiB, {table.table.rows} rows"
            told(f"tables of {name}", time.perf_counter() - began, size)

        async def contents(names: Sequence[str]) -> Mapping[str, bytes]:
            return dict.fromkeys(names, content)

        connector = WorkbookConnector(Schema("duckdb", (table.table,)), contents, asking)
        sql = _SQL.format(table="ventas", paid="pagado")
        for label in ("first query (starts the process)", "second query", "third query"):
            began = time.perf_counter()
            await connector.run(CheckedQuery(sql, sql, "duckdb", frozenset({"ventas"})), Caps(seconds=60))
            told(label, time.perf_counter() - began)
    finally:
        await making.close()
        await asking.close()
    return content


def in_duckdb(parquet: Path, folder: Path) -> None:
    """Ways to keep the tables for DuckDB."""
    sql = _SQL.format(table="ventas", paid="pagado")

    def memory() -> Mapping[str, float]:
        database = duckdb.connect(config={"threads": "1"})
        load = timed(lambda: database.execute(f"CREATE TABLE ventas AS FROM read_parquet('{parquet}')"))
        return {"load Parquet into memory": load, "query": timed(lambda: database.execute(sql).fetchall())}

    def file() -> Mapping[str, float]:
        path = folder / "ventas.duckdb"
        database = duckdb.connect(str(path), config={"threads": "1"})
        load = timed(lambda: database.execute(f"CREATE TABLE ventas AS FROM read_parquet('{parquet}')"))
        database.close()
        opened = time.perf_counter()
        database = duckdb.connect(str(path), read_only=True, config={"threads": "1"})
        opening = time.perf_counter() - opened
        return {
            f"write a database file ({path.stat().st_size >> 10} KiB)": load,
            "open it": opening,
            "query": timed(lambda: database.execute(sql).fetchall()),
        }

    apart("DuckDB in memory", memory)
    apart("DuckDB file", file)


def in_sqlite(rows: Sequence[Sequence[object]], folder: Path) -> None:
    """The library that is there anyway."""

    def work() -> Mapping[str, float]:
        path = folder / "ventas.sqlite"
        database = sqlite3.connect(path)
        database.execute(f"CREATE TABLE ventas ({', '.join(_HEADER)})")
        marks = ", ".join("?" * len(_HEADER))
        plain = [[one.isoformat() if isinstance(one, date) else one for one in row] for row in rows]
        load = timed(lambda: database.executemany(f"INSERT INTO ventas VALUES ({marks})", plain))
        database.commit()
        sql = _SQL.format(table="ventas", paid="pagado = 'SÍ'")
        query = timed(lambda: database.execute(sql).fetchall())
        return {f"load ({path.stat().st_size >> 10} KiB)": load, "query": query}

    apart("SQLite", work)


def in_postgres(rows: Sequence[Sequence[object]], url: str) -> None:
    """The server that is there anyway."""
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE ventas (id bigint, fecha date, ciudad text, cliente text, importe numeric(18,2), "
            "unidades int, indice float8, ref text, pagado text, dto numeric(18,2))"
        )

        def load() -> None:
            with cursor.copy("COPY ventas FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)

        told("PostgreSQL: load by COPY", timed(load))
        cursor.execute("SELECT pg_total_relation_size('ventas') >> 10")
        size = (cursor.fetchone() or (0,))[0]
        sql = _SQL.format(table="ventas", paid="pagado = 'SÍ'")
        told("PostgreSQL: query", timed(lambda: cursor.execute(sql).fetchall()), f"{size} KiB")  # type: ignore[arg-type]


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=199_990)
    parser.add_argument("--postgres", default="")
    options = parser.parse_args()
    rows = rows_of(options.rows)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_xlsx(folder / "ventas.xlsx", rows)
        write_csv(folder / "ventas.csv", rows)
        content = asyncio.run(chosen(folder))
        (folder / "ventas.parquet").write_bytes(content)
        in_duckdb(folder / "ventas.parquet", folder)
        in_sqlite(rows, folder)
        if options.postgres:
            in_postgres(rows, options.postgres)
    return 0


if __name__ == "__main__":
    sys.exit(main())
