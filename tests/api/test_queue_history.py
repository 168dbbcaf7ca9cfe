"""The queue's history as a real gate writes it: with the engines it watches and the answers it gave."""

from __future__ import annotations

from appliance.fairness.queue.history import STEP_S, HistoryPoint
from inference.testing.fake_engine import FakeEngine
from tests.gateway_harness import Gateway
from tests.waiting import until


async def test_what_a_gate_answered_is_in_its_history(gateway: Gateway, engine: FakeEngine) -> None:
    """The tokens that the engine counted, under the engine's name, beside what the watcher saw of its pool."""
    history = gateway.room.history
    body = {"model": "fake", "messages": [{"role": "user", "content": "Talk."}]}
    async with gateway.post("chat/completions", body) as answer:
        counted = (await answer.json())["usage"]["completion_tokens"]

    points: list[HistoryPoint] = []

    async def is_told() -> bool:
        await history.write()
        points[:] = await history.points()
        pools = any(point.pools for point in points)
        return pools and sum(made.tokens_per_s for point in points for made in point.engines.values()) > 0

    await until(is_told)

    engines = {name for point in points for name in point.engines}
    made = sum(point.engines["local"].tokens_per_s * STEP_S for point in points if "local" in point.engines)
    (pool,) = next(point.pools for point in reversed(points) if point.pools).values()
    assert engines == {"local"} and made == counted > 0
    assert (pool.slots, pool.waiting) == (2, 0)
