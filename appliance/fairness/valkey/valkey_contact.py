"""Whether Valkey is there: in doubt when a call fails, away when it stays silent, back when it is well for a while.

Knows nothing of the queue; it is handed a question to ask.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from appliance.errors import PartUnavailable
from appliance.fairness.background import end
from appliance.fairness.valkey.return_of_valkey import RepairPauses, ReturnOfValkey

_PROBE_S = 0.05
_DOUBT_S = 0.4  # a connection that was only cut is there again by then


class ValkeyContact:
    """probe: seconds that an answer took, None where there was none; it never raises.

    on_return: Valkey is there after a doubt or an absence, told before anybody else asks; on_loss: it is away.
    repair: what is to be done before it is asked again after break_off(); it may raise PartUnavailable.
    """

    def __init__(
        self,
        probe: Callable[[], Awaitable[float | None]],
        on_loss: Callable[[], None],
        on_return: Callable[[], None],
        repair: Callable[[], Awaitable[None]],
    ) -> None:
        self._probe = probe
        self._on_loss = on_loss
        self._on_return = on_return
        self._repair = repair
        self._return = ReturnOfValkey()
        self._pauses = RepairPauses()
        self._is_broken = False
        self._is_sure = asyncio.Event()
        self._is_sure.set()
        self._task: asyncio.Task[None] | None = None
        self.is_away = False

    def doubt(self) -> None:
        """A call failed, or the connection is lost: is Valkey away?"""
        if not self.is_away and self._is_sure.is_set():
            self._is_sure.clear()
            self._task = asyncio.create_task(self._make_sure())

    async def sure(self) -> None:
        """Wait until it is known whether Valkey is away."""
        await self._is_sure.wait()

    def lose(self) -> None:
        """It is away: go on without, and look for its return."""
        if self.is_away:
            return
        self.is_away = True
        self._return.lost(_now())
        self._on_loss()
        self._is_sure.set()
        making_sure, self._task = self._task, asyncio.create_task(self._look_for_return())
        if making_sure is not None and making_sure is not asyncio.current_task():
            making_sure.cancel()

    def break_off(self) -> None:
        """It answers, but with nonsense: go on without at once, and have it repaired before it is used again."""
        self._is_broken = True
        self.lose()

    async def close(self) -> None:
        """Look no more."""
        await end([self._task])

    async def _make_sure(self) -> None:
        until = _now() + _DOUBT_S
        while _now() < until and not self.is_away:
            await asyncio.sleep(_PROBE_S)
            if await self._probe() is not None:
                self._on_return()
                self._is_sure.set()
                return
        self.lose()

    async def _look_for_return(self) -> None:
        while self.is_away:
            if self._is_broken:
                await self._mend()
            await asyncio.sleep(_PROBE_S)
            took_s = await self._probe()
            if self._return.asked(_now(), took_s) and not self._is_broken:
                self.is_away = False
                self._on_return()

    async def _mend(self) -> None:
        await asyncio.sleep(self._pauses.next_s(_now()))
        with suppress(PartUnavailable):  # then Valkey is away, and the next probe finds whether it is mended
            await self._repair()
        self._is_broken = False


def _now() -> float:
    return asyncio.get_running_loop().time()
