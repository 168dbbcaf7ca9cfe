"""Responses that are kept: their owner reads them, goes on from them and deletes them; nobody else finds them.

A conversation is the chain of responses that went on from each other; it is kept until nobody has gone on with it for
the retention's time. Keeping never makes an answer fail: one that could not be kept says so (`store: false`). Knows
nothing of HTTP or SQL.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

import orjson

from appliance.domain.origins import Origins, of_conversation, together
from appliance.domain.people import Caller, Viewer
from appliance.domain.responses import KeptResponse, Said
from appliance.errors import ApplianceError, NotFound, PartUnavailable, TooLarge

logger = logging.getLogger(__name__)

Item = dict[str, Any]

MAX_CONVERSATION_BYTES = 32 * 1024 * 1024
_PATIENCE_S = 3.0  # an answer that is complete does not wait longer for being kept
_PAUSE = timedelta(seconds=5)  # after that, the next ones do not wait at all for so long


@dataclass(frozen=True, slots=True)
class Earlier:
    """What was said before: the conversation's id, its items, oldest first, and what they were made from."""

    thread_id: UUID
    items: Sequence[Item]
    origins: Origins = None


class ResponseRepository(Protocol):
    """Where responses are kept, read with their owner's eyes. since: conversations not used later are expired."""

    async def keep(self, viewer: Viewer, response: KeptResponse) -> None: ...

    async def one(self, viewer: Viewer, response_id: UUID, since: datetime) -> Said:
        """Raises NotFound."""
        ...

    async def chain(
        self, viewer: Viewer, response_id: UUID, since: datetime, limit_bytes: int
    ) -> tuple[UUID, Sequence[Said]]:
        """The conversation's id and every response up to this one, oldest first.

        Raises NotFound where one is missing, and TooLarge.
        """
        ...

    async def forget(self, viewer: Viewer, response_id: UUID) -> None:
        """Raises NotFound."""
        ...


class Responses:
    """retention_days 0: nothing is kept, and what was kept before is not found any more."""

    def __init__(
        self,
        repository: ResponseRepository,
        *,
        retention_days: int,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._repository = repository
        self._retention = timedelta(days=retention_days)
        self._now = now
        self._paused_until = datetime.min.replace(tzinfo=UTC)

    async def earlier(self, caller: Caller, previous_id: UUID) -> Earlier:
        """The conversation that ends with this response.

        Raises NotFound where it, or one before it, is not there any more, and TooLarge.
        """
        try:
            thread_id, chain = await self._chain(caller, previous_id)
        except NotFound as error:
            raise NotFound(
                error.detail, param="previous_response_id", code="previous_response_not_found"
            ) from error
        except TooLarge as error:
            raise TooLarge(error.detail, param="previous_response_id") from error
        origins = together(*(said.origins for said in chain), frozenset({of_conversation(thread_id)}))
        return Earlier(thread_id, [item for said in chain for item in _items(said)], origins)

    async def input_items(self, caller: Caller, response_id: UUID) -> list[Item]:
        """All items that the response was made from, oldest first. Raises NotFound, TooLarge."""
        _, (*before, last) = await self._chain(caller, response_id)
        return [*(item for said in before for item in _items(said)), *orjson.loads(last.items)]

    async def items_of(self, caller: Caller, response_id: UUID) -> tuple[list[Item], Origins]:
        """What one response was asked itself, what it answered, and what that was made from. Raises NotFound."""
        said = await self._repository.one(caller.viewer, response_id, self._since)
        return _items(said), said.origins

    async def body(self, caller: Caller, response_id: UUID) -> bytes:
        """The response as JSON. Raises NotFound."""
        return (await self._repository.one(caller.viewer, response_id, self._since)).body

    async def forget(self, caller: Caller, response_id: UUID) -> None:
        """Raises NotFound."""
        await self._repository.forget(caller.viewer, response_id)

    @property
    def keeps(self) -> bool:
        """Whether anything is kept at all."""
        return self._retention > timedelta(0)

    async def keep(self, caller: Caller, response: KeptResponse) -> bool:
        """Whether it is kept now; it can be found from then on."""
        if not self.keeps or self._now() < self._paused_until:
            return False
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await self._repository.keep(caller.viewer, response)
        except (PartUnavailable, TimeoutError):
            self._paused_until = self._now() + _PAUSE
            logger.warning("responses cannot be kept just now: PostgreSQL does not answer")
            return False
        except ApplianceError as error:
            logger.warning("a response could not be kept: %s", error)
            return False
        return True

    @property
    def _since(self) -> datetime:
        return self._now() - self._retention

    async def _chain(self, caller: Caller, response_id: UUID) -> tuple[UUID, Sequence[Said]]:
        return await self._repository.chain(caller.viewer, response_id, self._since, MAX_CONVERSATION_BYTES)


def _items(said: Said) -> list[Item]:
    return [*orjson.loads(said.items), *orjson.loads(said.body)["output"]]
