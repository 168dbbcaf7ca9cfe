"""The sample handbook: what its suggested questions promise stands word for word on the page they name."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path

import pytest

from rag.documents import ParsedDocument
from rag.limits import ParsingLimits
from rag.media_types import detect, from_filename
from rag.parsers import PARSERS
from scripts.make_sample_collection import SOURCES, TARGET, Source, main

QUESTIONS = json.loads((TARGET / "questions.json").read_text(encoding="utf-8"))
ANSWERED = [question for question in QUESTIONS if question["expects"] != "refused"]


def _parse(path: Path) -> ParsedDocument:
    limits = ParsingLimits()
    module, _, name = PARSERS[detect(path, limits, from_filename(path.name))].partition(":")
    document: ParsedDocument = getattr(importlib.import_module(module), name)(limits).parse(path)
    return document


def _documents(folder: Path = TARGET) -> dict[str, ParsedDocument]:
    return {path.name: _parse(path) for path in sorted(folder.iterdir()) if path.suffix != ".json"}


@pytest.mark.parametrize("question", ANSWERED, ids=lambda question: question["id"])
def test_an_expected_answer_stands_verbatim_on_its_page(question: dict[str, object]) -> None:
    """Document, page and wording, as the parsers give them."""
    expects = question["expects"]
    assert isinstance(expects, dict)
    document = _parse(TARGET / str(expects["filename"]))
    (page,) = [page for page in document.pages if page.number == expects["page"]]
    assert expects["contains"] in page.text


def test_the_six_questions_show_what_the_product_promises() -> None:
    """Both languages, one that is refused, one Spanish question that only an English document answers."""
    languages = {path.stem: Source.read(path).language for path in SOURCES.glob("*.md")}
    crossing = [
        question["id"]
        for question in ANSWERED
        if languages[Path(question["expects"]["filename"]).stem] != question["language"]
    ]
    assert len(QUESTIONS) == len({question["id"] for question in QUESTIONS}) == 6
    assert [question["id"] for question in QUESTIONS if question["expects"] == "refused"] == ["gym"]
    assert crossing == ["hotel"]
    assert {Path(question["expects"]["filename"]).suffix for question in ANSWERED} == {".md", ".pdf", ".docx"}


def test_no_document_could_answer_what_must_be_refused_or_what_only_one_may_answer() -> None:
    """Nobody writes of gyms; of hotels in Amsterdam only the English travel policy."""
    texts = {
        name: " ".join(page.text for page in document.pages).lower()
        for name, document in _documents().items()
    }
    assert not [name for name, text in texts.items() if re.search(r"\bgyms?\b|membership|gimnasio", text)]
    assert [name for name, text in texts.items() if "amsterdam" in text] == ["travel-and-expenses-policy.pdf"]


def test_the_collection_is_a_handbook_in_two_languages_and_three_formats() -> None:
    """Ten documents with headings and titles; the PDFs have the pages that citations can name."""
    documents = _documents()
    assert len(documents) == 10
    assert sum(len(document.pages) for name, document in documents.items() if name.endswith(".pdf")) == 19
    for document in documents.values():
        assert document.title
        assert document.notes == ()
        assert sum(block.kind == "heading" for page in document.pages for block in page.blocks) >= 6


def test_the_committed_files_are_what_the_script_writes(tmp_path: Path) -> None:
    """Same texts, same pages; and the same bytes each time it runs."""
    main(tmp_path / "once")
    main(tmp_path / "again")
    assert _documents(tmp_path / "once") == _documents()
    for path in (tmp_path / "once").iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()
