"""Keeps the started models: loads, swaps, watches and ends them, one load at a time.

`inference.keeping.rules` says what to do next; here it is done. What was started outlives a restart of the box. Nothing
is started that nobody has started before. A gateway that hears nothing from us goes on with what it knew.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace

from appliance.bootstrap.keeper.demand import Demand
from appliance.bootstrap.keeper.kept import Kept
from appliance.bootstrap.keeper.loading import Loader, LoadFailed
from appliance.bootstrap.keeper.memory import free_room, group_rss, used_on_gpus, with_given_back
from appliance.bootstrap.keeper.preparing import Prepare
from appliance.bootstrap.keeper.wanted_file import WantedFile, WantedModel
from inference.errors import InferenceError, ModelNotStarted
from inference.hardware import Hardware
from inference.keeping.estimates import next_estimate_s
from inference.keeping.rules import Manners, next_step
from inference.keeping.states import KeptModel

logger = logging.getLogger(__name__)

_LOOK_S = 5.0
_SMALLEST_CONTEXT_TOKENS = 1024


class Keeper:
    """prepare: from a name to a process, blocking. hardware: read anew, blocking. on_change: told of every new version.

    loads_on_use False: only what is started by hand is loaded.
    """

    def __init__(
        self,
        prepare: Prepare,
        hardware: Callable[[], Hardware],
        loader: Loader,
        file: WantedFile,
        manners: Manners,
        *,
        loads_on_use: bool = True,
        on_change: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._prepare = prepare
        self._hardware = hardware
        self._loader = loader
        self._file = file
        self._manners = manners
        self.loads_on_use = loads_on_use
        self._on_change = on_change
        self._clock = clock
        self._kept: dict[str, Kept] = {}
        self._leaving: dict[str, Kept] = {}
        self._lost: list[WantedModel] = []
        self.demand = Demand()
        self.version = 0
        self._wake = asyncio.Event()
        self._tasks: dict[str, asyncio.Task[None]] = {}

    # what others ask ----------------------------------------------------------------------------------

    def models(self) -> list[KeptModel]:
        """All that were started, and those on their way out, by name."""
        known = {**self._leaving, **self._kept}
        return [known[name].told() for name in sorted(known)]

    async def start(self, wanted: WantedModel) -> KeptModel:
        """Keep it from now on, and load it next. Raises what `prepare` raises; then nothing has changed."""
        while wanted.name in self._leaving:  # noqa: ASYNC110 - it ends within drain_s
            await asyncio.sleep(0.05)
        known = self._kept.get(wanted.name)
        prepared = await asyncio.to_thread(self._prepare, wanted, await self._empty_machine())
        is_same = known is not None and (known.wanted.context_tokens, known.wanted.people) == (
            wanted.context_tokens,
            wanted.people,
        )
        if known is not None and is_same and known.phase in ("loading", "ready", "restarting"):
            return known.told()
        if known is not None:
            await self._end(known, now=False)
        kept = self._kept[wanted.name] = Kept(wanted, prepared, phase_since=self._clock())
        kept.is_called = True
        kept.used_at = self._clock()
        self._changed()
        return kept.told()

    async def stop(self, name: str, *, now: bool = False) -> KeptModel:
        """Do not keep it any more: running answers end first, unless now. Raises ModelNotStarted."""
        kept = self._leaving[name] = self._of(name)
        del self._kept[name]
        try:
            if not now and kept.phase in ("ready", "draining"):
                self._drain(kept)
                await self._until_idle(kept)
            await self._end(kept, now=now)
            kept.become("unloaded", self._clock())
        finally:
            del self._leaving[name]
            self._changed()
        return kept.told()

    async def restart(self, name: str) -> KeptModel:
        """End its process and load it again: what a watchdog asks for. Raises ModelNotStarted."""
        kept = self._of(name)
        if kept.phase in ("ready", "failed", "unloaded"):
            if kept.note_death(self._clock()):
                raise ModelNotStarted(f"{name} was started anew too often lately.")
            await self._end(kept, now=True)
            kept.become("unloaded", self._clock())
            kept.is_called = True
            self._changed()
        return kept.told()

    def heard(self) -> None:
        """The gateways' demand has changed."""
        now = self._clock()
        for name, kept in self._kept.items():
            waiting = self.demand.waiting(name) if self.loads_on_use or kept.is_called else 0
            if waiting or self.demand.running(name):
                kept.used_at = now
            if not waiting:
                kept.waiting_since = None
            elif kept.waiting_since is None:
                kept.waiting_since = now
        self._wake.set()

    # the loop -----------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Until cancelled; `close` ends the engines."""
        await self._recall()
        while True:
            self._wake.clear()
            self._look_at_processes()
            again_at = await self._take_step()
            if again_at is None:
                continue
            with suppress(TimeoutError):
                # not `wait_for`, which may lose a cancellation until Python 3.12
                async with asyncio.timeout(min(_LOOK_S, max(0.05, again_at - self._clock()))):
                    await self._wake.wait()

    async def close(self) -> None:
        """End every engine; what was in memory is remembered for the next start."""
        self._remember()
        await asyncio.gather(*(self._end(kept, now=False, is_closing=True) for kept in self._kept.values()))

    async def _recall(self) -> None:
        for wanted in self._file.read():
            try:
                prepared = await asyncio.to_thread(self._prepare, wanted, await self._empty_machine())
            except InferenceError as error:
                logger.warning("%s was started before and cannot be now: %s", wanted.name, error)
                self._lost.append(wanted)
                continue
            kept = self._kept[wanted.name] = Kept(wanted, prepared, phase_since=self._clock())
            kept.load_s, kept.is_called = wanted.load_s, wanted.is_resident
        if self._kept:
            self._changed()

    async def _take_step(self) -> float | None:
        """When to look again at the latest; None: at once."""
        if not self._kept:
            return self._clock() + _LOOK_S
        members = [kept.member(self._running(kept)) for kept in self._kept.values()]
        is_wanted = any(one.is_called or one.waiting_since is not None for one in members)
        free = free_room(await asyncio.to_thread(self._hardware)) if is_wanted else {}
        step = next_step(members, free, self._clock(), self._manners)
        if step.do == "none":
            return step.again_at or self._clock() + _LOOK_S
        kept = self._kept.get(step.name)
        if kept is None or kept.phase != next(one.phase for one in members if one.name == step.name):
            return None  # somebody stopped or started it while the memory was looked at
        if step.do == "load":
            kept.become("loading", self._clock())
            kept.loading_since = self._clock()
            self._tasks[kept.name] = asyncio.create_task(self._load(kept))
            self._changed()
        elif step.do == "drain":
            reason = f" for {step.for_name}" if step.for_name else ", which nobody uses"
            logger.info("%s gives way%s", kept.name, reason)
            self._drain(kept)
        else:
            await self._end(kept, now=self._running(kept) > 0)
            if kept.name in self._kept:
                kept.become("unloaded", self._clock())
                self._changed()
        return None

    async def _until_idle(self, kept: Kept) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._manners.drain_s):
                while self._running(kept):  # noqa: ASYNC110 - other processes' numbers
                    await asyncio.sleep(0.05)

    def _drain(self, kept: Kept) -> None:
        kept.become("draining", self._clock())
        self._changed()
        kept.closed_version = self.version

    def _look_at_processes(self) -> None:
        """Who died, and who came back."""
        for kept in self._kept.values():
            process = kept.process
            if process is None or kept.phase not in ("ready", "restarting"):
                continue
            if process.status.restarts > kept.deaths_of_process:
                self._note_death(kept)
            elif process.is_ready and kept.phase == "restarting":
                logger.info("%s is back", kept.name)
                kept.become("ready", self._clock())
                kept.ready_since = self._clock()
                self._changed()

    def _note_death(self, kept: Kept) -> None:
        assert kept.process is not None
        now = self._clock()
        kept.last_lines = kept.process.last_lines
        why = kept.process.status.last_exit
        is_loop = kept.note_death(now)
        kept.deaths_of_process = kept.process.status.restarts
        logger.warning("the engine of %s %s", kept.name, why)
        if is_loop:
            process, kept.process = kept.process, None
            self._tasks[kept.name] = asyncio.create_task(process.stop(now=True))
            kept.fail(now, f"Its engine died again and again; the last time it {why}.", "restart_loop")
        else:
            kept.become("restarting", now, f"Its engine {why}.", "engine_died")
            kept.loading_since = now
        self._changed()

    # loading ------------------------------------------------------------------------------------------

    async def _load(self, kept: Kept) -> None:
        """Less context and less again where memory does not suffice; then it has failed, with its last words."""
        before = await asyncio.to_thread(self._hardware)
        try:
            while True:
                kept.prepared = await asyncio.to_thread(self._prepare, kept.wanted, before)
                process = self._loader.make(kept.prepared, self._wake.set)
                kept.process, kept.deaths_of_process = process, 0
                self._changed()
                try:
                    await self._loader.until_ready(process)
                    break
                except LoadFailed as failure:
                    kept.process = None
                    kept.last_lines = failure.last_lines
                    smaller = kept.prepared.plan.context_tokens // 2
                    if failure.complaint != "out_of_memory" or smaller < _SMALLEST_CONTEXT_TOKENS:
                        raise
                    logger.warning(
                        "%s found too little memory: tried again with %d tokens", kept.name, smaller
                    )
                    kept.wanted = replace(kept.wanted, context_tokens=smaller)
        except LoadFailed as failure:
            kept.fail(self._clock(), str(failure), failure.complaint)
            logger.warning("%s cannot be loaded: %s", kept.name, failure)
        except InferenceError as error:
            kept.fail(self._clock(), str(error), error.code)
            logger.warning("%s cannot be loaded: %s", kept.name, error)
        except Exception as error:  # whatever it is, the others must go on being kept
            logger.exception("%s cannot be loaded", kept.name)
            kept.fail(self._clock(), str(error), "unknown")
        else:
            await self._note_loaded(kept, before)
        self._changed()

    async def _note_loaded(self, kept: Kept, before: Hardware) -> None:
        assert kept.process is not None and kept.loading_since is not None
        took_s = self._clock() - kept.loading_since
        kept.load_s = next_estimate_s(kept.load_s, took_s)
        pid, gpus = kept.process.status.pid, kept.prepared.plan.gpus
        after = await asyncio.to_thread(self._hardware)
        used = used_on_gpus(before.gpus, after.gpus, gpus)
        if not gpus and pid is not None:
            used = {"ram": await asyncio.to_thread(group_rss, pid)}
        kept.memory_bytes = used
        kept.failures, kept.retry_at, kept.is_called, kept.last_lines = 0, None, False, ()
        kept.become("ready", self._clock())
        kept.ready_since = self._clock()
        taken = ", ".join(f"{size / 2**20:.0f} MiB of {place}" for place, size in used.items())
        logger.info("%s is loaded after %.1f s: %s", kept.name, took_s, taken or "memory not measured")
        await asyncio.to_thread(self._loader.record, kept.prepared, kept.process, before, after)

    # helpers of the above -----------------------------------------------------------------------------

    async def _end(self, kept: Kept, *, now: bool, is_closing: bool = False) -> None:
        task = self._tasks.pop(kept.name, None)
        if task is not None and not task.done():
            task.cancel()
            await asyncio.wait([task])
        process, kept.process = kept.process, None
        if process is not None:
            await process.stop(now=now)
        if not is_closing:
            kept.is_called = False

    async def _empty_machine(self) -> Hardware:
        """As if none of ours were in memory: all of them can give way."""
        given: dict[str, int] = {}
        for kept in self._kept.values():
            if kept.process is not None:
                for place, size in (kept.memory_bytes or kept.prepared.needs).items():
                    given[place] = given.get(place, 0) + size
        return with_given_back(await asyncio.to_thread(self._hardware), given)

    def _running(self, kept: Kept) -> int:
        closed = kept.closed_version if kept.phase == "draining" else 0
        return self.demand.running(kept.name, closed)

    def _of(self, name: str) -> Kept:
        if name not in self._kept:
            raise ModelNotStarted(f"Asked for: {name!r}. Started: {', '.join(sorted(self._kept)) or 'none'}.")
        return self._kept[name]

    def _changed(self) -> None:
        self.version += 1
        self._remember()
        self._on_change()
        self._wake.set()

    def _remember(self) -> None:
        self._file.write([*(kept.remembered() for kept in self._kept.values()), *self._lost])

    def state(self) -> Mapping[str, object]:
        """The whole of it, for the gateways."""
        models = [model.packed() for model in self.models()]
        return {"version": self.version, "models": models, "loads_on_use": self.loads_on_use}
