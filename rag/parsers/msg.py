"""MSG: a mail as Outlook keeps it ([MS-OXMSG]): properties as streams of an OLE container, receivers and attachments as
storages within it. A mail that is attached to it becomes an .eml file.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rag.decoding import decode
from rag.documents import ParsedDocument
from rag.limits import ParsingLimits
from rag.media_types import MSG
from rag.notes import Note
from rag.ole import Container, Entry, open_container
from rag.parsers.mail import Attachment, AttachmentBudget, Mail, document, travelling

# Property ids of [MS-OXPROPS].
_SUBJECT, _BODY, _HTML, _RTF = 0x0037, 0x1000, 0x1013, 0x1009
_SENDER_NAME, _SENDER_ADDRESS, _SENDER_SMTP = 0x0C1A, 0x0C1F, 0x5D01
_TO, _CC, _BCC = 0x0E04, 0x0E03, 0x0E02
_SENT, _DELIVERED, _CODE_PAGE = 0x0039, 0x0E06, 0x3FDE
_DATA, _LONG_NAME, _SHORT_NAME, _DISPLAY_NAME = 0x3701, 0x3707, 0x3704, 0x3001
_RECIPIENT_NAME, _RECIPIENT_SMTP, _RECIPIENT_KIND = 0x3001, 0x39FE, 0x0C15
_UNICODE, _EIGHT_BIT, _BINARY, _STORAGE = "001F", "001E", "0102", "000D"
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_MAX_DEPTH = 5  # mails attached to mails
_PROPERTIES = "__properties_version1.0"


class MsgParser:
    """Reads an Outlook message as one page and its attachments as children."""

    def __init__(self, limits: ParsingLimits) -> None:
        self._limits = limits

    def parse(self, path: Path) -> ParsedDocument:
        with open_container(path, self._limits.max_inflated_bytes) as container:
            mail = _Reading(container, AttachmentBudget(self._limits)).mail((), 0)
        return document(mail, MSG, self._limits)


class _Reading:
    """Reads messages out of one container."""

    def __init__(self, container: Container, budget: AttachmentBudget) -> None:
        self._container = container
        self._budget = budget

    def mail(self, storage: Entry, depth: int) -> Mail:
        properties = _Properties(self._container, storage, header_bytes=32 if not storage else 24)
        html = properties.binary(_HTML)
        body = decode(html, properties.encoding) if html else None
        notes = [body.note] if body and body.note else []
        attachments = []
        for name in self._container.names(storage):
            if name.lower().startswith("__attach_version1.0_"):
                attachment = self._attachment((*storage, name), depth)
                if attachment is not None:
                    attachments.append(attachment)
                else:
                    notes.append(Note("mail_attachment_elsewhere"))
        if (
            not (html or properties.text(_BODY) or properties.text(_HTML))
            and properties.binary(_RTF) is not None
        ):
            notes.append(Note("mail_rich_text"))
        sent = properties.moment(_SENT) or properties.moment(_DELIVERED)
        headers = (
            ("From", _address(properties.text(_SENDER_NAME), properties.sender)),
            ("To", self._receivers(storage, 1) or properties.text(_TO)),
            ("Cc", self._receivers(storage, 2) or properties.text(_CC)),
            ("Bcc", properties.text(_BCC)),
            ("Date", f"{sent:%a, %d %b %Y %H:%M:%S +0000}" if sent else ""),
        )
        return Mail(
            properties.text(_SUBJECT),
            headers,
            properties.text(_BODY),
            body.text if body else properties.text(_HTML),
            tuple(attachments),
            tuple(dict.fromkeys(notes)),
        )

    def _attachment(self, storage: Entry, depth: int) -> Attachment | None:
        properties = _Properties(self._container, storage, header_bytes=8)
        name = properties.text(_LONG_NAME) or properties.text(_SHORT_NAME) or properties.text(_DISPLAY_NAME)
        content = properties.binary(_DATA)
        if content is None:
            inner = (*storage, f"__substg1.0_{_DATA:04X}{_STORAGE}")
            if (*inner, _PROPERTIES) not in self._container or depth >= _MAX_DEPTH:
                return None
            mail = self.mail(inner, depth + 1)
            name, content = f"{mail.subject or name or 'message'}.eml".replace("/", "_"), travelling(mail)
        self._budget.spend(len(content))
        return Attachment(name or "attachment", content)

    def _receivers(self, storage: Entry, kind: int) -> str:
        return ", ".join(
            _address(each.text(_RECIPIENT_NAME), each.text(_RECIPIENT_SMTP))
            for each in self._recipients(storage)
            if each.number(_RECIPIENT_KIND) == kind
        )

    def _recipients(self, storage: Entry) -> Iterator[_Properties]:
        for name in self._container.names(storage):
            if name.lower().startswith("__recip_version1.0_"):
                yield _Properties(self._container, (*storage, name), header_bytes=8)


class _Properties:
    """The properties of one storage: short ones in one stream, 16 bytes each; long ones in streams of their own."""

    def __init__(self, container: Container, storage: Entry, header_bytes: int) -> None:
        self._container = container
        self._storage = storage
        fixed = container.stream(*storage, _PROPERTIES) or b""
        self._fixed = {
            struct.unpack_from("<I", fixed, at)[0] >> 16: fixed[at + 8 : at + 16]
            for at in range(header_bytes, len(fixed) - 15, 16)
        }

    @property
    def encoding(self) -> str | None:
        """Of 8-bit texts and of the HTML body, as far as it is said."""
        page = self.number(_CODE_PAGE)
        return {0: None, 65001: "utf-8", 20127: "ascii", 28591: "latin-1", 50220: "iso2022_jp"}.get(
            page, f"cp{page}"
        )

    @property
    def sender(self) -> str:
        """An address of the Internet, or of Exchange where there is no other."""
        return self.text(_SENDER_SMTP) or self.text(_SENDER_ADDRESS)

    def text(self, number: int) -> str:
        if (wide := self._long(number, _UNICODE)) is not None:
            return wide.decode("utf-16-le", "replace").rstrip("\0")
        narrow = self._long(number, _EIGHT_BIT)
        return decode(narrow, self.encoding).text.rstrip("\0") if narrow else ""

    def binary(self, number: int) -> bytes | None:
        return self._long(number, _BINARY)

    def number(self, number: int) -> int:
        return int.from_bytes(self._fixed.get(number, b"")[:4], "little")

    def moment(self, number: int) -> datetime | None:
        """FILETIME: tenths of microseconds since 1601, UTC."""
        ticks = int.from_bytes(self._fixed.get(number, b""), "little")
        try:
            return _EPOCH + timedelta(microseconds=ticks // 10) if ticks else None
        except OverflowError:
            return None

    def _long(self, number: int, kind: str) -> bytes | None:
        return self._container.stream(*self._storage, f"__substg1.0_{number:04X}{kind}")


def _address(name: str, address: str) -> str:
    if not address or address == name or "@" not in address:
        return name or address
    return f"{name} <{address}>" if name else address
