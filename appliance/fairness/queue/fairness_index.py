"""How evenly people who wait are served: Jain's index over what each got of what was due to them. Pure.

1 is even; 1/n when one of n gets everything (Jain, Chiu and Hawe, DEC TR-301, 1984). It looks at two moments: a counter
of virtual tokens that grew between them tells what a person got who waited all the time.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence

from appliance.fairness.queue.survey import NodeState, PoolState

_SHORTEST_S, _LONGEST_S = 10.0, 120.0


class FairnessWatch:
    """Fed with surveys when somebody asks; remembers those of the last two minutes, or of longest_s."""

    def __init__(self, longest_s: float = _LONGEST_S) -> None:
        self._longest_s = longest_s
        self._seen: deque[tuple[float, Mapping[str, PoolState]]] = deque()

    def look(self, pools: Sequence[PoolState], now_s: float) -> dict[str, float]:
        """The index by pool, where at least two people waited since the first survey that is remembered.

        now_s: of a clock that only goes forward. Nothing before ten seconds have been seen.
        """
        while self._seen and self._seen[0][0] < now_s - self._longest_s:
            self._seen.popleft()
        self._seen.append((now_s, {pool.name: pool for pool in pools}))
        if now_s - self._seen[0][0] < _SHORTEST_S:
            return {}
        found = {}
        for pool in pools:
            states = [seen[pool.name] for _, seen in self._seen if pool.name in seen]
            index = fairness_index(states)
            if index is not None:
                found[pool.name] = index
        return found


def fairness_index(states: Sequence[PoolState]) -> float | None:
    """Of a pool as it was at several moments, oldest first; None where fewer than two people waited at all of them.

    What is due: a group's part of its parent's, and a person's of the group's, by weight among those who waited.
    """
    if len(states) < 2:
        return None
    waited = [
        {node.name: node for node in state.nodes if node.waiting and not node.is_batch} for state in states
    ]
    first, last = waited[0], waited[-1]
    people = [name for name in last if last[name].user and all(name in seen for seen in waited)]
    if len(people) < 2:
        return None
    part = _parts(people, last)
    got = [(last[name].served - first[name].served) * last[name].weight / part[name] for name in people]
    squares = sum(value * value for value in got)
    return sum(got) ** 2 / (len(got) * squares) if squares > 0 else None


def _parts(people: Sequence[str], nodes: Mapping[str, NodeState]) -> dict[str, float]:
    """What is due to each, of 1."""
    below: dict[str, set[str]] = defaultdict(set)
    for name in people:
        for node in _way_to(name):
            below[_parent_of(node)].add(node)
    parts = {"": 1.0}
    for name in people:
        for node in _way_to(name):
            siblings = sum(_weight(nodes, other) for other in below[_parent_of(node)])
            parts[node] = parts[_parent_of(node)] * _weight(nodes, node) / siblings
    return parts


def _way_to(name: str) -> list[str]:
    """The groups from the outermost, then the person: `a/b/c` is `a/`, `a/b/`, `a/b/c`."""
    *groups, _ = name.split("/")
    return ["/".join(groups[: depth + 1]) + "/" for depth in range(len(groups))] + [name]


def _parent_of(node: str) -> str:
    above, slash, _ = node.rstrip("/").rpartition("/")
    return above + slash


def _weight(nodes: Mapping[str, NodeState], node: str) -> float:
    return nodes[node].weight if node in nodes else 1.0
