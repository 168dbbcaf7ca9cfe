"""What every row of the table of parsers promises."""

from __future__ import annotations

import importlib
import random
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from rag.documents import Page, ParsedDocument
from rag.errors import DocumentRefused, DocumentTooLarge
from rag.limits import ParsingLimits
from rag.media_types import detect
from rag.parsers import PARSERS
from rag.ports import Parser
from tests.documents import SENTENCE, SPANISH, sample

# Pictures need a recogniser and a program: tests/rag/test_recognition.py keeps their promises.
pytestmark = pytest.mark.parametrize("media_type", [row for row in PARSERS if not row.startswith("image/")])
LIMITS = ParsingLimits()
WITHOUT_HEADINGS = {"application/zip", "text/x-source"}


def _parser_of(media_type: str, limits: ParsingLimits = LIMITS) -> Parser:
    module, _, name = PARSERS[media_type].partition(":")
    make: Callable[[ParsingLimits], Parser] = getattr(importlib.import_module(module), name)
    return make(limits)


def _text_of(document: ParsedDocument) -> str:
    inside = (child.content.decode("utf-8", "replace") for child in document.children)
    return re.sub(r"\s+", " ", " ".join([*(page.text for page in document.pages), *inside]))


def _assert_clean(page: Page) -> None:
    assert unicodedata.is_normalized("NFC", page.text)
    assert not re.search("[\x00-\x08\x0e-\x1f\u00ad\ud800-\udfff\ufffe\uffff]", page.text)
    page.text.encode("utf-8")


def _assert_blocks_cover(page: Page) -> None:
    reached = 0
    for block in page.blocks:
        assert reached <= block.start < block.end <= len(page.text)
        assert not page.text[reached : block.start].strip()
        assert (
            page.text[block.start : block.end].strip() == page.text[block.start : block.end].rstrip().lstrip()
        )
        assert block.level in {"heading": range(1, 7), "table": range(7)}.get(block.kind, range(1))
        reached = block.end
    assert not page.text[reached:].strip()


def test_the_content_alone_says_which_parser_reads_a_file(media_type: str, tmp_path: Path) -> None:
    """A file without a telling name is recognised."""
    path = sample(media_type, tmp_path / "upload")
    hint = media_type if media_type.startswith("text/") else "application/octet-stream"
    assert detect(path, LIMITS, hint) == media_type


def test_words_of_two_languages_come_out_as_they_were_written(media_type: str, tmp_path: Path) -> None:
    """The text is complete and its accents are right."""
    document = _parser_of(media_type).parse(sample(media_type, tmp_path / "upload"))
    assert document.media_type == media_type
    assert SENTENCE in _text_of(document)
    assert SPANISH in _text_of(document)


def test_pages_are_clean_and_blocks_are_exact_spans_in_order(media_type: str, tmp_path: Path) -> None:
    """What stands outside of blocks is white space; pages count from one or not at all."""
    document = _parser_of(media_type).parse(sample(media_type, tmp_path / "upload"))
    for number, page in enumerate(document.pages, start=1):
        assert page.number in (number, None)
        _assert_clean(page)
        _assert_blocks_cover(page)
    if media_type in WITHOUT_HEADINGS:
        return
    first = document.pages[0]
    assert (first.blocks[0].kind, first.text[: first.blocks[0].end]) == ("heading", "Scales")


def test_damaged_files_are_refused_or_read_but_never_break_the_parser(
    media_type: str, tmp_path: Path
) -> None:
    """Forty seeded wounds: cut short, bytes flipped; only refusals may come out of what python-docx or lxml raise."""
    whole = sample(media_type, tmp_path / "upload").read_bytes()
    dice = random.Random(20260302)
    path = tmp_path / "wounded"
    for _ in range(40):
        wounded = bytearray(whole[: dice.randrange(1, len(whole) + 1)])
        for _ in range(dice.randrange(20)):
            wounded[dice.randrange(len(wounded))] = dice.randrange(256)
        path.write_bytes(wounded)
        try:
            document = _parser_of(media_type).parse(path)
        except DocumentRefused:
            continue
        for page in document.pages:
            _assert_clean(page)
            _assert_blocks_cover(page)


def test_more_text_than_the_limit_is_refused(media_type: str, tmp_path: Path) -> None:
    """The limit counts characters of all pages."""
    with pytest.raises(DocumentTooLarge):
        _parser_of(media_type, ParsingLimits(max_text_chars=20, max_children_bytes=20)).parse(
            sample(media_type, tmp_path / "upload")
        )
