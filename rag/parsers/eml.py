"""EML: a mail as it travelled (RFC 5322, MIME), whatever its sender's program did to it.

Headers are decoded here, piece by piece: the standard library's structured headers (policy.default) raise on what
broken programs write and take quadratic time on lists of thousands of addresses.
"""

from __future__ import annotations

import re
from email.header import decode_header
from email.message import Message
from email.parser import BytesParser
from email.policy import compat32
from pathlib import Path

from rag.decoding import decode
from rag.documents import ParsedDocument
from rag.errors import DocumentDamaged, DocumentDangerous, DocumentEncrypted
from rag.limits import ParsingLimits
from rag.media_types import EML
from rag.notes import Note
from rag.parsers.mail import SHOWN_HEADERS, Attachment, AttachmentBudget, Mail, document

_MAX_NESTING = 50  # multiparts within multiparts; real mails have five
_BOUNDARY = re.compile(rb"boundary\s*=", re.IGNORECASE)
_MAX_BOUNDARIES = 2_000
_MAX_HEADER_CHARS = 10_000  # of one header, as it is written
# Logos and tracking dots; a picture that was pasted to be looked at is larger.
_ORNAMENT_BYTES = 10_000
_SIGNATURES = frozenset(
    {"application/pkcs7-signature", "application/x-pkcs7-signature", "application/pgp-signature"}
)
_SUFFIXES = {
    "text/plain": ".txt",
    "text/html": ".html",
    "text/calendar": ".ics",
    "application/pdf": ".pdf",
    "image/jpeg": ".jpg",
    "image/png": ".png",
}


class EmlParser:
    """Reads a mail as one page and its attachments as children."""

    def __init__(self, limits: ParsingLimits) -> None:
        self._limits = limits

    def parse(self, path: Path) -> ParsedDocument:
        data = path.read_bytes()
        notes: list[str] = []
        whole = decode(data[:4096])
        if whole.encoding.startswith(("utf-16", "utf-32")):
            data = decode(data).text.encode("utf-8", "replace")
            notes.append(Note("mail_encoding", encoding=whole.encoding.upper()))
        if len(_BOUNDARY.findall(data)) > _MAX_BOUNDARIES:
            raise DocumentDangerous(Note("mail_too_many_parts"))
        try:
            message = BytesParser(policy=compat32).parsebytes(data.lstrip())
        except RecursionError as error:
            raise DocumentDangerous(Note("mail_too_deep")) from error
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise DocumentDamaged(Note("mail_parts_unclear")) from error
        return document(_Reading(self._limits, notes).mail(message), EML, self._limits)


class _Reading:
    """Walks the parts of one message."""

    def __init__(self, limits: ParsingLimits, notes: list[str]) -> None:
        self._budget = AttachmentBudget(limits)
        self._texts: list[str] = []
        self._htmls: list[str] = []
        self._attachments: list[Attachment] = []
        self._notes = notes
        self._ornaments = 0

    def mail(self, message: Message) -> Mail:
        subject = header(message, "Subject")
        todo: list[tuple[Message, int]] = [(message, 0)]
        while todo:
            part, depth = todo.pop()
            if depth > _MAX_NESTING:
                raise DocumentDangerous(Note("mail_too_deep"))
            inner = part.get_payload()
            kind = part.get_content_type()
            if _is_encrypted(part, kind):
                raise DocumentEncrypted(Note("mail_encrypted"))
            parts = [each for each in inner if isinstance(each, Message)] if isinstance(inner, list) else []
            if kind == "message/rfc822" and parts:
                self._attach_mail(parts[0])
            elif isinstance(inner, list):
                todo.extend((each, depth + 1) for each in reversed(parts))
            else:
                self._leaf(part, kind)
        if self._ornaments:
            self._notes.append(Note("mail_small_pictures", count=self._ornaments))
        return Mail(
            subject,
            tuple((name, header(message, name)) for name in SHOWN_HEADERS),
            "\n\n".join(self._texts),
            "\n".join(self._htmls),
            tuple(self._attachments),
            tuple(dict.fromkeys(self._notes)),
        )

    def _leaf(self, part: Message, kind: str) -> None:
        name = _filename(part)
        disposition = part.get_content_disposition()
        if kind in _SIGNATURES:
            return
        if kind in ("text/plain", "text/html") and disposition != "attachment" and not name:
            decoded = decode(_payload(part), _charset(part))
            if decoded.note:
                self._notes.append(decoded.note)
            (self._texts if kind == "text/plain" else self._htmls).append(decoded.text)
            return
        content = _payload(part)
        is_inline = disposition != "attachment" and part.get("Content-ID") is not None
        if is_inline and kind.startswith("image/") and len(content) < _ORNAMENT_BYTES:
            self._ornaments += 1
        elif content:
            self._budget.spend(len(content))
            self._attachments.append(Attachment(name or f"attachment{_SUFFIXES.get(kind, '')}", content))

    def _attach_mail(self, inner: Message) -> None:
        try:
            content = inner.as_bytes()
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            self._notes.append(Note("mail_broken"))
            return
        self._budget.spend(len(content))
        self._attachments.append(
            Attachment(f"{header(inner, 'Subject') or 'message'}.eml".replace("/", "_"), content)
        )


def _is_encrypted(part: Message, kind: str) -> bool:
    smime = kind in ("application/pkcs7-mime", "application/x-pkcs7-mime")
    return kind == "multipart/encrypted" or (smime and _parameter(part, "smime-type") != "signed-data")


def _payload(part: Message) -> bytes:
    try:
        payload = part.get_payload(decode=True)
    except (ValueError, LookupError, TypeError, AttributeError):
        payload = None
    return payload if isinstance(payload, bytes) else b""


def _charset(part: Message) -> str | None:
    return _parameter(part, "charset") or None


def _parameter(part: Message, name: str) -> str:
    """A parameter of Content-Type, whatever of RFC 2231 it makes use of."""
    try:
        found = part.get_param(name)
    except (ValueError, LookupError, TypeError, AttributeError):
        return ""
    return str(found[2] if isinstance(found, tuple) else found or "").strip().lower()


def _filename(part: Message) -> str:
    try:
        return unfolded(part.get_filename() or "")
    except (ValueError, LookupError, TypeError, AttributeError):
        return ""


def header(message: Message, name: str) -> str:
    """All headers of that name as text; broken ones as they stand."""
    found = [str(value) for key, value in message.raw_items() if str(key).lower() == name.lower()]
    return ", ".join(filter(None, map(unfolded, found)))


def unfolded(value: str) -> str:
    """One header: bytes beyond ASCII by their likeliest encoding, encoded words (RFC 2047) as what they mean."""
    value = value[:_MAX_HEADER_CHARS]
    raw = decode(value.encode("utf-8", "surrogateescape")).text if not value.isascii() else value
    line = " ".join(raw.split())
    if "=?" not in line:
        return line
    try:
        pieces = decode_header(line)
    except (ValueError, LookupError):
        return line
    return " ".join("".join(_piece(text, charset) for text, charset in pieces).split())


def _piece(text: bytes | str, charset: str | None) -> str:
    return text if isinstance(text, str) else decode(text, charset or "utf-8").text
