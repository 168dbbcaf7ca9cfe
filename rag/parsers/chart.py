"""Charts of office documents (DrawingML): title, categories and series as a table, from the values kept in the file."""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from rag.office.number_formats import GENERAL, number_format, plain
from rag.parsers.page_writer import PageWriter

_MOST_POINTS = 10_000  # of a series; a chart of more is a picture of a workbook


def write_chart(writer: PageWriter, root: etree._Element | None, ref: str = "chart") -> None:
    """Write what a chart part says; nothing where it cannot be read."""
    chart = root.find("{*}chart") if root is not None else None
    if chart is None:
        return
    title = chart.find("{*}title")
    if title is not None:
        writer.add("paragraph", _words(title), 0, ref)
    series = [
        (_name(element), _points(element, "cat", "xVal"), _points(element, "val", "yVal"))
        for element in chart.iter("{*}ser")
    ]
    axes = [_words(axis) for axis in chart.iterfind("{*}plotArea/*/{*}title")]
    writer.add("paragraph", " / ".join(axis for axis in axes if axis), 0, ref)
    writer.add_table(((ref, row) for row in _rows(series)), header_rows=1)


_Series = tuple[str, dict[int, str], dict[int, str]]


def _rows(series: list[_Series]) -> Iterator[str]:
    """A column a series over the categories of the first; the header names them."""
    if not any(values for _, _, values in series):
        return
    yield " | ".join(["", *(name or f"{at}" for at, (name, _, _) in enumerate(series, start=1))])
    categories = next((known for _, known, _ in series if known), {})
    for index in sorted({index for _, known, values in series for index in (*known, *values)}):
        yield " | ".join([categories.get(index, ""), *(values.get(index, "") for _, _, values in series)])


def _name(series: etree._Element) -> str:
    found = series.find("{*}tx")
    return " ".join(value.text or "" for value in found.iter("{*}v")) if found is not None else ""


def _points(series: etree._Element, *names: str) -> dict[int, str]:
    """Index → text of the points of a category or value axis; numbers in their format."""
    for name in names:
        data = series.find(f"{{*}}{name}")
        if data is None:
            continue
        code = next(data.iter("{*}formatCode"), None)
        shape = number_format(code.text or "") if code is not None else GENERAL
        found: dict[int, str] = {}
        for point in data.iter("{*}pt"):
            index, text = point.get("idx", ""), point.findtext("{*}v") or ""
            if index.isdecimal() and len(found) < _MOST_POINTS:
                found[int(index)] = shape.text(float(text)) if code is not None and _is_number(text) else text
        return found
    return {}


def _is_number(text: str) -> bool:
    try:
        return bool(plain(float(text)))
    except ValueError:
        return False


def _words(element: etree._Element) -> str:
    return "".join(run.text or "" for run in element.iter("{*}t", "{*}v"))
