"""The queue's keys in a real Valkey as a whole: the layout in their names, a new epoch, and what nobody uses."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from appliance.fairness.admission import Ask, Candidate, FairRules, Share, Slot
from appliance.fairness.queue.operations import audit
from appliance.fairness.queue.queue_state import QueueState
from appliance.fairness.queue.script import PREFIX, layout_of, lua_texts, state_prefix
from appliance.fairness.queue.shared_queue import QueueBroken, SharedQueue
from appliance.fairness.valkey.return_of_valkey import RepairPauses
from appliance.fairness.valkey.valkey_link import ValkeyLink
from tests.conftest import Servers

ASK = Ask("r1", "model", "model", (Share("ana"),), (Candidate("a", 2),), prompt_tokens=10, max_tokens=10)


@pytest.fixture
async def link(servers: Servers, valkey: Redis) -> AsyncIterator[ValkeyLink]:
    """A connection to an empty Valkey."""
    link = ValkeyLink(servers.valkey.url, "w1")
    SharedQueue(link, "w1", FairRules())  # its function is loaded with the connection
    await link.open()
    yield link
    await link.close()


def queue_of(link: ValkeyLink) -> SharedQueue:
    """The first worker's."""
    return SharedQueue(link, "w1", FairRules())


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("local ENGINE = '<", "local ENGINE = '<d"),
        ("local NODE, NODE_BYTES = '<", "local NODE, NODE_BYTES = '<d"),
        (
            "return struct.pack(POOL, p.waiting, p.returned,",
            "return struct.pack(POOL, p.returned, p.waiting,",
        ),
        ("kv = 0, engine = false", "kv = 0, retries = 0, engine = false"),
        ("prompt = ask[7], class = ask[9]", "prompt = ask[9], class = ask[7]"),
        ("request.states = cjson.encode", "request.stand = cjson.encode"),
        ("prefix .. 'reading:'", "prefix .. 'prefill:'"),
        ("call('RPUSH', prefix .. 'returned:'", "call('SADD', prefix .. 'returned:'"),
    ],
)
def test_records_written_otherwise_lie_elsewhere(before: str, after: str) -> None:
    """Whoever changes a packed record, a request's fields or a key cannot forget to rename the state."""
    limits, queue = lua_texts()
    assert before in queue

    assert layout_of(limits, queue.replace(before, after)) != layout_of(limits, queue)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("local AHEAD, SMOOTHING = 1, 0.2", "local AHEAD, SMOOTHING = 1, 0.3"),
        ("-- The people below a node in their turn", "-- In turn, the people below a node"),
        ("return slots >= 8 and", "return slots >= 16 and"),
    ],
)
def test_rules_may_change_while_the_state_stays(before: str, after: str) -> None:
    """Two versions that write the same share one queue while one replaces the other."""
    limits, queue = lua_texts()
    assert before in queue

    assert layout_of(limits, queue.replace(before, after)) == layout_of(limits, queue)


async def test_all_keys_lie_under_the_layout(link: ValkeyLink, valkey: Redis) -> None:
    """But for the limits' counters, which outlive a change of the layout."""
    assert isinstance(await queue_of(link).enter(ASK), Slot)

    keys = await valkey.keys(f"{PREFIX}*")

    assert keys and set(keys) == set(await valkey.keys(f"{state_prefix()}*"))


async def test_to_begin_anew_leaves_everything_behind_but_the_limits(link: ValkeyLink, valkey: Redis) -> None:
    """A record that cannot be read is not met again; what the others do at the same moment is done once."""
    queue = queue_of(link)
    await queue.enter(ASK)
    await valkey.set(f"{PREFIX}limit:requests_per_minute:user:ana", "60000 0")
    await valkey.hset(f"{state_prefix()}engines", "a", "garbage")
    with pytest.raises(QueueBroken):
        await queue.step([audit()])
    one, two = (QueueState(link, PREFIX, queue.layout, name) for name in ("w1", "w2"))

    await one.begin_anew()
    epoch = await valkey.get(f"{state_prefix()}epoch")
    await two.begin_anew()

    assert epoch and await valkey.get(f"{state_prefix()}epoch") == epoch
    fresh = SharedQueue(link, "w3", FairRules())
    await fresh.step([audit()])
    assert await fresh.known() == []
    assert await valkey.exists(f"{PREFIX}limit:requests_per_minute:user:ana")
    assert await one.sweep() > 0
    assert not await valkey.exists(f"{state_prefix()}engines")
    assert await valkey.get(f"{state_prefix()}epoch") == epoch
    await fresh.step([audit()])


async def test_a_lock_that_never_ends_holds_no_repair_up(link: ValkeyLink, valkey: Redis) -> None:
    """A hand may have written it."""
    await valkey.rpush(f"{state_prefix()}repair", "x")

    await QueueState(link, PREFIX, queue_of(link).layout, "w1").begin_anew()

    assert await valkey.exists(f"{state_prefix()}epoch")


async def test_another_version_s_keys_go_when_none_of_its_workers_lives(
    link: ValkeyLink, valkey: Redis
) -> None:
    """They have no time to live of their own; while one worker of that version lives they are left alone."""
    await queue_of(link).enter(ASK)
    own = set(await valkey.keys(f"{state_prefix()}*"))
    now_us = (await valkey.time())[0] * 1_000_000
    for old in ("1:", "q01234567:", "q01234567:e89abcdef:"):
        await valkey.hset(f"{PREFIX}{old}requests", "r", "x")
    await valkey.zadd(f"{PREFIX}q01234567:e89abcdef:workers", {"w9": now_us + 5_000_000})
    await valkey.set(f"{PREFIX}watcher", "w1")
    state = QueueState(link, PREFIX, queue_of(link).layout, "w1")

    assert await state.sweep() == 1
    assert not await valkey.exists(f"{PREFIX}1:requests")
    await valkey.zadd(f"{PREFIX}q01234567:e89abcdef:workers", {"w9": now_us - 5_000_000})
    assert await state.sweep() == 3

    assert set(await valkey.keys(f"{PREFIX}*")) == own | {f"{PREFIX}watcher".encode()}


def test_a_repair_that_did_not_help_is_repeated_ever_more_slowly() -> None:
    """At once, then after a second, two, four …, a minute; after five calm minutes at once again."""
    pauses, now, told = RepairPauses(), 100.0, []

    for _ in range(9):
        told.append(pauses.next_s(now))
        now += told[-1] + 1

    assert told == [0, 1, 2, 4, 8, 16, 32, 60, 60]
    assert pauses.next_s(now + 300) == 0
