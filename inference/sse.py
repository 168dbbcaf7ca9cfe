"""Server-sent events, from bytes that arrive in any pieces.

Knows nothing of what the events mean. Follows https://html.spec.whatwg.org/multipage/server-sent-events.html
as far as language-model servers use it: `data` lines, comments, line ends of one or two characters.
"""

from __future__ import annotations

import re

# A single event may carry a base64 picture or a long embedding; beyond this something is broken.
MAX_EVENT_BYTES = 32 * 1024 * 1024
_EVENT_END = re.compile(rb"\r?\n\r?\n")
_LINE_END = re.compile(rb"\r?\n")


class EventTooLarge(ValueError):
    """An event does not end."""


class EventReader:
    """Collects bytes and hands out the data of every event that is complete."""

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._pending = bytearray()
        self._searched = 0
        self._max_event_bytes = max_event_bytes

    def feed(self, data: bytes) -> list[bytes]:
        """The data of each event that ended within these bytes. Raises EventTooLarge."""
        self._pending += data
        events = []
        start = 0
        # An end may lie across two pieces: look again at the last three bytes.
        for end in _EVENT_END.finditer(self._pending, max(0, self._searched - 3)):
            payload = event_data(bytes(self._pending[start : end.start()]))
            start = end.end()
            if payload is not None:
                events.append(payload)
        if start:
            del self._pending[:start]
        self._searched = len(self._pending)
        if self._searched > self._max_event_bytes:
            raise EventTooLarge(f"An event is larger than {self._max_event_bytes} bytes.")
        return events

    def rest(self) -> bytes:
        """What came after the last complete event: not empty when the server broke off inside one."""
        return bytes(self._pending)


def event_data(block: bytes) -> bytes | None:
    """The joined `data` lines of one event; None for comments and events without data."""
    lines = [line[5:].removeprefix(b" ") for line in _LINE_END.split(block) if line.startswith(b"data:")]
    return b"\n".join(lines) if lines else None
