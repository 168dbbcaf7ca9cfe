"""What there is to see of `FairQueue`: its pools and requests as values. Pure."""

from __future__ import annotations

from appliance.fairness.queue.lines import Line, Pool, Request
from appliance.fairness.queue.occupancy import Occupancy
from appliance.fairness.queue.survey import NodeState, PoolState, Standing

MOST_PLACED = 250
"""So many of a person's requests are told their place."""


def pool_state(name: str, pool: Pool, occupancy: Occupancy, most: int, now_ms: float) -> PoolState:
    """most: of its people and groups, those with most running first."""
    nodes = [*_busy_nodes(pool.interactive, is_batch=False), *_busy_nodes(pool.batch, is_batch=True)]
    nodes.sort(key=lambda node: (-node.running, -node.waiting, not node.is_batch, node.name))
    held_ms = pool.held_ms.value
    return PoolState(
        name,
        sum(occupancy.slots(engine, known) for engine, known in pool.engines.items()),
        sum(occupancy.running(engine) for engine in pool.engines),
        pool.waiting,
        len(pool.batch_tickets),
        pool.pace.tokens_per_s(now_ms),
        None if held_ms is None else held_ms / 1000,
        tuple(nodes[:most]),
    )


def standing(request: Request, place: tuple[int | None, float | None]) -> Standing:
    """place: (position, eta_s) while it waits."""
    ask, is_running = request.ask, request.engine is not None
    position, eta_s = (None, None) if is_running else place
    return Standing(
        ask.request_id,
        ask.pool,
        ask.model,
        ask.is_batch,
        request.ticket,
        request.since_us if is_running else None,
        request.engine,
        position,
        eta_s,
    )


def _busy_nodes(line: Line, *, is_batch: bool) -> list[NodeState]:
    tree = line.tree
    return [
        NodeState(
            node,
            is_batch,
            tree.weight[node],
            tree.served.get(node, 0.0),
            tree.running.get(node, 0),
            tree.waiting[node].requests if node in tree.waiting else 0,
        )
        for node in {**tree.running, **tree.waiting}
    ]
