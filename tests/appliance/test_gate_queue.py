"""Slots, the queue and leases, with a real Valkey and several workers in one process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis

from appliance.domain import Waiting
from appliance.errors import QueueFull
from appliance.fairness.admission import Capacity
from appliance.fairness.fifo_admission import Ask, Candidate, choose_engine, local_share
from appliance.fairness.fifo_queue import PREFIX, FifoQueue
from appliance.fairness.leases import Lease, Leases
from tests.conftest import Servers
from tests.gateway_harness import until

ONE_SLOT = (Candidate("a", 1),)
OpenWorker = Callable[..., asyncio.Future[Leases]]


@asynccontextmanager
async def _worker(
    url: str, name: str, lease_s: float, max_queue: int, max_wait_s: float
) -> AsyncIterator[Leases]:
    client = Redis.from_url(url)
    queue = FifoQueue(client, name, lease_s=lease_s, max_queue=max_queue, max_queue_per_user=5)
    leases = Leases(
        queue, share=0.5, max_queue=max_queue, max_wait_s=max_wait_s, first_report_s=0.05, lease_s=lease_s
    )
    await leases.open()
    try:
        yield leases
    finally:
        await leases.close()
        await client.aclose()


class Workers:
    """Opens workers that share one Valkey."""

    def __init__(self, url: str, stack: AsyncExitStack) -> None:
        self._url = url
        self._stack = stack

    async def open(
        self, name: str = "w1", *, lease_s: float = 15.0, max_queue: int = 100, max_wait_s: float = 10.0
    ) -> Leases:
        """One more worker."""
        return await self._stack.enter_async_context(_worker(self._url, name, lease_s, max_queue, max_wait_s))


@pytest.fixture
async def workers(servers: Servers, valkey: Redis) -> AsyncIterator[Workers]:
    """Workers on an empty Valkey."""
    async with AsyncExitStack() as stack:
        yield Workers(servers.valkey.url, stack)


def ask(
    name: str, candidates: tuple[Candidate, ...] = ONE_SLOT, *, user: str = "ana", pool: str = "model"
) -> Ask:
    """A request of that id."""
    return Ask(name, user, pool, candidates)


async def in_line(leases: Leases, request: Ask) -> asyncio.Task[Lease]:
    """A task that stands in the queue when this returns."""
    before = leases.waiting
    task = asyncio.create_task(leases.acquire(request))
    await until(lambda: leases.waiting > before and _has_place(leases, request.id))
    return task


def _has_place(leases: Leases, request_id: str) -> bool:
    return leases._requests[request_id].place is not None


async def test_slots_are_shared_by_all_workers_and_never_exceeded(workers: Workers) -> None:
    """Two workers and two slots: the third request waits, whichever worker it came to."""
    one, two = await workers.open("w1"), await workers.open("w2")
    candidates = (Candidate("a", 2),)

    first = await one.acquire(ask("1", candidates))
    await two.acquire(ask("2", candidates))
    third = await in_line(two, ask("3", candidates))

    assert not third.done()
    first.release()
    assert (await third).engine == "a"


async def test_who_came_first_goes_first_across_workers(workers: Workers) -> None:
    """One queue: turns come in the order of arrival, not by worker."""
    one, two = await workers.open("w1"), await workers.open("w2")
    holder = await one.acquire(ask("0"))
    order: list[str] = []
    tasks = []
    for number in range(5):
        leases = (one, two)[number % 2]
        task = await in_line(leases, ask(str(number + 1)))

        def note(done: asyncio.Task[Lease], name: str = str(number + 1)) -> None:
            order.append(name)
            done.result().release()

        task.add_done_callback(note)
        tasks.append(task)

    holder.release()
    await asyncio.gather(*tasks)

    assert order == ["1", "2", "3", "4", "5"]


async def test_the_emptiest_engine_is_chosen_and_fallbacks_come_last(workers: Workers) -> None:
    """By share of slots in use; an engine kept for fallback only when the others are full."""
    leases = await workers.open()
    candidates = (Candidate("small", 1), Candidate("large", 2), Candidate("spare", 9, is_fallback=True))

    engines = [(await leases.acquire(ask(str(number), candidates))).engine for number in range(4)]

    assert engines == ["small", "large", "large", "spare"]


async def test_pools_wait_for_themselves_only(workers: Workers) -> None:
    """A full model does not hold up another one, and models on one engine take turns by age."""
    leases = await workers.open()
    holder = await leases.acquire(ask("0", pool="full"))
    blocked = await in_line(leases, ask("1", pool="full"))

    other = await leases.acquire(ask("2", (Candidate("b", 1),), pool="free"))
    shared = await in_line(leases, ask("3", pool="same engine"))
    holder.release()

    assert other.engine == "b"
    (await blocked).release()
    assert (await shared).engine == "a"


async def test_the_place_is_told_while_waiting(workers: Workers) -> None:
    """Positions count down; once slots have been held a while there is an estimate too."""
    leases = await workers.open()
    holder = await leases.acquire(ask("0"))
    told: list[Waiting] = []

    async def tell(waiting: Waiting) -> None:
        told.append(waiting)

    first = await in_line(leases, ask("1"))
    second = asyncio.create_task(leases.acquire(ask("2"), tell))
    await until(lambda: bool(told))
    assert told[0] == Waiting(2, None)
    holder.release()
    (await first).release()
    (await second).release()
    again = await leases.acquire(ask("3"))
    third = asyncio.create_task(leases.acquire(ask("4"), tell))
    await until(lambda: told[-1].eta_s is not None)

    assert told[-1].position == 1
    again.release()
    await third


async def test_a_full_queue_refuses_with_a_time(workers: Workers) -> None:
    """One more than may wait is refused at once and told when to come back."""
    leases = await workers.open(max_queue=1)
    await leases.acquire(ask("0"))
    await in_line(leases, ask("1"))

    with pytest.raises(QueueFull) as refused:
        await leases.acquire(ask("2"))

    assert 1 <= refused.value.retry_after_s <= 120


async def test_one_person_cannot_fill_the_queue(workers: Workers) -> None:
    """Five of one person may wait here; somebody else still gets in line."""
    leases = await workers.open()
    await leases.acquire(ask("0"))
    for number in range(5):
        await in_line(leases, ask(f"a{number}"))

    with pytest.raises(QueueFull):
        await leases.acquire(ask("a5"))
    await in_line(leases, ask("b", user="bea"))


async def test_a_wait_that_is_too_long_ends(workers: Workers, valkey: Redis) -> None:
    """After the longest wait the request is refused and leaves the queue."""
    leases = await workers.open(max_wait_s=0.2)
    await leases.acquire(ask("0"))

    with pytest.raises(QueueFull):
        await leases.acquire(ask("1"))

    await until(lambda: _queue_is(valkey, 0))


async def test_cancelling_leaves_the_queue_at_once(workers: Workers, valkey: Redis) -> None:
    """The next in line moves up without waiting for a lease to end."""
    leases = await workers.open()
    holder = await leases.acquire(ask("0"))
    gone = await in_line(leases, ask("1"))
    stays = await in_line(leases, ask("2"))

    gone.cancel()
    await until(lambda: _queue_is(valkey, 1))
    holder.release()

    assert (await stays).engine == "a"


async def _queue_is(valkey: Redis, length: int) -> bool:
    return bool(await valkey.zcard(f"{PREFIX}queue:model") == length)


async def test_a_dead_worker_gives_its_slots_and_places_back(workers: Workers, valkey: Redis) -> None:
    """What a worker does not renew is given up after its lease; here a second instead of fifteen."""
    queue = FifoQueue(valkey, "dead", lease_s=1.0, max_queue=9, max_queue_per_user=9)
    await queue.enter(ask("held"))
    await queue.enter(ask("waiting"))  # its worker dies here: nobody renews these two
    alive = await workers.open(lease_s=1.0)

    lease = await alive.acquire(ask("new"))

    assert lease.engine == "a" and lease.wait_s >= 0.5
    assert await valkey.zcard(f"{PREFIX}queue:model") == 0


async def test_living_workers_keep_what_they_hold(workers: Workers) -> None:
    """A lease that is renewed outlives its length, held and waiting ones alike."""
    leases = await workers.open(lease_s=0.6)
    holder = await leases.acquire(ask("0"))
    waiting = await in_line(leases, ask("1"))
    other = await workers.open("w2", lease_s=0.6)
    third = await in_line(other, ask("2"))

    await asyncio.sleep(1.5)  # more than two lengths of a lease must pass

    assert not waiting.done() and not third.done()
    holder.release()
    (await waiting).release()
    await third


async def test_a_failed_engine_is_left_for_another(workers: Workers) -> None:
    """lease.move gives the slot back and takes one elsewhere."""
    leases = await workers.open()
    lease = await leases.acquire(ask("0", (Candidate("a", 1), Candidate("b", 1))))

    assert await lease.move((Candidate("b", 1),)) == "b"
    assert (await leases.acquire(ask("1"))).engine == "a"


async def test_a_move_to_a_full_engine_goes_to_the_head_of_the_queue(workers: Workers) -> None:
    """Whoever had a slot once does not queue behind those who came later."""
    leases = await workers.open()
    both = (Candidate("a", 1), Candidate("b", 1))
    mover = await leases.acquire(ask("0", both))
    holder = await leases.acquire(ask("1", (Candidate("b", 1),)))
    later = await in_line(leases, ask("2", (Candidate("b", 1),)))

    moving = asyncio.create_task(mover.move((Candidate("b", 1),)))
    await until(lambda: _has_place(leases, "0"))
    holder.release()

    assert await moving == "b"
    assert not later.done()
    mover.release()
    await later


async def test_learned_slots_count_at_once(workers: Workers, valkey: Redis) -> None:
    """When an engine says that it has more slots, those who wait go ahead."""
    leases = await workers.open()
    await leases.acquire(ask("0"))
    waiting = await in_line(leases, ask("1"))

    queue = FifoQueue(valkey, "watcher", lease_s=15, max_queue=9, max_queue_per_user=9)
    await queue.learn([Capacity("a", 2)])

    assert (await waiting).engine == "a"


async def test_an_emptied_valkey_is_told_what_runs(workers: Workers, valkey: Redis) -> None:
    """After FLUSHALL nobody gets a slot that is taken, and whoever waited keeps the place."""
    leases = await workers.open(lease_s=0.6)
    holder = await leases.acquire(ask("0"))
    waiting = await in_line(leases, ask("1"))

    await valkey.flushall()
    await until(lambda: _queue_is(valkey, 1))

    late = await in_line(leases, ask("2"))
    assert not waiting.done()
    holder.release()
    (await waiting).release()
    await late


def candidate_lists() -> st.SearchStrategy[tuple[Candidate, ...]]:
    """One to four engines."""
    names = ["a", "b", "c", "d"]
    one = st.tuples(st.integers(1, 8), st.booleans())
    return st.lists(one, min_size=1, max_size=4).map(
        lambda rows: tuple(Candidate(names[i], slots, fallback) for i, (slots, fallback) in enumerate(rows))
    )


@given(candidates=candidate_lists(), asked=st.integers(0, 40))
def test_no_engine_is_ever_given_more_than_its_slots(candidates: tuple[Candidate, ...], asked: int) -> None:
    """Whatever comes, slots are filled to the last one and not beyond."""
    running: dict[str, int] = {}
    refused = 0
    for _ in range(asked):
        engine = choose_engine(candidates, running)
        if engine is None:
            refused += 1
        else:
            running[engine] = running.get(engine, 0) + 1

    assert all(running.get(c.engine, 0) <= c.slots for c in candidates)
    assert refused == max(0, asked - sum(c.slots for c in candidates))


@given(candidates=candidate_lists(), share=st.floats(0.01, 1))
def test_a_local_share_is_at_least_one_slot_and_never_more_than_all(
    candidates: tuple[Candidate, ...], share: float
) -> None:
    """While Valkey is away every process can answer, and none more than its share."""
    for own, part in zip(candidates, local_share(candidates, share), strict=True):
        assert 1 <= part.slots <= own.slots
