"""How fast turns come: measured rates, forgetting what is old, and the waits that follow from them. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

_REMEMBERED_MS = 60_000.0
_TRUSTED = 3  # events until a rate counts
_EQUALLY_TRUSTED = 60  # events after which a person's own rate, or a correction, counts half
_SHORTEST_S, _LONGEST_S = 0.5, 3600.0  # waits that tell how good foresight is; longer: the clock jumped
_KEPT = 0.98
_LARGEST_CORRECTION = 4.0
_SMOOTHING = 0.2


@dataclass(slots=True)
class Pace:
    """Weighted tokens started per ms while somebody waited; what is long ago counts less (by e in 60 s)."""

    tokens: float = 0.0
    ms: float = 0.0
    events: int = 0
    last_ms: float = 0.0

    def begin(self, now_ms: float) -> None:
        """Somebody waits from now on: the time before does not count, and what is long ago is forgotten."""
        if now_ms - self.last_ms > _REMEMBERED_MS:
            self.tokens, self.ms, self.events = 0.0, 0.0, 0
        self.last_ms = now_ms

    def started(self, cost: float, now_ms: float) -> None:
        """One from the line got its slot."""
        passed = min(max(0.0, now_ms - self.last_ms), _REMEMBERED_MS)  # more: the clock jumped
        kept = math.exp(-passed / _REMEMBERED_MS)
        self.tokens = self.tokens * kept + cost
        self.ms = self.ms * kept + passed
        self.events += 1
        self.last_ms = now_ms

    def tokens_per_s(self, now_ms: float) -> float | None:
        """None: not measured lately."""
        if (
            self.events < _TRUSTED
            or self.tokens <= 0
            or self.ms <= 0
            or now_ms - self.last_ms > _REMEMBERED_MS
        ):
            return None
        return self.tokens * 1000 / self.ms

    def wait_ms(self, cost: float, now_ms: float) -> float | None:
        """Until so many weighted tokens have been started; None: not measured yet."""
        if self.events < _TRUSTED or self.tokens <= 0 or self.ms <= 0:
            return None
        return max(0.0, cost * self.ms / self.tokens - max(0.0, now_ms - self.last_ms))


def blended_s(by_pool_s: float, own: Pace, own_s: float | None) -> float:
    """One estimate of two: the person's own counts the more, the more often it was measured."""
    if own_s is None:
        return by_pool_s
    trust = own.events / (own.events + _EQUALLY_TRUSTED)
    return trust * own_s + (1 - trust) * by_pool_s


@dataclass(slots=True)
class Foresight:
    """What was foretold from the line as it stood, against what came: it cannot know who will come and overtake."""

    foretold_s: float = 0.0
    waited_s: float = 0.0
    events: int = 0

    def came(self, foretold_s: float, waited_s: float) -> None:
        """A request got its slot."""
        if _SHORTEST_S < waited_s < _LONGEST_S:
            self.foretold_s = self.foretold_s * _KEPT + foretold_s
            self.waited_s = self.waited_s * _KEPT + waited_s
            self.events += 1

    def corrected_s(self, foretold_s: float) -> float:
        """As experience makes it."""
        if self.events < _TRUSTED or self.foretold_s <= 0:
            return foretold_s
        correction = min(max(self.waited_s / self.foretold_s, 1 / _LARGEST_CORRECTION), _LARGEST_CORRECTION)
        trust = self.events / (self.events + _EQUALLY_TRUSTED)
        return foretold_s * (1 + trust * (correction - 1))


@dataclass(slots=True)
class Average:
    """A moving average; None before the first value."""

    value: float | None = None

    def add(self, value: float) -> None:
        self.value = value if self.value is None else self.value + _SMOOTHING * (value - self.value)
