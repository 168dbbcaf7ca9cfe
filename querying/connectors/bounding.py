"""How much of a result is kept: rows until a cap is met, cells until they are too long to be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Literal

from querying.types import Caps, Value

CELL_CHARACTERS = 32_767
"""What a cell of a spreadsheet can hold."""
_CELL_BYTES = 8
_SMALL_DECIMAL = Decimal(1).__sizeof__() - _CELL_BYTES
_BATCH_BYTES = 2**20
_BATCH_MOST_BYTES = 2**26
_BATCH_MOST_ROWS = 2_000
_READ_LEAST_BYTES = 2**28
_READ_TIMES = 4


def cut_text(text: str) -> str:
    """At most CELL_CHARACTERS and an ellipsis."""
    return text if len(text) <= CELL_CHARACTERS else text[:CELL_CHARACTERS] + "…"


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

    def keep(self, row: Sequence[Value]) -> bool:
        """False: a cap is met, this row is not kept and no other is wanted."""
        if len(self.rows) >= self._caps.rows:
            self._cut = "rows"
            return False
        size, is_long = _size(row)
        if is_long:
            row = [cut_text(cell) if isinstance(cell, str) else cell for cell in row]
            size, _ = _size(row)
        if size > self._left:
            self._cut = "bytes"
            return False
        self._left -= size
        self._has_cut_cells = self._has_cut_cells or is_long
        self.rows.append(tuple(row))
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


def _size(row: Sequence[Value]) -> tuple[int, bool]:
    """Bytes that it takes on a wire, roughly, and whether a cell is too long. Runs for each of a million rows."""
    size, is_long = 0, False
    for cell in row:
        kind = type(cell)
        if kind is str:
            length = len(cell)  # type: ignore[arg-type]
            is_long = is_long or length > CELL_CHARACTERS
            size += length if cell.isascii() else 2 * length  # type: ignore[union-attr]
        elif kind is Decimal:
            size += max(_CELL_BYTES, cell.__sizeof__() - _SMALL_DECIMAL)
        else:
            size += _CELL_BYTES
    return size, is_long


def shown_samples(values: Sequence[object], limit: int) -> tuple[str, ...]:
    """Values as text of at most 60 characters, each once, in their order."""
    found = dict.fromkeys(str(one)[:60] for one in values if one is not None and str(one).strip())
    return tuple(found)[:limit]
