"""Responses of /v1/responses as they are kept. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from appliance.domain.origins import Origins


@dataclass(frozen=True, slots=True)
class KeptResponse:
    """A response to be kept. thread_id: its conversation; items, body: its own input and the whole object, as JSON.

    origins: of all that was said up to here, itself included.
    """

    id: UUID
    thread_id: UUID
    previous_id: UUID | None
    created_at: datetime
    items: bytes
    body: bytes
    origins: Origins = None


@dataclass(frozen=True, slots=True)
class Said:
    """What was kept of one: its own input and the whole object, as JSON. origins: of all up to it."""

    items: bytes
    body: bytes
    origins: Origins
