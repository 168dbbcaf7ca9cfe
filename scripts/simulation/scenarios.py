"""The floods, overloads and peers that the gate must stand, each returning what every request met."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from appliance.fairness.admission import FairRules

from .engine import EnginePace, ModelledEngine
from .gates import FairGate, Gate, NoGate
from .world import Sizes, Told, World, person

NO_BOUND = 10**9
SLOTS = 64
FLOOD_AT_S = 5.0

RULES = FairRules(max_queue=NO_BOUND, max_queue_per_user=NO_BOUND)
PLAIN_VTC = FairRules(
    max_queue=NO_BOUND, max_queue_per_user=NO_BOUND, reserved=0, prefill_tokens=NO_BOUND, spread=0
)
RESERVE_ONLY = FairRules(max_queue=NO_BOUND, max_queue_per_user=NO_BOUND, prefill_tokens=NO_BOUND)

GateMaker = Callable[[FairRules], Gate]


def no_gate(rules: FairRules) -> Gate:
    """Everything to the engine."""
    return NoGate()


def fixed(prompt_tokens: int, completion_tokens: int) -> Sizes:
    """Always the same."""
    return lambda rng: (prompt_tokens, completion_tokens)


def even(rng: random.Random) -> tuple[int, int]:
    """Questions and answers of ordinary length."""
    return rng.randint(200, 1000), rng.randint(50, 500)


def heavy_tailed(rng: random.Random) -> tuple[int, int]:
    """Log-normal with sigma 1: means of 660 and 300 tokens, one answer in a hundred over 1,900."""
    mu = math.log(300) - 0.5
    prompt_tokens = min(8000, max(20, round(rng.lognormvariate(6, 1))))
    return prompt_tokens, min(8000, max(1, round(rng.lognormvariate(mu, 1))))


def guessed(rng: random.Random) -> float:
    """A prompt's length from its bytes: 30 % off at most."""
    return rng.uniform(0.7, 1.3)


def open_world(gate: Gate, seed: int, slots: int = SLOTS) -> World:
    """Nobody there yet."""
    return World(gate, ModelledEngine(slots, EnginePace()), slots, seed, guessed)


@dataclass(frozen=True)
class Flood:
    """What a flood did. victims_s: times to first token of those who asked while it lasted, in order."""

    victims_s: list[float]
    lasted_s: float
    tokens_per_s: float


def flood(
    gate: Gate,
    sizes: Sizes = fixed(2000, 500),  # noqa: B008 – a pure function
    requests: int = 1000,
    victims: int = 9,
    seed: int = 1,
    keys_as_people: int = 1,
    until_s: float = 400.0,
) -> Flood:
    """One person's requests all at once, among people who ask every ten seconds.

    keys_as_people: under so many names, as a gate sees it that takes each key for a person.
    """
    world = open_world(gate, seed)
    for index in range(victims):
        world.now_and_then(
            person(f"victim{index}"), 10.0, lambda rng: (rng.randint(200, 1000), rng.randint(50, 300))
        )
    for index in range(keys_as_people):
        world.flood(person(f"greedy{index}"), requests // keys_as_people, sizes, FLOOD_AT_S)
    world.run(until_s)
    told = list(world.told.values())
    end_s = max((t.done_s or until_s for t in told if t.user.startswith("greedy")), default=until_s)
    suffered = [
        t.ttft_s if t.ttft_s is not None else until_s - t.asked_s
        for t in told
        if t.user.startswith("victim") and FLOOD_AT_S <= t.asked_s <= end_s
    ]
    tokens = sum(
        t.completion_tokens for t in told if t.done_s is not None and FLOOD_AT_S <= t.done_s <= end_s
    )
    return Flood(sorted(suffered), end_s - FLOOD_AT_S, tokens / (end_s - FLOOD_AT_S))


def peers(
    gate: Gate,
    sizes: Sequence[Sizes],
    weights: Sequence[float],
    each: int = 40,
    seed: int = 3,
    slots: int = SLOTS,
    until_s: float = 300.0,
) -> World:
    """People who always have so many requests open."""
    world = open_world(gate, seed, slots)
    for index, (own, weight) in enumerate(zip(sizes, weights, strict=True)):
        world.keep_open(person(f"p{index}", weight), each, own)
    world.run(until_s)
    return world


def greedy_and_polite(gate: Gate, sizes: Sizes, slots: int, open_requests: int, seed: int = 3) -> World:
    """One who always has so many open, and nine who ask every ten seconds; 400 s."""
    world = open_world(gate, seed, slots)
    world.keep_open(person("greedy"), open_requests, sizes)
    for index in range(9):
        world.now_and_then(person(f"polite{index}"), 10.0, even)
    world.run(400.0)
    return world


def overload(gate: Gate, sizes: Sizes, a_second: float, seed: int = 3, people: int = 40) -> World:
    """Requests come faster than they can be served, from people of whom the nth asks 1/n as often; 400 s."""
    world = open_world(gate, seed)
    often = [1 / (index + 1) for index in range(people)]
    world.arrivals(
        lambda rng: person(f"p{rng.choices(range(people), often)[0]}"), a_second, sizes, until_s=400.0
    )
    world.run(400.0)
    return world


# what is measured -------------------------------------------------------------------------------------


def quantile(values: Sequence[float], share: float) -> float:
    """The value that so large a share does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else math.nan


def service(told: Sequence[Told], user: str, since_s: float, until_s: float) -> float:
    """Weighted tokens of a person's requests that ended in that time."""
    return sum(
        RULES.prompt_weight * t.prompt_tokens + RULES.completion_weight * t.completion_tokens
        for t in told
        if t.user == user and t.done_s is not None and since_s <= t.done_s < until_s
    )


def jain(shares: Sequence[float]) -> float:
    """1: all the same; 1/n: one has everything."""
    return sum(shares) ** 2 / (len(shares) * sum(share * share for share in shares))


@dataclass(frozen=True)
class Foretold:
    """How good the estimates shown after one second were, for waits of two seconds and more.

    missing: how many such requests were shown none. bias: the median of shown over real.
    """

    count: int
    missing: int
    median_error: float
    p90_error: float
    bias: float


def foretold(told: Sequence[Told], since_s: float) -> Foretold:
    """Over requests that came after since_s."""
    waits = [
        (t.eta_s, t.started_s - t.asked_s - 1.0)
        for t in told
        if t.started_s is not None and t.asked_s >= since_s and t.started_s - t.asked_s >= 2.0
    ]
    ratios = [eta_s / left_s for eta_s, left_s in waits if eta_s is not None]
    errors = [abs(ratio - 1) for ratio in ratios]
    return Foretold(
        len(ratios),
        len(waits) - len(ratios),
        quantile(errors, 0.5),
        quantile(errors, 0.9),
        quantile(ratios, 0.5),
    )


STEADY: dict[str, Callable[[GateMaker], World]] = {
    "one with 200 open, 9 polite": lambda gate: greedy_and_polite(gate(RULES), even, SLOTS, 200),
    "one with 200 open, 9 polite, heavy tails": lambda gate: greedy_and_polite(
        gate(RULES), heavy_tailed, SLOTS, 200
    ),
    "five with 40 open each": lambda gate: peers(gate(RULES), [even] * 5, [1] * 5, until_s=400),
    "five with 40 open each, heavy tails": lambda gate: peers(
        gate(RULES), [heavy_tailed] * 5, [1] * 5, until_s=400
    ),
    "weights 1:2:4, 60 open each": lambda gate: peers(
        gate(RULES), [even] * 3, [1, 2, 4], each=60, until_s=400
    ),
    "4 slots, one with 36 open, 9 polite": lambda gate: greedy_and_polite(gate(RULES), fixed(50, 100), 4, 36),
}
UNSTEADY: dict[str, Callable[[GateMaker], World]] = {
    "overload by 15 %": lambda gate: overload(gate(RULES), even, 15.0),
    "overload by 15 %, heavy tails": lambda gate: overload(gate(RULES), heavy_tailed, 14.0),
    "at capacity, heavy tails": lambda gate: overload(gate(RULES), heavy_tailed, 11.0),
}


def fair_gate(rules: FairRules) -> Gate:
    """The product's queue."""
    return FairGate(rules)
