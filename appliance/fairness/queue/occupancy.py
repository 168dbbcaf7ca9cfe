"""What the engines are doing for us, and whether one more fits: slots, the reserve, KV cache, the prefill gate.

Pure: no clock, no I/O. `fair_queue.lua` holds the same rules.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, field
from typing import Literal

from appliance.fairness.admission import Capacity, FairRules, Use

_SHORTEST_PREFILL_MS, _LONGEST_PREFILL_MS = 200.0, 60_000.0
_PREFILL_TOKENS_PER_MS = 2.0  # until it is measured
_SMOOTHING = 0.2

Fit = Literal["fits", "full", "hold"]
"""full: no slot that this request may take. hold: there is one, but prompts are being read or the cache is full."""


_LONGEST_SPREAD_MS = 1000.0


@dataclass(frozen=True, slots=True)
class Crowd:
    """Who wants a pool's engines: requests in line, and how long a slot is held on average (None: not measured)."""

    waiting: int = 0
    held_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Need:
    """What a request asks of an engine. kv_tokens: prompt and answer together."""

    id: str
    prompt_tokens: int
    kv_tokens: int
    is_batch: bool = False


@dataclass(slots=True)
class _Engine:
    """prefill: request -> (prompt tokens, until when they count at the latest, in ms). tokens: of all needs."""

    needs: dict[str, Need] = field(default_factory=dict)
    prefill: dict[str, tuple[int, float]] = field(default_factory=dict)
    prefill_tokens_per_ms: float = _PREFILL_TOKENS_PER_MS
    slots: int | None = None
    kv_tokens: int | None = None
    begun_ms: float | None = None
    tokens: int = 0

    def reading(self, now_ms: float) -> int:
        """Prompt tokens being read. What must have been read by now is forgotten; so is what a clock set back left."""
        for request, (_, until) in list(self.prefill.items()):
            if not now_ms < until <= now_ms + _LONGEST_PREFILL_MS:
                del self.prefill[request]
        return sum(tokens for tokens, _ in self.prefill.values())


class Occupancy:
    """All engines of all pools."""

    def __init__(self, rules: FairRules) -> None:
        self._rules = rules
        self._engines: dict[str, _Engine] = {}

    def learn(self, capacity: Capacity) -> None:
        """What an engine says that it can bear."""
        engine = self._of(capacity.engine)
        engine.slots, engine.kv_tokens = capacity.slots, capacity.kv_tokens

    def slots(self, engine: str, otherwise: int) -> int:
        """As last learned, else as the asker knows; 0: it takes nobody now, because it is loading or on its way out."""
        learned = self._of(engine).slots
        return max(1, otherwise) if learned is None else learned

    def running(self, engine: str) -> int:
        return len(self._of(engine).needs)

    def use(self, engine: str, slots: int) -> Use:
        """How busy it is. slots: as the asker knows them; it has some."""
        known, slots = self._of(engine), self.slots(engine, slots)
        return Use(known.tokens / slots, len(known.needs) / slots)

    def engines(self) -> dict[str, int]:
        """Requests by engine."""
        return {name: len(engine.needs) for name, engine in self._engines.items() if engine.needs}

    def keep(self, engines: Container[str]) -> None:
        """Forget what was known of all the others that run nothing."""
        self._engines = {
            name: engine for name, engine in self._engines.items() if engine.needs or name in engines
        }

    def is_full(self, engine: str, slots: int) -> bool:
        return self.running(engine) >= self.slots(engine, slots)

    def is_closed(self, name: str, slots: int, held: int, *, as_batch: bool) -> bool:
        """No slot of it may be taken by whoever holds so many, whatever the request is like."""
        slots = self.slots(name, slots)
        if slots and (held or as_batch):
            slots = max(1, slots - self._rules.reserved_of(slots))
        return self.running(name) >= slots

    def fit(
        self, name: str, slots: int, need: Need, held: int, now_ms: float, crowd: Crowd, *, as_batch: bool
    ) -> Fit:
        """Whether the request may start there now. held: slots that its person has in this pool already."""
        rules, engine = self._rules, self._of(name)
        slots, running = self.slots(name, slots), len(engine.needs)
        if running >= slots:
            return "full"
        unreserved = slots - rules.reserved_of(slots)
        if as_batch:
            of_batch = sum(1 for other in engine.needs.values() if other.is_batch)
            if of_batch >= rules.batch_slots_of(slots) or running >= max(1, unreserved):
                return "full"
        elif held and (running >= unreserved or held >= (rules.max_running_per_user or held + 1)):
            return "full"
        if held and self._is_too_soon(engine, slots, crowd, now_ms):
            return "hold"
        # What the cache could never hold is refused by the engine at once: it need not be emptied for that.
        most = engine.kv_tokens
        if running and most is not None and need.prompt_tokens <= most < engine.tokens + need.kv_tokens:
            return "hold"
        reading = engine.reading(now_ms)
        allowed = rules.prefill_tokens * (1 if held or as_batch else 2)
        return "hold" if reading and reading + need.prompt_tokens > allowed else "fits"

    def _is_too_soon(self, engine: _Engine, slots: int, crowd: Crowd, now_ms: float) -> bool:
        """Answers of one length that began together end together, and whoever comes meanwhile waits for all of them.

        So turns are spread over time where no reserve keeps a slot free for newcomers and the line is long enough that
        no slot stays empty for it.
        """
        if engine.begun_ms is None or crowd.held_ms is None or slots < 2 or crowd.waiting < 2 * slots:
            return False
        if self._rules.reserved_of(slots):
            return False
        apart_ms = min(_LONGEST_SPREAD_MS, self._rules.spread * crowd.held_ms / slots)
        return 0 <= now_ms - engine.begun_ms < apart_ms

    def start(self, name: str, need: Need, now_ms: float) -> None:
        """The request runs there."""
        engine = self._of(name)
        self.stop(name, need.id)
        engine.needs[need.id] = need
        engine.tokens += need.kv_tokens
        engine.begun_ms = now_ms
        if need.prompt_tokens:
            # An answer that comes whole does not show when its prompt was read: then the measured pace decides.
            expected = 2 * need.prompt_tokens / engine.prefill_tokens_per_ms
            until = now_ms + min(max(expected, _SHORTEST_PREFILL_MS), _LONGEST_PREFILL_MS)
            engine.prefill[need.id] = (need.prompt_tokens, until)

    def has_read(self, name: str, request: str) -> None:
        """The first token is there: its prompt is not being read any more."""
        self._of(name).prefill.pop(request, None)

    def stop(self, name: str, request: str) -> None:
        """It runs there no more."""
        engine = self._of(name)
        need = engine.needs.pop(request, None)
        if need is not None:
            engine.tokens -= need.kv_tokens
        engine.prefill.pop(request, None)

    def measured(self, name: str, prompt_tokens: int, prefill_ms: float) -> None:
        """How long an engine took to read a prompt."""
        if prompt_tokens > 0 and prefill_ms > 0:
            engine = self._of(name)
            pace = prompt_tokens / prefill_ms
            engine.prefill_tokens_per_ms += _SMOOTHING * (pace - engine.prefill_tokens_per_ms)

    def _of(self, name: str) -> _Engine:
        return self._engines.setdefault(name, _Engine())
