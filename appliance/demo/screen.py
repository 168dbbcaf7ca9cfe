"""The demonstration as it runs: two panels beside each other on a terminal, plain lines elsewhere."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self, TextIO

from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from appliance.demo.crowd import GREEDY, Question
from appliance.demo.phases import Figures, PhaseName, Stage

TITLES: Mapping[PhaseName, str] = {
    "alone": "alone",
    "first_come": "first come, first served",
    "fair": "fair",
}
NOTE = (
    "This shows plumbing, not intelligence: real requests through the real gateway to a real llama.cpp, whose model is "
    "a toy that knows twenty sentences and is slowed down to a large model's pace. Its answers are not shown."
)
_PANEL_WIDTH = 50
_PLAIN_EVERY_S = 2.0


class LiveScreen:
    """Redrawn a few times a second."""

    def __init__(self, stream: TextIO) -> None:
        self._console = Console(file=stream)
        self._live = Live(console=self._console, auto_refresh=False, transient=False)
        self._panels: dict[PhaseName, RenderableType] = {}

    def __enter__(self) -> Self:
        self._console.print(Text(NOTE, style="dim"))
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def look(self, stage: Stage) -> None:
        self._show(
            stage, f"{min(stage.seconds, time.monotonic() - stage.began_s):.0f} of {stage.seconds:.0f} s"
        )

    def ended(self, stage: Stage, figures: Figures) -> None:
        self._show(stage, "done", figures)

    def _show(self, stage: Stage, progress: str, figures: Figures | None = None) -> None:
        self._panels[stage.name] = Panel(
            Group(_people(stage), Text(_engine_line(stage, figures), style="bold")),
            title=f"{TITLES[stage.name]} – {progress}",
            width=_PANEL_WIDTH,
            border_style="green" if figures is not None else "yellow",
        )
        shown = [panel for name, panel in self._panels.items() if name != "alone" or len(self._panels) == 1]
        self._live.update(Columns(shown), refresh=True)


class PlainScreen:
    """A line now and then, for logs and pipes."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._last_s = 0.0

    def __enter__(self) -> Self:
        self._line(NOTE)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to put away."""

    def look(self, stage: Stage) -> None:
        if time.monotonic() - self._last_s >= _PLAIN_EVERY_S:
            self._last_s = time.monotonic()
            now = f"{TITLES[stage.name]}, {_progress(stage)}"
            people = ", ".join(f"{name} {_status(_of(stage, name))}" for name in _shown(stage))
            self._line(f"{now}: {people}; {_engine_line(stage)}")

    def ended(self, stage: Stage, figures: Figures) -> None:
        self._line(f"{TITLES[stage.name]}, done: {_engine_line(stage, figures)}")

    def _line(self, text: str) -> None:
        self._stream.write(f"{text}\n")
        self._stream.flush()


class SilentScreen(PlainScreen):
    """Nothing at all: the result is for a program."""

    def _line(self, text: str) -> None:
        pass


def result_table(phases: Mapping[PhaseName, Figures]) -> Table:
    """What came out, a column for every phase."""
    table = Table(title="What polite people waited for their first token")
    table.add_column("", no_wrap=True)
    for name in phases:
        table.add_column(TITLES[name], justify="right", no_wrap=True)
    rows: Mapping[str, Callable[[Figures], str]] = {
        "half of them at most": lambda figures: _seconds(figures.ttft_p50_ms),
        "19 of 20 at most": lambda figures: _seconds(figures.ttft_p95_ms),
        "the first ÷ alone": lambda figures: _times(figures.ratio_p50),
        "the second ÷ alone": lambda figures: _times(figures.ratio_p95),
        "the greedy one got, tokens/s": lambda figures: f"{figures.greedy_tokens_per_s:.0f}",
        "the engine's slots in use": lambda figures: _percent(figures.slots_used),
        "requests refused": lambda figures: str(figures.refused),
    }
    for label, cell in rows.items():
        table.add_row(label, *map(cell, phases.values()))
    return table


def _progress(stage: Stage) -> str:
    passed = time.monotonic() - stage.began_s
    return f"{passed:.0f} of {stage.seconds:.0f} s" if passed < stage.seconds else "the last answers"


def _people(stage: Stage) -> Table:
    table = Table.grid(padding=(0, 2), expand=True)
    table.add_column("who")
    table.add_column("now", ratio=1)
    table.add_column("first token", justify="right")
    table.add_row(*(Text(word, style="dim") for word in ("who", "now", "first token")))
    for name in _shown(stage):
        questions = _of(stage, name)
        status = _status(questions)
        style = "yellow" if "place" in status else "green" if "answer" in status else ""
        table.add_row(name, Text(status, style=style), _typical(questions))
    return table


def _shown(stage: Stage) -> list[str]:
    return [*([GREEDY] if stage.is_crowded else []), *stage.names]


def _of(stage: Stage, name: str) -> list[Question]:
    return [question for question in stage.questions if question.person == name]


def _status(questions: Sequence[Question]) -> str:
    """What a person sees now, in few words."""
    open_ones = [question for question in questions if question.outcome in ("waiting", "answering")]
    running = sum(question.outcome == "answering" for question in open_ones)
    waiting = [question for question in open_ones if question.outcome == "waiting"]
    if len(open_ones) > 3:
        return f"{running} answered, {len(waiting)} wait"
    placed = [question for question in waiting if question.position is not None]
    if placed:
        first = placed[0]
        eta = f", about {first.eta_s:.0f} s" if first.eta_s is not None else ""
        return f"place {first.position}{eta}"
    if running:
        return "is being answered"
    return "asks" if waiting else "–"


def _typical(questions: Sequence[Question]) -> str:
    ttfts = [question.ttft_s for question in questions if question.ttft_s is not None]
    return f"{statistics.median(ttfts):.2f} s" if ttfts else "–"


def _engine_line(stage: Stage, figures: Figures | None = None) -> str:
    if figures is None:
        return f"engine: {stage.running} of {stage.slots} slots, {stage.waiting} wait"
    used = f"{figures.slots_used:.0%} of the slots used, " if figures.slots_used is not None else ""
    return f"{used}p50 {_seconds(figures.ttft_p50_ms)}, p95 {_seconds(figures.ttft_p95_ms)}"


def _seconds(value_ms: float | None) -> str:
    return "–" if value_ms is None else f"{value_ms / 1000:.2f} s"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.0%}"


def _times(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f} ×"
