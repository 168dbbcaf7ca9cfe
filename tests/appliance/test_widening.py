"""What the model reads around a passage, within its budget."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

from appliance.pipelines.widening import MAX_CHARACTERS, widened
from rag.documents import Passage

PAGE = "".join(f"Sentence number {n:03} of the page. " for n in range(200))
FILE, COLLECTION = uuid4(), uuid4()


def _cut(chunk: int, start: int, end: int, page: int = 1) -> Passage:
    return Passage(chunk, FILE, "a.pdf", COLLECTION, PAGE[start:end], page, start, end)


def test_a_passage_grows_and_stays_verbatim_on_its_page() -> None:
    """Its text is the page between its offsets."""
    (handed,) = widened([_cut(1, 300, 400)], [_cut(1, 100, 600)], 1_000, len)

    assert (handed.start, handed.end) == (100, 600)
    assert handed.text == PAGE[handed.start : handed.end]


def test_nothing_grows_where_the_others_would_lose_their_place() -> None:
    """Every passage that was found is handed on before any grows."""
    found = [_cut(1, 300, 400), _cut(2, 900, 1000)]

    handed = widened(found, [_cut(1, 100, 600), _cut(2, 700, 1200)], 650, len)

    assert handed == (replace(found[0], text=PAGE[100:600], start=100, end=600), found[1])
    assert widened(found, [_cut(1, 100, 600), _cut(2, 700, 1200)], 250, len) == tuple(found)


def test_a_passage_that_another_has_grown_over_is_read_once() -> None:
    """Neighbours become one; the same offsets of another page are another text."""
    found = [_cut(1, 300, 400), _cut(2, 400, 500), _cut(3, 300, 400, page=2)]
    grown = [_cut(1, 100, 600), _cut(2, 200, 700), _cut(3, 300, 400, page=2)]

    handed = widened(found, grown, 10_000, len)

    assert [passage.chunk_id for passage in handed] == [1, 3]


def test_sections_that_would_overlap_stay_apart() -> None:
    """No sentence is handed on twice."""
    found = [_cut(1, 300, 400), _cut(2, 650, 750)]

    handed = widened(found, [_cut(1, 100, 600), _cut(2, 500, 900)], 10_000, len)

    assert handed[1] == found[1]


def test_a_section_as_long_as_a_chapter_is_not_taken() -> None:
    """The passage alone goes in."""
    found = [_cut(1, 300, 400)]

    assert widened(found, [_cut(1, 0, MAX_CHARACTERS + 1)], 10**6, len) == tuple(found)
