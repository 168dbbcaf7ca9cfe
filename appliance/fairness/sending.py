"""A request on its way to an engine of its rung, and to another one where that fails before its first byte."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace

from appliance.fairness.accounting.ledger import Entry
from appliance.fairness.answer_scan import StreamScan, WholeScan
from appliance.fairness.context_guard import Checked, as_too_long
from appliance.fairness.kept_engines import KeptEngines
from appliance.fairness.lease import Lease
from appliance.fairness.relaying import prepared
from appliance.fairness.routing import Routes
from inference.errors import EngineRefused, EngineUnavailable
from inference.types import EngineResponse

logger = logging.getLogger(__name__)

_RETURNS = 3  # of an engine that died before the first byte; more, and the request may be what it dies of


@dataclass(slots=True)
class Attempt:
    """What has come of a request so far."""

    checked: Checked
    prompt_tokens: int
    scan: StreamScan | WholeScan = field(default_factory=WholeScan)
    lease: Lease | None = None
    has_moved: bool = False
    """Whether another engine than the first of its rung has it now."""

    @property
    def held(self) -> Lease:
        """The slot of the way that worked."""
        assert self.lease is not None
        return self.lease

    def give_back(self) -> None:
        """This way did not work: its slot is another one's."""
        lease, self.lease, self.has_moved = self.lease, None, False
        if lease is not None:
            lease.release(None)


class Sender:
    """kept: engines that may come back by themselves."""

    def __init__(self, kept: KeptEngines) -> None:
        self._kept = kept

    async def send(
        self, entry: Entry, attempt: Attempt, routes: Routes, stack: AsyncExitStack, *, is_batch: bool
    ) -> EngineResponse:
        """Ask the engine that has the slot; where it fails before its first byte, another one, each once only."""
        candidates, returns_left = routes.candidates, _RETURNS
        request, lease = attempt.checked.request, attempt.held
        while True:
            entry.runs_on(lease.engine, lease.wait_s * 1000)
            engine, own_name = routes.engines[lease.engine]
            try:
                call = replace(request, payload=prepared(request, own_name), is_batch=is_batch)
                # The loop comes to it when the engine has the request: writing takes a millisecond of this core.
                asyncio.get_running_loop().call_soon(entry.hurry)
                response = await stack.enter_async_context(engine.relay(call))
            except EngineUnavailable:
                others = tuple(c for c in candidates if c.engine != lease.engine)
                if not others and returns_left and await self._kept.failed(lease.engine):
                    returns_left -= 1
                    logger.warning("engine %s is away: the request waits for its return", lease.engine)
                    await lease.move(candidates)
                    continue
                candidates = others
                if not candidates:
                    raise
                logger.warning("engine %s failed, moving on", lease.engine)
                attempt.has_moved = True
                await lease.move(candidates)
                continue
            except EngineRefused as refusal:
                raise as_too_long(refusal, request, routes.context_tokens) from refusal
            entry.end.ttft_ms = entry.elapsed_ms()
            return response
