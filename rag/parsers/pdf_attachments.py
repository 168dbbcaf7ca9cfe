"""Files that lie inside of a PDF: handed on as documents of their own, within limits, and named in its notes."""

from __future__ import annotations

import pypdfium2 as pdfium

from rag.documents import Child
from rag.limits import ParsingLimits

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
    notes = _named("It carries", [child.name for child in children])
    notes += _named("Too large or damaged, and not read, are", left_out)
    if count > _MAX_ATTACHMENTS:
        notes += (f"It has {count} attachments; the first {_MAX_ATTACHMENTS} were read.",)
    return tuple(children), notes


def _named(begin: str, names: list[str]) -> tuple[str, ...]:
    if not names:
        return ()
    shown = ", ".join(name[:100] for name in names[:_SHOWN]) + (" …" if len(names) > _SHOWN else "")
    word = "the attachment" if len(names) == 1 else "the attachments"
    return (f"{begin} {word} {shown}.",)
