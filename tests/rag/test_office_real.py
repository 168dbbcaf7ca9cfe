"""Real workbooks, tables, presentations and Word files through the sandbox: phrases at their cells, rows and slides."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rag.anchors import covered
from rag.documents import Page, ParsedDocument
from rag.media_types import from_filename
from rag.office.cells import column_number
from rag.parsers import PARSERS
from rag.sandbox.client import ParsingSandbox
from rag.settings import ParsingSettings
from tests.office_documents import xlsx

KINDS = ("csv", "xlsx", "xls", "pptx", "docx")
_CELLS = re.compile(r"([A-Z]+)(\d+)(?::([A-Z]+)(\d+))?\Z")


@pytest.fixture
async def sandbox() -> AsyncIterator[ParsingSandbox]:
    """With the product's parsers and limits."""
    made = ParsingSandbox(ParsingSettings(), PARSERS)
    yield made
    await made.close()


def _lines(test_data: Path) -> list[dict[str, str]]:
    with (test_data / "docs" / "manifest.csv").open(newline="", encoding="utf-8") as file:
        return [line for line in csv.DictReader(file) if line["file"].split("/")[0] in KINDS]


def _refs_of(page: Page, phrase: str) -> list[str]:
    """What the anchors over a phrase say."""
    at = page.text.find(phrase)
    return [] if at < 0 else [anchor.ref for anchor in covered(page.anchors, at, at + len(phrase))]


def _holds(ref: str, cell: str) -> bool:
    found, wanted = _CELLS.match(ref), _CELLS.match(cell)
    if found is None or wanted is None:
        return False
    first, row, last, _ = found.groups()
    column = column_number(wanted[1])
    return row == wanted[2] and column_number(first) <= column <= column_number(last or first)


def _stands_there(document: ParsedDocument, phrase: dict[str, object]) -> bool:
    text, place = str(phrase["text"]), str(phrase.get("loc", ""))
    if "page" in phrase:
        return any(text in page.text for page in document.pages if page.number == phrase["page"])
    if "!" in place:
        sheet, _, cell = place.partition("!")
        return any(
            _holds(ref, cell)
            for page in document.pages
            if page.label == sheet
            for ref in _refs_of(page, text)
        )
    if place.startswith("row "):
        return place in _refs_of(document.pages[0], text)
    return any(ref.startswith("¶ ") for ref in _refs_of(document.pages[0], text))


async def test_every_phrase_stands_at_its_cell_row_slide_or_paragraph(
    sandbox: ParsingSandbox, test_data: Path
) -> None:
    """Whoever follows a citation finds the words where it says."""
    problems = []
    for line in _lines(test_data):
        document = await sandbox.parse(test_data / "docs" / line["file"], from_filename(line["file"]))
        if not any(page.text for page in document.pages):
            problems.append(line["file"])
        phrases = json.loads(line["phrases"] or "[]")
        problems += [f"{line['file']} {phrase}" for phrase in phrases if not _stands_there(document, phrase)]
    assert problems == []


async def test_a_workbook_is_read_in_a_child_with_all_that_a_cell_knows(
    sandbox: ParsingSandbox, tmp_path: Path
) -> None:
    """Nothing a parser imports late is missing behind the walls, and progress is told by sheet."""
    told: list[tuple[int, int]] = []
    path = xlsx(tmp_path / "a.xlsx", {"One": [["a", "b"], [1, 2]], "Two": [["c"]]})
    document = await sandbox.parse(path, None, lambda done, total: told.append((done, total)))
    assert [page.anchors[0].ref for page in document.pages] == ["A1:B1", "A1"]
    assert all(total == 2 for _, total in told)
