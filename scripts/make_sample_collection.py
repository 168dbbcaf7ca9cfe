"""Writes the sample collection: the handbook of a company that does not exist, as Markdown, PDF and DOCX.

    python scripts/make_sample_collection.py [FOLDER]        (needs reportlab, which the test extra brings)

The texts stand in `scripts/sample_collection/`; a rule (`---`) there is a page break. The same texts always give the
same bytes, so that a changed file in a commit means a changed text.
"""

from __future__ import annotations

import json
import sys
import zipfile
from dataclasses import dataclass
from datetime import datetime
from html import escape
from io import BytesIO
from pathlib import Path

from docx import Document
from docx.document import Document as WordDocument
from docx.shared import Pt
from docx.text.paragraph import Paragraph as WordParagraph
from markdown_it import MarkdownIt
from markdown_it.token import Token
from reportlab.lib import colors
from reportlab.lib.enums import TA_LEFT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import cm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    Flowable,
    Frame,
    PageBreak,
    PageTemplate,
    Paragraph,
    Spacer,
    Table,
    TableStyle,
)

COMPANY = "Tramontel Logística, S.L."
SOURCES = Path(__file__).parent / "sample_collection"
TARGET = Path(__file__).parent.parent / "appliance" / "sample"
_DATE = datetime(2026, 3, 2, 9, 0)
_PAGE_OF = {"en": "Page {} of {}", "es": "Página {} de {}"}
_NAVY, _LIGHT = colors.HexColor("#16324f"), colors.HexColor("#e8eef4")


@dataclass(frozen=True)
class Source:
    """One text of the handbook: its front matter and its Markdown."""

    name: str
    title: str
    format: str
    language: str
    edition: str
    body: str

    @classmethod
    def read(cls, path: Path) -> Source:
        _, front_matter, body = path.read_text(encoding="utf-8").split("---\n", 2)
        fields = dict(line.split(": ", 1) for line in front_matter.strip().splitlines())
        return cls(path.stem, **fields, body=body)

    @property
    def tokens(self) -> list[Token]:
        return MarkdownIt("commonmark").enable("table").parse(self.body)


def write_markdown(source: Source) -> bytes:
    """The text as it is; what a wiki would export."""
    edition = f"*{COMPANY} · {source.edition}*"
    head, _, rest = source.body.partition("\n\n")
    return f"{head}\n\n{edition}\n\n{rest}".encode()


def write_pdf(source: Source) -> bytes:
    """Set for reading: A4, running foot, ruled tables."""
    total = source.body.count("\n---\n") + 1
    buffer = BytesIO()
    document = BaseDocTemplate(
        buffer,
        pagesize=A4,
        leftMargin=2.4 * cm,
        rightMargin=2.4 * cm,
        topMargin=2.2 * cm,
        bottomMargin=2.4 * cm,
        title=source.title,
        author=COMPANY,
        lang=source.language,
        invariant=1,
    )

    def foot(canvas: Canvas, layout: BaseDocTemplate) -> None:
        canvas.saveState()
        canvas.setFont("Helvetica", 8)
        canvas.setFillColor(colors.HexColor("#5a6b7b"))
        canvas.drawString(2.4 * cm, 1.3 * cm, f"{COMPANY} · {source.edition}")
        canvas.drawRightString(
            A4[0] - 2.4 * cm, 1.3 * cm, _PAGE_OF[source.language].format(layout.page, total)
        )
        canvas.restoreState()

    frame = Frame(document.leftMargin, document.bottomMargin, document.width, document.height)
    document.addPageTemplates(PageTemplate(frames=[frame], onPageEnd=foot))
    document.build(_Setter(source).flowables())
    if document.page != total:
        raise SystemExit(f"{source.name}: {document.page} pages instead of {total}; shorten a page")
    return buffer.getvalue()


class _Setter:
    """Markdown tokens become paragraphs and tables of reportlab."""

    _BODY = ParagraphStyle(
        "body", fontName="Helvetica", fontSize=11.5, leading=17, spaceAfter=9, alignment=TA_LEFT
    )
    _HEADINGS = (
        ParagraphStyle(
            "h1", fontName="Helvetica-Bold", fontSize=21, leading=26, spaceAfter=14, textColor=_NAVY
        ),
        ParagraphStyle(
            "h2",
            fontName="Helvetica-Bold",
            fontSize=13.5,
            leading=18,
            spaceBefore=10,
            spaceAfter=6,
            textColor=_NAVY,
        ),
    )
    _CELL = ParagraphStyle("cell", parent=_BODY, fontSize=10.5, leading=14, spaceAfter=0)
    _HEAD_CELL = ParagraphStyle("head", parent=_CELL, fontName="Helvetica-Bold")
    _ITEM = ParagraphStyle("item", parent=_BODY, leftIndent=16, bulletIndent=4, spaceAfter=4)

    def __init__(self, source: Source) -> None:
        self._tokens = source.tokens

    def flowables(self) -> list[Flowable]:
        flowables: list[Flowable] = []
        marker: list[str] = []
        numbers: list[int | None] = []
        style = self._BODY
        for at, token in enumerate(self._tokens):
            match token.type:
                case "heading_open":
                    style = self._HEADINGS[int(token.tag[1]) - 1]
                case "bullet_list_open" | "ordered_list_open":
                    numbers.append(1 if token.type.startswith("ordered") else None)
                case "bullet_list_close" | "ordered_list_close":
                    numbers.pop()
                    flowables.append(Spacer(1, 4))
                case "list_item_open":
                    marker, numbers[-1:] = _next_marker(numbers[-1])
                case "hr":
                    flowables.append(PageBreak())
                case "table_open":
                    flowables += [self._table(at), Spacer(1, 10)]
                case "inline" if not _in_table(self._tokens, at):
                    in_list = bool(numbers)
                    flowables.append(
                        Paragraph(
                            _markup(token), self._ITEM if in_list else style, marker[0] if in_list else None
                        )
                    )
                    style = self._BODY
        return flowables

    def _table(self, at: int) -> Table:
        rows = _rows(self._tokens, at)
        cells = [
            [Paragraph(_markup(cell), self._HEAD_CELL if number == 0 else self._CELL) for cell in row]
            for number, row in enumerate(rows)
        ]
        width = A4[0] - 4.8 * cm
        weights = [
            max(8, *(len(row[column].content) for row in rows)) ** 0.6 for column in range(len(rows[0]))
        ]
        table = Table(cells, colWidths=[width * weight / sum(weights) for weight in weights], repeatRows=1)
        table.setStyle(
            TableStyle(
                [
                    ("BACKGROUND", (0, 0), (-1, 0), _LIGHT),
                    ("LINEBELOW", (0, 0), (-1, -1), 0.5, colors.HexColor("#c3ced9")),
                    ("VALIGN", (0, 0), (-1, -1), "TOP"),
                    ("TOPPADDING", (0, 0), (-1, -1), 5),
                    ("BOTTOMPADDING", (0, 0), (-1, -1), 6),
                ]
            )
        )
        return table


def write_docx(source: Source) -> bytes:
    """Word's own heading, list and table styles, as an office would use them."""
    document = Document()
    document.styles["Normal"].font.name = "Calibri"
    document.styles["Normal"].font.size = Pt(11)
    properties = document.core_properties
    properties.title, properties.author, properties.language = source.title, COMPANY, source.language
    properties.created = properties.modified = _DATE
    properties.last_modified_by = COMPANY
    document.sections[0].footer.paragraphs[0].text = f"{COMPANY} · {source.edition}"
    level, lists = 0, []
    tokens = source.tokens
    for at, token in enumerate(tokens):
        match token.type:
            case "heading_open":
                level = int(token.tag[1])
            case "bullet_list_open":
                lists.append("List Bullet")
            case "ordered_list_open":
                lists.append("List Number")
            case "bullet_list_close" | "ordered_list_close":
                lists.pop()
            case "table_open":
                _add_table(document, _rows(tokens, at))
            case "inline" if not _in_table(tokens, at):
                if level:
                    document.add_heading(_plain(token), level)
                else:
                    _add_runs(document.add_paragraph(style=lists[-1] if lists else None), token)
                level = 0
    buffer = BytesIO()
    document.save(buffer)
    return _same_every_time(buffer.getvalue())


def _add_table(document: WordDocument, rows: list[list[Token]]) -> None:
    table = document.add_table(rows=len(rows), cols=len(rows[0]), style="Light Grid Accent 1")
    for row, cells in zip(table.rows, rows, strict=True):
        for cell, token in zip(row.cells, cells, strict=True):
            cell.text = _plain(token)
    document.add_paragraph()


def _add_runs(paragraph: WordParagraph, token: Token) -> None:
    is_bold = False
    for child in token.children or ():
        if child.type in ("strong_open", "strong_close"):
            is_bold = child.type == "strong_open"
        elif child.type in ("text", "softbreak"):
            paragraph.add_run(child.content or " ").bold = is_bold


def _same_every_time(package: bytes) -> bytes:
    """The ZIP container without the hour of its making."""
    buffer = BytesIO()
    with zipfile.ZipFile(BytesIO(package)) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.infolist():
            dated = zipfile.ZipInfo(member.filename, _DATE.timetuple()[:6])
            new.writestr(dated, old.read(member), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _next_marker(number: int | None) -> tuple[list[str], list[int | None]]:
    return (["•"], [None]) if number is None else ([f"{number}."], [number + 1])


def _rows(tokens: list[Token], at: int) -> list[list[Token]]:
    rows: list[list[Token]] = []
    for token in tokens[at:]:
        if token.type == "table_close":
            break
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline":
            rows[-1].append(token)
    return rows


def _in_table(tokens: list[Token], at: int) -> bool:
    return tokens[at - 1].type in ("th_open", "td_open")


def _plain(token: Token) -> str:
    return "".join(
        child.content or " " for child in token.children or () if child.type in ("text", "softbreak")
    )


def _markup(token: Token) -> str:
    tags = {"strong_open": "<b>", "strong_close": "</b>", "softbreak": " "}
    return "".join(
        tags.get(child.type) or escape(child.content, quote=False) for child in token.children or ()
    )


WRITERS = {"md": write_markdown, "pdf": write_pdf, "docx": write_docx}


def main(folder: Path) -> None:
    """Write every document and the list of suggested questions."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(SOURCES.glob("*.md")):
        source = Source.read(path)
        (folder / f"{source.name}.{source.format}").write_bytes(WRITERS[source.format](source))
    questions = json.loads((SOURCES / "questions.json").read_text(encoding="utf-8"))
    (folder / "questions.json").write_text(
        json.dumps(questions, ensure_ascii=False, indent=2) + "\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET)
