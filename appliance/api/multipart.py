"""multipart/form-data as a stream of events, so that a file of any size passes in pieces (RFC 7578)."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from appliance.errors import InvalidRequest

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

_EXTENDED_NAME = re.compile(rb";\s*filename\*\s*=\s*utf-8'[^']*'([^;\s]+)", re.IGNORECASE)
_MAX_BOUNDARY = 200  # characters; RFC 2046 allows 70


@dataclass(frozen=True, slots=True)
class PartBegin:
    """A field begins. filename is None for a plain field; it is what the client says and not to be trusted."""

    name: str
    filename: str | None
    media_type: str


@dataclass(frozen=True, slots=True)
class PartData:
    """A piece of the field that began last."""

    data: bytes


@dataclass(frozen=True, slots=True)
class PartEnd:
    """The field that began last is complete."""


Event = PartBegin | PartData | PartEnd


async def read_parts(content_type: str, stream: AsyncIterator[bytes]) -> AsyncGenerator[Event, None]:
    """The parts of a body as they arrive. Raises InvalidRequest for a body that is not whole or not multipart."""
    collector = _Collector()
    parser = MultipartParser(_boundary(content_type), collector.callbacks())
    async for piece in stream:
        try:
            parser.write(piece)
        except MultipartParseError as error:
            raise InvalidRequest("The body is not valid multipart/form-data.") from error
        for event in collector.take():
            yield event
    if not collector.is_complete:
        raise InvalidRequest("The body ended before its last part was complete. Send it again.")


def _boundary(content_type: str) -> bytes:
    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not 0 < len(boundary) <= _MAX_BOUNDARY:
        raise InvalidRequest("Send the file as multipart/form-data with a boundary.")
    return boundary


class _Collector:
    """Turns the parser's callbacks into events."""

    def __init__(self) -> None:
        self.is_complete = False
        self._events: list[Event] = []
        self._header_name = b""
        self._header_value = b""
        self._headers: dict[bytes, bytes] = {}

    def callbacks(self) -> MultipartCallbacks:
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._header_field,
            "on_header_value": self._header_part,
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_part_data": self._data,
            "on_part_end": lambda: self._events.append(PartEnd()),
            "on_end": self._end,
        }

    def take(self) -> list[Event]:
        events, self._events = self._events, []
        return events

    def _begin(self) -> None:
        self._headers = {}

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _header_part(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _header_end(self) -> None:
        self._headers[self._header_name.lower()] = self._header_value
        self._header_name = self._header_value = b""

    def _headers_finished(self) -> None:
        disposition = self._headers.get(b"content-disposition", b"")
        _, options = parse_options_header(disposition)
        media_type, _ = parse_options_header(self._headers.get(b"content-type", b""))
        self._events.append(
            PartBegin(
                _text(options.get(b"name", b"")),
                _filename(disposition, options),
                media_type.decode("latin-1"),
            )
        )

    def _data(self, data: bytes, start: int, end: int) -> None:
        self._events.append(PartData(data[start:end]))

    def _end(self) -> None:
        self.is_complete = True


def _filename(disposition: bytes, options: dict[bytes, bytes]) -> str | None:
    plain = options.get(b"filename")
    if plain is not None:
        # Browsers and httpx write these three so (HTML, §4.10.21.8), and nothing else.
        return _text(plain).replace("%22", '"').replace("%0D", "").replace("%0A", "")
    # RFC 7578 forbids this form; older urllib3 writes names so that are not ASCII.
    extended = _EXTENDED_NAME.search(disposition)
    return unquote(extended[1].decode("latin-1"), errors="replace") if extended else None


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")
