"""Where the ledger's rows go: into PostgreSQL, and into the spool while it is away.

PostgreSQL is taken for away from the first write that fails until everything that was spooled since is in it again, so
rows reach it in the order in which they were made. A write whose outcome is unknown, because the connection broke in
the middle of the commit, is spooled as well: all rows may be written twice without counting twice. The spooled rows of
processes that died are written by the others.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import aclosing
from uuid import UUID

from appliance.errors import PartUnavailable
from appliance.fairness.accounting.contact import PostgresContact
from appliance.fairness.accounting.ledger_rows import RowsRefused, UsageRepository
from appliance.fairness.accounting.spool import Spool
from appliance.fairness.accounting.spool_file import SpooledRows
from appliance.fairness.background import end, for_ever

logger = logging.getLogger(__name__)

_BEAT_S = 5.0
_DEAD_AFTER_S = 30.0
_RETRY_S = 0.5
_FULL_S = 1.0  # a spool without room is asked again after this


class Recording:
    """open() before the first row, close() after the last. monotonic: seconds that only go forward."""

    def __init__(
        self,
        repository: UsageRepository,
        spool: Spool,
        contact: PostgresContact,
        worker: UUID,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.worker = worker
        self.contact = contact
        self._repository = repository
        self._spool = spool
        self._monotonic = monotonic
        self._is_spooling = False
        self._switching = asyncio.Lock()
        self._kept_ends: list[bytes] = []  # ends that not even the spool took
        self._full_until = 0.0
        self._recovery: asyncio.Task[None] | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Begin to tell that we live."""
        self._tasks = [asyncio.create_task(for_ever(self._beat_for_ever))]

    async def close(self) -> None:
        """What is spooled stays there for the next process."""
        await end([*self._tasks, self._recovery])
        for row in self._kept_ends:
            logger.error("Neither PostgreSQL nor the spool took this row of the ledger: %s", row.decode())
        await self._spool.close()
        await self._repository.close()

    @property
    def is_spooling(self) -> bool:
        """Whether rows go into the spool just now."""
        return self._is_spooling

    @property
    def spooled_rows(self) -> int:
        """Rows that wait for PostgreSQL."""
        return self._spool.rows + len(self._kept_ends)

    def require_room(self) -> None:
        """Before a request is accepted. Raises PartUnavailable where its rows could not be kept."""
        if not self._is_spooling:
            return
        self.contact.require_service()
        if self._monotonic() < self._full_until:
            raise PartUnavailable("PostgreSQL is away, and the spool has no room.")

    async def record(self, starts: Sequence[bytes], ends: Sequence[bytes]) -> None:
        """Durable when this returns. Raises PartUnavailable: the starts do not count. Ends are kept whatever happens.

        One call at a time.
        """
        if not self._is_spooling:
            try:
                are_all_taken = await self._write(starts, ends)
            except PartUnavailable as error:
                self._begin_to_spool(error)
            else:
                self.contact.heard()
                if not are_all_taken:
                    raise PartUnavailable("Usage cannot be recorded.")
                return
        async with self._switching:
            if self._is_spooling:
                await self._append(starts, ends)
                return
        await self.record(starts, ends)  # PostgreSQL has just come back

    async def _append(self, starts: Sequence[bytes], ends: Sequence[bytes]) -> None:
        refusal: PartUnavailable | None = None
        if starts:
            try:
                self.contact.require_service()
            except PartUnavailable as error:
                refusal, starts = error, ()
        ends = [*self._kept_ends, *ends]
        try:
            await self._spool.append(starts, ends)
            self._kept_ends = []
        except PartUnavailable as error:
            self._full_until = self._monotonic() + _FULL_S
            refusal = error if starts else refusal
            await self._append_ends(ends)
        if refusal is not None:
            raise refusal

    async def _append_ends(self, ends: list[bytes]) -> None:
        try:
            await self._spool.append((), ends)
            self._kept_ends = []
        except PartUnavailable as error:
            logger.error("%d finished requests are kept in memory only: %s", len(ends), error)
            self._kept_ends = ends

    async def _write(self, starts: Sequence[bytes], ends: Sequence[bytes]) -> bool:
        """False where a start was refused for good. Raises PartUnavailable."""
        try:
            await self._repository.record(starts, ends)
        except RowsRefused:  # one bad row must not hold up the others
            refused = [row for row in starts if not await self._was_taken([row], ())]
            for row in ends:
                await self._was_taken((), [row])
            return not refused
        return True

    async def _was_taken(self, starts: Sequence[bytes], ends: Sequence[bytes]) -> bool:
        try:
            await self._repository.record(starts, ends)
        except RowsRefused as refusal:
            logger.error("PostgreSQL refuses a row of the ledger for good: %s %s %s", refusal, starts, ends)
            return False
        return True

    # away and back -------------------------------------------------------------------------------------

    def _begin_to_spool(self, error: PartUnavailable) -> None:
        self.contact.lost()
        self._is_spooling = True
        logger.warning(
            "PostgreSQL is away (%s); rows of the ledger are spooled, known callers are served for %.0f s",
            error.detail or error,
            self.contact.left_s,
        )
        self._recovery = asyncio.create_task(self._come_back())

    async def _come_back(self) -> None:
        began, rows = self._monotonic(), 0
        while self._is_spooling:
            await asyncio.sleep(_RETRY_S)
            try:
                await self._repository.beat(self.worker)
                self.contact.heard()
                rows += await self._replay()
            except PartUnavailable:
                self.contact.lost()
            except Exception:  # none of it is lost: it is tried again
                logger.exception("what was spooled could not be written")
        away_s = self._monotonic() - began
        logger.warning("PostgreSQL is back after %.1f s; %d spooled rows are in it", away_s, rows)

    async def _replay(self) -> int:
        """Hand the spool over, then write directly again; returns the number of rows."""
        count = 0
        while True:
            rows = await self._spool.oldest()
            if rows:
                await self._hand_over(rows)
                self._spool.written(rows)
                count += len(rows)
                continue
            async with self._switching:
                if self._spool.rows and rows is None:
                    continue  # something was appended meanwhile
                if self._spool.rows:
                    logger.error("%d rows of the spool cannot be read back", self._spool.rows)
                await self._write((), self._kept_ends)
                count += len(self._kept_ends)
                self._kept_ends = []
                await self._spool.clear()
                self._is_spooling = False
                return count

    async def _hand_over(self, rows: SpooledRows) -> None:
        if rows.damaged:
            logger.error("%d lines of the spool were torn and are left out", rows.damaged)
        await self._write(rows.starts, ())  # the ends after the starts: theirs may be among them
        await self._write((), rows.ends)
        self.contact.heard()

    async def _beat_for_ever(self) -> None:
        """Tell that we live. Whoever has done so without a break for long enough may end what the dead left."""
        unbroken = 0
        while True:
            try:
                self.contact.require()  # it is looked for already
                await self._repository.beat(self.worker)
                self.contact.heard()
                unbroken += 1
                if not self._is_spooling:
                    async with aclosing(self._spool.abandoned()) as abandoned:
                        async for rows in abandoned:
                            await self._hand_over(rows)
                # After an outage of PostgreSQL everybody looks dead until everybody has had time to beat.
                if unbroken * _BEAT_S > _DEAD_AFTER_S:
                    ended = await self._repository.end_orphans(_DEAD_AFTER_S)
                    if ended:
                        logger.warning("%d requests of processes that died were ended as unknown", ended)
            except PartUnavailable as error:
                unbroken = 0
                if not self._is_spooling:
                    self._begin_to_spool(error)
            await asyncio.sleep(_BEAT_S)
