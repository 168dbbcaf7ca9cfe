"""Where ledger rows wait, durable, while PostgreSQL is away: one file a process, written off the event loop.

One thread writes; rows that come while it syncs share the next write. The files of processes that died are handed out
by `abandoned`. Knows nothing of PostgreSQL.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from appliance.fairness.accounting import spool_file
from appliance.fairness.accounting.spool_file import SpooledRows, SpoolFile

logger = logging.getLogger(__name__)

_Result = TypeVar("_Result")
_END_BYTES = 1024  # more than an end takes; kept free for every start that was spooled


class Spool:
    """folder: DATA/spool. worker: names our file, which is made when it is needed. most_bytes: of that file."""

    def __init__(self, folder: Path, worker: UUID, most_bytes: int) -> None:
        self._folder = folder
        self._worker = worker
        self._most_bytes = most_bytes
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="spool")
        self._file: SpoolFile | None = None
        self._offset = 0
        self._owed = 0
        self.rows = 0
        """Rows that are in our file and not in PostgreSQL yet."""

    async def append(self, starts: Sequence[bytes], ends: Sequence[bytes]) -> None:
        """Durable when this returns, in the order of the calls. Raises StorageFull, PartUnavailable: nothing kept."""
        if not starts and not ends:
            return
        owed = max(0, self._owed + len(starts) - len(ends))
        # Ends may use the room that was kept for them; a start must leave enough behind it for all that are open.
        await self._blocking(partial(self._append, starts, ends, owed * _END_BYTES if starts else 0))
        self._owed = owed
        self.rows += len(starts) + len(ends)

    def _append(self, starts: Sequence[bytes], ends: Sequence[bytes], reserve: int) -> None:
        if self._file is None:
            self._file, self._offset = spool_file.create(self._folder, str(self._worker)), 0
        self._file.append(starts, ends, reserve=reserve, most=self._most_bytes)

    async def oldest(self) -> SpooledRows | None:
        """The oldest rows of our file that were not `written`; None when there are none."""
        if self._file is None or not self.rows:
            return None
        return await self._blocking(partial(self._file.read, self._offset))

    def written(self, rows: SpooledRows) -> None:
        """They are in PostgreSQL."""
        self._offset = rows.next_offset
        self.rows -= len(rows)

    async def clear(self) -> None:
        """Remove our file; all of it was written."""
        if self._file is not None:
            file, self._file = self._file, None
            self._owed = self.rows = 0
            await self._blocking(file.remove)

    async def abandoned(self) -> AsyncGenerator[SpooledRows, None]:
        """The rows of processes that died. A file is removed when the next rows, or the end, are asked for."""
        found = spool_file.adopt(self._folder)
        while (file := await self._blocking(partial(next, found, None))) is not None:
            try:
                offset = 0
                while rows := await self._blocking(partial(file.read, offset)):
                    yield rows
                    offset = rows.next_offset
                await self._blocking(file.remove)
                logger.info("The rows that a dead process spooled in %s are in PostgreSQL.", file.path.name)
            finally:
                file.close()

    async def close(self) -> None:
        """What is left stays in the file, for the next process."""
        if self._file is not None:
            await self._blocking(self._file.close)
        self._thread.shutdown(wait=False)

    async def _blocking(self, work: Callable[[], _Result]) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
