"""Who looks, who learns, what is started again, and what the outside is told: the watchdog around its rules."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from appliance.bootstrap.metrics.watchdog import KINDS, WatchdogMetrics
from appliance.bootstrap.watching import end_child, supervised
from appliance.errors import PartUnavailable
from appliance.services.watchdog import Restart, Watchman
from appliance.supervisor.child import ChildSpec
from appliance.supervisor.log_sink import LogSink
from appliance.supervisor.readiness import accepts_on
from appliance.supervisor.state import ChildState
from appliance.supervisor.supervising import Plan, Supervisor
from appliance.telemetry import LoggingSettings
from inference.engines.connections import Connections
from inference.engines.ollama import OllamaEngine
from inference.gpu_health import GpuHealth, look_at_gpus
from inference.settings import OllamaSettings
from inference.testing.fake_nvml import FakeCard, FakeNvml
from inference.testing.fake_ollama import FakeOllama
from inference.watchdog.looking import gpu_look, read_engine
from inference.watchdog.readings import ChildReading, EngineReading, Reading
from tests.contracts.engines.rows import MODELS_FOLDER
from tests.waiting import until

ENGINE = EngineReading("llm", "llama_cpp", True, is_ours=True, running=1, decoding=1, progress=5)


@dataclass
class Box:
    """A box that is read as it is told to be, with a clock that somebody moves, and a Valkey of one key."""

    now_s: float = 1_000_000.0
    engine: EngineReading = ENGINE
    gpus: GpuHealth = field(default_factory=lambda: look_at_gpus(FakeNvml(FakeCard())))
    kept: dict[str, bytes] = field(default_factory=dict)
    is_away: bool = False
    restarted: list[str] = field(default_factory=list)
    told: list[Restart] = field(default_factory=list)
    reads: int = 0

    async def read(self) -> Reading:
        self.reads += 1
        return Reading(self.now_s, self.gpus, (self.engine,))

    async def valkey(self, *words: Any) -> Any:
        if self.is_away:
            raise PartUnavailable("Valkey is away.")
        if words[0] == "GET":
            return self.kept.get(words[1])
        self.kept[words[1]] = words[2]
        return b"OK"

    async def restart(self, engine: str) -> bool:
        self.restarted.append(engine)
        return True

    async def note(self, restart: Restart) -> None:
        self.told.append(restart)

    def watchman(self, *, watches: bool = True, epoch: str = "boot", most: int = 3) -> Watchman:
        return Watchman(
            self.read,
            self.valkey,
            is_watcher=lambda: watches,
            restart=self.restart,
            on_restart=self.note,
            most_per_hour=most,
            every_s=5,
            epoch=lambda: epoch,
            clock=lambda: self.now_s,
        )

    async def pass_(self, seconds: float, *watchmen: Watchman) -> None:
        for _ in range(int(seconds / 5)):
            self.now_s += 5
            for one in watchmen:
                await one.look()


def _kinds(watchman: Watchman) -> list[str]:
    return [finding.kind for finding in watchman.found.findings]


async def test_one_looks_and_all_know() -> None:
    """Within thirty seconds of its beginning, the process that watches and those that do not; only one asks."""
    box = Box()
    watcher, other = box.watchman(), box.watchman(watches=False)
    await box.pass_(10, watcher, other)
    box.gpus = replace(box.gpus, cards=())

    await box.pass_(30, watcher, other)

    assert _kinds(watcher)[0] == "gpu_lost" and _kinds(other) == _kinds(watcher)
    assert box.reads == 8


async def test_the_next_watcher_misses_what_was_lost_before_it_came() -> None:
    """A gateway that is started anew while a card is away; after a restart of the machine nothing is missed."""
    box = Box(engine=replace(ENGINE, running=0))
    await box.pass_(10, box.watchman())
    box.gpus = GpuHealth("not_loaded")

    heir, stranger = box.watchman(), box.watchman(epoch="another")
    before = dict(box.kept)
    await box.pass_(30, heir)
    assert _kinds(heir) == ["gpu_lost"]
    box.kept = before
    await box.pass_(30, stranger)
    assert not _kinds(stranger)


async def test_what_was_found_stays_told_while_another_takes_over() -> None:
    """No gap and no second beginning."""
    box = Box()
    first = box.watchman()
    await box.pass_(10, first)
    box.gpus = GpuHealth("not_loaded")
    await box.pass_(30, first)
    (found,) = first.found.findings

    heir = box.watchman()
    await box.pass_(5, heir)

    assert heir.found.findings[0].since_s == found.since_s


async def test_without_valkey_each_looks_for_itself_and_starts_nothing_again() -> None:
    """Two would do it at once."""
    box = Box(is_away=True)
    lone = box.watchman()

    await box.pass_(400, lone)

    assert _kinds(lone) == ["engine_hung"] and not box.restarted


async def test_an_engine_that_hangs_is_started_again_more_and_more_seldom_then_left() -> None:
    """Three times an hour at most, with pauses; each is told to the audit, and in the end that it is left."""
    box = Box()
    watcher = box.watchman()

    await box.pass_(3000, watcher)

    assert box.restarted == ["llm"] * 3 and [one.finding.kind for one in box.told] == ["engine_hung"] * 3
    first, second, third = watcher.found.restarts.past["llm"]
    assert second - first >= 120 and third - second >= 600
    assert watcher.found.given_up == {"llm"}


async def test_a_foreign_engine_is_never_touched() -> None:
    """However long it hangs; and nothing is, where the operator allows no restart."""
    box = Box(engine=replace(ENGINE, is_ours=False))
    watcher = box.watchman()
    await box.pass_(600, watcher)
    assert _kinds(watcher) == ["engine_hung"] and not box.restarted

    box = Box()
    await box.pass_(600, box.watchman(most=0))
    assert not box.restarted


async def test_prometheus_is_told_every_kind_as_one_or_zero() -> None:
    """Before anything happened, while it lasts, and after."""
    box = Box()
    watcher, registry = box.watchman(), CollectorRegistry()
    registry.register(WatchdogMetrics(lambda: watcher.found))

    def flag(kind: str, subject: str = "") -> float | None:
        return registry.get_sample_value("appliance_watchdog_finding", {"kind": kind, "subject": subject})

    assert [flag(kind) for kind in KINDS] == [0] * len(KINDS)
    await box.pass_(30, watcher)
    assert (flag("engine_hung", "llm"), flag("engine_hung"), flag("gpu_lost")) == (1, None, 0)
    assert registry.get_sample_value("appliance_watchdog_look_timestamp_seconds") == box.now_s
    box.engine = replace(ENGINE, running=0)
    await box.pass_(30, watcher)
    assert flag("engine_hung", "llm") == 0


# looking ------------------------------------------------------------------------------------------------


async def test_a_driver_that_never_answers_holds_up_nobody() -> None:
    """It is told as silent, is not asked a second time meanwhile, and is heard when it answers after all."""
    driver, may_answer, asked = FakeNvml(FakeCard()), threading.Event(), []

    def waits() -> None:
        asked.append(1)
        may_answer.wait()

    driver.before_answering = waits
    look = gpu_look(lambda: look_at_gpus(driver), patience_s=0.05)
    assert [(await look()).state for _ in range(3)] == ["silent"] * 3
    assert len(asked) == 1

    may_answer.set()

    async def answers() -> bool:
        return (await look()).state == "answers"

    await until(answers)


async def test_an_ollama_tells_how_much_of_its_model_is_on_the_gpu() -> None:
    """By /api/ps, as `ollama ps` shows it; one that is down tells nothing."""
    connections = Connections()
    async with FakeOllama() as server:
        engine = OllamaEngine("o", OllamaSettings(engine="ollama", base_url=server.root_url), connections)
        server.gpu_share, server.loaded = 0.25, {"llama3.1:8b": 8192}
        reading = await read_engine(engine, "ollama", is_healthy=True)
        away = await read_engine(engine, "ollama", is_healthy=False)
        await engine.close()
    await connections.close()

    assert reading.gpu_share == 0.25 and away.gpu_share is None


# a real supervisor and a real engine --------------------------------------------------------------------


@asynccontextmanager
async def _supervised_llama(data: Path) -> AsyncIterator[Callable[[], int | None]]:
    """A llama.cpp that a supervisor keeps running as `engine-llm`; gives its pid while it serves."""
    with tempfile.TemporaryDirectory(prefix="wd-", dir="/tmp") as folder:
        socket = Path(folder) / "l.sock"
        words = ["--model", str(MODELS_FOLDER / "tiny-llama.gguf"), "--socket", str(socket), "--slots", "1"]
        spec = ChildSpec(
            "engine-llm",
            (sys.executable, "-m", "inference.engines.llama_cpp_server", *words),
            probe=accepts_on(socket),
        )
        log, plan = LogSink(data / "logs", LoggingSettings()), Plan((), _nothing, (spec,))
        supervisor = Supervisor(plan, data, log, asyncio.Event(), version="1", url="http://x")

        def pid() -> int | None:
            child = supervised(data).get("engine-llm")
            return child.pid if child is not None and child.state is ChildState.READY else None

        try:
            await supervisor.start()
            yield pid
        finally:
            await supervisor.stop()
            log.close()


async def _nothing() -> None:
    """Nothing to prepare."""


async def _next(pid: Callable[[], int | None], before: int | None) -> int:
    await until(lambda: pid() not in (None, before), 120)
    now = pid()
    assert now is not None
    return now


async def test_a_real_llama_that_is_killed_again_and_again_is_a_restart_loop(tmp_path: Path) -> None:
    """Three deaths; told with the last one's reason, and over when it has lived long enough."""
    box = Box()

    async def read() -> Reading:
        children = tuple(
            ChildReading(name, one.restarts, one.last_exit, "llm")
            for name, one in supervised(tmp_path).items()
        )
        return Reading(box.now_s, children=children)

    watcher = box.watchman()
    watcher._read = read
    async with _supervised_llama(tmp_path) as pid:
        current = await _next(pid, None)
        await box.pass_(10, watcher)
        assert not _kinds(watcher)
        for _ in range(3):
            os.kill(current, signal.SIGKILL)
            current = await _next(pid, current)
        await box.pass_(5, watcher)
        (found,) = watcher.found.findings
        assert (found.kind, found.subject, found.values["times"]) == ("restart_loop", "engine-llm", 3)
        assert "SIGKILL" in str(found.values["last_exit"]) and found.slows_answers

        # what the watchdog itself does: the process ends by itself, and its supervisor brings it back
        assert end_child(tmp_path, "engine-llm") and not end_child(tmp_path, "engine-other")
        await _next(pid, current)
        await box.pass_(900, watcher)
        assert not _kinds(watcher)
    assert not end_child(tmp_path, "engine-llm")
