"""Requests that run, and how they are cut off when the stop switch is thrown: within half a second, whoever reads."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

import aiohttp

from inference.egress.switch import Switch
from inference.errors import EgressStopped

_LOOK_EVERY_S = 0.25


class Transfer:
    """One request. Enter it while it waits for its answer; hand it the answer when it is there."""

    def __init__(self) -> None:
        self.stopped_for = ""
        """Why it was cut off; empty: it was not."""
        self._waiting: asyncio.Timeout | None = None
        self._response: aiohttp.ClientResponse | None = None

    async def __aenter__(self) -> Transfer:
        self._waiting = await asyncio.timeout(None).__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        waiting, self._waiting = self._waiting, None
        assert waiting is not None
        try:
            await waiting.__aexit__(kind, error, trace)
        except TimeoutError as timeout:
            raise EgressStopped(self.stopped_for) from timeout

    def answered(self, response: aiohttp.ClientResponse) -> None:
        """From now on it is the answer's body that is cut off."""
        self._response = response

    def cut(self, why: str) -> None:
        """Break it off: whoever waits for it or reads its answer gets EgressStopped, in whatever task."""
        self.stopped_for = why
        if self._response is not None:
            self._response.content.set_exception(EgressStopped(why))
            self._response.close()
        elif self._waiting is not None:
            self._waiting.reschedule(asyncio.get_running_loop().time())


class Transfers:
    """Those of one door that run. A task looks at the switch while there are any."""

    def __init__(self, switch: Switch) -> None:
        self._switch = switch
        self._running: set[Transfer] = set()
        self._watch: asyncio.Task[None] | None = None

    @contextmanager
    def running(self) -> Iterator[Transfer]:
        transfer = Transfer()
        self._running.add(transfer)
        if self._watch is None or self._watch.done():
            self._watch = asyncio.create_task(self._look())
        try:
            yield transfer
        finally:
            self._running.discard(transfer)
            if not self._running and self._watch is not None:
                self._watch.cancel()
                self._watch = None

    async def _look(self) -> None:
        while True:
            if why := self._switch.stopped():
                for transfer in list(self._running):
                    transfer.cut(why)
            await asyncio.sleep(_LOOK_EVERY_S)
