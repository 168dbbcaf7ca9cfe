"""What a query brought, read back from CSV and from Excel: values, types, and nothing that runs in a spreadsheet."""

from __future__ import annotations

import csv
import io
import resource
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import openpyxl
import pytest

from appliance.domain.data import Asking, QueryRun
from appliance.services.data.choosing import Chooser
from querying.types import Blob, ResultColumn, Rows, Value, ValueKind
from rag.analysis import Analyzer
from tests.company_database import Company, company_database
from tests.conftest import Servers
from tests.data_world import data_world
from tests.saved_question_doors import Doors, NoEmbedder, doors_of

RAN_AT = datetime(2026, 4, 15, 10, 30, tzinfo=UTC)
FORMULAS = ('=HYPERLINK("http://evil")', "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\uff1d1", "  =1")
COLUMNS: tuple[tuple[str, ValueKind], ...] = (
    ("=nombre", "text"),
    ("n", "integer"),
    ("importe", "decimal"),
    ("ratio", "float"),
    ("día", "date"),
    ("cuándo", "timestamp"),
    ("hora", "time"),
    ("es", "boolean"),
    ("foto", "binary"),
)
ROWS: tuple[tuple[Value, ...], ...] = (
    ("Peña; «S.L.»\nMálaga", 7, Decimal("1234.50"), 0.1, date(2026, 3, 1), datetime(2026, 3, 1, 8, 5), time(8, 5),
     True, Blob(9)),
    (None, 2**80, Decimal("0.1234567890123456789"), -2.5, date(1492, 10, 12), None, None, False, None),
    *((text, -5, Decimal("-3"), float("inf"), None, None, None, None, None) for text in FORMULAS),
)  # fmt: skip


@pytest.fixture(scope="module")
def company(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """One for the tests that change nothing there."""
    with company_database(servers, tmp_path_factory.mktemp("passwords")) as made:
        yield made


@pytest.fixture
async def doors(owner_url: str, company: Company, tmp_path: Path) -> AsyncIterator[Doors]:
    """Ana may ask the shop, Luis may not, Root administers."""
    async with data_world(owner_url, company) as world:
        made = doors_of(world, Chooser(Analyzer(), NoEmbedder()), tmp_path / "exports")
        yield made
        await made.client.aclose()


async def kept(doors: Doors, rows: tuple[tuple[Value, ...], ...] = ROWS, **run: Any) -> str:
    """The address of a result of Ana's."""
    columns = tuple(ResultColumn(name, kind) for name, kind in COLUMNS[: len(rows[0])])
    found = Rows(columns, rows, run.pop("cut", None), 3.25)
    made = QueryRun(
        uuid4(),
        doors.world.source_id,
        "Ventas / Málaga",
        "SELECT *\nFROM sale",
        ("public.sale",),
        found,
        RAN_AT,
    )
    await doors.results.keep(doors.world.ana, made, Asking("api", "=¿Cuánto?"))
    return f"/results/{made.id}"


def lines_of(text: str, delimiter: str = ",") -> list[list[str]]:
    """As any reader of CSV sees it."""
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))


async def test_a_csv_file_has_every_digit_and_runs_nothing(doors: Doors) -> None:
    """UTF-8 with a byte order mark, CRLF, quotes where they are needed; what looks like a formula is text."""
    answer = await doors.call("ana", "GET", await kept(doors) + ".csv")
    raw = answer.content.decode()
    header, first, second, *formulas = lines_of(raw.removeprefix("\ufeff"))

    assert raw.startswith("\ufeff") and raw.endswith("\r\n")
    assert header[0] == "'=nombre"
    assert first == [
        *("Peña; «S.L.»\nMálaga", "7", "1234.50", "0.1", "2026-03-01"),
        *("2026-03-01 08:05:00", "08:05:00", "true", "(9 bytes)"),
    ]
    assert second[:5] == ["", str(2**80), "0.1234567890123456789", "-2.5", "1492-10-12"]
    assert [line[0] for line in formulas] == [f"'{text}" for text in FORMULAS]
    assert {line[1] for line in formulas} == {"-5"}, "a number is no formula"
    assert answer.headers["content-disposition"].endswith("Ventas%20M%C3%A1laga%202026-04-15.csv")


async def test_a_csv_file_for_excel_in_spanish(doors: Doors) -> None:
    """Semicolons and decimal commas by the language or by one's own word; without a mark where nobody wants it."""
    path = await kept(doors)
    spanish = (await doors.call("ana", "GET", f"{path}.csv?language=es")).text
    own = (await doors.call("ana", "GET", f"{path}.csv?separator=semicolon&decimal=point&bom=false")).text

    assert lines_of(spanish.removeprefix("\ufeff"), ";")[1][2:4] == ["1234,50", "0,1"]
    assert lines_of(own, ";")[1][2:4] == ["1234.50", "0.1"] and not own.startswith("\ufeff")


async def test_a_workbook_has_types_and_runs_nothing(doors: Doors) -> None:
    """Read back by another program: numbers, dates and booleans are such, texts are texts, the rest is exact text."""
    answer = await doors.call("ana", "GET", await kept(doors, cut="rows") + ".xlsx?language=es")
    book = openpyxl.load_workbook(io.BytesIO(answer.content))
    sheet, about = book.worksheets
    header, first, second, *formulas = list(sheet.iter_rows())

    assert (sheet.title, about.title, sheet.freeze_panes) == ("Resultado", "Origen", "A2")
    assert [cell.value for cell in header] == [name for name, _ in COLUMNS]
    assert [cell.value for cell in first] == [
        *("Peña; «S.L.»\nMálaga", 7, 1234.5, 0.1, datetime(2026, 3, 1)),
        *(datetime(2026, 3, 1, 8, 5), time(8, 5), True, "(9 bytes)"),
    ]
    assert (
        first[2].number_format == "#,##0.00" and first[4].is_date and sheet.column_dimensions["D"].width >= 8
    )
    assert [cell.value for cell in second][:5] == [
        None,
        str(2**80),
        "0.1234567890123456789",
        -2.5,
        "1492-10-12",
    ]
    assert [(line[0].value, line[0].data_type) for line in formulas] == [(text, "s") for text in FORMULAS]
    assert formulas[0][0].hyperlink is None and formulas[0][3].value == "inf"
    told = {row[0].value: row[1].value for row in about.iter_rows()}
    assert (
        told["SQL"] == "SELECT *\nFROM sale"
        and told["Pregunta"] == "=¿Cuánto?"
        and told["Filas"] == len(ROWS)
    )
    assert "límite de filas" in told["No está todo"]


async def test_a_result_is_paged(doors: Doors) -> None:
    """Exact values as JSON has them, and where it goes on."""
    path = await kept(doors, tuple((f"r{number}", number) for number in range(1203)))
    first = await doors.ok("ana", "GET", f"{path}?limit=2")
    last = await doors.ok("ana", "GET", f"{path}?after=1200&limit=1000")

    assert (first["rows"], first["next"], first["row_count"]) == ([["r0", 0], ["r1", 1]], 2, 1203)
    assert (last["rows"], last["next"]) == ([["r1200", 1200], ["r1201", 1201], ["r1202", 1202]], None)
    assert first["columns"][0] == {"name": "=nombre", "kind": "text"}


@pytest.mark.parametrize("ending", ["", ".csv", ".xlsx"])
async def test_nobody_else_reads_a_result(doors: Doors, ending: str) -> None:
    """Not another person, nor an administrator; nor its owner when the right to the source is taken back."""
    path = await kept(doors) + ending
    before = [(await doors.call(who, "GET", path)).status_code for who in ("ana", "luis", "root", "nobody")]
    await doors.world.sources.take(doors.world.root, doors.world.source_id, f"user:{doors.world.ana.email}")
    after = await doors.call("ana", "GET", path)

    assert before == [200, 404, 404, 401]
    assert after.status_code == 404


async def test_a_large_result_is_written_in_bounded_memory(doors: Doors, tmp_path: Path) -> None:
    """20,000 rows as CSV and as a workbook: all of them, and nothing is left behind on the disk."""
    rows = tuple((f"producto número {number}", number) for number in range(20_000))
    path = await kept(doors, rows)
    del rows
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    book = openpyxl.load_workbook(
        io.BytesIO((await doors.call("ana", "GET", f"{path}.xlsx")).content), read_only=True
    )
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    text = (await doors.call("ana", "GET", f"{path}.csv")).text

    assert book.worksheets[0].max_row == 20_001
    assert text.count("\r\n") == 20_001
    assert grown_kib < 64 * 1024
    assert list((tmp_path / "exports").iterdir()) == []
