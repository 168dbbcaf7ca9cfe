"""What people notice when one of two engines fails: six requests a second, one fault, one table.

    python -m scripts.bench_failover                        # all five faults, 30 s each
    python -m scripts.bench_failover --faults hang die

Two stand-in engines in processes of their own serve one model (first token after 50 ms, 24 tokens of 30 ms); the whole
appliance stands before them. The first engine fails from second 6 to second 18. "Begun" are streams that had a token
when they broke off: these cannot be saved, only ended honestly. Everything shares the machine's cores.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from appliance.demo.throwaway_box import ThrowawayBox, throwaway_box
from scripts.bench.tables import Row, circumstances, markdown, quantile

FAULTS = ("kill", "hang", "die", "malformed", "http500")
RATE, SECONDS, FAULT_AT_S, HEAL_AT_S = 6, 30, 6, 18
SETTLED_S = 0.5
_ENGINE = Path(__file__).resolve().parent / "bench" / "failing_engine.py"
_CONFIGURATION = """
[server]
host = "127.0.0.1"
port = 0
run_page = false
drain_s = 0

[logging]
level = "error"

[engines.first]
engine = "openai_compatible"
base_url = "{first}"
models = ["measured"]
max_running = 64

[engines.second]
engine = "openai_compatible"
base_url = "{second}"
models = ["measured"]
max_running = 64
"""


@dataclass(slots=True)
class Answer:
    """One request, in seconds since the run began. end: whole, marked (an error event, no [DONE]), or how it failed."""

    asked_s: float
    first_s: float | None = None
    end: str = ""

    @property
    def ttft_ms(self) -> float:
        return float("nan") if self.first_s is None else 1000 * (self.first_s - self.asked_s)


@dataclass
class Engine:
    """A process that fails as it is told to."""

    port: int = 0
    base_url: str = ""
    process: subprocess.Popen[str] | None = field(default=None)

    async def start(self) -> None:
        """On the port that it had."""
        self.process = subprocess.Popen(  # noqa: ASYNC220
            [sys.executable, str(_ENGINE), str(self.port)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(_ENGINE.parent.parent.parent)},
        )
        assert self.process.stdout is not None
        self.base_url = (await asyncio.to_thread(self.process.stdout.readline)).strip()
        self.port = int(self.base_url.rsplit(":", 1)[1].partition("/")[0])

    def kill(self) -> None:
        """As by `kill -9`."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    async def fail(self, session: aiohttp.ClientSession, fault: str) -> None:
        """From now on; `none` heals it."""
        if fault == "kill":
            self.kill()
        elif self.process is not None and self.process.poll() is not None:
            await self.start()
        else:
            address = self.base_url.removesuffix("/v1") + "/bench/fault"
            async with session.post(address, json={"fault": fault}) as response:
                response.raise_for_status()

    async def asked(self, session: aiohttp.ClientSession) -> tuple[int, int]:
        """Questions and probes it has had; none where it is dead."""
        try:
            async with session.get(self.base_url.removesuffix("/v1") + "/bench/asked") as response:
                told = await response.json()
                return told["questions"], told["probes"]
        except aiohttp.ClientError:
            return 0, 0


@asynccontextmanager
async def two_engines() -> AsyncIterator[tuple[Engine, Engine]]:
    """Both running."""
    first, second = Engine(), Engine()
    try:
        await first.start()
        await second.start()
        yield first, second
    finally:
        first.kill()
        second.kill()


async def ask(session: aiohttp.ClientSession, box: ThrowawayBox, number: int, began: float) -> Answer:
    """One stream to its end."""
    body = {
        "model": "measured",
        "stream": True,
        "messages": [{"role": "user", "content": f"{number}: what is new?"}],
    }
    answer, text = Answer(time.perf_counter() - began), b""
    try:
        async with session.post(
            f"{box.url}/v1/chat/completions", json=body, headers={"authorization": f"Bearer {box.key}"}
        ) as response:
            async for data in response.content.iter_any():
                text += data
                if answer.first_s is None and text.count(b'"content":"') > 1:  # the first one is the role's
                    answer.first_s = time.perf_counter() - began
        if response.status != 200:
            answer.end = f"http {response.status}"
        elif text.endswith(b"data: [DONE]\n\n"):
            answer.end = "whole"
        else:
            answer.end = "marked" if b'"error"' in text and b"data: [DONE]" not in text else "truncated"
    except aiohttp.ClientError as error:
        answer.end = type(error).__name__
    return answer


async def measure(fault: str) -> Row:
    """One run with a box of its own."""
    async with two_engines() as (first, second):
        configuration = _CONFIGURATION.format(first=first.base_url, second=second.base_url)
        async with throwaway_box(configuration) as box, aiohttp.ClientSession() as session:
            for number in range(4):
                await ask(session, box, -number, time.perf_counter())
            return _row(fault, *await _under_load(session, box, first, fault))


async def _under_load(
    session: aiohttp.ClientSession, box: ThrowawayBox, engine: Engine, fault: str
) -> tuple[Sequence[Answer], int, int]:
    """The answers; the questions and the probes that the engine had while it failed."""
    began = time.perf_counter()
    tasks: list[asyncio.Task[Answer]] = []
    had_before = had_then = (0, 0)

    async def change(at_s: float, to: str) -> None:
        nonlocal had_before, had_then
        await asyncio.sleep(began + at_s - time.perf_counter())
        if to == "none":
            had_then = await engine.asked(session)
        else:
            had_before = await engine.asked(session)
        await engine.fail(session, to)

    changes = [asyncio.create_task(change(FAULT_AT_S, fault)), asyncio.create_task(change(HEAL_AT_S, "none"))]
    for number in range(RATE * SECONDS):
        await asyncio.sleep(max(0.0, began + number / RATE - time.perf_counter()))
        tasks.append(asyncio.create_task(ask(session, box, number, began)))
    answers = await asyncio.gather(*tasks)
    await asyncio.gather(*changes)
    if fault == "kill":
        return answers, 0, 0
    return answers, had_then[0] - had_before[0], had_then[1] - had_before[1]


def _row(fault: str, answers: Sequence[Answer], in_outage: int, probes: int) -> Row:
    calm = [one.ttft_ms for one in answers if one.asked_s < FAULT_AT_S - 2 and one.first_s is not None]
    outage = [one for one in answers if FAULT_AT_S <= one.asked_s < HEAL_AT_S]
    seen = [one.ttft_ms for one in outage if one.first_s is not None]
    settled = [
        one.ttft_ms for one in outage if one.asked_s >= FAULT_AT_S + SETTLED_S and one.first_s is not None
    ]
    failed = [one for one in answers if one.end != "whole"]
    marked = sum(one.end == "marked" and one.first_s is not None for one in failed)
    after = [one.ttft_ms for one in answers if one.asked_s >= HEAL_AT_S + 2 and one.first_s is not None]
    return {
        "fault": fault,
        "requests": len(answers),
        "failed": len(failed),
        "of them begun, and marked": marked,
        "sent to it in the outage": "–" if fault == "kill" else in_outage,
        "probes": "–" if fault == "kill" else probes,
        "TTFT before p50 / p95, ms": f"{quantile(calm, 0.5):.0f} / {quantile(calm, 0.95):.0f}",
        "in the outage p50 / p95 / max, ms": (
            f"{quantile(seen, 0.5):.0f} / {quantile(seen, 0.95):.0f} / {max(seen, default=0):.0f}"
        ),
        "p95 after 500 ms ÷ before": f"{quantile(settled, 0.95) / quantile(calm, 0.95):.2f}",
        "healed p95, ms": f"{quantile(after, 0.95):.0f}",
    }


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--faults", nargs="+", choices=FAULTS, default=FAULTS)
    options, load = parser.parse_args(), os.getloadavg()
    rows = [asyncio.run(measure(fault)) for fault in options.faults]
    print(f"{circumstances(load)}\n\n{markdown(rows)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
