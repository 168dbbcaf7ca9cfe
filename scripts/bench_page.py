"""How smoothly answers grow in the page: in a long chat beside an empty one, and for many people at once.

    python scripts/bench_page.py                          # 1,000 earlier turns, 30 streams
    python scripts/bench_page.py --earlier 100 --rounds 1 # to try it out

Starts everything itself: a modelled engine, the appliance with PostgreSQL and Valkey, and Chromium. Prints Markdown
tables. The first figures are ratios within one run; rounds of both chats alternate, so that a busy machine is busy
for both.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import aiohttp
from bench import page as measuring
from bench.client import Target
from bench.engine import MODEL
from bench.processes import ProcessClock, spent
from bench.tables import Row, circumstances, markdown, quantile
from bench.targets import ModelledEngine, modelled_engine

from appliance.demo.throwaway_box import ThrowawayBox, throwaway_box

_CONFIGURATION = """
[server]
host = "127.0.0.1"
port = 0
run_page = false
drain_s = 0

[logging]
level = "warning"

[engines.bench]
engine = "openai_compatible"
base_url = "{base_url}"
models = ["{model}"]
max_running = 512
"""


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--earlier", type=int, default=1000, help="turns before the question (default: %(default)s)"
    )
    parser.add_argument("--rounds", type=int, default=3, help="of each chat (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=6.0, help="of each round (default: %(default)s)")
    parser.add_argument(
        "--streams", type=int, default=30, help="answers followed at once (default: %(default)s)"
    )
    parser.add_argument(
        "--words", type=float, default=30.0, help="per second and answer (default: %(default)s)"
    )
    parser.add_argument(
        "--chromium", type=Path, metavar="FILE", help="the browser; else the one that is installed"
    )
    return parser.parse_args()


async def run(arguments: argparse.Namespace) -> None:
    """Both tables."""
    chromium = measuring.find_chromium(arguments.chromium)
    async with modelled_engine() as engine, aiohttp.ClientSession() as session:
        await measuring.tempo(engine, 0)
        async with throwaway_box(_CONFIGURATION.format(base_url=engine.base_url, model=MODEL)) as box:
            load = os.getloadavg()
            rows = await long_and_empty(box, engine, session, chromium, arguments)
            show("one answer in a browser", rows, load)
            load = os.getloadavg()
            show("many answers at once", [await crowd(box, engine, session, arguments)], load)


async def long_and_empty(
    box: ThrowawayBox,
    engine: ModelledEngine,
    session: aiohttp.ClientSession,
    chromium: str,
    arguments: argparse.Namespace,
) -> list[Row]:
    """Updates per second in each chat, by alternating rounds."""
    person = measuring.Person(session, box.url, box.key)
    long = await person.long_chat(arguments.earlier)
    chats = [
        measuring.Chat("empty", await person.long_chat(1), 0),
        measuring.Chat(f"{arguments.earlier} earlier", long, arguments.earlier),
        measuring.Chat(f"{arguments.earlier} earlier, all drawn", long, arguments.earlier, is_drawn=True),
    ]
    found: dict[str, list[tuple[float, float]]] = {chat.name: [] for chat in chats}
    await measuring.tempo(engine, arguments.words)
    async with measuring.browsing(box, chromium) as page:
        for _ in range(arguments.rounds):
            for chat in chats:
                found[chat.name].append(await measuring.updates(page, box, person, chat, arguments.seconds))
    base = median(rate for rate, _ in found["empty"])
    return [
        {
            "chat": name,
            "updates/s": f"{median(rate for rate, _ in figures):.1f}",
            "of the empty one": f"{median(rate for rate, _ in figures) / base:.0%}",
            "longest frame": f"{median(longest for _, longest in figures):.0f} ms",
        }
        for name, figures in found.items()
    ]


async def crowd(
    box: ThrowawayBox, engine: ModelledEngine, session: aiohttp.ClientSession, arguments: argparse.Namespace
) -> Row:
    """Many answers, each followed by its person, and what short requests to /v1 take meanwhile."""
    keys = [await box.new_key(session, f"person{number}") for number in range(arguments.streams)]
    people = [measuring.Person(session, box.url, key) for key in keys]
    target = Target("appliance", f"{box.url}/v1", [box.key], MODEL)
    await measuring.tempo(engine, arguments.words)
    seconds = max(arguments.seconds, 5.0)
    alone = await measuring.plain_requests(target, seconds)
    clock = ProcessClock({part: box.pids_of(part) for part in ("gateway", "valkey", "postgres")})
    before = clock.read()
    row = await measuring.many(people, arguments.words, seconds)
    cores = {f"{part}, cores": f"{used / seconds:.2f}" for part, used in spent(before, clock.read()).items()}
    _, beside = await asyncio.gather(
        measuring.many(people, arguments.words, seconds), measuring.plain_requests(target, seconds)
    )
    target.close()
    return {
        **row,
        **cores,
        "/v1 p95 alone": f"{quantile(alone, 0.95):.0f} ms",
        "beside them": f"{quantile(beside, 0.95):.0f} ms",
    }


def show(name: str, rows: Sequence[Row], load: tuple[float, float, float]) -> None:
    """A heading, the circumstances and the table."""
    print(f"\n### {name}\n{circumstances(load)}\n\n{markdown(rows)}", flush=True)


def main() -> int:
    """Everything, table by table."""
    asyncio.run(run(parse_arguments()))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
