"""What the gateway costs and how it shares, beside direct access and beside LiteLLM; prints Markdown tables.

    python scripts/bench_gateway.py all --litellm /tmp/litellm      # 15 minutes; makes that environment with uv
    python scripts/bench_gateway.py overhead throughput --rounds 3  # without LiteLLM
    python scripts/bench_gateway.py fairness --seconds 60

Starts everything itself on free ports: a modelled engine (scripts/bench/engine.py), the appliance with PostgreSQL and
Valkey, LiteLLM's proxy with one worker and no database. The load generator runs in this process.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import uvloop
from bench import crowding, measurements
from bench.client import Target
from bench.engine import MODEL
from bench.tables import Row, circumstances, markdown
from bench.targets import Measured, ModelledEngine, appliance, litellm, modelled_engine

Measurement = Callable[[ModelledEngine, Sequence[Measured], int, float], Awaitable[list[Row]]]

MEASUREMENTS: dict[str, Measurement] = {
    "overhead": measurements.overhead,
    "throughput": measurements.throughput,
    "requests": measurements.requests,
    "cpu": measurements.cpu,
}
MODES = (*MEASUREMENTS, "fairness")


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("modes", nargs="+", choices=[*MODES, "all"])
    parser.add_argument(
        "--litellm",
        type=Path,
        metavar="DIR",
        help="virtual environment with litellm[proxy]; made with uv if absent; without it LiteLLM is left out",
    )
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds (default: %(default)s)")
    parser.add_argument(
        "--scale", type=float, default=1.0, help="times the usual load of a round; 0.1 to try it out"
    )
    parser.add_argument(
        "--seconds", type=float, default=60.0, help="of each fairness phase (default: %(default)s)"
    )
    parser.add_argument("--workers", type=int, default=1, help="gateway processes (default: %(default)s)")
    arguments = parser.parse_args()
    if "all" in arguments.modes:
        arguments.modes = list(MODES)
    return arguments


def litellm_python(folder: Path | None) -> Path | None:
    """The interpreter of LiteLLM's own environment, which is made where it is not there."""
    if folder is None:
        return None
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run(["uv", "venv", "--python", sys.executable, str(folder)], check=True)
        subprocess.run(["uv", "pip", "install", "--python", str(python), "litellm[proxy]"], check=True)
    return python


async def run(arguments: argparse.Namespace, python: Path | None) -> None:
    """All modes that were asked for."""
    async with modelled_engine() as engine:
        measured_modes = [mode for mode in arguments.modes if mode in MEASUREMENTS]
        if measured_modes:
            async with AsyncExitStack() as stack:
                targets = [direct(engine)]
                targets.append(
                    await stack.enter_async_context(appliance(engine.base_url, workers=arguments.workers))
                )
                if python is not None:
                    targets.append(await stack.enter_async_context(litellm(python, engine.base_url)))
                for mode in measured_modes:
                    load = os.getloadavg()
                    rows = await MEASUREMENTS[mode](engine, targets, arguments.rounds, arguments.scale)
                    show(mode, rows, load)
        if "fairness" in arguments.modes:
            load = os.getloadavg()
            show("fairness", await compared_fairness(engine, python, arguments), load)


async def compared_fairness(
    engine: ModelledEngine, python: Path | None, arguments: argparse.Namespace
) -> list[Row]:
    """One after the other, because the engine has four slots only."""
    rows = [await crowding.fairness(engine, direct(engine), arguments.seconds)]
    for reserved in (0, 1):
        starting = appliance(
            engine.base_url,
            name=f"appliance, R={reserved}",
            slots=crowding.SLOTS,
            people=1 + crowding.POLITE,
            reserved=reserved,
            workers=arguments.workers,
        )
        async with starting as measured:
            rows.append(await crowding.fairness(engine, measured, arguments.seconds))
    if python is not None:
        async with litellm(python, engine.base_url) as measured:
            rows.append(await crowding.fairness(engine, measured, arguments.seconds))
    return rows


def direct(engine: ModelledEngine) -> Measured:
    """The engine without anything before it."""
    return Measured(Target("direct", engine.base_url, ["none"], MODEL), {})


def show(mode: str, rows: list[Row], load: tuple[float, float, float]) -> None:
    """A heading, the circumstances and the table."""
    print(f"\n### {mode}\n{circumstances(load)}\n\n{markdown(rows)}", flush=True)


def main() -> int:
    """Everything asked for, table by table."""
    arguments = parse_arguments()
    uvloop.run(run(arguments, litellm_python(arguments.litellm)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
