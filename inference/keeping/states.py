"""How a model that we keep stands, as the keeper tells everybody. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from inference.types import ModelKind

Phase = Literal["unloaded", "loading", "ready", "draining", "restarting", "failed"]
"""unloaded: known and not in memory. draining: running answers end, new requests wait. restarting: it died, and comes
back. failed: it cannot be started; the reason says why."""

SERVING: frozenset[Phase] = frozenset({"ready"})


@dataclass(frozen=True, slots=True)
class KeptModel:
    """One model. engine: the engine table's name of its server; socket: where that answers.

    context_tokens, slots, people: as planned. phase_since: Unix time. load_s: what its last load took, and before the
    first one an estimate. loading_since: Unix time, while it loads. memory_bytes: by place (`ram`, `gpu:0`), what it
    really took. retry_at: Unix time before which a failed one is not tried again. last_lines: of its engine, when it
    died.
    """

    name: str
    kind: ModelKind
    engine: str
    socket: str
    context_tokens: int
    slots: int
    people: int
    phase: Phase = "unloaded"
    phase_since: float = 0.0
    reason: str = ""
    code: str = ""
    load_s: float | None = None
    loading_since: float | None = None
    memory_bytes: Mapping[str, int] = field(default_factory=dict)
    restarts: int = 0
    retry_at: float | None = None
    last_lines: tuple[str, ...] = ()
    given_up: tuple[str, ...] = ()
    pid: int | None = None

    def eta_s(self, now: float) -> float | None:
        """Seconds until it answers, as far as its earlier loads tell; None while nothing is being done for it."""
        if self.load_s is None or self.phase in ("ready", "failed"):
            return None
        if self.phase in ("loading", "restarting") and self.loading_since is not None:
            return max(0.0, self.load_s - (now - self.loading_since))
        return self.load_s

    def packed(self) -> dict[str, Any]:
        return asdict(self)


def unpacked(fields: Mapping[str, Any]) -> KeptModel:
    """The opposite of `packed`; fields of a newer keeper are passed over. Raises TypeError where one is missing."""
    known = {name: value for name, value in fields.items() if name in KeptModel.__dataclass_fields__}
    for name in ("last_lines", "given_up"):
        known[name] = tuple(known.get(name, ()))
    return KeptModel(**known)
