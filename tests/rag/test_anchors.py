"""Where a span of a page's text stands in the document."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.anchors import boxes, reference
from rag.documents import Anchor, Block, Child, Page, ParsedDocument
from rag.sandbox import wire

ROWS = (Anchor(0, 9, "A1:C1"), Anchor(10, 19, "A2:AB2"), Anchor(20, 29, "B3"))
LINES = (Anchor(0, 10, box=(0.1, 0.1, 0.5, 0.2)), Anchor(11, 21, box=(0.1, 0.2, 0.5, 0.3)))


@pytest.mark.parametrize(
    ("span", "expected"),
    [((0, 5), "A1:C1"), ((0, 29), "A1:AB3"), ((22, 25), "B3"), ((9, 10), ""), ((40, 50), "")],
)
def test_cells_are_joined_into_one_range(span: tuple[int, int], expected: str) -> None:
    """From the leftmost column to the rightmost, AB behind C; between two rows there is nothing."""
    assert reference(ROWS, *span) == expected


def test_other_references_are_told_from_first_to_last() -> None:
    """Rows of a CSV and paragraphs have no rectangle."""
    anchors = (Anchor(0, 5, "row 2"), Anchor(6, 9, "row 3"), Anchor(10, 12))
    assert reference(anchors, 0, 12) == "row 2 – row 3"
    assert reference(anchors, 6, 9) == "row 3"


def test_a_span_is_marked_line_by_line() -> None:
    """The first line from where it begins, the last one to where it ends."""
    first, second = boxes(LINES, 5, 16)
    assert first == pytest.approx((0.3, 0.1, 0.5, 0.2))
    assert second == pytest.approx((0.1, 0.2, 0.3, 0.3))
    assert boxes(ROWS, 0, 29) == []


REFS = st.text(max_size=40)
BOXES = st.none() | st.tuples(*[st.integers(0, 65535).map(lambda n: n / 65535)] * 4)


@given(st.lists(st.tuples(REFS, BOXES), max_size=5), st.binary(max_size=20), REFS)
def test_anchors_and_children_cross_the_border_whole(
    places: list[tuple[str, tuple[float, float, float, float] | None]], content: bytes, name: str
) -> None:
    """What the child says is what its caller reads; a reference is shortened to 64 bytes."""
    anchors = tuple(Anchor(i * 2, i * 2 + 1, ref, box) for i, (ref, box) in enumerate(places))
    page = Page(3, "x" * 12, (Block("table", 0, 12),), "sheet", "Ventas", anchors)
    document = ParsedDocument("text/csv", (page,), "title", ("note",), (Child(name, content),))

    read = wire.decode_document(wire.encode_document(document)[wire.HEADER.size :])

    assert [a.box for a in read.pages[0].anchors] == [a.box for a in anchors]
    assert all(a.ref.startswith(b.ref) for a, b in zip(anchors, read.pages[0].anchors, strict=True))
    assert (read.pages[0].unit, read.pages[0].label, read.children) == ("sheet", "Ventas", document.children)


def test_a_line_that_begins_at_the_right_is_marked_from_there() -> None:
    """Hebrew and Arabic: the first letters are the rightmost ones."""
    text = "שלום עולם"
    (left, _, right, _), *_ = boxes([Anchor(0, len(text), "", (0.2, 0.1, 0.8, 0.2))], 0, 4, text)

    assert right == pytest.approx(0.8) and left > 0.5
