"""A sheet as its cells: values with their number formats, before anybody knows what is a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time

from rag.office.number_formats import NumberFormat


@dataclass(frozen=True, slots=True)
class CellError:
    """What a formula that failed shows: `#N/A`, `#REF!`."""

    code: str


CellValue = bool | float | str | date | datetime | time | CellError


@dataclass(frozen=True, slots=True)
class Span:
    """A rectangle of cells. Rows and columns from 1, the last ones included."""

    top: int
    left: int
    bottom: int
    right: int


@dataclass(frozen=True, slots=True)
class GridRow:
    """The cells of a row that hold something, from left to right; three tuples, since there may be millions.

    formats: what a number is shown as; None for what is no number.
    """

    number: int
    columns: tuple[int, ...]
    values: tuple[CellValue, ...]
    formats: tuple[NumberFormat | None, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """sums: cells whose formula adds up a rectangle, and which. hidden_rows: numbers of rows that are not shown.

    has_decimal_comma: numbers in text are known to be written so; None: nobody knows.
    """

    name: str
    rows: Sequence[GridRow]
    merged: Sequence[Span] = ()
    sums: dict[tuple[int, int], Span] = field(default_factory=dict)
    hidden_rows: frozenset[int] = frozenset()
    is_hidden: bool = False
    formulas_without_value: int = 0
    has_decimal_comma: bool | None = None
