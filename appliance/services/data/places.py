"""How many queries of one database run at a time: a few in all, and one of each person. Who waits too long is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

from querying.errors import SourceBusy


@dataclass(slots=True)
class _Source:
    """running: who has a place. changed: told whenever one is given back."""

    running: set[UUID] = field(default_factory=set)
    waiting: int = 0
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)


class Places:
    """Of one process. most: queries of one database at a time. wait_s: how long somebody waits for a place."""

    def __init__(self, most: int, wait_s: float) -> None:
        self._most = most
        self._wait_s = wait_s
        self._sources: dict[UUID, _Source] = {}

    @asynccontextmanager
    async def place(self, source_id: UUID, person: UUID) -> AsyncIterator[None]:
        """For one query. Raises SourceBusy."""
        source = self._sources.setdefault(source_id, _Source())
        source.waiting += 1
        try:
            await self._take(source, person)
        finally:
            source.waiting -= 1
            self._forget_unused(source_id, source)
        try:
            yield
        finally:
            source.running.discard(
                person
            )  # before anything is awaited: a cancelled asker gives its place back too
            self._forget_unused(source_id, source)
            async with source.changed:
                source.changed.notify_all()

    async def _take(self, source: _Source, person: UUID) -> None:
        def is_free() -> bool:
            return person not in source.running and len(source.running) < self._most

        try:
            async with asyncio.timeout(self._wait_s), source.changed:
                await source.changed.wait_for(is_free)
                source.running.add(person)
        except TimeoutError as error:
            if person in source.running:
                raise SourceBusy(
                    "An earlier query of yours is still running there; wait for it or cancel it.", "own"
                ) from error
            raise SourceBusy(f"{self._most} queries run there (`data.queries_at_a_time`).", "all") from error

    def _forget_unused(self, source_id: UUID, source: _Source) -> None:
        if not source.running and not source.waiting:
            self._sources.pop(source_id, None)
