"""Real and hostile files, through the sandbox: each ends as its line in the manifest says."""

from __future__ import annotations

import csv
import json
import re
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rag.documents import ParsedDocument
from rag.errors import (
    DocumentDamaged,
    DocumentDangerous,
    DocumentEmpty,
    DocumentEncrypted,
    DocumentRefused,
)
from rag.media_types import from_filename
from rag.parsers import PARSERS
from rag.sandbox.client import ParsingSandbox
from rag.settings import ParsingSettings

READ_HERE = ("pdf", "docx", "html", "md", "eml", "msg", "odt", "rtf", "doc")
# Seconds of wall clock a hostile file may take; a net for hangs, far above the hundredths they take.
FAST_S = 60.0  # a net for hangs


@pytest.fixture
async def sandbox() -> AsyncIterator[ParsingSandbox]:
    """With the product's parsers and limits."""
    made = ParsingSandbox(ParsingSettings(), PARSERS)
    yield made
    await made.close()


def _lines(test_data: Path, *folders: str) -> list[dict[str, str]]:
    with (test_data / "docs" / "manifest.csv").open(newline="", encoding="utf-8") as file:
        return [line for line in csv.DictReader(file) if line["file"].split("/")[0] in folders]


async def _parse(sandbox: ParsingSandbox, test_data: Path, name: str) -> ParsedDocument:
    return await sandbox.parse(test_data / "docs" / name, from_filename(name))


def _collapsed(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def _missing_phrases(document: ParsedDocument, line: dict[str, str]) -> list[str]:
    missing = []
    for phrase in json.loads(line["phrases"] or "[]"):
        pages = [page for page in document.pages if "page" not in phrase or page.number == phrase["page"]]
        if not any(_collapsed(phrase["text"]) in _collapsed(page.text) for page in pages):
            missing.append(f"{line['file']} {phrase}")
    return missing


async def test_every_phrase_stands_on_its_page(sandbox: ParsingSandbox, test_data: Path) -> None:
    """All files of the formats that are read here; scans where tesseract is installed, else they are refused."""
    problems = []
    for line in _lines(test_data, *READ_HERE):
        is_unread_scan = '"ocr"' in line["phrases"] and shutil.which("tesseract") is None
        try:
            document = await _parse(sandbox, test_data, line["file"])
        except DocumentEmpty:
            problems += [] if is_unread_scan else [f"{line['file']} is refused as empty"]
        else:
            problems += _missing_phrases(document, line)
    assert problems == []


async def test_the_whole_markdown_handbook_is_read(sandbox: ParsingSandbox, test_data: Path) -> None:
    """Every page but those that only redirect has text and a title."""
    paths = sorted((test_data / "docs" / "handbook").rglob("*.md"))
    for path in paths:
        try:
            document = await sandbox.parse(path, "text/markdown")
        except DocumentEmpty:
            assert len(path.read_text(encoding="utf-8")) < 400
            continue
        assert document.media_type == "text/markdown"
        assert document.title
    assert len(paths) > 200


async def test_hostile_files_are_refused_in_seconds_with_a_reason(
    sandbox: ParsingSandbox, test_data: Path
) -> None:
    """Bombs, circles, entities, encryption and fuzz; the reason is of the right kind."""
    kinds = {
        "reject": (DocumentDangerous, DocumentDamaged, DocumentEmpty),
        "reject_fast": (DocumentDangerous, DocumentDamaged, DocumentEmpty),
        "reject_password": (DocumentEncrypted,),
    }
    for line in _lines(test_data, "hostile"):
        if line["expect"] not in kinds:
            continue
        started_s = time.monotonic()
        with pytest.raises(DocumentRefused) as caught:
            await _parse(sandbox, test_data, line["file"])
        assert isinstance(caught.value, kinds[line["expect"]]), (line["file"], caught.value)
        assert time.monotonic() - started_s < FAST_S


async def test_links_to_elsewhere_leak_nothing_and_odd_names_deceive_nobody(
    sandbox: ParsingSandbox, test_data: Path
) -> None:
    """External pictures are left out, a DOCX called PDF is read as DOCX, a CSV's formulas are only text."""
    texts = {}
    for line in _lines(test_data, "hostile"):
        if line["expect"] in ("no_leak", "reject_or_detect", "ok"):
            document = await _parse(sandbox, test_data, line["file"])
            texts[line["file"].split("__")[1]] = _collapsed(document.pages[0].text)
    assert texts["rlink.docx"] == "Testing Linked Images"
    assert "after the external image" in texts["docx_external_image.docx"]
    assert texts["wrong-extension.pdf"].startswith("First page, tab here:")
    assert "=HYPERLINK" in texts["csv-formula.csv"]


async def test_questions_find_their_quotes_on_the_named_page(
    sandbox: ParsingSandbox, test_data: Path
) -> None:
    """The quotes that answers will be checked against are there, of the files that are read here."""
    with (test_data / "docs" / "questions.jsonl").open(encoding="utf-8") as file:
        questions = [json.loads(line) for line in file]
    documents: dict[str, ParsedDocument] = {}
    missing = []
    for question in questions:
        name = question["file"] or ""
        if not question["answerable"] or name.split("/")[0] not in (*READ_HERE, "handbook"):
            continue
        if name not in documents:
            try:
                documents[name] = await _parse(sandbox, test_data, name)
            except DocumentEmpty:  # a scan
                continue
        pages = [page for page in documents[name].pages if question["page"] in (None, page.number)]
        if not any(_collapsed(question["quote"]) in _collapsed(page.text) for page in pages):
            missing.append((question["id"], question["quote"]))
    assert missing == []
    assert documents
