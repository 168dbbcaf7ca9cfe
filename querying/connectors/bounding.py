"""How much of a result is kept: rows until a cap is met, cells until they are too long to be looked at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Literal

from querying.types import Caps, Value

CELL_CHARACTERS = 32_767
"""What a cell of a spreadsheet can hold."""
_BATCH_BYTES = 2**20
_BATCH_MOST_BYTES = 2**26
_BATCH_MOST_ROWS = 2_000
_READ_LEAST_BYTES = 2**28
_READ_TIMES = 4


def cut_text(text: str) -> tuple[str, bool]:
    """At most CELL_CHARACTERS and an ellipsis, and whether something was cut off."""
    if len(text) <= CELL_CHARACTERS:
        return text, False
    return text[:CELL_CHARACTERS] + "…", True


def size_of(value: Value) -> int:
    """Bytes that it takes on a wire, roughly."""
    if isinstance(value, str):
        return len(value) if value.isascii() else len(value.encode("utf-8", "replace"))
    if value is None or isinstance(value, bool):
        return 1
    if isinstance(value, Decimal):
        return max(8, len(value.as_tuple().digits))
    return 8


class KeptRows:
    """The rows of one result, as far as the caps let it grow."""

    def __init__(self, caps: Caps) -> None:
        self._caps = caps
        self._left = caps.bytes
        self._has_cut_cells = False
        self.rows: list[tuple[Value, ...]] = []
        self._cut: Literal["rows", "bytes"] | None = None

    @property
    def cut(self) -> Literal["rows", "bytes"] | None:
        """Why there may be more than this."""
        return self._cut or ("bytes" if self._has_cut_cells else None)

    @property
    def is_full(self) -> bool:
        return self._cut is not None

    def keep(self, cells: Iterable[Value]) -> bool:
        """False: a cap is met, this row is not kept and no other is wanted."""
        if len(self.rows) >= self._caps.rows:
            self._cut = "rows"
            return False
        row, has_cut = _shortened(cells)
        size = sum(map(size_of, row))
        if size > self._left:
            self._cut = "bytes"
            return False
        self._left -= size
        self._has_cut_cells = self._has_cut_cells or has_cut
        self.rows.append(row)
        return True

    def stop_at(self, read_bytes: int) -> bool:
        """Whether too much was read from the wire for what is kept of it, as of columns of large blobs."""
        if read_bytes > max(_READ_LEAST_BYTES, _READ_TIMES * self._caps.bytes):
            self._cut = "bytes"
        return self.is_full

    def next_batch(self, text_columns: int) -> int:
        """How many rows to ask for at once: few while nobody knows how large they are, and never more than fit.

        text_columns: those whose cells may have CELL_CHARACTERS.
        """
        taken = self._caps.bytes - self._left
        mean = taken / len(self.rows) if self.rows else _BATCH_BYTES / 64
        wanted = int(_BATCH_BYTES / max(mean, 1))
        bearable = _BATCH_MOST_BYTES // (max(1, text_columns) * CELL_CHARACTERS * 4)
        missing = self._caps.rows + 1 - len(self.rows)
        return max(1, min(wanted, bearable, missing, _BATCH_MOST_ROWS))


def _shortened(cells: Iterable[Value]) -> tuple[tuple[Value, ...], bool]:
    row = tuple(cells)
    if not any(isinstance(one, str) and len(one) > CELL_CHARACTERS for one in row):
        return row, False
    return tuple(cut_text(one)[0] if isinstance(one, str) else one for one in row), True


def shown_samples(values: Sequence[object], limit: int) -> tuple[str, ...]:
    """Values as text of at most 60 characters, each once, in their order."""
    found = dict.fromkeys(str(one)[:60] for one in values if one is not None and str(one).strip())
    return tuple(found)[:limit]
