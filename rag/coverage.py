"""How much of a document an answer was made from."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of one document was read for an answer. pages: of the document, 0 where it has none.

    share: of its text, 0 to 1. left_out: (which pages, "" for what has none; a code for why).
    """

    file_id: UUID
    filename: str
    pages_read: int = 0
    pages: int = 0
    share: float = 0.0
    left_out: tuple[tuple[str, str], ...] = ()
