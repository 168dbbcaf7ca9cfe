"""The queue as it stands, for people who look at it: pools, who waits and runs in them, their requests. Values only.

`fair_queue.lua` and `fair_queue.py` answer with the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class NodeState:
    """A person or a group (its name ends in /) with something running or in line. name: as `node_path` makes it.

    served: virtual tokens, which is weighted tokens by weight. running, waiting: requests.
    """

    name: str
    is_batch: bool
    weight: float
    served: float
    running: int
    waiting: int

    @property
    def user(self) -> str | None:
        """Whose it is; None for a group."""
        return self.name.rpartition("/")[2] or None


@dataclass(frozen=True, slots=True)
class PoolState:
    """Engines that share one queue. running, waiting: requests; batch_waiting: those of them that let others go first.

    tokens_per_s: weighted tokens it starts while somebody waits; held_s: how long a request keeps its slot, on average;
    None: not measured lately. nodes: those with most first, and no more than were asked for.
    """

    name: str
    slots: int
    running: int
    waiting: int
    batch_waiting: int
    tokens_per_s: float | None
    held_s: float | None
    nodes: tuple[NodeState, ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """One request. request_id: the caller's name for it. came_us, since_us: when it came, and got its slot (Unix time).

    position, eta_s: None while it runs, and where too many are in line to tell each its place.
    """

    request_id: str
    pool: str
    model: str
    is_batch: bool
    came_us: int
    since_us: int | None = None
    engine: str | None = None
    position: int | None = None
    eta_s: float | None = None


@dataclass(frozen=True, slots=True)
class Standings:
    """Somebody's requests, first come first. total: how many there are, where not all are told."""

    requests: tuple[Standing, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Used:
    """Somebody, and the tokens of their requests that ended lately, by the ledger."""

    user_id: UUID
    email: str
    tokens: int


def unpack_pools(answer: Sequence[Sequence[Any]]) -> tuple[PoolState, ...]:
    """What the script answers to `survey`."""
    return tuple(_unpacked_pool(*row) for row in answer)


def unpack_standings(answer: Sequence[Any]) -> Standings:
    """What the script answers to `standings`."""
    total, rows = answer
    return Standings(tuple(Standing(*row) for row in rows), total)


def _unpacked_pool(
    name: str,
    slots: int,
    running: int,
    waiting: int,
    batch_waiting: int,
    tokens_per_s: float | None,
    held_s: float | None,
    nodes: Sequence[Sequence[Any]],
) -> PoolState:
    states = tuple(_unpacked_node(*node) for node in nodes)
    return PoolState(name, slots, running, waiting, batch_waiting, tokens_per_s, held_s, states)


def _unpacked_node(name: str, weight: float, served: float, running: int, waiting: int) -> NodeState:
    return NodeState(name[1:], name[0] == "b", weight, served, running, waiting)
