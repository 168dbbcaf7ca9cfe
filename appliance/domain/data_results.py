"""Results that were kept for whoever asked. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from querying.types import ResultColumn, Value

ResultRow = tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class KeptResult:
    """What is known of a kept result beside its rows. sql: as shown to people; cut: why there may be more rows."""

    id: UUID
    source_id: UUID
    source_name: str
    sql: str
    tables: tuple[str, ...]
    columns: tuple[ResultColumn, ...]
    row_count: int
    cut: Literal["rows", "bytes"] | None
    elapsed_ms: float
    cost: float | None
    ran_at: datetime
    question: str = ""
    saved_id: UUID | None = None
    turn_id: UUID | None = None
