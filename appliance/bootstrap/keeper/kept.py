"""One model as the keeper has it, and what the rules and everybody else are told of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from appliance.bootstrap.keeper.engine_process import EngineProcess
from appliance.bootstrap.keeper.preparing import Prepared
from appliance.bootstrap.keeper.wanted_file import WantedModel
from inference.keeping.estimates import estimated_load_s
from inference.keeping.rules import Member
from inference.keeping.states import KeptModel, Phase

DEATHS_OF_A_LOOP = 5
LOOP_S = 600.0
_FIRST_RETRY_S, _LONGEST_RETRY_S = 15.0, 600.0


@dataclass(slots=True)
class Kept:
    """Times are Unix time. deaths: when its process died after it had been ready."""

    wanted: WantedModel
    prepared: Prepared
    phase: Phase = "unloaded"
    phase_since: float = 0.0
    process: EngineProcess | None = None
    is_called: bool = False
    ready_since: float | None = None
    used_at: float = 0.0
    waiting_since: float | None = None
    drained_since: float | None = None
    closed_version: int = 0
    loading_since: float | None = None
    load_s: float | None = None
    memory_bytes: Mapping[str, int] = field(default_factory=dict)
    reason: str = ""
    code: str = ""
    failures: int = 0
    retry_at: float | None = None
    restarts: int = 0
    deaths_of_process: int = 0
    deaths: list[float] = field(default_factory=list)
    last_lines: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Of the model."""
        return self.wanted.name

    @property
    def expected_load_s(self) -> float:
        """As it was measured, else as its size tells."""
        if self.load_s is not None:
            return self.load_s
        return estimated_load_s(self.prepared.plan.engine, self.prepared.shape.weight_bytes)

    def become(self, phase: Phase, now: float, reason: str = "", code: str = "") -> None:
        """Its next phase, and why."""
        self.phase, self.phase_since, self.reason, self.code = phase, now, reason, code
        self.drained_since = now if phase == "draining" else None
        if phase != "ready":
            self.ready_since = None
        if phase not in ("loading", "restarting"):
            self.loading_since = None

    def fail(self, now: float, reason: str, code: str) -> None:
        """It cannot be started; the next try is the later the more of them failed."""
        self.failures += 1
        self.is_called = False
        self.retry_at = now + min(_FIRST_RETRY_S * 2 ** (self.failures - 1), _LONGEST_RETRY_S)
        self.become("failed", now, reason, code)

    def note_death(self, now: float) -> bool:
        """It died. Returns whether it does so again and again."""
        self.restarts += 1
        self.deaths = [*(at for at in self.deaths if now - at < LOOP_S), now]
        return len(self.deaths) >= DEATHS_OF_A_LOOP

    def member(self, running: int) -> Member:
        """For the rules."""
        return Member(
            name=self.name,
            phase=self.phase,
            needs=self.memory_bytes or self.prepared.needs,
            load_s=self.expected_load_s,
            is_called=self.is_called,
            waiting_since=self.waiting_since,
            running=running,
            ready_since=self.ready_since,
            used_at=self.used_at,
            drained_since=self.drained_since,
            retry_at=self.retry_at,
        )

    def told(self) -> KeptModel:
        """For everybody."""
        plan, status = self.prepared.plan, self.process.status if self.process is not None else None
        return KeptModel(
            name=self.name,
            kind=self.prepared.model.kind,
            engine=plan.engine,
            socket=str(self.prepared.launch.socket),
            context_tokens=plan.context_tokens,
            slots=max(1, plan.slots, plan.max_running if plan.engine == "vllm" else 0),
            people=self.wanted.people or 0,
            phase=self.phase,
            phase_since=self.phase_since,
            reason=self.reason,
            code=self.code,
            load_s=self.expected_load_s,
            loading_since=self.loading_since,
            memory_bytes=dict(self.memory_bytes),
            restarts=self.restarts,
            retry_at=self.retry_at,
            last_lines=self.last_lines,
            given_up=plan.given_up,
            pid=status.pid if status is not None else None,
        )

    def remembered(self) -> WantedModel:
        """For the file that outlives the box's restart."""
        return WantedModel(
            self.name,
            self.wanted.context_tokens,
            self.wanted.people,
            is_resident=self.is_called or self.phase in ("loading", "ready", "restarting"),
            load_s=self.load_s,
            memory_bytes=dict(self.memory_bytes),
        )
