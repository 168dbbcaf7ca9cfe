"""Passages: exact, complete, in order, within the embedding model's limit, in linear time."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rag.chunking import approximate_tokens, split
from rag.documents import BlockKind, Chunk, Page, ParsedDocument
from rag.limits import ParsingLimits
from rag.parsers.page_writer import PageWriter
from rag.sentences import split_sentences
from rag.settings import ChunkingSettings

SMALL = ChunkingSettings(max_tokens=40, target_tokens=24, tiny_tokens=4, heading_tokens=10)


def _words(text: str) -> int:
    return len(text.split())


def _pieces(text: str) -> int:
    """Like a sub-word tokenizer: long words count more than once, marks count as one."""
    return sum((len(word) + 5) // 6 for word in re.findall(r"\w+|[^\w\s]", text))


def _document(*pages: list[tuple[BlockKind, str]], levels: dict[str, int] | None = None) -> ParsedDocument:
    writer = PageWriter(ParsingLimits())
    made = []
    for number, blocks in enumerate(pages, start=1):
        for kind, text in blocks:
            writer.add(kind, text, (levels or {}).get(text, 1) if kind == "heading" else 0)
        made.append(writer.finish(number))
    return ParsedDocument("text/plain", tuple(made))


def _page_of(document: ParsedDocument, chunk: Chunk) -> Page:
    return next(page for page in document.pages if page.number == chunk.page)


TEXTS = st.text(
    alphabet=st.sampled_from("abcdefgh ABC .,;:!?\n\t12áñ¿漢字😀-"), min_size=1, max_size=400
) | st.text(max_size=60).filter(lambda text: text.isprintable())
KINDS = st.sampled_from(["heading", "paragraph", "list_item", "table", "code"])
DOCUMENTS = st.lists(st.lists(st.tuples(KINDS, TEXTS), max_size=12), min_size=1, max_size=4).map(
    lambda pages: _document(*pages)  # type: ignore[arg-type]
)
COUNTERS = st.sampled_from([approximate_tokens, _words, _pieces, len])


@settings(max_examples=150, deadline=None)
@given(DOCUMENTS, COUNTERS)
@example(_document([("code", "  indented")]), approximate_tokens)
def test_passages_hold_all_text_once_in_order_as_exact_spans(
    document: ParsedDocument, count: Callable[[str], int]
) -> None:
    """Joined, the passages of a page are its text without white space; none overlaps another."""
    chunks = split(document, SMALL, count)
    assert [chunk.ordinal for chunk in chunks] == list(range(len(chunks)))
    for page in document.pages:
        own = [chunk for chunk in chunks if chunk.page == page.number]
        assert all(chunk.text == page.text[chunk.start : chunk.end] for chunk in own)
        assert all(chunk.text == chunk.text.strip() != "" for chunk in own)
        assert all(first.end <= second.start for first, second in pairwise(own))
        assert "".join("".join(chunk.text.split()) for chunk in own) == "".join(page.text.split())


@settings(max_examples=150, deadline=None)
@given(DOCUMENTS, COUNTERS)
def test_heading_path_and_text_fit_the_model_together(
    document: ParsedDocument, count: Callable[[str], int]
) -> None:
    """What is embedded is never cut in silence."""
    for chunk in split(document, SMALL, count):
        embedded = f"{chunk.context}\n{chunk.text}" if chunk.headings else chunk.text
        assert count(embedded) <= SMALL.max_tokens


def test_a_paragraph_that_fits_is_not_cut_and_large_ones_stay_alone() -> None:
    """Neighbours are joined only while they stay small together."""
    one, two, three = (" ".join(["word"] * n) + "." for n in (20, 20, 3))
    chunks = split(_document([("paragraph", one), ("paragraph", two), ("paragraph", three)]), SMALL, _words)
    assert [chunk.text for chunk in chunks] == [one, f"{two}\n\n{three}"]


def test_a_paragraph_that_is_too_long_is_cut_between_sentences() -> None:
    """No sentence that fits is broken."""
    sentences = [f"Sentence number {n} says that the gate of hall {n} is shut at eight." for n in range(12)]
    chunks = split(_document([("paragraph", " ".join(sentences))]), SMALL, _words)
    assert len(chunks) > 3
    assert all(chunk.text.startswith("Sentence") and chunk.text.endswith("eight.") for chunk in chunks)


def test_headings_carry_their_path_across_pages_and_levels() -> None:
    """The nearest heading is last; a heading of the same level replaces its sister."""
    levels = {"Part": 1, "First": 2, "Second": 2, "Deep": 3}
    document = _document(
        [
            ("heading", "Part"),
            ("paragraph", "intro"),
            ("heading", "First"),
            ("heading", "Deep"),
            ("paragraph", "a"),
        ],
        [("paragraph", "still deep"), ("heading", "Second"), ("paragraph", "b")],
        levels=levels,
    )
    found = [(chunk.page, chunk.headings, chunk.text) for chunk in split(document, SMALL, _words)]
    assert found == [
        (1, ("Part",), "Part\n\nintro"),
        (1, ("Part", "First", "Deep"), "First\n\nDeep\n\na"),
        (2, ("Part", "First", "Deep"), "still deep"),
        (2, ("Part", "Second"), "Second\n\nb"),
    ]


def test_a_list_and_its_lead_in_stay_together_when_they_fit() -> None:
    """The items are found with the sentence that says what they are."""
    long = " ".join(["before"] * 22) + "."
    items: list[tuple[BlockKind, str]] = [("list_item", f"item {n}") for n in range(6)]
    chunks = split(_document([("paragraph", long), ("paragraph", "You need:"), *items]), SMALL, _words)
    assert [chunk.text.split()[0] for chunk in chunks] == ["before", "You"]


def test_a_table_that_is_too_large_is_cut_between_rows() -> None:
    """A row is never torn."""
    rows = [f"row {n} | left {n} | right {n}" for n in range(30)]
    chunks = split(_document([("table", "\n".join(rows))]), SMALL, _words)
    assert len(chunks) > 5
    assert [row for chunk in chunks for row in chunk.text.split("\n")] == rows


def test_outer_headings_go_first_when_the_path_is_too_long() -> None:
    """The nearest heading says most; even a monstrous one leaves room for the text."""
    levels = {"far " * 9 + "away": 1, "near": 2}
    document = _document(
        [("heading", "far " * 9 + "away"), ("heading", "near"), ("paragraph", "text")], levels=levels
    )
    assert split(document, SMALL, _words)[0].headings == ("near",)
    monster = _document([("heading", "giant " * 30), ("paragraph", "text")])
    assert all(_words(chunk.context) <= SMALL.heading_tokens for chunk in split(monster, SMALL, _words))


def test_a_short_passage_takes_the_documents_language() -> None:
    """Where the detector cannot tell, the neighbours can."""
    texts = [" ".join(["palabra"] * 30), "OK 5", " ".join(["otra"] * 30)]
    document = _document([("paragraph", texts[0])], [("paragraph", texts[1])], [("paragraph", texts[2])])
    chunks = split(document, SMALL, _words, lambda text: "es" if len(text) > 20 else None)
    assert [chunk.language for chunk in chunks] == ["es", "es", "es"]
    assert split(document, SMALL, _words)[0].language is None


@pytest.mark.parametrize(
    "blocks",
    [
        [("paragraph", "x" * 2**20)],
        [("paragraph", "word " * (2**20 // 5))],
        [("heading", "h" * 2**20)],
        [("list_item", f"{n} " + "y" * 20) for n in range(40_000)],
        [("table", "cell | cell\n" * 80_000)],
        [("paragraph", "A. " * 300_000)],
    ],
    ids=["one word", "one line", "one heading", "list", "table", "initials"],
)
def test_the_tokens_counted_grow_with_the_text_and_not_with_its_square(
    blocks: list[tuple[BlockKind, str]],
) -> None:
    """A megabyte costs the tokenizer no more than a few readings of it, whatever its shape."""
    counted = 0

    def count(text: str) -> int:
        nonlocal counted
        counted += len(text)
        return approximate_tokens(text)

    document = _document(blocks)
    length = sum(len(page.text) for page in document.pages)
    chunks = split(document, ChunkingSettings(), count)
    assert counted < 8 * length
    assert len(chunks) < length / 50


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("El Sr. Pérez llegó. ¿Cuándo? ¡Ayer!", ["El Sr. Pérez llegó.", "¿Cuándo?", "¡Ayer!"]),
        ("It costs 4.80 euros, e.g. Per pallet. Next.", ["It costs 4.80 euros, e.g. Per pallet.", "Next."]),
        ("See J. R. Smith. He knows.", ["See J. R. Smith.", "He knows."]),
        ("He said “No.” Then he left.[3] Nobody saw.", ["He said “No.”", "Then he left.[3]", "Nobody saw."]),
        ("Hall No. 5 is shut.", ["Hall No. 5 is shut."]),
        ("1. First step. Do it.", ["1. First step.", "Do it."]),
        ("version 2.0 of tool.exe runs", ["version 2.0 of tool.exe runs"]),
        ("line one\nline two", ["line one", "line two"]),
        ("在这里。还有那里。", ["在这里。", "还有那里。"]),
        ("   ", []),
    ],
)
def test_sentences_end_where_a_reader_says_so(text: str, sentences: list[str]) -> None:
    """Abbreviations, initials, numbers and quotes do not deceive."""
    assert [text[start:end] for start, end in split_sentences(text, 0, len(text))] == sentences
