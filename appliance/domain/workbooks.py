"""Uploaded workbooks as tables, as they are kept. Values only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from querying.types import Table


@dataclass(frozen=True, slots=True)
class KeptTable:
    """label: the sheet's name. place: "A3:F20". notes: what was left out of it."""

    table: Table
    label: str
    place: str
    notes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Workbook:
    """A workbook in a collection. id: stays when a newer version of the same source takes its place."""

    id: UUID
    collection_id: UUID
    file_id: UUID
    filename: str
    sha256: bytes
    tables: Sequence[KeptTable] = ()
    notes: Sequence[str] = ()
