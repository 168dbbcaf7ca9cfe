"""The product's queue before a modelled engine, in simulated time, beside first-come-first-served; prints Markdown.

    python scripts/simulate_fairness.py             # half a minute
    python scripts/simulate_fairness.py --seeds 5   # the same, more often

An engine with 64 slots reads 20,000 prompt tokens a second and takes 7 ms and 60 us a sequence for every step
(scripts/simulation/engine.py). No clock and no process is involved: the same seed gives the same table.
"""

from __future__ import annotations

import argparse

from simulation.scenarios import (
    PLAIN_VTC,
    RESERVE_ONLY,
    RULES,
    STEADY,
    UNSTEADY,
    Flood,
    even,
    fair_gate,
    fixed,
    flood,
    foretold,
    jain,
    no_gate,
    peers,
    quantile,
    service,
)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=3, help="runs of every flood (default: %(default)s)")
    seeds = range(1, parser.parse_args().seeds + 1)
    print_floods(seeds)
    print_shares()
    print_estimates()


def print_floods(seeds: range) -> None:
    """The times to first token of people who ask while somebody floods the engine."""
    print("| flood of one person | policy | victims' TTFT p50 / p95 / max | answer tokens a second |")
    print("|---|---|---|---|")
    small, large = fixed(2000, 500), fixed(8000, 1000)
    rows = [
        ("none", "fair queue", [flood(fair_gate(RULES), requests=0, seed=s, until_s=200) for s in seeds]),
        (
            "1,000 × 2,000/500",
            "first come, first served",
            [flood(no_gate(RULES), small, seed=s) for s in seeds],
        ),
        ("", "virtual token counters alone", [flood(fair_gate(PLAIN_VTC), small, seed=s) for s in seeds]),
        ("", "with the reserve", [flood(fair_gate(RESERVE_ONLY), small, seed=s) for s in seeds]),
        ("", "**with reserve and prefill gate**", [flood(fair_gate(RULES), small, seed=s) for s in seeds]),
        (
            "the same, 100 keys",
            "if keys were people",
            [flood(fair_gate(RULES), small, seed=s, keys_as_people=100) for s in seeds],
        ),
        (
            "300 × 8,000/1,000",
            "first come, first served",
            [flood(no_gate(RULES), large, 300, seed=s) for s in seeds],
        ),
        (
            "",
            "virtual token counters alone",
            [flood(fair_gate(PLAIN_VTC), large, 300, seed=s) for s in seeds],
        ),
        (
            "",
            "**with reserve and prefill gate**",
            [flood(fair_gate(RULES), large, 300, seed=s) for s in seeds],
        ),
        (
            "1,000 × 2,000/500, 40 victims",
            "**with reserve and prefill gate**",
            [flood(fair_gate(RULES), small, victims=40, seed=s) for s in seeds],
        ),
    ]
    for name, policy, floods in rows:
        print(f"| {name} | {policy} | {_of_all(floods)}")
    print()


def _of_all(floods: list[Flood]) -> str:
    waits = [wait for one in floods for wait in one.victims_s]
    pace = sum(one.tokens_per_s for one in floods) / len(floods)
    return f"{quantile(waits, 0.5):.2f} / {quantile(waits, 0.95):.2f} / {max(waits):.2f} s | {pace:,.0f} |"


def print_shares() -> None:
    """How alike people with something in line are served."""
    print("| people who always have requests open, 240 s | |")
    print("|---|---|")
    world = peers(fair_gate(RULES), [even] * 10, [1] * 10)
    told = list(world.told.values())
    shares = [service(told, f"p{index}", 60, 300) for index in range(10)]
    print(f"| ten equal ones: Jain index | {jain(shares):.4f} |")
    world = peers(fair_gate(RULES), [even] * 3, [1, 2, 4], each=80)
    told = list(world.told.values())
    shares = [service(told, f"p{index}", 60, 300) for index in range(3)]
    print(f"| weights 1:2:4: service | 1 : {shares[1] / shares[0]:.3f} : {shares[2] / shares[0]:.3f} |")
    world = peers(fair_gate(RULES), [fixed(4000, 100), fixed(200, 800)], [1, 1], each=100)
    told = list(world.told.values())
    gaps = [abs(service(told, "p0", 20, end) - service(told, "p1", 20, end)) for end in range(21, 300)]
    bound = 2 * max(RULES.prompt_weight * 4000, RULES.completion_weight * 64 * 800)
    print(
        f"| 4,000/100 against 200/800: largest gap, of a bound of | {max(gaps):,.0f}, {bound:,.0f} weighted tokens |"
    )
    print()


def print_estimates() -> None:
    """How good the first shown estimate of the wait is."""
    print(
        "| load | waits ≥ 2 s | shown none | error of the first estimate, median / p90 | median shown ÷ real |"
    )
    print("|---|---|---|---|---|")
    for name, scenario in {**STEADY, **UNSTEADY}.items():
        result = foretold(list(scenario(fair_gate).told.values()), since_s=60.0)
        print(
            f"| {name} | {result.count + result.missing} | {result.missing} "
            f"| {result.median_error:.0%} / {result.p90_error:.0%} | {result.bias:.2f} |"
        )
    print()


if __name__ == "__main__":
    main()
