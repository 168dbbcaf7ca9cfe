"""How far a long command is, in one line that is written over; silent where nobody looks."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TextIO

_EVERY_S = 0.2
_WIDTH = 78


class ProgressLine:
    """stream: standard error, so that what is printed for programs stays clean."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream if stream.isatty() else None
        self._last = 0.0

    def say(self, text: str) -> None:
        """Some times a second at most."""
        moment = time.monotonic()
        if self._stream is not None and moment - self._last >= _EVERY_S:
            self._last = moment
            self._stream.write(f"\r{text[:_WIDTH]:<{_WIDTH}}")
            self._stream.flush()

    def __enter__(self) -> ProgressLine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stream is not None and self._last:
            self._stream.write(f"\r{'':<{_WIDTH}}\r")
            self._stream.flush()
