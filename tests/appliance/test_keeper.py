"""The keeper with real llama.cpp engines."""

from __future__ import annotations

import os
import subprocess

import pytest

from appliance.bootstrap.keeper.demand import Report
from appliance.bootstrap.keeper.memory import MARK, end_orphans
from appliance.bootstrap.keeper.wanted_file import WantedFile
from inference.errors import ModelNotInstalled, ModelNotStarted, ModelUnreadable
from tests.kept_models import PATIENCE_S, TINY, UNREADABLE, box_with, install, keeping, kill, lives
from tests.waiting import until


async def test_a_started_model_answers_and_tells_what_it_took() -> None:
    """Ready means that it has given a token; its time and memory are measured."""
    async with box_with("one") as box, keeping(box) as kept:
        assert kept.keeper.models() == []
        await kept.start("one")
        ready = await kept.until_phase("one", "ready")

        assert ready.load_s is not None and ready.load_s > 0
        assert ready.memory_bytes["ram"] > 5 << 20
        assert (ready.context_tokens, ready.engine, ready.eta_s(0)) == (512, "llama_cpp", None)
        pid = ready.pid
    assert pid is not None and not lives(pid)


async def test_nothing_is_started_that_nobody_started() -> None:
    """Installed models stay on the disk; an unknown one is refused by name."""
    async with box_with("one") as box, keeping(box) as kept:
        with pytest.raises(ModelNotInstalled, match="two"):
            await kept.start("two")
        with pytest.raises(ModelNotStarted, match="one"):
            await kept.keeper.stop("one")
        assert kept.keeper.models() == []


async def test_two_models_swap_by_use_where_there_is_room_for_one() -> None:
    """Who is waited for comes in, the other one gives way once its answers have ended, and is offered still."""
    async with box_with("one", "two") as box, keeping(box) as kept:
        await kept.start("one")
        await kept.until_phase("one", "ready")
        await kept.start("two")
        await kept.until_phase("two", "ready")
        assert kept.model("one").phase == "unloaded"

        gateway, version = "gateway", kept.keeper.version
        kept.keeper.demand.take(gateway, Report(version, {"two": 1}, {"one": 1}))
        kept.keeper.heard()
        await kept.until_phase("two", "draining")
        kept.keeper.demand.take(gateway, Report(version, {}, {"one": 1}))  # has not heard of the closing yet
        kept.keeper.heard()
        assert kept.model("two").pid is not None
        kept.keeper.demand.take(gateway, Report(kept.keeper.version, {}, {"one": 1}))
        kept.keeper.heard()
        await kept.until_phase("one", "ready")

        assert kept.model("two").phase == "unloaded"


async def test_a_killed_engine_comes_back() -> None:
    """By itself, with another process, and it is told that it was away."""
    async with box_with("one") as box, keeping(box) as kept:
        await kept.start("one")
        first = await kept.until_phase("one", "ready")
        kill(first.pid)
        await until(lambda: kept.model("one").restarts == 1, PATIENCE_S)
        again = await kept.until_phase("one", "ready")

        assert again.pid not in (None, first.pid)
        assert again.last_lines is not None


async def test_a_model_that_dies_again_and_again_is_given_up_for_a_while() -> None:
    """A loop of restarts is a failure with its reason, not a load on the machine for ever."""
    async with box_with("one") as box, keeping(box) as kept:
        await kept.start("one")
        for deaths in range(1, 6):
            alive = await kept.until_phase("one", "ready")
            kill(alive.pid)
            await until(lambda deaths=deaths: kept.model("one").restarts == deaths, PATIENCE_S)  # type: ignore[misc]
        failed = await kept.until_phase("one", "failed")

        assert failed.code == "restart_loop" and "SIGKILL" in failed.reason
        assert failed.retry_at is not None


async def test_an_engine_that_dies_at_start_leaves_its_last_words() -> None:
    """The file is whole and llama.cpp will not have it: its sentence is the reason, and it is not tried for ever."""
    async with box_with() as box, keeping(box) as kept:
        install(box, "strange", content=UNREADABLE)
        await kept.start("strange")
        failed = await kept.until_phase("strange", "failed")

        assert "llama.cpp cannot serve" in failed.reason and "status 1" in failed.reason
        assert failed.last_lines and failed.last_lines[-1] in failed.reason
        assert failed.retry_at is not None and failed.pid is None


async def test_a_file_that_was_cut_off_is_refused_before_anything_starts() -> None:
    """Its header tells how long it should be."""
    async with box_with() as box, keeping(box) as kept:
        install(box, "cut", content=TINY.read_bytes()[:900_000])
        with pytest.raises(ModelUnreadable, match="cut off"):
            await kept.start("cut")
        assert kept.keeper.models() == [] and kept.said == []


async def test_what_was_in_memory_is_loaded_again_with_the_box() -> None:
    """The keeper's own end forgets nothing; a stopped model stays stopped."""
    async with box_with("one", "two") as box:
        async with keeping(box) as kept:
            await kept.start("one")
            await kept.until_phase("one", "ready")
            await kept.start("two")
            await kept.until_phase("two", "ready")
        assert {w.name: w.is_resident for w in WantedFile(box.data / "engines.json").read()} == {
            "one": False,
            "two": True,
        }
        async with keeping(box) as again:
            await until(lambda: len(again.keeper.models()) == 2, PATIENCE_S)
            await again.until_phase("two", "ready")
            assert again.model("one").phase == "unloaded"
            await again.keeper.stop("two")
            assert [model.name for model in again.keeper.models()] == ["one"]
        assert [w.name for w in WantedFile(box.data / "engines.json").read()] == ["one"]


def test_engines_of_a_killed_keeper_are_found_by_their_mark(tmp_path: object) -> None:
    """Only those of the same data folder."""
    ours = subprocess.Popen(["sleep", "600"], env={**os.environ, MARK: str(tmp_path)})
    other = subprocess.Popen(["sleep", "600"], env={**os.environ, MARK: f"{tmp_path}-other"})
    try:
        assert end_orphans(str(tmp_path)) == [ours.pid]
        assert ours.wait(60) == -9
        assert other.poll() is None
    finally:
        for process in (ours, other):
            process.kill()
            process.wait(60)
