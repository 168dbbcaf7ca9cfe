"""What the watchdog reads of a box at one moment. Values only."""

from __future__ import annotations

from dataclasses import dataclass

from inference.gpu_health import GpuHealth


@dataclass(frozen=True, slots=True)
class EngineReading:
    """One engine. None: it does not tell.

    is_ours: its process is run by us and may be started again by us. running: requests it says it is answering, of
    whoever sent them. decoding: of those, as many as we know to be past their first token. progress: a number that
    grows while it works. written: pieces of answers that we have passed on. gpu_share: of its models in memory, the
    smallest part that lies on a GPU, 0 to 1. pid: of a process of ours. wants_gpu: it was told to put so many layers
    on a GPU.
    """

    name: str
    kind: str
    is_healthy: bool
    is_ours: bool = False
    running: int = 0
    decoding: int | None = None
    progress: int | None = None
    written: int | None = None
    gpu_share: float | None = None
    pid: int | None = None
    wants_gpu: bool = False

    @property
    def writes_only(self) -> bool:
        """Nothing but answers is being written there: no prompt is read beside them, which takes turns of seconds."""
        return self.is_healthy and self.running > 0 and self.decoding == self.running


@dataclass(frozen=True, slots=True)
class ChildReading:
    """A process that a supervisor keeps running. restarts: since the supervisor's start. engine: that it serves."""

    name: str
    restarts: int
    last_exit: str = ""
    engine: str = ""


@dataclass(frozen=True, slots=True)
class DiskReading:
    """The file system that holds the models."""

    size_bytes: int
    free_bytes: int


@dataclass(frozen=True, slots=True)
class Reading:
    """A box at one moment. at_s: Unix time. gpus None: nobody looks at GPUs from here.

    is_contained: in a container, where NVML's process numbers are not ours.
    """

    at_s: float
    gpus: GpuHealth | None = None
    engines: tuple[EngineReading, ...] = ()
    children: tuple[ChildReading, ...] = ()
    disk: DiskReading | None = None
    is_contained: bool = False

    def engine(self, name: str) -> EngineReading | None:
        return next((one for one in self.engines if one.name == name), None)

    def child(self, name: str) -> ChildReading | None:
        return next((one for one in self.children if one.name == name), None)

    @property
    def has_gpu(self) -> bool:
        """Whether a GPU answers now."""
        return self.gpus is not None and bool(self.gpus.cards)
