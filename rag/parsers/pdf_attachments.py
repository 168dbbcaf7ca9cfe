"""Files that lie inside of a PDF: handed on as documents of their own, within limits, and named in its notes."""

from __future__ import annotations

import pypdfium2 as pdfium

from rag.documents import Child
from rag.limits import ParsingLimits
from rag.notes import Note, counted

_MAX_ATTACHMENTS = 100
_MAX_BYTES = 32 * 2**20  # of all of them: half of what an answer of the parsing child may take
_SHOWN = 20


def read_attachments(
    document: pdfium.PdfDocument, limits: ParsingLimits
) -> tuple[tuple[Child, ...], tuple[str, ...]]:
    """(children, notes). What is too large or cannot be unpacked is only named."""
    children: list[Child] = []
    left_out: list[str] = []
    count = document.count_attachments()
    room = min(_MAX_BYTES, limits.max_inflated_bytes)
    for index in range(min(count, _MAX_ATTACHMENTS)):
        name = f"attachment {index + 1}"
        try:
            attachment = document.get_attachment(index)
            name = attachment.get_name().strip() or name
            content = bytes(attachment.get_data())
        except (pdfium.PdfiumError, UnicodeDecodeError):
            left_out.append(name)
            continue
        if not content or len(content) > room:
            left_out.append(name)
            continue
        room -= len(content)
        children.append(Child(name, content))
    notes = _named("attachments", [child.name for child in children])
    notes += _named("attachments_unread", left_out)
    if count > _MAX_ATTACHMENTS:
        notes += (Note("attachments_many", count=count, most=_MAX_ATTACHMENTS),)
    return tuple(children), notes


def _named(code: str, names: list[str]) -> tuple[Note, ...]:
    if not names:
        return ()
    shown = ", ".join(name[:100] for name in names[:_SHOWN]) + (" …" if len(names) > _SHOWN else "")
    return (counted(code, len(names), names=shown),)
