"""A mail, whichever program kept it: written as one page, or as the file in which mails travel (RFC 5322).

The page is the subject as its heading, the other headers, then the words. Attachments become children.
"""

from __future__ import annotations

from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP

from rag.documents import Child, ParsedDocument
from rag.errors import DocumentEmpty, DocumentTooLarge
from rag.limits import ParsingLimits
from rag.member_names import DistinctNames
from rag.notes import Note
from rag.parsers.html import write_fragment
from rag.parsers.page_writer import PageWriter
from rag.parsers.plain_text import write_text
from rag.tidy_text import clean, collapse

SHOWN_HEADERS = ("From", "To", "Cc", "Bcc", "Reply-To", "Date")
_MAX_HEADER_CHARS = 2_000  # a list of a thousand receivers says no more than its beginning


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that came with a mail; name as the mail has it."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Mail:
    """headers: (name, value) of SHOWN_HEADERS. html is preferred over text, which is what it was made from or for."""

    subject: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    text: str = ""
    html: str = ""
    attachments: tuple[Attachment, ...] = ()
    notes: tuple[str, ...] = ()


class AttachmentBudget:
    """Counts what the attachments of one mail come to; DocumentTooLarge beyond the limits."""

    def __init__(self, limits: ParsingLimits) -> None:
        self._limits = limits
        self._room_bytes = limits.max_children_bytes
        self._count = 0

    def spend(self, size_bytes: int) -> None:
        """One more attachment of this size."""
        self._count += 1
        self._room_bytes -= size_bytes
        if self._count > self._limits.max_children:
            raise DocumentTooLarge(Note("too_many_attachments", most=self._limits.max_children))
        if self._room_bytes < 0:
            raise DocumentTooLarge(Note("attachments_too_large", most=self._limits.max_children_bytes))


def document(mail: Mail, media_type: str, limits: ParsingLimits) -> ParsedDocument:
    """The mail as one page with its attachments. DocumentEmpty where there is neither."""
    writer = PageWriter(limits)
    writer.add("heading", mail.subject.replace("\n", " "), 1)
    headers = [f"{name}: {collapse(value)[:_MAX_HEADER_CHARS]}" for name, value in mail.headers if value]
    writer.add("paragraph", "\n".join(header.replace("\n", " ") for header in headers))
    _write_body(writer, mail)
    names = DistinctNames()
    children = tuple(Child(names.take(each.name), each.content) for each in mail.attachments)
    if children:
        writer.add("paragraph", "Attachments: " + ", ".join(child.name for child in children))
    page = writer.finish(None)
    if not page.text:
        raise DocumentEmpty()
    title = collapse(clean(mail.subject)).replace("\n", " ")
    return ParsedDocument(media_type, (page,), title, mail.notes, children)


def _write_body(writer: PageWriter, mail: Mail) -> None:
    if mail.html and write_fragment(writer, mail.html):
        return
    write_text(writer, mail.text)


def travelling(mail: Mail) -> bytes:
    """The mail as an .eml file, for one that was attached to another in a form of its own."""
    message = EmailMessage(policy=SMTP)
    message.set_content(mail.text)
    if mail.html:
        message.add_alternative(mail.html, subtype="html")
    for attachment in mail.attachments:
        message.add_attachment(
            attachment.content, maintype="application", subtype="octet-stream", filename=attachment.name
        )
    # Written here and as UTF-8 (RFC 6532): the library refuses addresses of mail systems other than the Internet's.
    headers = (("Subject", mail.subject), *mail.headers)
    lines = "".join(f"{name}: {' '.join(value.split())}\r\n" for name, value in headers if value)
    return lines.encode("utf-8", "replace") + message.as_bytes()
