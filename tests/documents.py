"""Documents made on the spot, so that a clean clone can test every parser without stored files."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from docx import Document
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from rag import media_types

SENTENCE = "Every parcel is weighed twice before it leaves the house."
SPANISH = "La báscula se calibra cada doce meses, según el manual de Ángel Núñez."


def pdf(path: Path, pages: Sequence[Sequence[str]], *, password: str = "") -> Path:
    """One list of lines a page; a line that begins with '# ' is set as a heading."""
    canvas = Canvas(str(path), pagesize=A4, encrypt=password or None, invariant=1)
    for lines in pages:
        height = A4[1] - 80
        for line in lines:
            is_heading = line.startswith("# ")
            canvas.setFont("Helvetica-Bold" if is_heading else "Helvetica", 18 if is_heading else 11)
            canvas.drawString(70, height, line.removeprefix("# "))
            height -= 30 if is_heading else 14
        canvas.showPage()
    canvas.save()
    return path


def docx(path: Path, *, paragraphs: Sequence[str] = (SENTENCE,)) -> Path:
    """A heading, paragraphs, a list and a table."""
    document = Document()
    document.add_heading("Scales", 1)
    for paragraph in paragraphs:
        document.add_paragraph(paragraph)
    document.add_paragraph("Check the spirit level", style="List Bullet")
    table = document.add_table(rows=2, cols=2)
    for row, cells in zip(table.rows, (("Scale", "Limit"), ("Hall 2", "600 kg")), strict=True):
        for cell, text in zip(row.cells, cells, strict=True):
            cell.text = text
    document.save(str(path))
    return path


def zipped(path: Path, members: Mapping[str, bytes]) -> Path:
    """A ZIP container of these members."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def docx_with(path: Path, replaced: Mapping[str, bytes]) -> Path:
    """A DOCX some of whose parts are replaced or added."""
    buffer = path.with_suffix(".tmp")
    docx(buffer)
    with zipfile.ZipFile(io.BytesIO(buffer.read_bytes())) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    buffer.unlink()
    return zipped(path, {**members, **replaced})


def sample(media_type: str, path: Path) -> Path:
    """A small document of this type that holds SENTENCE and SPANISH."""
    text = f"{SENTENCE} {SPANISH}"
    match media_type:
        case "text/plain":
            path.write_text(f"Scales\n======\n\n{text}\n\n- one\n- two\n", encoding="utf-8")
        case "text/markdown":
            path.write_text(
                f"# Scales\n\n{text}\n\n- one\n- two\n\n| a | b |\n| - | - |\n| 1 | 2 |\n", encoding="utf-8"
            )
        case "text/html":
            path.write_text(f"<!doctype html><title>T</title><h1>Scales</h1><p>{text}</p>", encoding="utf-8")
        case "text/csv" | media_types.XLS | media_types.XLSX:
            _table_sample(media_type, path)
        case media_types.PPTX:
            _slide_sample(path)
        case "application/pdf":
            pdf(path, [["# Scales", SENTENCE, SPANISH]])
        case media_types.DOCX:
            docx(path, paragraphs=[SENTENCE, SPANISH])
        case _:
            from tests import open_documents

            assert open_documents.sample(media_type, path, SENTENCE, SPANISH), f"no sample of {media_type}"
    return path


def _table_sample(media_type: str, path: Path) -> None:
    from tests.office_documents import scales, xls, xlsx

    rows = scales(SENTENCE, SPANISH)
    if media_type == media_types.XLSX:
        xlsx(path, {"Sheet1": rows})
    elif media_type == media_types.XLS:
        xls(path, {"Sheet1": rows})
    else:
        lines = (",".join(f'"{value}"' for value in row) for row in rows)
        path.write_text("\n".join(lines), encoding="utf-8")


def _slide_sample(path: Path) -> None:
    from tests.office_documents import pptx, shape

    pptx(path, [shape("Scales", "title") + shape(f"{SENTENCE}\n{SPANISH}", "body")])
