"""The shared queue's keys in Valkey as a whole: begun anew where they cannot be read, removed where nobody uses them.

The state lies under PREFIX LAYOUT:EPOCH (queue_records.lua). To begin anew is to name another epoch: one write, after
which every call finds an empty queue and every worker puts back what it holds. Limits' counters stay as they are.
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import suppress

from appliance.errors import PartUnavailable
from appliance.fairness.valkey.valkey_link import CommandRefused, ValkeyLink

logger = logging.getLogger(__name__)

_REPAIR_MS = 1000  # other workers that stumbled over the same record need not begin anew once more
_KEYS_A_STEP = 500
_SWEEP_S = 60.0
# 1: how the state was called before its layout had a name.
_STATE = re.compile(rb"(?P<layout>1|q[0-9a-f]{8}):(?P<epoch>e[0-9a-f]{8}:)?")


class QueueState:
    """prefix: of everything the gate keeps in Valkey; layout: as this process reads and writes the queue."""

    def __init__(self, link: ValkeyLink, prefix: str, layout: str, worker: str) -> None:
        self._link = link
        self._prefix = prefix.encode()
        self._layout = layout.encode()
        self._worker = worker

    async def begin_anew(self) -> None:
        """Leave all records behind, unless another worker just did. Raises PartUnavailable."""
        own = self._prefix + self._layout
        lock = own + b":repair"
        if await self._link.command("PTTL", lock) == -1:  # none of ours: it would never end
            await self._link.command("UNLINK", lock)
        if await self._link.command("SET", lock, self._worker, "NX", "PX", _REPAIR_MS) is not None:
            logger.warning("the shared queue begins anew: its records could not be read")
            await self._link.command("SET", own + b":epoch", f"e{secrets.token_hex(4)}:")

    async def sweep_for_ever(self) -> None:
        """Once a minute."""
        while True:
            await asyncio.sleep(_SWEEP_S)
            with suppress(PartUnavailable):
                if removed := await self.sweep():
                    logger.info("removed %d keys of the queue that nobody uses any more", removed)

    async def sweep(self) -> int:
        """Remove what no living worker reads: earlier epochs, and layouts of other versions. Returns how many keys.

        Raises PartUnavailable.
        """
        found: defaultdict[bytes, defaultdict[bytes, list[bytes]]] = defaultdict(lambda: defaultdict(list))
        async for key in self._keys():
            if state := _STATE.match(key, len(self._prefix)):
                found[state["layout"]][state["epoch"] or b""].append(key)
        epochs: Mapping[bytes, list[bytes]] = found.pop(self._layout, {})
        present = await self._epoch()  # asked last: what was found of other epochs is older
        unused = [keys for epoch, keys in epochs.items() if epoch not in (present, b"")]
        if present:  # the epoch's own name is a key without one
            kept = (self._prefix + self._layout + b":epoch", self._prefix + self._layout + b":repair")
            unused.append([key for key in epochs.get(b"", ()) if key not in kept])
        for layout, its_epochs in found.items():
            if not await self._lives(layout, its_epochs):
                unused += its_epochs.values()
        return sum([await self._remove(keys) for keys in unused])

    async def _keys(self) -> AsyncIterator[bytes]:
        cursor = b"0"
        pattern = re.sub(rb"([*?\[\]\\])", rb"\\\1", self._prefix) + b"*"
        while True:
            cursor, keys = await self._link.command("SCAN", cursor, "MATCH", pattern, "COUNT", _KEYS_A_STEP)
            for key in keys:
                yield key
            if cursor == b"0":
                return

    async def _epoch(self) -> bytes:
        try:
            epoch: bytes | None = await self._link.command("GET", self._prefix + self._layout + b":epoch")
        except CommandRefused:  # not a string: the next call of the queue finds it, and has it set anew
            raise PartUnavailable("The queue's epoch cannot be read.") from None
        return epoch or b""

    async def _lives(self, layout: bytes, epochs: Iterable[bytes]) -> bool:
        """Has a worker of it called within its lease? One that lives and is not seen puts everything back."""
        now_s, us = await self._link.command("TIME")
        since = int(now_s) * 1_000_000 + int(us)
        for epoch in epochs:
            workers = self._prefix + layout + b":" + epoch + b"workers"
            with suppress(CommandRefused):
                if await self._link.command("ZCOUNT", workers, since, "+inf"):
                    return True
        return False

    async def _remove(self, keys: list[bytes]) -> int:
        for first in range(0, len(keys), _KEYS_A_STEP):
            await self._link.command("UNLINK", *keys[first : first + _KEYS_A_STEP])
        return len(keys)
