"""A passage of a table's later rows still knows what its columns are called."""

from __future__ import annotations

from rag.chunking import approximate_tokens, split
from rag.documents import Chunk, Page, ParsedDocument, nearest_heading
from rag.limits import ParsingLimits
from rag.parsers.page_writer import PageWriter
from rag.settings import ChunkingSettings

SETTINGS = ChunkingSettings(max_tokens=60, target_tokens=40, tiny_tokens=8, heading_tokens=16)


def _chunks(*pages: Page) -> list[Chunk]:
    return split(ParsedDocument("text/csv", pages), SETTINGS)


def _table(rows: list[list[str]], header_rows: int = 1, label: str = "Sales") -> Page:
    writer = PageWriter(ParsingLimits())
    writer.add_table(((f"A{at}", " | ".join(row)) for at, row in enumerate(rows, start=1)), header_rows)
    return writer.finish(1, "sheet", label)


LONG = [["City", "Units"], *([f"Town number {number}", str(number)] for number in range(60))]


def test_every_part_of_a_long_table_knows_its_columns_and_its_sheet() -> None:
    """The header stands in the first passage and ends the heading path of all others; no text is made up."""
    page = _table(LONG)
    chunks = _chunks(page)
    assert len(chunks) > 3
    assert chunks[0].text.startswith("City | Units\n")
    assert chunks[0].headings == ("Sales",)
    assert {chunk.headings for chunk in chunks[1:]} == {("Sales", "City | Units")}
    assert all(chunk.text == page.text[chunk.start : chunk.end] for chunk in chunks)


def test_rows_and_columns_names_fit_the_model_together() -> None:
    """Whatever the width of the table, a passage with its context keeps the limit."""
    for width in (2, 8, 40, 200):
        names = [f"Column number {at}" for at in range(width)]
        page = _table([names, *([f"value {row} {at}" for at in range(width)] for row in range(5))])
        for chunk in _chunks(page):
            together = approximate_tokens(chunk.context + "\n") + approximate_tokens(chunk.text)
            assert together <= SETTINGS.max_tokens


def test_a_part_of_one_wide_row_has_the_names_of_its_own_columns() -> None:
    """A row that does not fit is told by the columns that the part reaches over, not by the first ones."""
    names = [f"C{at:02}" for at in range(60)]
    page = _table([names, [f"v{at:02}" for at in range(60)]])
    parts = [chunk for chunk in _chunks(page) if chunk.text.startswith(("| v", "v")) and chunk.headings[1:]]
    assert len(parts) > 2
    for chunk in parts:
        values = [value.strip() for value in chunk.text.split("|") if value.strip()]
        told = [name.strip() for name in chunk.headings[-1].split("|") if name.strip(" …")]
        assert {name[1:] for name in told} <= {value[1:] for value in values}


def test_a_table_that_is_not_cut_has_no_second_header() -> None:
    """Only passages that lost their header are given one."""
    (chunk,) = _chunks(_table(LONG[:4]))
    assert chunk.headings == ("Sales",)


def test_headings_of_one_sheet_do_not_reach_the_next() -> None:
    """A title on the first sheet says nothing of the second."""
    writer = PageWriter(ParsingLimits())
    writer.add("heading", "Only here", 2)
    writer.add("paragraph", "Something on the first sheet.")
    first = writer.finish(1, "sheet", "One")
    assert [chunk.headings for chunk in _chunks(first, _table(LONG[:3], label="Two"))] == [
        ("One", "Only here"),
        ("Two",),
    ]


def test_the_nearest_heading_is_no_line_of_columns() -> None:
    """What a citation shows as its heading is a heading."""
    assert nearest_heading(("Sales", "City | Units")) == "Sales"
    assert nearest_heading(()) is None
