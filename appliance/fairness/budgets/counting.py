"""How much is spent and held of each budget. Pure; times are handed in, in ms, amounts in micros.

A call is let through when all that is spent and all that is held of every budget leaves room for the most that it may
cost; so much is held until it ends, and then what it did cost is spent. Hence, at every moment and over all processes,
spent + held <= cap, as long as no call costs more than was held for it; by what such calls cost beyond that, and by
nothing else, a cap can be passed.

Decided here:
- A window of which nobody knows what was spent before is no window to count in: the accounts are asked first.
- What a process held is given back a lease after it was last heard of; should it live, what it spends is counted still.
- What is settled twice counts once; what is reserved twice is held once.
- After everything was lost, processes say what they hold; what was spent is the greater of what the accounts have and
  what a process last knew.
- 50, 80 and 100 per cent are told once in a window; a cap of another height is told of from where it stands. From 80
  per cent on a call that has no room, though nothing were held by others, tells 100: the rest is too small to use.

Valkey runs the same rules (`budgets.lua`) for all gateway processes; this is for one that is alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

LEVELS = (50, 80, 100)
"""Per cent of a cap that people are told of."""
_MOST = 4 * 10**15


@dataclass(frozen=True, slots=True)
class Wanted:
    """A window that a call counts in. most: the cap, micros."""

    name: str
    most: int
    end_ms: int = 0


@dataclass(frozen=True, slots=True)
class WindowState:
    """How a window stands. crossed: the per cent that is reached now and was not told before, 0: none."""

    spent: int
    held: int
    crossed: int = 0
    fits: bool = True


@dataclass(frozen=True, slots=True)
class Held:
    """There is room, and it is held."""

    states: tuple[WindowState, ...]


@dataclass(frozen=True, slots=True)
class NoRoom:
    """Nothing is held; of the windows whose `fits` is False there is not enough."""

    states: tuple[WindowState, ...]


@dataclass(frozen=True, slots=True)
class Unseeded:
    """Of these it is not known what was spent before; nothing is held."""

    names: tuple[str, ...]


Reserved = Held | NoRoom | Unseeded


@dataclass(slots=True)
class _Window:
    base: int | None = None
    least: int = 0
    used: int = 0
    held: int = 0
    told: int = 0
    told_most: int | None = None

    @property
    def spent(self) -> int:
        return (self.least if self.base is None else self.base) + self.used

    def crossed(self, most: int, *, is_refused: bool = False) -> int:
        reached = [level for level in LEVELS if self.spent >= threshold(most, level)]
        level = 100 if is_refused and 80 in reached else max(reached, default=0)
        if self.told_most != most:
            self.told, self.told_most = min(self.told, level), most
        if level <= self.told:
            return 0
        self.told = level
        return level


@dataclass(slots=True)
class _Record:
    """What is held for one call; names empty and is_done: it was settled."""

    micros: int
    names: tuple[str, ...]
    is_done: bool = False


@dataclass(slots=True)
class Counting:
    """All windows, in memory. lease_ms: within it a process that died is given up."""

    lease_ms: int = 15_000
    _windows: dict[str, _Window] = field(default_factory=dict)
    _holds: dict[str, dict[str, _Record]] = field(default_factory=dict)
    _until_ms: dict[str, int] = field(default_factory=dict)
    _doubted_ms: dict[str, int] = field(default_factory=dict)

    def reserve(self, worker: str, now_ms: int, id: str, micros: int, wanted: Sequence[Wanted]) -> Reserved:
        """Hold so much in all of these, or nothing."""
        self._heard_of(worker, now_ms)
        unknown = [one.name for one in wanted if self._window(one.name).base is None]
        if unknown:
            return Unseeded(tuple(unknown))
        holds = self._holds.setdefault(worker, {})
        windows, is_known = [self._window(one.name) for one in wanted], id in holds
        fit = [
            is_known or window.spent + window.held + micros <= one.most
            for window, one in zip(windows, wanted, strict=True)
        ]
        if all(fit) and not is_known:
            for window in windows:
                window.held += micros
            holds[id] = _Record(micros, tuple(one.name for one in wanted))
        states = []
        for window, one, fits in zip(windows, wanted, fit, strict=True):
            is_full = not fits and micros <= one.most < window.spent + micros
            level = window.crossed(one.most, is_refused=is_full)
            states.append(WindowState(window.spent, window.held, level, fits))
        return Held(tuple(states)) if all(fit) else NoRoom(tuple(states))

    def settle(
        self, worker: str, now_ms: int, id: str, cost: int, wanted: Sequence[Wanted]
    ) -> tuple[WindowState, ...]:
        """The call ended: what was held for it is free, what it cost is spent."""
        self._heard_of(worker, now_ms)
        holds = self._holds.setdefault(worker, {})
        record = holds.get(id)
        if record is not None:
            self._release(record)
        states = []
        for one in wanted:
            window, level = self._window(one.name), 0
            if window.base is not None:
                if record is None or not record.is_done:
                    window.used = min(window.used + cost, _MOST)
                level = window.crossed(one.most)
            states.append(WindowState(window.spent, window.held, level))
        holds[id] = _Record(0, (), is_done=True)
        return tuple(states)

    def seed(self, name: str, micros: int) -> None:
        """What the accounts know of a window from before it was counted here; the first word counts."""
        window = self._window(name)
        if window.base is None:
            window.base = max(micros, window.least)
            window.least = 0

    def sync(
        self,
        worker: str,
        now_ms: int,
        live: Sequence[tuple[str, int, tuple[str, ...]]],
        known: Iterable[tuple[str, int]] = (),
    ) -> None:
        """live: (id, micros, names) of all that runs in a process; known: what it last knew to be spent.

        micros -1: it is on its way, and stays as it is found. What the process does not name is given back.
        """
        self._heard_of(worker, now_ms)
        holds = self._holds.setdefault(worker, {})
        ids = {id for id, _, _ in live}
        for id in [id for id in holds if id not in ids]:
            self._release(holds.pop(id))
        for name, spent in known:
            window = self._window(name)
            if window.base is None:
                window.least = max(window.least, spent)
            else:
                window.base = max(window.base, spent)
        for id, micros, names in live:
            if micros >= 0 and id not in holds:
                for name in names:
                    self._window(name).held += micros
                holds[id] = _Record(micros, names)

    def renew(
        self, worker: str, now_ms: int, done: Iterable[str], names: Sequence[str]
    ) -> tuple[int, tuple[WindowState | None, ...]]:
        """A process lives. done: ids whose end it has heard. Returns how many ids are kept, and how these stand."""
        self._heard_of(worker, now_ms)
        holds = self._holds.setdefault(worker, {})
        for id in done:
            holds.pop(id, None)
        self._give_up_the_dead(now_ms)
        windows = [self._window(name) for name in names]
        states = (None if one.base is None else WindowState(one.spent, one.held) for one in windows)
        return len(self._holds.get(worker, {})), tuple(states)

    def _window(self, name: str) -> _Window:
        return self._windows.setdefault(name, _Window())

    def _release(self, record: _Record) -> None:
        for name in record.names:
            window = self._window(name)
            window.held = max(0, window.held - record.micros)

    def _heard_of(self, worker: str, now_ms: int) -> None:
        self._until_ms[worker] = now_ms + self.lease_ms // 3

    def _give_up_the_dead(self, now_ms: int) -> None:
        patience_ms = self.lease_ms // 3
        for worker, until_ms in sorted(self._until_ms.items()):
            given_up_ms = self._doubted_ms.get(worker)
            if now_ms < until_ms <= now_ms + patience_ms:
                self._doubted_ms.pop(worker, None)
            elif given_up_ms is None or given_up_ms > now_ms + patience_ms:
                self._doubted_ms[worker] = now_ms + patience_ms
            elif given_up_ms <= now_ms:
                for record in self._holds.pop(worker, {}).values():
                    self._release(record)
                del self._until_ms[worker], self._doubted_ms[worker]


def threshold(most: int, level: int) -> int:
    """So many micros are level per cent of most, rounded up."""
    hundreds, rest = divmod(most, 100)
    return hundreds * level + -(-rest * level // 100)
