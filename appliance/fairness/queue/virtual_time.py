"""Whose turn it is: virtual tokens in a tree of groups and people.

Every node counts the weighted tokens it was served, divided by its weight; among those who wait the lowest goes first
(virtual token counters: Sheng et al., "Fairness in Serving Large Language Models", OSDI 2024), at every level of the
tree. Who comes back with nothing waiting is lifted to what the first of the others has surely been served, without the
estimates of what it runs: so idling earns no credit, and an estimate that proves too high costs no newcomer its turn.
Pure: no clock, no I/O. `fair_queue.lua` holds the same rules; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from appliance.fairness.admission import Share

ROOT = ""
_AHEAD = 1.0  # weighted tokens by which who returns goes before those who are there


def node_path(shares: tuple[Share, ...]) -> tuple[tuple[str, float], ...]:
    """(node, weight) from the outermost group to the person; a node's name holds the way to it, a group's ends in /."""
    *groups, person = shares
    path, name = [], ROOT
    for share in groups:
        name = f"{name}{share.id}/"
        path.append((name, share.weight))
    path.append((name + person.id, person.weight))
    return tuple(path)


Path = tuple[tuple[str, float], ...]


@dataclass(slots=True)
class Waiting:
    """What a node has in line: requests, and the tokens they will be charged."""

    requests: int = 0
    cost: float = 0.0

    @property
    def each(self) -> float:
        """What a request costs, on average."""
        return self.cost / self.requests


@dataclass(slots=True)
class ShareTree:
    """The counters of one pool and class. Nodes are named by `node_path`."""

    served: dict[str, float] = field(default_factory=dict)
    """Virtual tokens by node."""
    running: dict[str, int] = field(default_factory=dict)
    """Requests that hold a slot, by node."""
    promised: dict[str, float] = field(default_factory=dict)
    """Weighted tokens charged for those, by node: estimates until they end."""
    waiting: dict[str, Waiting] = field(default_factory=dict)
    """By node, those with something in line only."""
    children: dict[str, set[str]] = field(default_factory=dict)
    """By node: those below it with something in line."""
    weight: dict[str, float] = field(default_factory=dict)
    _last: dict[str, float] = field(default_factory=dict)

    def wait(self, path: Path, cost: float) -> None:
        """One more request in line; whoever had none is lifted."""
        parent = ROOT
        for node, weight in path:
            self.weight[node] = weight
            if node not in self.waiting:
                self._lift(node, parent)
                self.children.setdefault(parent, set()).add(node)
                self.waiting[node] = Waiting()
            self.waiting[node].requests += 1
            self.waiting[node].cost += cost
            parent = node

    def stop_waiting(self, path: Path, cost: float) -> None:
        """One less."""
        parent = ROOT
        for node, _ in path:
            waiting = self.waiting[node]
            waiting.requests -= 1
            waiting.cost -= cost
            if waiting.requests == 0:
                del self.waiting[node]
                self.children[parent].discard(node)
            parent = node

    def start(self, path: Path, cost: float, *, is_charged: bool = False) -> None:
        """A request of that cost got a slot: it is charged at once, unless it was when it started before."""
        parent = ROOT
        for node, weight in path:
            self.weight[node] = weight
            start = self.served.get(node, 0.0)
            if node not in self.waiting:  # it came and went in at once
                start = self._lifted(node, parent)
            self._last[parent] = max(self._last.get(parent, 0.0), start)
            self.served[node] = start + (0.0 if is_charged else cost / weight)
            self.promised[node] = self.promised.get(node, 0.0) + cost
            self.running[node] = self.running.get(node, 0) + 1
            parent = node

    def stop(self, path: Path, cost: float) -> None:
        """A request that was charged so much gave its slot back."""
        for node, _ in path:
            self.running[node] -= 1
            self.promised[node] -= cost
            if self.running[node] == 0:
                del self.running[node], self.promised[node]

    def charge(self, path: Path, cost: float) -> None:
        """More than was thought, or (negative) less."""
        for node, weight in path:
            self.served[node] = self.served.get(node, 0.0) + cost / weight

    def grow(self, path: Path, cost: float) -> None:
        """A running request is charged more."""
        self.charge(path, cost)
        for node, _ in path:
            self.promised[node] += cost

    def in_turn(self, node: str = ROOT) -> Iterator[str]:
        """The people who wait, whose turn comes first first. At equal counters the name decides."""
        children = self.children.get(node)
        if not children:
            if node != ROOT:
                yield node
            return
        for child in sorted(children, key=lambda name: (self.served.get(name, 0.0), name)):
            yield from self.in_turn(child)

    def ahead(self, path: Path, requests: int, cost: float) -> tuple[int, float]:
        """What will be started before a request that has (requests, cost) of its own before it: the same of everybody.

        Each neighbour goes first as long as its counter is not above where ours will then be.
        """
        for level in range(len(path) - 1, -1, -1):
            node, weight = path[level]
            parent = path[level - 1][0] if level else ROOT
            mark = self.served.get(node, 0.0) + cost / weight
            for other in self.children.get(parent, ()):
                if other == node:
                    continue
                waiting = self.waiting[other]
                gap = mark - self.served.get(other, 0.0)
                if gap < 0:
                    continue
                each = waiting.each
                fitting = waiting.requests if each <= 0 else int(gap * self.weight[other] / each) + 1
                count = min(waiting.requests, fitting)
                requests += count
                cost += count * each
        return requests, cost

    def _lift(self, node: str, parent: str) -> None:
        self.served[node] = self._lifted(node, parent)

    def _lifted(self, node: str, parent: str) -> float:
        others = self.children.get(parent)
        if others:
            first = min(others, key=lambda name: (self.served.get(name, 0.0), name))
            floor = self.served.get(first, 0.0) - self.promised.get(first, 0.0) / self.weight[first]
        else:
            floor = self._last.get(parent, 0.0)
        return max(self.served.get(node, 0.0), floor - _AHEAD)
