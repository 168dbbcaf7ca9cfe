"""Workbooks, presentations and tables made on the spot, beside `tests.documents`."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import xlwt
from openpyxl import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from tests.documents import zipped

Cells = Sequence[Sequence[object]]


def xlsx(path: Path, sheets: Mapping[str, Cells | Callable[[Worksheet], None]]) -> Path:
    """One sheet after the other: rows of values, or what fills the sheet."""
    book = Workbook()
    book.remove(book.active)
    for name, content in sheets.items():
        sheet = book.create_sheet(name)
        if callable(content):
            content(sheet)
            continue
        for row in content:
            sheet.append(list(row))
    book.save(path)
    return path


def xlsx_with(path: Path, replaced: Mapping[str, bytes]) -> Path:
    """A small XLSX some of whose parts are replaced or added."""
    buffer = io.BytesIO()
    xlsx(buffer, {"Sheet1": [["a", "b"], [1, 2]]})  # type: ignore[arg-type]
    with zipfile.ZipFile(buffer) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    return zipped(path, {**members, **replaced})


def xls(path: Path, sheets: Mapping[str, Cells]) -> Path:
    """An old workbook of rows of values; None leaves a cell empty."""
    book = xlwt.Workbook()
    for name, rows in sheets.items():
        sheet = book.add_sheet(name)
        for at, row in enumerate(rows):
            for column, value in enumerate(row):
                if value is not None:
                    sheet.write(at, column, value)
    book.save(str(path))
    return path


def scales(sentence: str, spanish: str) -> Cells:
    """The rows of the sample sheet."""
    return [["Scales"], ["Rule", "Norma", "Year"], [sentence, spanish, 2026]]


_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
SPACES = (
    'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" '
    'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
    'xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart" '
    f'xmlns:r="{_OFFICE}"'
)


def relationships(targets: Mapping[str, tuple[str, str]], mode: str = "Internal") -> bytes:
    """The part that names a part's relationships: identifier → (kind, target)."""
    found = "".join(
        f'<Relationship Id="{identifier}" Type="{_OFFICE}/{kind}" Target="{target}" TargetMode="{mode}"/>'
        for identifier, (kind, target) in targets.items()
    )
    return f'<?xml version="1.0"?><Relationships xmlns="{_RELATIONS}">{found}</Relationships>'.encode()


def shape(text: str, placeholder: str = "") -> str:
    """A shape with a paragraph a line; placeholder: its type, such as "title"."""
    kind = f'<p:nvPr><p:ph type="{placeholder}"/></p:nvPr>' if placeholder else "<p:nvPr/>"
    paragraphs = "".join(f"<a:p><a:r><a:t>{line}</a:t></a:r></a:p>" for line in text.split("\n"))
    return f"<p:sp><p:nvSpPr>{kind}</p:nvSpPr><p:txBody>{paragraphs}</p:txBody></p:sp>"


def pptx(path: Path, slides: Sequence[str], added: Mapping[str, bytes] | None = None) -> Path:
    """A presentation; of each slide the XML of its shapes. added: parts beside or instead of the usual ones."""
    numbers = range(1, len(slides) + 1)
    listed = "".join(f'<p:sldId id="{255 + number}" r:id="rId{number}"/>' for number in numbers)
    members = {
        "[Content_Types].xml": b"<Types/>",
        "_rels/.rels": relationships({"rId1": ("officeDocument", "ppt/presentation.xml")}),
        "ppt/presentation.xml": _element("presentation", f"<p:sldIdLst>{listed}</p:sldIdLst>"),
        "ppt/_rels/presentation.xml.rels": relationships(
            {f"rId{number}": ("slide", f"slides/slide{number}.xml") for number in numbers}
        ),
    }
    for number, shapes in zip(numbers, slides, strict=True):
        slide = _element("sld", f"<p:cSld><p:spTree>{shapes}</p:spTree></p:cSld>")
        members[f"ppt/slides/slide{number}.xml"] = slide
    return zipped(path, {**members, **(added or {})})


def _element(name: str, content: str) -> bytes:
    return f"<p:{name} {SPACES}>{content}</p:{name}>".encode()
