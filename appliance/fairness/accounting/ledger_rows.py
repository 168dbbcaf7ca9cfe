"""The rows of the ledger, and where they are kept.

A row is begun by a RequestStart and completed by a RequestEnd; either is written as one JSON object, the same to
PostgreSQL and to the spool, so that what was spooled can be handed on as it is.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

from orjson import dumps

from appliance.domain.answers import Cost
from inference.types import Usage

Status = Literal["completed", "client_gone", "revoked", "refused", "failed", "broken"]
_MOST = 2**31 - 1  # of PostgreSQL's integer
_NO_USAGE = Usage()
_VERSION_7 = 7 << 76 | 2 << 62  # version and variant
_RANDOM_BITS = (1 << 76) - 1 & ~(3 << 62)


@dataclass(frozen=True, slots=True)
class RequestStart:
    """A request as it was accepted. id is ours and unique; request_id is the caller's name for it, if it sent one.

    part_of: the request on whose behalf this one was made, such as a pipeline's.
    """

    id: UUID
    request_id: str
    user_id: UUID
    key_id: UUID | None
    model: str
    route: str
    started_at: datetime
    part_of: UUID | None = None


@dataclass(slots=True)
class RequestEnd:
    """How it ended. Times in milliseconds from the start; is_estimated: the engine told no usage.

    audio_seconds: of a recording that was heard; None: it was no request about sound. engine_seconds, joules: its
    shares (`metering`); None: it never ran, or nobody knows. is_cloud: it was sent to an engine elsewhere. rung: by
    which way the answer came (domain.answers.AnswerRung). priced_as: the model whose price counts;
    empty: the one that was asked for. prompts: whose words wrote it, such as `answer-with-sources@3`.
    """

    status: Status = "failed"
    engine: str | None = None
    usage: Usage = _NO_USAGE
    is_estimated: bool = False
    finish_reason: str | None = None
    wait_ms: float | None = None
    ttft_ms: float | None = None
    total_ms: float | None = None
    error_code: str | None = None
    cost: Cost | None = None
    audio_seconds: float | None = None
    engine_seconds: float | None = None
    joules: float | None = None
    energy_cost: Cost | None = None
    is_cloud: bool = False
    rung: str = ""
    priced_as: str = ""
    prompts: tuple[str, ...] = ()


class RowsRefused(Exception):
    """One of the rows can never be written, so none of them was."""


class UsageRepository(Protocol):
    """Where the rows are kept for good. Everything raises PartUnavailable; then it may or may not have happened.

    All of it may be repeated: a start that is there and an end that was written are left as they are.
    """

    async def record(self, starts: Sequence[bytes], ends: Sequence[bytes]) -> None:
        """Rows as start_row and end_row write them; committed when this returns. No end of one of these starts.

        Raises RowsRefused.
        """
        ...

    async def beat(self, worker: UUID) -> None:
        """This process is alive."""
        ...

    async def end_orphans(self, dead_after_s: float) -> int:
        """End, as unknown, what belongs to processes not heard of for so long; returns how many rows."""
        ...

    async def close(self) -> None: ...


def start_row(worker: UUID, start: RequestStart) -> bytes:
    """One JSON object on one line; worker: the process that will end it."""
    return dumps(
        {
            "worker": worker,
            "id": start.id,
            "request_id": start.request_id,
            "part_of": start.part_of,
            "user_id": start.user_id,
            "key_id": start.key_id,
            # the one character PostgreSQL's text cannot hold
            "model": start.model.replace("\0", "") if "\0" in start.model else start.model,
            "route": start.route,
            "started_at": start.started_at,
        }
    )


def end_row(row_id: UUID, end: RequestEnd) -> bytes:
    """One JSON object on one line."""
    usage = end.usage
    return dumps(
        {
            "id": row_id,
            "status": end.status,
            "engine": end.engine,
            "prompt_tokens": min(usage.prompt_tokens, _MOST),
            "completion_tokens": min(usage.completion_tokens, _MOST),
            "cached_tokens": min(usage.cached_tokens, _MOST),
            "is_estimated": end.is_estimated,
            "finish_reason": end.finish_reason,
            "wait_ms": end.wait_ms,
            "ttft_ms": end.ttft_ms,
            "total_ms": end.total_ms,
            "error_code": end.error_code,
            "cost": None if end.cost is None else end.cost.amount,
            "audio_seconds": end.audio_seconds,
            "engine_seconds": end.engine_seconds,
            "joules": end.joules,
            "energy_cost": None if end.energy_cost is None else end.energy_cost.amount,
            "is_cloud": end.is_cloud,
            "rung": end.rung or None,
            "prompts": end.prompts or None,
        }
    )


def uuid7() -> UUID:
    """A time-ordered id (RFC 9562), so that the newest rows lie together in the index."""
    milliseconds = time.time_ns() // 1_000_000
    return UUID(int=milliseconds << 80 | _VERSION_7 | int.from_bytes(os.urandom(10), "big") & _RANDOM_BITS)
