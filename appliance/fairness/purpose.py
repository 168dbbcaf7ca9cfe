"""What an engine is wanted for. A value only."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from appliance.domain.answers import OnUsed


@dataclass(frozen=True, slots=True)
class Purpose:
    """What an engine is wanted for, as the ledger keeps it.

    within: the pipeline on whose behalf it is; then the pipeline's name is what a key must be permitted.
    is_batch: it may wait until nobody interactive does. on_used: told of what it used.
    """

    route: str
    within: str | None = None
    part_of: UUID | None = None
    is_batch: bool = False
    on_used: OnUsed | None = None
