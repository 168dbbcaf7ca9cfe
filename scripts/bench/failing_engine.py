"""The stand-in engine in a process of its own; its fault is changed while it runs: POST /bench/fault {"fault": "die"}.

    python scripts/bench/failing_engine.py PORT

Prints its address. GET /bench/asked tells how many questions and how many of the appliance's own it was asked.
"""

from __future__ import annotations

import asyncio
import sys

from aiohttp import web

from inference.testing.fake_engine import Behaviour, FakeEngine, Fault

TOKENS, TTFT_S, PACE_S = 24, 0.05, 0.03
_AFTER_TOKENS = 8


class FailingEngine(FakeEngine):
    """With a door for whoever measures."""

    def routes(self) -> list[web.RouteDef]:
        """Two more."""
        return [
            *super().routes(),
            web.post("/bench/fault", self._change),
            web.get("/bench/asked", self._tell),
        ]

    async def _change(self, request: web.Request) -> web.Response:
        self.behaviour.fault = Fault((await request.json())["fault"])
        return web.Response()

    async def _tell(self, _request: web.Request) -> web.Response:
        questions = sum(b"what is new?" in one.body for one in self.requests)
        return web.json_response({"questions": questions, "probes": len(self.requests) - questions})


async def _serve(port: int) -> None:
    behaviour = Behaviour(tokens=TOKENS, ttft_s=TTFT_S, pace_s=PACE_S, fault_after_tokens=_AFTER_TOKENS)
    engine = FailingEngine(["measured"], behaviour=behaviour)
    await engine.start(port=port)
    print(engine.base_url, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
