"""Takes the watchdog's readings: asks the driver, and each engine how it is. Nothing that hangs holds up the others."""

from __future__ import annotations

import asyncio
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, Protocol, TypeVar, runtime_checkable

from inference.errors import InferenceError
from inference.gpu_health import GpuHealth, look_at_gpus
from inference.ports import ChatEngine
from inference.types import EngineLoad
from inference.watchdog.readings import DiskReading, EngineReading

T = TypeVar("T")

_DRIVER_S = 4.0
_ENGINE_S = 4.0


class PatientLook(Generic[T]):
    """Asks the driver in a thread that nobody waits for longer than patience_s: a broken one never answers.

    While it has not answered it is not asked again. silent: what is told instead, of the seconds that it has not
    answered for, or of the error with which it did.
    """

    def __init__(
        self,
        look: Callable[[], T],
        silent: Callable[[float, Exception | None], T],
        patience_s: float = _DRIVER_S,
    ) -> None:
        self._look = look
        self._silent = silent
        self._patience_s = patience_s
        self._asking: asyncio.Future[T] | None = None
        self._since_s = 0.0

    async def __call__(self) -> T:
        if self._asking is None:
            self._asking = asyncio.get_running_loop().create_future()
            self._since_s = time.monotonic()
            threading.Thread(target=self._ask, args=(self._asking,), daemon=True, name="nvml").start()
        try:
            told = await asyncio.wait_for(asyncio.shield(self._asking), self._patience_s)
        except TimeoutError:
            return self._silent(time.monotonic() - self._since_s, None)
        self._asking = None
        return told

    def _ask(self, asking: asyncio.Future[T]) -> None:
        try:
            told = self._look()
        except Exception as error:  # of a library that is not ours: it is told, the watch goes on
            told = self._silent(0.0, error)
        try:
            asking.get_loop().call_soon_threadsafe(_settle, asking, told)
        except RuntimeError:  # the loop is closed: nobody asks any more
            return


def _settle(asking: asyncio.Future[T], told: T) -> None:
    if not asking.done():
        asking.set_result(told)


def gpu_look(
    look: Callable[[], GpuHealth] = look_at_gpus, patience_s: float = _DRIVER_S
) -> PatientLook[GpuHealth]:
    """How the GPUs are; `silent` where the driver hangs."""
    return PatientLook(look, _silent, patience_s)


def _silent(waited_s: float, error: Exception | None) -> GpuHealth:
    if error is not None:
        return GpuHealth("silent", f"{type(error).__name__}: {error}")
    return GpuHealth("silent", f"The driver has not answered for {waited_s:.0f} s.")


@runtime_checkable
class TellsShare(Protocol):
    """An engine that tells how much of its models lies on a GPU, as Ollama's `/api/ps` does."""

    async def gpu_share(self) -> float | None:
        """Of the model with the smallest part there, 0 to 1; None: nothing is in memory. Raises EngineUnavailable."""
        ...


async def read_engine(
    engine: ChatEngine,
    kind: str,
    *,
    is_healthy: bool,
    is_ours: bool = False,
    decoding: int | None = None,
    written: int | None = None,
    pid: int | None = None,
    wants_gpu: bool = False,
) -> EngineReading:
    """Asked anew, four seconds at most. One that does not tell its load just now has none: it is judged by nothing.

    decoding, written: requests past their first token, and pieces of answers passed on so far, as we know them.
    """
    load, share = EngineLoad(), None
    if is_healthy:
        try:
            async with asyncio.timeout(_ENGINE_S):
                load = await engine.load()
                share = await engine.gpu_share() if isinstance(engine, TellsShare) else None
        except (InferenceError, TimeoutError):
            load, share = EngineLoad(), None
    return EngineReading(
        name=engine.name,
        kind=kind,
        is_healthy=is_healthy,
        is_ours=is_ours,
        running=load.running,
        decoding=decoding,
        progress=load.steps,
        written=written,
        gpu_share=share,
        pid=pid,
        wants_gpu=wants_gpu,
    )


def read_disk(folders: Sequence[Path]) -> DiskReading | None:
    """Of the first folder that is there."""
    for folder in folders:
        try:
            usage = shutil.disk_usage(folder)
        except OSError:
            continue
        return DiskReading(usage.total, usage.free)
    return None
