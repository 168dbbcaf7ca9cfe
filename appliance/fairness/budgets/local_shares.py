"""What one process may spend by itself while Valkey is away: its share of what was left when it last knew. Pure.

The share of a window is (cap - spent - held) / processes, rounded down; a window that begins meanwhile is empty, so its
share is cap / processes. Of any other window the accounts must be asked first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from appliance.fairness.budgets.counting import Counting, Held, NoRoom, Unseeded, Wanted
from appliance.fairness.budgets.windows import Window

_ALONE = "alone"


class LocalShares:
    """known: name -> (spent, held), micros, as last heard. since_ms: when Valkey went away. processes: that share."""

    def __init__(self, known: Mapping[str, tuple[int, int]], since_ms: int, processes: int) -> None:
        self._known = dict(known)
        self._since_ms = since_ms
        self._processes = processes
        self._counting = Counting()

    def unknown(self, windows: Sequence[Window]) -> list[Window]:
        """Those that `learn` must be told of before they can be counted in."""
        return [
            window
            for window in windows
            if window.name not in self._known and window.span.start_ms < self._since_ms
        ]

    def learn(self, window: Window, spent: int) -> None:
        """What the accounts have."""
        self._known.setdefault(window.name, (spent, 0))

    def reserve(self, now_ms: int, id: str, micros: int, windows: Sequence[Window]) -> Held | NoRoom:
        """Hold it in all shares, or in none. The states tell what is spent of the whole, as far as it is known here."""
        for window in windows:
            self._counting.seed(window.name, 0)
        answer = self._counting.reserve(_ALONE, now_ms, id, micros, [self._wanted(one) for one in windows])
        assert not isinstance(answer, Unseeded)
        states = tuple(
            replace(state, spent=state.spent + self._before(window)[0], crossed=0)
            for state, window in zip(answer.states, windows, strict=True)
        )
        return Held(states) if isinstance(answer, Held) else NoRoom(states)

    def settle(self, now_ms: int, id: str, cost: int, windows: Sequence[Window]) -> None:
        """A call that was let through here ended."""
        self._counting.settle(_ALONE, now_ms, id, cost, [self._wanted(one) for one in windows])

    def _wanted(self, window: Window) -> Wanted:
        left = window.most - sum(self._before(window))
        return Wanted(window.name, max(0, left // self._processes), window.span.end_ms)

    def _before(self, window: Window) -> tuple[int, int]:
        return self._known.get(window.name, (0, 0))
