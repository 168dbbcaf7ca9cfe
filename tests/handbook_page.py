"""`/api/documents` for one document of the page's tests: a real page, drawn and marked by the product itself."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from appliance.api.identity import Identity
from appliance.errors import NotFound
from rag.anchors import boxes
from rag.documents import Page
from rag.limits import ParsingLimits
from rag.parsers.pdf import PdfParser
from rag.rendering.order import PageOrder
from rag.rendering.pdf import PdfRenderer

FILE_ID = f"file-{7:032x}"
OLDER_ID = f"file-{8:032x}"
QUOTE = "Everybody has 23 days of holiday a year."
LINES = [
    "Working here",
    "Holidays are planned in January. Everybody has 23 days of holiday a year.",
    "Unused days lapse at the end of March of the following year.",
    *(
        f"Paragraph {number} of the rules that everybody has signed on the first day."
        for number in range(1, 28)
    ),
]


def page_of_handbook(identity: Identity) -> APIRouter:
    """One page under any number; a document of another id is gone."""
    routes = APIRouter()
    folder = Path(tempfile.mkdtemp(prefix="handbook-"))
    path = _written(folder / "handbook.pdf")
    page = PdfParser(ParsingLimits()).parse(path).pages[0]

    @routes.get("/api/documents/{file_id}")
    async def card(request: Request, file_id: str) -> dict[str, Any]:
        await identity.caller(request)
        if file_id not in (FILE_ID, OLDER_ID):
            raise NotFound
        return _card(file_id)

    @routes.get("/api/documents/{file_id}/pages/{number}", response_model=None)
    async def shown(
        request: Request, file_id: str, number: int, width: int = 900, format: str = "image"
    ) -> Response | dict[str, Any]:
        await identity.caller(request)
        if file_id not in (FILE_ID, OLDER_ID):
            raise NotFound
        at = page.text.index(QUOTE)
        if format == "text":
            return _told(page, at, number, request.url.path)
        marks = boxes(page.anchors, at, at + len(QUOTE))
        picture = PdfRenderer(ParsingLimits()).render(path, PageOrder(1, width, tuple(marks)))
        return Response(picture, media_type="image/png", headers={"cache-control": "private, no-cache"})

    return routes


def _card(file_id: str) -> dict[str, Any]:
    """Forty pages, an older version, a note and two attributes."""
    now, before = 1_795_000_000, 1_780_000_000
    home = {
        "vector_store_id": "vs_1",
        "name": "Handbook",
        "is_chat": False,
        "status": "completed",
        "passages": 310,
    }
    home |= {"added_at": now if file_id == FILE_ID else before, "source": "hr/employee-handbook.pdf"}
    home |= {"superseded_by": None if file_id == FILE_ID else FILE_ID}
    home |= {
        "notes": ["Page 3 is blank."],
        "attributes": {"year": 2026, "department": "HR"},
        "last_error": None,
    }
    home |= {"note_codes": [{"code": "pages_blank_one", "values": {"pages": "3"}}]}
    older = {
        "file_id": OLDER_ID,
        "filename": "employee-handbook.pdf",
        "added_at": before,
        "superseded_at": now,
    }
    newer = {"file_id": FILE_ID, "filename": "employee-handbook.pdf", "added_at": now, "superseded_at": None}
    return {
        "id": file_id,
        "filename": "employee-handbook.pdf",
        "media_type": "application/pdf",
        "bytes": 1_204_000,
        "pages": {"count": 40, "unit": "page", "labels": {}},
        "collections": [home],
        "parent": None,
        "children": [],
        "versions": [older if file_id == FILE_ID else newer],
    }


def _told(page: Page, at: int, number: int, path: str) -> dict[str, Any]:
    return {
        "filename": "employee-handbook.pdf",
        "number": number,
        "unit": "page",
        "location": {"page": number},
        "headings": ["Working here", "Holidays"],
        "text": page.text,
        "start": at,
        "end": at + len(QUOTE),
        "is_found": True,
        "boxes": boxes(page.anchors, at, at + len(QUOTE)),
        "runs_on": None,
        "image": f"{path}?format=image",
    }


def _written(path: Path) -> Path:
    canvas = Canvas(str(path), pagesize=A4, invariant=1)
    for number, line in enumerate(LINES):
        canvas.setFont("Helvetica-Bold" if number == 0 else "Helvetica", 17 if number == 0 else 12)
        canvas.drawString(70, A4[1] - 80 - 24 * number, line)
    canvas.save()
    return path
