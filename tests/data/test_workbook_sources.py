"""Uploaded workbooks as tables of their collections: made while they are read, seen and asked by who may read them."""

from __future__ import annotations

import io
import time
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import cast
from uuid import NAMESPACE_DNS, UUID, uuid4, uuid5

import psycopg
import pytest
import xlsxwriter

from appliance.bootstrap.workbooks import WorkbookRoom, build_workbooks
from appliance.domain.data import Asking
from appliance.domain.people import Caller
from appliance.errors import NotFound
from appliance.services.data.desk import Desk as DataDesk
from appliance.services.data.places import Places
from appliance.services.data.source_ports import Connected
from appliance.services.data.workbooks import (
    MAKER,
    MAKING,
    MEDIA_TYPES,
    NAMES,
    TableMaking,
    make,
    notes_on,
)
from appliance.storage.data_asking import PostgresAskableSources
from appliance.storage.data_results import PostgresResults
from appliance.storage.database import Database
from appliance.storage.workbooks import AllWorkbooks, PostgresWorkbooks
from querying.errors import QueryRefused
from querying.settings import DataSettings
from querying.types import Caps
from rag.parsers import PARSERS
from rag.sandbox.client import ParsingSandbox
from rag.settings import ParsingSettings
from tests.ingestion_desk import Desk, ana

_PARSING = ParsingSettings(ocr_program="", concurrent=1)


def luis() -> Caller:
    """Another person."""
    return Caller(uuid5(NAMESPACE_DNS, "luis"), "luis@example.com")


def sales(*amounts: float, total: float | None = None) -> bytes:
    """A workbook of one sheet: a title, a header, a row an amount, a total."""
    target = io.BytesIO()
    with xlsxwriter.Workbook(target, {"in_memory": True}) as book:
        sheet = book.add_worksheet("Ventas")
        day = book.add_format({"num_format": "dd/mm/yyyy"})
        sheet.write(0, 0, "Ventas de 2025")
        sheet.write_row(2, 0, ["Fecha", "Ciudad", "Importe (€)"])
        for row, amount in enumerate(amounts, start=3):
            sheet.write_datetime(row, 0, datetime(2025, 1 + row % 3, 10), day)
            sheet.write(row, 1, "Vigo" if row % 2 else "Cádiz")
            sheet.write(row, 2, amount)
        if total is not None:
            sheet.write(3 + len(amounts), 0, "Total")
            sheet.write(3 + len(amounts), 2, total)
    return target.getvalue()


@pytest.fixture
async def making() -> AsyncIterator[ParsingSandbox]:
    """Reads documents and makes tables, as the worker's processes do."""
    sandbox = ParsingSandbox(_PARSING, PARSERS | {MAKING: "querying.workbooks.extracting:TableMaker"})
    yield sandbox
    await sandbox.close()


@pytest.fixture
async def books(database: Database) -> AsyncIterator[WorkbookRoom]:
    """As the gateway has it."""
    room = build_workbooks(database, _PARSING, DataSettings())
    yield room
    await room.close()


@pytest.fixture
def desk(database: Database, worker_database: Database, making: ParsingSandbox, tmp_path: Path) -> Desk:
    """Reads real files, and makes their tables."""
    return Desk(
        database,
        worker_database,
        tmp_path,
        reader=making,
        tables=lambda blobs: TableMaking(PostgresWorkbooks(worker_database), making, blobs),
    )


def asked_through(database: Database, books: WorkbookRoom) -> DataDesk:
    """The desk that everybody asks."""
    return DataDesk(
        PostgresAskableSources(database),
        cast("Connected", None),  # no database is asked
        PostgresResults(database),
        Places(4, 5.0),
        Caps(),
        workbooks=books.sources,
        now=lambda: datetime.now(UTC),
        clock=time.monotonic,
        new_id=uuid4,
    )


async def test_an_uploaded_workbook_is_asked_by_who_may_read_it_and_by_nobody_else(
    desk: Desk, database: Database, books: WorkbookRoom, owner_url: str
) -> None:
    """Read, offered, asked through the guard, hidden from others, gone with the file and its bytes."""
    collection = await desk.collection(ana())
    file = await desk.add(ana(), collection, sales(10.5, 20.25, 30, total=60.75), "ventas.xlsx")
    assert await desk.work() == 1
    listed = (await desk.listed(ana(), collection))["ventas.xlsx"]
    assert listed.status == "completed"
    assert any("ventas" in note for note in listed.notes)
    asking = asked_through(database, books)

    (offered,) = await asking.offered(ana(), [collection])
    assert [one.id for one in await asking.offered(ana())] == [offered.id]
    assert (offered.kind, offered.collection_id, offered.file_id) == ("workbook", collection, file)
    (table,) = offered.schema.tables
    assert [(one.name, one.kind) for one in table.columns] == [
        ("fecha", "date"),
        ("ciudad", "text"),
        ("importe", "decimal"),
    ]
    run = await asking.run(
        ana(), offered.id, "SELECT sum(importe) AS total, min(fecha) FROM ventas", Asking("api")
    )
    assert run.rows.rows == ((Decimal("60.75"), date(2025, 1, 10)),)
    assert run.source_name == "ventas.xlsx"
    with pytest.raises(QueryRefused):
        await asking.run(ana(), offered.id, "SELECT * FROM read_csv('/etc/passwd')", Asking("api"))

    assert await asking.offered(luis()) == []
    assert await asking.offered(luis(), [collection]) == []
    with pytest.raises(NotFound):
        await asking.run(luis(), offered.id, "SELECT 1", Asking("api"))
    with pytest.raises(NotFound):
        await books.sources.of_file(luis(), file)
    tables, _ = await books.sources.of_file(ana(), file)
    assert tables[0].place == "A3:C7"

    receipt = await desk.knowledge.remove_file(ana(), file)
    assert receipt.removed["tables"] == 1
    assert await asking.offered(ana()) == []
    assert _count(owner_url, "workbooks") == _count(owner_url, "workbook_tables") == 0


async def test_a_newer_version_takes_the_place_of_the_older_one_under_the_same_id(
    desk: Desk, database: Database, books: WorkbookRoom
) -> None:
    """What was saved about a source goes on fitting, and sums are of the newest version alone."""
    collection = await desk.collection(ana())
    ids = []
    for amounts in ((1.0, 2.0), (3.0, 4.5)):
        file = await _version(desk, collection, sales(*amounts))
        await desk.work()
        (offered,) = await books.sources.offered(ana(), [collection])
        assert offered.file_id == file
        run = await asked_through(database, books).run(
            ana(), offered.id, "SELECT sum(importe) FROM ventas", Asking("api")
        )
        assert str(run.rows.rows[0][0]) == f"{sum(amounts):g}"
        ids.append(offered.id)
    assert ids[0] == ids[1]


async def test_the_same_content_twice_has_its_tables_once_and_keeps_them_while_one_is_left(
    desk: Desk, books: WorkbookRoom, owner_url: str
) -> None:
    """Two people, one content: each sees their own place of it, and deleting one leaves the other's."""
    content = sales(1.0, 2.0)
    first, second = await desk.collection(ana()), await desk.collection(luis())
    mine = await desk.add(ana(), first, content, "mine.xlsx")
    await desk.add(luis(), second, content, "his.xlsx")
    await desk.work()
    assert _count(owner_url, "workbooks") == 1
    assert [one.name for one in await books.sources.offered(ana())] == ["mine.xlsx"]
    assert [one.name for one in await books.sources.offered(luis())] == ["his.xlsx"]
    await desk.knowledge.remove_file(ana(), mine)
    assert await books.sources.offered(ana()) == []
    assert [one.name for one in await books.sources.offered(luis())] == ["his.xlsx"]


async def test_what_was_read_before_there_were_tables_gets_them_later(
    database: Database,
    worker_database: Database,
    maintenance_database: Database,
    making: ParsingSandbox,
    books: WorkbookRoom,
    tmp_path: Path,
) -> None:
    """One content after the other, whoever it belongs to; what has its tables, or is no workbook, is left alone."""
    before = Desk(database, worker_database, tmp_path, reader=making)
    collection = await before.collection(ana())
    await before.add(ana(), collection, sales(1.0, 2.0), "ventas.xlsx")
    await before.add(ana(), collection, b"Nothing but words in here.", "notas.txt")
    await before.work()
    assert await books.sources.offered(ana()) == []
    everything = AllWorkbooks(maintenance_database)
    found = await everything.missing(MAKER, NAMES, MEDIA_TYPES, b"")
    assert found is not None and found[1] == "ventas.xlsx"
    made = await make(making, before.blobs.path(found[0]), *found[1:])
    assert made is not None
    await everything.keep(found[0], MAKER, made, notes_on(made))
    assert [one.name for one in await books.sources.offered(ana())] == ["ventas.xlsx"]
    assert await everything.missing(MAKER, NAMES, MEDIA_TYPES, b"") is None
    assert await everything.missing(MAKER + 1, NAMES, MEDIA_TYPES, b"") is not None


def _count(url: str, table: str) -> int:
    with psycopg.connect(url) as connection:
        connection.execute("SET row_security = off")
        row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    return int(row[0]) if row else -1


async def _version(desk: Desk, collection: UUID, content: bytes) -> UUID:
    async with desk.knowledge.upload(ana()) as upload:
        await upload.write(content)
        file = await upload.finish("ventas.xlsx", "", "assistants")
    await desk.knowledge.attach(ana(), collection, file.id, source="ventas.xlsx")
    return file.id
