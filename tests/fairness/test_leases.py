"""Slots, the queue and leases, with a real Valkey and several workers in one process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

import pytest
from redis.asyncio import Redis

from appliance.domain.answers import Waiting
from appliance.errors import LargerThanLimit, PartUnavailable, QueueFull, RateLimited
from appliance.fairness.admission import AppliedLimit, Ask, Candidate, Capacity, FairRules, Share, Spent
from appliance.fairness.crossing import Crossing
from appliance.fairness.lease import Lease
from appliance.fairness.leases import Leases
from appliance.fairness.queue.shared_queue import SharedQueue
from appliance.fairness.routing import Routes
from appliance.fairness.rungs import Rung
from appliance.fairness.valkey.valkey_link import ValkeyLink
from inference.types import EngineRequest
from tests.conftest import Servers
from tests.waiting import until

RUNG = Rung("cloud", "m", Routes("far", {}, ()), EngineRequest("chat/completions", {}))
ONE_SLOT = (Candidate("a", 1),)
RULES = FairRules(max_queue=100, max_queue_per_user=5, reserved=0)


@dataclass
class Worker:
    """One gateway process, as far as the queue is concerned."""

    leases: Leases
    link: ValkeyLink
    queue: SharedQueue
    calls: list[int]
    """Operations of each call of the script."""

    async def die(self) -> None:
        """As `kill -9`: nothing is given back, nothing is renewed."""
        for task in self.leases._tasks:
            task.cancel()
        await self.link.close()


class Workers:
    """Opens workers that share one Valkey."""

    def __init__(self, url: str, stack: AsyncExitStack) -> None:
        self._url = url
        self._stack = stack

    async def open(
        self,
        name: str = "w1",
        rules: FairRules = RULES,
        *,
        max_wait_s: float = 10.0,
        share: float = 0.5,
        workers: int = 1,
    ) -> Worker:
        """One more worker."""
        link = ValkeyLink(self._url, name)
        queue = SharedQueue(link, name, rules)
        calls: list[int] = []
        send = queue.send

        def counted(operations: Sequence[bytes]) -> asyncio.Future[list[bytes]]:
            calls.append(len(operations))
            return send(operations)

        queue.send = counted  # type: ignore[method-assign]
        leases = Leases(
            queue, link, rules, share=share, workers=workers, max_wait_s=max_wait_s, first_report_s=0.05
        )
        await link.open()
        self._stack.push_async_callback(link.close)
        await leases.open()
        self._stack.push_async_callback(leases.close)
        return Worker(leases, link, queue, calls)


@pytest.fixture
async def workers(servers: Servers, valkey: Redis) -> AsyncIterator[Workers]:
    """Workers on an empty Valkey."""
    async with AsyncExitStack() as stack:
        yield Workers(servers.valkey.url, stack)


def ask(
    name: str, candidates: tuple[Candidate, ...] = ONE_SLOT, *, user: str = "ana", pool: str = "model"
) -> Ask:
    """A request of that id."""
    return Ask(name, pool, "model", (Share(user),), candidates, prompt_tokens=10, max_tokens=10)


async def in_line(worker: Worker, request: Ask) -> asyncio.Task[Lease]:
    """A task that stands in the queue when this returns."""
    task = asyncio.create_task(worker.leases.acquire(request))
    await until(lambda: task.done() or _has_place(worker.leases, request.id))
    assert not task.done(), task
    return task


def _has_place(leases: Leases, request_id: str) -> bool:
    request = leases._requests.get(request_id)
    return request is not None and request.place is not None


async def known(worker: Worker) -> set[str]:
    """What the queue holds for this worker."""
    return set(await worker.queue.known())


async def test_slots_are_shared_by_all_workers_and_never_exceeded(workers: Workers) -> None:
    """Two workers and two slots: the third request waits, whichever worker it came to."""
    one, two = await workers.open("w1"), await workers.open("w2")
    candidates = (Candidate("a", 2),)

    first = await one.leases.acquire(ask("1", candidates))
    await two.leases.acquire(ask("2", candidates))
    third = await in_line(two, ask("3", candidates))

    assert not third.done()
    first.release()
    assert (await third).engine == "a"


async def test_one_person_s_requests_go_in_order_across_workers(workers: Workers) -> None:
    """One queue: turns come in the order of arrival, not by worker."""
    one, two = await workers.open("w1"), await workers.open("w2")
    holder = await one.leases.acquire(ask("0"))
    order: list[str] = []
    tasks = []
    for number in range(5):
        task = await in_line((one, two)[number % 2], ask(str(number + 1)))

        def note(done: asyncio.Task[Lease], name: str = str(number + 1)) -> None:
            order.append(name)
            done.result().release()

        task.add_done_callback(note)
        tasks.append(task)

    holder.release()
    await asyncio.gather(*tasks)

    assert order == ["1", "2", "3", "4", "5"]


async def test_somebody_else_does_not_wait_behind_a_crowd_of_one(workers: Workers) -> None:
    """Whoever was served less goes first, whatever came before and to whichever worker."""
    one, two = await workers.open("w1"), await workers.open("w2")
    holder = await one.leases.acquire(ask("0"))
    crowd = [await in_line(one, ask(f"a{number}")) for number in range(4)]
    other = await in_line(two, ask("b", user="bea"))

    holder.release(Spent(10, 0, 10))

    assert (await other).engine == "a"
    assert not any(task.done() for task in crowd)


async def test_all_that_is_asked_at_once_goes_out_as_one_call(workers: Workers) -> None:
    """Twenty admissions and twenty releases of one turn of the loop are two calls of the script."""
    worker = await workers.open()
    candidates = (Candidate("a", 20),)
    before = len(worker.calls)

    leases = await asyncio.gather(
        *(worker.leases.acquire(ask(str(number), candidates, user=str(number))) for number in range(20))
    )
    for lease in leases:
        lease.release()
    await until(lambda: len(worker.calls) == before + 2)

    assert worker.calls[before:] == [20, 20]
    assert await known(worker) == set()


async def test_the_place_is_told_while_waiting(workers: Workers) -> None:
    """Positions count down; once slots have been held a while there is an estimate too."""
    worker = await workers.open()
    leases = worker.leases
    holder = await leases.acquire(ask("0"))
    told: list[Waiting] = []

    async def tell(waiting: Waiting) -> None:
        told.append(waiting)

    first = await in_line(worker, ask("1"))
    second = asyncio.create_task(leases.acquire(ask("2"), tell))
    await until(lambda: bool(told))
    assert told[0] == Waiting(2, None)
    holder.release(Spent(10, 0, 10))
    holder = await first
    await until(lambda: told[-1].position == 1)
    holder.release(Spent(10, 0, 10))
    await second
    third = asyncio.create_task(leases.acquire(ask("3"), tell))
    await until(lambda: told[-1].eta_s is not None)
    third.cancel()


async def test_a_full_queue_refuses_with_a_time(workers: Workers) -> None:
    """One more than may wait is refused at once and told when to come back, not everybody at the same second."""
    worker = await workers.open(rules=replace(RULES, max_queue=1))
    await worker.leases.acquire(ask("0"))
    await in_line(worker, ask("1"))
    times = set()
    for number in range(10):
        with pytest.raises(QueueFull) as refused:
            await worker.leases.acquire(ask(f"x{number}"))
        times.add(refused.value.retry_after_s)

    assert all(1 <= seconds <= 120 for seconds in times)
    assert len(times) == 10
    assert await known(worker) == {"0", "1"}


async def test_one_person_cannot_fill_the_queue(workers: Workers) -> None:
    """Five of one person may wait here; somebody else still gets in line."""
    worker = await workers.open()
    await worker.leases.acquire(ask("0"))
    for number in range(5):
        await in_line(worker, ask(f"a{number}"))

    with pytest.raises(QueueFull):
        await worker.leases.acquire(ask("a5"))
    await in_line(worker, ask("b", user="bea"))


async def test_limits_are_told_and_refuse(workers: Workers) -> None:
    """What is let in says how its limits stand; what is over them is told when to come back, or that it never fits."""
    worker = await workers.open()
    limit = AppliedLimit("user:ana", "requests_per_minute", 2)
    candidates = (Candidate("a", 9),)

    lease = await worker.leases.acquire(replace(ask("0", candidates), limits=(limit,)))
    await worker.leases.acquire(replace(ask("1", candidates), limits=(limit,)))
    with pytest.raises(RateLimited) as refused:
        await worker.leases.acquire(replace(ask("2", candidates), limits=(limit,)))
    small = AppliedLimit("user:ana", "tokens_per_minute", 5)
    with pytest.raises(LargerThanLimit):
        await worker.leases.acquire(replace(ask("3", candidates), limits=(small,)))

    assert [(state.limit, state.remaining) for state in lease.limits] == [(limit, 1)]
    assert 0 < refused.value.retry_after_s <= 60
    assert await known(worker) == {"0", "1"}


async def test_a_wait_that_is_too_long_ends(workers: Workers) -> None:
    """After the longest wait the request is refused and leaves the queue."""
    worker = await workers.open(max_wait_s=0.2)
    await worker.leases.acquire(ask("0"))

    with pytest.raises(QueueFull):
        await worker.leases.acquire(ask("1"))

    await until(lambda: _holds(worker, {"0"}))


async def test_cancelling_leaves_the_queue_at_once(workers: Workers) -> None:
    """The next in line moves up without waiting for a lease to end, also when the answer is still on its way."""
    worker = await workers.open()
    holder = await worker.leases.acquire(ask("0"))
    gone = await in_line(worker, ask("1"))
    stays = await in_line(worker, ask("2"))
    early = asyncio.create_task(worker.leases.acquire(ask("3")))
    await asyncio.sleep(0)  # it has asked and has no answer yet

    gone.cancel()
    early.cancel()
    await asyncio.gather(gone, early, return_exceptions=True)
    assert await known(worker) == {"0", "2"}
    holder.release()

    assert (await stays).engine == "a"


async def test_a_dead_worker_gives_its_slots_and_places_back(workers: Workers) -> None:
    """What a worker does not renew is given up after its lease; here a second instead of fifteen."""
    rules = replace(RULES, lease_s=1.0)
    dead, alive = await workers.open("dead", rules), await workers.open("alive", rules)
    await dead.leases.acquire(ask("held"))
    await in_line(dead, ask("waiting"))
    began = asyncio.get_running_loop().time()
    await dead.die()

    lease = await alive.leases.acquire(ask("new", user="bea"))

    assert lease.engine == "a"
    assert 0.5 <= asyncio.get_running_loop().time() - began <= 2.5
    assert await alive.queue.known() == ["new"]


async def test_what_may_wait_goes_along_with_what_follows(workers: Workers) -> None:
    """One that leaves and the next that comes are one call; one that leaves alone is told all the same."""
    worker = await workers.open()
    lease = await worker.leases.acquire(ask("0", (Candidate("a", 1),)))
    before = len(worker.calls)

    lease.release()
    (await worker.leases.acquire(ask("1", (Candidate("a", 1),)))).release()
    await until(lambda: sum(worker.calls[before:]) == 3)

    assert worker.calls[before:] == [2, 1]
    assert await known(worker) == set()


async def test_living_workers_keep_what_they_hold(workers: Workers) -> None:
    """A lease that is renewed outlives its length, held and waiting ones alike; one command renews all."""
    rules = replace(RULES, lease_s=0.6)
    one, two = await workers.open("w1", rules), await workers.open("w2", rules)
    holder = await one.leases.acquire(ask("0"))
    waiting, third = await in_line(one, ask("1")), await in_line(two, ask("2"))

    renewals = len(two.calls)
    await until(lambda: len(two.calls) >= renewals + 9)  # more than two lengths of a lease, looks included

    assert not waiting.done() and not third.done()
    # a look, an audit, a renewal, and on a busy machine the next look beside them: nothing is put back
    assert max(two.calls[renewals:]) <= 4
    holder.release()
    (await waiting).release()
    await third


async def test_a_failed_engine_is_left_for_another(workers: Workers) -> None:
    """lease.move gives the slot back and takes one elsewhere."""
    worker = await workers.open()
    lease = await worker.leases.acquire(ask("0", (Candidate("a", 1), Candidate("b", 1))))

    assert await lease.move((Candidate("b", 1),)) == "b"
    assert (await worker.leases.acquire(ask("1"))).engine == "a"


async def test_a_move_to_a_full_engine_goes_to_the_head_of_the_queue(workers: Workers) -> None:
    """Whoever had a slot once does not queue behind those who came later."""
    worker = await workers.open()
    both = (Candidate("a", 1), Candidate("b", 1))
    mover = await worker.leases.acquire(ask("0", both))
    holder = await worker.leases.acquire(ask("1", (Candidate("b", 1),)))
    later = await in_line(worker, ask("2", (Candidate("b", 1),), user="bea"))

    moving = asyncio.create_task(mover.move((Candidate("b", 1),)))
    await until(lambda: _has_place(worker.leases, "0"))
    holder.release()

    assert await moving == "b"
    assert not later.done()
    mover.release()
    await later


async def test_whoever_waits_too_long_takes_a_free_slot_elsewhere_and_nothing_less(workers: Workers) -> None:
    """A full line elsewhere costs nobody the place; the slot that comes free there is taken, and counted once."""
    worker = await workers.open(rules=replace(RULES, spread=0.0))
    far = (Candidate("far", 1),)
    here = await worker.leases.acquire(ask("ana"))
    there = await worker.leases.acquire(replace(ask("eva"), pool="far", candidates=far))
    wanted = replace(ask("bob"), limits=(AppliedLimit("user:bob", "requests_per_minute", 1),))
    elsewhere = replace(wanted, pool="far", candidates=far)
    tried: list[float] = []

    async def find(wait_s: float) -> tuple[Rung, Ask] | None:
        tried.append(wait_s)
        return RUNG, elsewhere

    way = Crossing(worker.leases, 0.0, find)
    waiting = asyncio.create_task(worker.leases.acquire(wanted, None, way))
    await until(lambda: bool(tried))
    await until(lambda: worker.leases.requests.waiting == 1)
    assert not waiting.done()

    there.release(Spent())
    lease = await waiting

    assert (lease.engine, way.taken) == ("far", RUNG)
    assert len(tried) == 1
    lease.release(Spent(10, 0, 10))
    with pytest.raises(RateLimited):  # it was counted, once
        await worker.leases.acquire(replace(elsewhere, id="next"))
    here.release(Spent())
    assert (await worker.leases.acquire(ask("eva"))).engine == "a"


async def test_a_turn_that_comes_while_another_way_is_looked_for_is_taken(workers: Workers) -> None:
    """Nobody loses a slot here for a question that takes long."""
    worker = await workers.open()
    here = await worker.leases.acquire(ask("ana"))
    asked, never = asyncio.Event(), asyncio.Event()

    async def find(_wait_s: float) -> tuple[Rung, Ask] | None:
        asked.set()
        await never.wait()
        return None

    way = Crossing(worker.leases, 0.0, find)
    waiting = asyncio.create_task(worker.leases.acquire(ask("bob"), None, way))
    await asked.wait()
    here.release(Spent())

    assert (await waiting).engine == "a"
    assert way.taken is None


async def test_who_leaves_while_another_way_is_looked_for_leaves_nothing(workers: Workers) -> None:
    """Neither a place nor a slot."""
    worker = await workers.open()
    here = await worker.leases.acquire(ask("ana"))
    asked, never = asyncio.Event(), asyncio.Event()

    async def find(_wait_s: float) -> tuple[Rung, Ask] | None:
        asked.set()
        await never.wait()
        return None

    waiting = asyncio.create_task(worker.leases.acquire(ask("bob"), None, Crossing(worker.leases, 0.0, find)))
    await asked.wait()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)

    assert worker.leases.requests.waiting == 0
    here.release(Spent())
    assert (await worker.leases.acquire(ask("eva"))).engine == "a"


async def test_learned_slots_count_at_once(workers: Workers) -> None:
    """When an engine says that it has more slots, those who wait go ahead."""
    worker = await workers.open()
    await worker.leases.acquire(ask("0"))
    waiting = await in_line(worker, ask("1"))

    await worker.queue.learn([Capacity("a", 2)])

    assert (await waiting).engine == "a"


async def test_an_emptied_valkey_is_told_what_runs(workers: Workers, valkey: Redis) -> None:
    """After FLUSHALL nobody gets a slot that is taken, whichever worker comes first; whoever waited keeps the place."""
    one, two = await workers.open("w1"), await workers.open("w2")
    both = (Candidate("a", 2),)
    first, second = await one.leases.acquire(ask("0", both)), await two.leases.acquire(ask("1", both))
    waiting = await in_line(two, ask("2", both))

    await valkey.flushall()
    late = asyncio.create_task(one.leases.acquire(ask("3", both, user="bea")))
    await until(lambda: _has_place(one.leases, "3"))

    assert await known(one) == {"0", "3"}
    assert await known(two) == {"1", "2"}
    assert not waiting.done() and not late.done()
    first.release(Spent(10, 0, 10))
    second.release(Spent(10, 0, 10))
    assert {(await waiting).engine, (await late).engine} == {"a"}


async def test_what_the_queue_knows_and_nobody_holds_is_ended(workers: Workers) -> None:
    """A request that the worker has forgotten is found when it renews."""
    worker = await workers.open(rules=replace(RULES, lease_s=0.6))
    await worker.queue.enter(ask("ghost"))

    lease = await worker.leases.acquire(ask("1", user="bea"))

    assert lease.engine == "a"
    assert await known(worker) == {"1"}


async def test_without_valkey_a_share_of_the_slots_is_served(workers: Workers) -> None:
    """What runs goes on and counts; half of the four slots may be filled anew, in turn."""
    worker = await workers.open()
    four = (Candidate("a", 4),)
    running = [await worker.leases.acquire(ask(str(number), four)) for number in range(3)]

    await worker.link.close()
    waiting = asyncio.create_task(worker.leases.acquire(ask("3", four)))
    await until(lambda: _has_place(worker.leases, "3"))

    assert not worker.leases.is_shared
    running[0].release()
    await asyncio.sleep(0)  # a slot of the four is free, but not of our two
    assert not waiting.done()
    running[1].release()
    assert (await waiting).engine == "a"


async def test_nobody_waits_twice_when_valkey_comes_back(workers: Workers) -> None:
    """What was let in meanwhile counts in the shared queue; who waited goes on waiting there."""
    one, two = await workers.open("w1"), await workers.open("w2")
    four = (Candidate("a", 4),)
    await one.leases.acquire(ask("0", four))
    one.leases._contact.lose()
    alone = await one.leases.acquire(ask("1", four))
    waiting = await in_line(one, ask("2", four))

    await until(lambda: one.leases.is_shared)
    lease = await waiting  # two of four slots were taken

    assert await known(one) == {"0", "1", "2"}
    await two.leases.acquire(ask("3", four, user="bea"))
    last = await in_line(two, ask("4", four, user="bea"))
    alone.release()
    assert (await last).engine == "a"
    lease.release()


async def test_a_release_without_valkey_is_told_later(workers: Workers, valkey: Redis) -> None:
    """A slot that was given back while Valkey was away is free for others once it is back."""
    one, two = await workers.open("w1"), await workers.open("w2")
    lease = await one.leases.acquire(ask("0"))
    waiting = await in_line(two, ask("1"))

    one.leases._contact.lose()
    lease.release(Spent(10, 0, 10))
    await until(lambda: one.leases.is_shared)

    assert (await waiting).engine == "a"
    assert await known(one) == set()


async def test_limits_go_on_without_valkey(workers: Workers) -> None:
    """Limits per minute and of concurrent requests by the process's share, budgets not at all."""
    worker = await workers.open(workers=2)
    worker.leases._contact.lose()
    await worker.link.close()
    candidates = (Candidate("a", 99),)
    per_minute = AppliedLimit("user:ana", "requests_per_minute", 4)
    per_day = AppliedLimit("user:ana", "tokens_per_day", 1)

    for number in range(2):
        lease = await worker.leases.acquire(
            replace(ask(str(number), candidates), limits=(per_minute, per_day))
        )
        assert [state.limit for state in lease.limits] == [per_minute]
    with pytest.raises(RateLimited):
        await worker.leases.acquire(replace(ask("2", candidates), limits=(per_minute,)))
    whole = AppliedLimit("user:bea", "tokens_per_minute", 300)
    await worker.leases.acquire(replace(ask("3", candidates, user="bea"), max_tokens=290, limits=(whole,)))


async def test_a_cancelled_wait_without_valkey_leaves_nothing(workers: Workers) -> None:
    """Nor in the shared queue afterwards."""
    worker = await workers.open()
    lease = await worker.leases.acquire(ask("0"))
    worker.leases._contact.lose()
    gone = await in_line(worker, ask("1"))

    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    await until(lambda: worker.leases.is_shared)

    await until(lambda: _holds(worker, {"0"}))
    lease.release()
    assert worker.leases.requests.waiting == 0


async def _holds(worker: Worker, ids: set[str]) -> bool:
    return await known(worker) == ids


async def test_a_valkey_that_never_was_there_is_no_reason_to_refuse(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """A gateway that starts before Valkey serves its share."""
    async with AsyncExitStack() as stack:
        nowhere = Workers(f"unix://{tmp_path_factory.mktemp('none')}/valkey.sock", stack)
        worker = await nowhere.open()

        lease = await worker.leases.acquire(ask("0"))

        assert lease.engine == "a" and not worker.leases.is_shared
        with pytest.raises(PartUnavailable):
            await worker.queue.known()
