"""Decisions to stay on their way to the disk: in batches, after the answer, and never in anybody's way."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from typing import Protocol

from appliance.errors import PartUnavailable
from appliance.fairness.background import end, for_ever
from appliance.fairness.leaving.decisions import Decision

logger = logging.getLogger(__name__)

_MOST_HELD = 10_000
_AT_ONCE = 500
_PAUSE_S = 0.5
_AGAIN_S = 5.0


class Keeps(Protocol):
    """decisions.LeavingBook fulfils it."""

    async def keep(self, decisions: Sequence[Decision]) -> None: ...


class Stays:
    """While PostgreSQL is away the newest are held; what is lost is counted and said."""

    def __init__(self, book: Keeps) -> None:
        self._book = book
        self._held: deque[Decision] = deque(maxlen=_MOST_HELD)
        self._lost = 0
        self._news = asyncio.Event()
        self._writing: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Begin to write."""
        self._writing = asyncio.create_task(for_ever(self._write_for_ever))

    async def close(self) -> None:
        """Stop, and write what is left if PostgreSQL answers."""
        await end([self._writing])
        self._writing = None
        try:
            await self._write()
        except PartUnavailable:
            logger.warning("%d decisions to stay were not written", len(self._held))

    def note(self, decision: Decision) -> None:
        """To be written soon."""
        self._lost += len(self._held) == _MOST_HELD
        self._held.append(decision)
        self._news.set()

    async def _write_for_ever(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            try:
                await self._write()
            except PartUnavailable:
                self._news.set()
                await asyncio.sleep(_AGAIN_S)
            await asyncio.sleep(_PAUSE_S)

    async def _write(self) -> None:
        while self._held:
            batch = [self._held.popleft() for _ in range(min(_AT_ONCE, len(self._held)))]
            try:
                await self._book.keep(batch)
            except (PartUnavailable, asyncio.CancelledError):
                self._held.extendleft(reversed(batch))
                raise
            except Exception:  # it would fail again and again
                logger.exception("%d decisions to stay cannot be written", len(batch))
        if self._lost:
            logger.error("%d decisions to stay were lost while PostgreSQL was away", self._lost)
            self._lost = 0
