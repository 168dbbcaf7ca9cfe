"""A request's work is ended for certain, and only the work."""

from __future__ import annotations

import asyncio

import pytest

from appliance.api.interruption import Interruption


async def test_a_swallowed_cancellation_is_repeated() -> None:
    """Libraries lose one now and then; the work ends all the same, and the task is its own again afterwards."""
    begun, swallowed = asyncio.Event(), 0

    async def work() -> str:
        nonlocal swallowed
        interruption = Interruption()
        asyncio.get_running_loop().call_soon(lambda: interruption.now("gone"))
        with pytest.raises(asyncio.CancelledError, match="gone"), interruption:
            begun.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                swallowed += 1
            await asyncio.Event().wait()
        task = asyncio.current_task()
        assert task is not None and task.cancelling() == 0
        await asyncio.sleep(0)
        return interruption.reason or ""

    assert await asyncio.wait_for(asyncio.create_task(work()), 60) == "gone"
    assert begun.is_set() and swallowed == 1


async def test_what_was_asked_before_the_work_ends_it_at_its_first_wait() -> None:
    """A credential withdrawn while the body was read: the engine is not asked any more."""

    async def work() -> list[str]:
        interruption, done = Interruption(), []
        interruption.now("revoked")
        interruption.now("gone")
        with pytest.raises(asyncio.CancelledError, match="revoked"), interruption:
            done.append("before the first wait")
            await asyncio.sleep(0)
            done.append("after it")
        return done

    assert await asyncio.create_task(work()) == ["before the first wait"]


async def test_a_cancellation_from_elsewhere_passes() -> None:
    """The process that stops cancels the same task: that is not taken back."""
    begun = asyncio.Event()

    async def work() -> None:
        with Interruption():
            begun.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await begun.wait()
    task.cancel("stopping")
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelling() == 1
