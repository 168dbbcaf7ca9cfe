"""The rules of the queue, one at a time. Times in microseconds; 10 prompt tokens cost 10, an answer of n tokens 2 n."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from appliance.fairness.admission import (
    Ask,
    Candidate,
    Capacity,
    FairRules,
    Full,
    Gone,
    Held,
    Leaving,
    Place,
    Share,
    Slot,
    Spent,
)
from appliance.fairness.queue.fair_queue import FairQueue
from appliance.fairness.queue.worker_leases import WorkerLeases

SECOND = 1_000_000
HOUR = 3600 * SECOND


@dataclass
class Room:
    """A queue before one engine, and its people."""

    rules: FairRules = field(default_factory=lambda: FairRules(reserved=0))
    slots: int = 1
    now_us: int = HOUR

    def __post_init__(self) -> None:
        self.queue = FairQueue(self.rules)
        self.count = 0
        self.running: list[str] = []

    def ask(
        self,
        user: str,
        *,
        weight: float = 1.0,
        groups: tuple[Share, ...] = (),
        prompt_tokens: int = 10,
        worker: str = "w",
        engines: str = "a",
        **fields: object,
    ) -> str:
        """Enters; returns the request's id, which begins with the user's name."""
        self.count += 1
        id = f"{user}{self.count}"
        candidates = tuple(Candidate(engine, self.slots) for engine in engines)
        ask = Ask(
            id,
            "pool",
            "m",
            (*groups, Share(user, weight)),
            candidates,
            prompt_tokens,
            **fields,  # type: ignore[arg-type]
        )
        self.last = ask
        self.answer = self.queue.enter(ask, worker, self.now_us)
        if isinstance(self.answer, Slot):
            self.running.append(id)
        return id

    def end(self, id: str | None = None, answer_tokens: int = 10, prompt_tokens: int = 10) -> list[str]:
        """The named or oldest one ends; returns who got slots, in order."""
        id = self.running[0] if id is None else id
        if id in self.running:
            self.running.remove(id)
        self.queue.leave(Leaving(id, Spent(prompt_tokens, 0, answer_tokens)), self.now_us)
        return self.granted()

    def granted(self) -> list[str]:
        """Who got a slot since the last look."""
        ids = [grant.id for grant in self.queue.grants()]
        self.running += ids
        return ids

    def turns(self, count: int, answer_tokens: int = 10) -> list[str]:
        """The next turns, each after the oldest one has ended: names only."""
        return [id.rstrip("0123456789") for _ in range(count) for id in self.end(answer_tokens=answer_tokens)]

    def place(self, id: str) -> Place:
        place = self.queue.where(id, self.now_us)
        assert isinstance(place, Place)
        return place


def test_equal_people_take_turns_however_many_requests_one_has() -> None:
    """Twenty requests of one and two of the other: they alternate."""
    room = Room()
    for _ in range(20):
        room.ask("ana")
    for _ in range(2):
        room.ask("bob")

    assert room.turns(5) == ["bob", "ana", "bob", "ana", "ana"]


def test_weights_share_turns_in_their_proportion() -> None:
    """1 : 2 : 4 over seventy turns of equal size."""
    room = Room()
    for _ in range(60):
        room.ask("ana", weight=1)
        room.ask("bob", weight=2)
        room.ask("eva", weight=4)

    turns = room.turns(70)

    assert [turns.count(name) for name in ("ana", "bob", "eva")] == pytest.approx([10, 20, 40], abs=1)


def test_groups_share_first_and_their_people_within_them() -> None:
    """One person of a group gets as much as three of another; a group within a group shares its part again."""
    room = Room()
    for _ in range(60):
        room.ask("ana", groups=(Share("law"),))
        for name in ("bob", "eva"):
            room.ask(name, groups=(Share("lab"), Share("bio")))
        room.ask("kim", groups=(Share("lab"), Share("bio", 1.0)))
        room.ask("max", groups=(Share("lab"), Share("geo", 1.0)))

    turns = room.turns(96)

    assert turns.count("ana") == pytest.approx(48, abs=2)
    assert turns.count("max") == pytest.approx(24, abs=2)
    assert [turns.count(name) for name in ("bob", "eva", "kim")] == pytest.approx([8, 8, 8], abs=2)


def test_whoever_was_away_gets_no_credit() -> None:
    """After a hundred turns of the one alone, the other does not get a hundred in a row."""
    room = Room()
    room.ask("bob")
    room.end()
    for _ in range(120):
        room.ask("ana")
    room.turns(100)
    for _ in range(20):
        room.ask("bob")

    assert room.turns(6).count("bob") in (3, 4)


def test_whoever_returns_goes_before_those_who_are_at_the_same_point() -> None:
    """So a newcomer's first request is next."""
    room = Room()
    for _ in range(10):
        room.ask("ana")
    room.ask("zoe")

    assert room.turns(1) == ["zoe"]


def test_charges_are_corrected_to_what_was_used() -> None:
    """Who writes ten times longer answers than thought gets the fewer turns for it."""
    room = Room()
    for _ in range(40):
        room.ask("ana")
        room.ask("bob")
    used: dict[str, int] = {"ana": 0, "bob": 0}
    for _ in range(30):
        (name,) = {room.running[0].rstrip("0123456789")}
        tokens = 1000 if name == "ana" else 100
        used[name] += tokens
        room.end(answer_tokens=tokens)

    assert used["ana"] == pytest.approx(used["bob"], abs=2200)


def test_a_long_answer_is_charged_while_it_grows() -> None:
    """Before its end, so that its owner does not get further turns meanwhile."""
    room = Room(slots=2)
    first = room.ask("ana")
    room.ask("bob")
    room.queue.grew(first, 5000)
    for name in ("ana", "bob"):
        for _ in range(4):
            room.ask(name)

    room.running.remove(first)

    assert room.turns(3) == ["bob", "bob", "bob"]


def test_cached_prompt_tokens_are_charged_at_a_discount() -> None:
    """A tenth, where the engine says that it had them."""
    queue = FairQueue(FairRules())
    ask = Ask("r", "pool", "m", (Share("ana"),), (Candidate("a", 1),), 1000)
    queue.enter(ask, "w", HOUR)

    queue.leave(Leaving("r", Spent(1000, 900, 50)), HOUR)

    assert queue.served("pool") == {"ana": pytest.approx(100 + 90 + 100)}


def test_the_reserve_is_for_who_holds_nothing() -> None:
    """Eight slots, one kept: the eighth request of one person waits, another's does not."""
    room = Room(FairRules(), slots=8)
    for _ in range(9):
        room.ask("ana")
    assert len(room.running) == 7

    room.ask("bob")

    assert isinstance(room.answer, Slot)


def test_below_eight_slots_nothing_is_kept() -> None:
    """The whole small engine works; one slot is always everybody's."""
    assert [FairRules().reserved_of(slots) for slots in (1, 4, 7, 8, 31, 64)] == [0, 0, 0, 1, 1, 4]
    assert [FairRules(reserved=3).reserved_of(slots) for slots in (1, 2, 4)] == [0, 1, 3]


def test_prompts_are_given_to_an_engine_a_few_at_a_time() -> None:
    """A person with a slot waits while 4,096 tokens are being read; one without may go to twice that."""
    room = Room(FairRules(reserved=0), slots=8)
    first = room.ask("ana", prompt_tokens=3000)
    second = room.ask("ana", prompt_tokens=3000)
    assert room.running == [first]

    room.ask("bob", prompt_tokens=3000)
    assert isinstance(room.answer, Slot)
    room.ask("eva", prompt_tokens=3000)
    assert isinstance(room.answer, Place)

    room.queue.first_byte(first, room.now_us)
    assert [id[:3] for id in room.granted()] == ["eva"]
    room.now_us += 60 * SECOND  # whatever was being read, is
    room.queue.poke(room.now_us)
    assert room.granted() == [second]


def test_a_large_prompt_is_not_passed_for_ever_by_small_ones() -> None:
    """Larger than the gate, it starts when nothing is being read; nobody passes it meanwhile."""
    room = Room(FairRules(reserved=0), slots=8)
    first = room.ask("ana", prompt_tokens=4000)
    large = room.ask("bob", prompt_tokens=30_000)
    small = room.ask("eva", prompt_tokens=10)

    assert room.running == [first]
    room.queue.first_byte(first, room.now_us)
    assert room.granted() == [large]
    room.queue.first_byte(large, room.now_us)
    assert room.granted() == [small]


def test_the_cache_of_an_engine_is_not_overfilled() -> None:
    """A request that does not fit beside the others waits for them; what never fits the engine may refuse at once."""
    room = Room(FairRules(reserved=0, default_completion_tokens=100), slots=8)
    room.queue.learn([Capacity("a", 8, kv_tokens=1000)], room.now_us)
    first = room.ask("ana", prompt_tokens=700)
    second = room.ask("bob", prompt_tokens=700)
    third = room.ask("eva", prompt_tokens=7000)

    assert room.running == [first]
    assert room.end(answer_tokens=1) == [second, third]


def test_one_person_holds_no_more_slots_than_allowed() -> None:
    """Where the operator set a most."""
    room = Room(FairRules(reserved=0, max_running_per_user=2), slots=8)
    for _ in range(4):
        room.ask("ana")

    assert len(room.running) == 2
    assert len(room.end()) == 1


def test_batch_requests_take_what_nobody_else_wants() -> None:
    """Three quarters of the slots at most, and after everybody interactive."""
    room = Room(FairRules(reserved=0), slots=4)
    for _ in range(5):
        room.ask("job", is_batch=True)
    assert len(room.running) == 3
    room.ask("ana")
    later = room.ask("ana")

    assert room.end() == [later]


def test_a_batch_request_that_waited_long_is_served_like_others() -> None:
    """After fifteen minutes it goes before those who came later."""
    room = Room()
    room.ask("ana")
    job = room.ask("job", is_batch=True)
    room.now_us += 901 * SECOND
    room.ask("bob")

    assert room.end() == [job]


def test_a_request_whose_engine_failed_goes_to_the_head_and_is_charged_once() -> None:
    """Before everybody who waits, and without paying twice."""
    room = Room()
    moved = room.ask("ana")
    room.ask("bob")
    charged = room.queue.served("pool")["ana"]
    room.queue.learn([Capacity("b", 1)], room.now_us)
    room.queue.enter(Ask("x", "pool", "m", (Share("eva"),), (Candidate("b", 1),)), "w", room.now_us)

    answer = room.queue.move(moved, (Candidate("b", 1),), room.now_us)

    assert isinstance(answer, Place) and answer.position == 1
    room.granted()
    room.queue.leave(Leaving("x"), room.now_us)
    assert room.granted() == [moved]
    assert room.queue.served("pool")["ana"] == charged


def test_whoever_crosses_to_another_pool_keeps_the_place_until_a_slot_there_is_free() -> None:
    """No slot elsewhere: it stands where it stood. One free: its place is somebody else's, and it is charged there."""
    room = Room()
    far = (Candidate("far", 1),)
    room.ask("ana")
    waiting = room.ask("bob")
    wanted = replace(room.last, pool="far", candidates=far)
    room.queue.enter(replace(wanted, id="there", shares=(Share("eva"),)), "w", room.now_us)

    assert isinstance(room.queue.cross(wanted, room.now_us), Place)
    assert (room.place(waiting).position, room.queue.waiting) == (1, 1)
    room.queue.leave(Leaving("there", Spent()), room.now_us)
    assert room.queue.cross(wanted, room.now_us) == Slot("far")
    assert room.queue.waiting == 0
    assert room.queue.served("far")["bob"] > 0

    room.queue.leave(Leaving(waiting, Spent()), room.now_us)
    assert room.queue.served("far")["bob"] == pytest.approx(0)
    assert room.queue.enter(replace(wanted, id="next"), "w", room.now_us) == Slot("far")


def test_a_queue_that_lost_everything_is_told_what_runs() -> None:
    """What runs, counts; who waits keeps the order; nobody gets a slot that is taken."""
    room = Room()
    before = [room.ask(name) for name in ("ana", "bob", "eva")]
    asks = {id: Ask(id, "pool", "m", (Share(id[:3]),), (Candidate("a", 1),), 10) for id in before}
    tickets = {id: room.place(id).ticket for id in before[1:]}
    room.queue = FairQueue(room.rules)

    room.queue.restore(
        "w",
        [
            Held(asks[before[2]], tickets[before[2]], None),
            Held(asks[before[1]], tickets[before[1]], None),
            Held(asks[before[0]], HOUR, "a"),
        ],
        room.now_us,
    )

    assert room.queue.occupancy.running("a") == 1
    assert room.queue.known("w") == sorted(before)


@pytest.mark.parametrize("rules", [FairRules(max_queue=3), FairRules(max_queue_per_user=3)])
def test_a_full_queue_says_when_there_would_be_room(rules: FairRules) -> None:
    """One more than may wait is told so, with the wait as measured, and leaves no trace."""
    room = Room(rules)
    for _ in range(8):
        room.ask("ana")
        room.now_us += SECOND
        if isinstance(room.answer, Place):
            room.end()
    for _ in range(6):
        last = room.ask("ana")

    assert isinstance(room.answer, Full) and room.answer.eta_s is not None and room.answer.eta_s > 0
    assert room.queue.waiting == 3
    assert isinstance(room.queue.where(last, room.now_us), Gone)


def test_a_dead_worker_s_slots_come_back() -> None:
    """After its lease, found out by anybody's look; the living lose nothing."""
    room = Room(FairRules(reserved=0, lease_s=12), slots=2)
    room.ask("ana", worker="dead")
    room.ask("bob", worker="alive")
    waiting = room.ask("eva", worker="alive")
    for _ in range(14):
        room.now_us += SECOND
        room.queue.renew("alive", room.now_us)
        room.queue.poke(room.now_us)

    assert room.granted() == [waiting]
    assert room.queue.known("dead") == []


@pytest.mark.parametrize("jump_us", [HOUR, -HOUR])
def test_a_clock_that_jumps_kills_nobody_and_stops_nothing(jump_us: int) -> None:
    """An hour forwards or back: the living keep what they hold, the dead are found, everybody gets a turn."""
    room = Room(FairRules(reserved=0, lease_s=12, prefill_tokens=100), slots=2)
    room.now_us = 5 * HOUR
    room.ask("ana", worker="w1", prompt_tokens=90)
    room.ask("bob", worker="w2", prompt_tokens=90)
    waiting = room.ask("eva", worker="w1", prompt_tokens=90)

    room.now_us += jump_us
    for second in range(60):
        room.now_us += SECOND
        for worker in ("w1", "w2"):
            if second % 3 == 2:
                room.queue.renew(worker, room.now_us)
        room.queue.poke(room.now_us)

    assert len(room.queue.known("w1")) == 2 and len(room.queue.known("w2")) == 1
    assert room.end() == [waiting]
    eta_s = room.place(room.ask("kim", worker="w1")).eta_s
    assert eta_s is None or 0 <= eta_s < 3600


def test_a_silent_worker_is_given_up_within_its_lease() -> None:
    """Whenever it fell silent between two looks, which are a sixth of a lease apart."""
    for silent_at_ms in range(0, 2000, 125):
        leases = WorkerLeases(12.0)
        leases.renew("w", silent_at_ms * 1000)
        dead_at = next(s for s in range(2, 60, 2) if leases.take_dead(s * SECOND))

        assert 8 <= dead_at - silent_at_ms / 1000 <= 12


def test_zero_slots_are_one() -> None:
    """An engine that says so by mistake is asked one request at a time, and nothing is stuck."""
    room = Room(slots=0)
    first, second = room.ask("ana"), room.ask("bob")

    assert room.running == [first]
    assert room.end() == [second]


def test_what_is_unknown_is_gone_and_harms_nothing() -> None:
    """Ids of a lost queue, said twice, or never entered."""
    room = Room()
    id = room.ask("ana")
    again = room.queue.enter(room.last, "w", room.now_us)
    room.end()

    assert again == Slot("a")
    assert isinstance(room.queue.where(id, room.now_us), Gone)
    assert isinstance(room.queue.move("never", (Candidate("a", 1),), room.now_us), Gone)
    room.queue.leave(Leaving("never"), room.now_us)
    room.queue.first_byte("never", room.now_us)
    room.queue.grew("never", 100)
    assert room.queue.served("pool") == {"ana": pytest.approx(30)}


@pytest.mark.parametrize("weight", [0.0, -1.0, float("nan"), float("inf")])
def test_a_weight_that_is_no_share_is_an_error(weight: float) -> None:
    """It names whose it is."""
    with pytest.raises(ValueError, match="ana"):
        Share("ana", weight)


def test_a_request_that_gives_up_leaves_no_trace() -> None:
    """The next one moves up, and nothing is charged."""
    room = Room()
    room.ask("ana")
    gone = room.ask("bob")
    stays = room.ask("eva")
    room.queue.leave(Leaving(gone), room.now_us)

    assert room.place(stays).position == 1
    assert room.queue.served("pool")["bob"] <= room.queue.served("pool")["ana"]


def test_the_engine_with_fewest_outstanding_tokens_is_next() -> None:
    """Four short questions are less work than one long document, though they are more requests."""
    room = Room(slots=8)
    room.ask("ana", prompt_tokens=3000, engines="ab", max_tokens=10)

    for _ in range(4):
        room.ask("bob", prompt_tokens=100, engines="ab", max_tokens=10)

    assert room.queue.occupancy.engines() == {"a": 1, "b": 4}


def test_equal_engines_are_filled_in_proportion_to_their_slots() -> None:
    """Nine equal requests before engines of two and of one slot for each three: six and three."""
    queue = FairQueue(FairRules(reserved=0))
    candidates = (Candidate("small", 4), Candidate("large", 8))
    for number in range(9):
        queue.enter(Ask(f"r{number}", "pool", "m", (Share("ana"),), candidates, 100, 50), "w", HOUR)

    assert queue.occupancy.engines() == {"small": 3, "large": 6}


def test_a_conversation_stays_with_the_engine_that_knows_it() -> None:
    """Also where the other one has less to do, as long as both have room to spare."""
    room = Room(slots=32)
    first = room.ask("ana", engines="ab", conversation="talk")
    room.end(first)
    room.ask("bob", engines="a", prompt_tokens=2000)

    room.ask("ana", engines="ab", conversation="talk")

    assert room.answer == Slot("a")


def test_a_conversation_leaves_an_engine_that_is_far_busier_than_the_others() -> None:
    """What it has read before is not worth the wait; from then on it is at home with the other."""
    room = Room(slots=8)
    room.end(room.ask("ana", engines="ab", conversation="talk"))
    for _ in range(4):
        room.ask("bob", engines="a", prompt_tokens=1000)

    moved = room.ask("ana", engines="ab", conversation="talk")
    assert room.answer == Slot("b")
    room.end(moved)
    for id in [id for id in room.running if id.startswith("bob")]:
        room.end(id)

    room.ask("ana", engines="ab", conversation="talk")

    assert room.answer == Slot("b")


def test_a_conversation_goes_on_elsewhere_when_its_engine_failed() -> None:
    """Where it was is no reason to wait for it."""
    room = Room(slots=2)
    talk = room.ask("ana", engines="ab", conversation="talk")

    assert room.queue.move(talk, (Candidate("b", 2),), room.now_us) == Slot("b")
    room.end(talk)
    room.ask("ana", engines="ab", conversation="talk")

    assert room.answer == Slot("b")
