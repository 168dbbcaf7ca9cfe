"""`appliance demo …`: see for yourself, in a minute, without touching anything that runs."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console

from appliance.commands.failures import CommandFailed
from appliance.commands.options import JsonOption
from appliance.demo.crowd import Habits
from appliance.demo.fairness import run_demo
from appliance.demo.paced_engine import Tempo
from appliance.demo.phases import LEAD_S, Figures, PhaseName
from appliance.demo.screen import LiveScreen, PlainScreen, SilentScreen, result_table

EXIT_TERMINATED = 143

demo = typer.Typer(help="Show what the appliance does, on a throwaway box of its own.", no_args_is_help=True)


@demo.callback()
def _demo() -> None:
    """Keeps `fairness` a word of its own while it is the only one."""


@demo.command()
def fairness(
    seconds: Annotated[
        float, typer.Option(min=3, max=600, help="How long each of the two crowded phases asks.")
    ] = 15.0,
    greedy: Annotated[
        int, typer.Option(min=1, max=400, help="Requests that the greedy person keeps open.")
    ] = 40,
    polite: Annotated[int, typer.Option(min=1, max=20, help="Polite people beside.")] = 5,
    reserved: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=3,
            help="Slots of four that only people who hold none may take.",
            show_default="the gate's",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """One greedy and five polite people on one small engine: first come first served, then fair.

    Takes about a minute. It starts a gateway, its databases and a llama.cpp server with a toy model in a temporary
    folder, on free ports, and takes all of it away at the end; Ctrl-C does so earlier. What runs already is left alone.
    """
    screen = _screen(as_json)
    if not as_json:
        typer.echo(f"Starting a throwaway box; then about {2.5 * seconds + 2 * LEAD_S + 10:.0f} s.", err=True)
    habits, tempo = Habits(greedy=greedy, polite=polite), Tempo()
    phases = asyncio.run(_until_terminated(seconds, habits, reserved, screen, tempo))
    if as_json:
        Console(soft_wrap=True).print_json(data=_summary(phases, seconds, habits, tempo))
    else:
        console = Console()
        console.print(result_table(phases))
        console.print(_sentence(phases))
    if any(figures.failed for figures in phases.values()):
        raise CommandFailed("Some requests failed; the figures above are not to be trusted. Run it again.")


def _screen(as_json: bool) -> LiveScreen | PlainScreen:
    if as_json:
        return SilentScreen(sys.stderr)
    return LiveScreen(sys.stdout) if sys.stdout.isatty() else PlainScreen(sys.stdout)


async def _until_terminated(
    seconds: float, habits: Habits, reserved: int | None, screen: LiveScreen | PlainScreen, tempo: Tempo
) -> dict[PhaseName, Figures]:
    """SIGTERM and a closed terminal put everything away as Ctrl-C does."""
    running = asyncio.ensure_future(run_demo(seconds, habits, reserved, screen, tempo))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, running.cancel)
    try:
        return await running
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():  # Ctrl-C
            raise
        raise typer.Exit(EXIT_TERMINATED) from None


def _summary(
    phases: Mapping[PhaseName, Figures], seconds: float, habits: Habits, tempo: Tempo
) -> dict[str, object]:
    return {
        "seconds": seconds,
        "slots": tempo.slots,
        **asdict(habits),
        "phases": {name: asdict(figures) for name, figures in phases.items()},
    }


def _sentence(phases: Mapping[PhaseName, Figures]) -> str:
    first_come, fair = phases["first_come"], phases["fair"]
    if first_come.ratio_p50 is None or fair.ratio_p50 is None:
        return "Too few answers to compare. Give it more time: --seconds 30."
    return (
        f"Beside the same greedy person, polite people wait {first_come.ratio_p50:.0f} times as long as alone when it "
        f"is first come, first served, and {fair.ratio_p50:.1f} times when it is fair."
    )
