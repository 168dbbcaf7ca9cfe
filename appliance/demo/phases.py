"""The demonstration: polite people alone, then beside a greedy one first come first served, then fairly.

First come first served is the same gate on the same engine. Everybody's requests carry the greedy person's key there,
and one person's requests are served in the order they came.
"""

from __future__ import annotations

import asyncio
import re
import statistics
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

import aiohttp

from appliance.demo.crowd import GREEDY, Crowd, Habits, Question, polite_names
from appliance.demo.throwaway_box import ThrowawayBox

PhaseName = Literal["alone", "first_come", "fair"]
LEAD_S = 2.0
"""So long the flood runs before anybody polite comes: the queue is full by then."""
_LOOK_S = 0.25
_QUIET_S = 10.0
_RUNNING = re.compile(r"^appliance_running_requests\{.*\} (\S+)$", re.MULTILINE)
_WAITING = re.compile(r"^appliance_waiting_requests (\S+)$", re.MULTILINE)
_SEED = 7
_LONG_WAIT_S = 2.0


@dataclass(frozen=True, slots=True)
class Figures:
    """What came out of a phase; None where nothing was measured.

    ttft_*: of polite people, ms. ratio_*: the same divided by alone. slots_used: mean share of the engine's slots that
    were busy. estimate_error: median of the first shown estimate's error, for waits of 2 s and more.
    """

    asked: int
    answered: int
    refused: int
    failed: int
    ttft_p50_ms: float | None
    ttft_p95_ms: float | None
    greedy_tokens_per_s: float
    slots_used: float | None
    estimate_error: float | None
    ratio_p50: float | None = None
    ratio_p95: float | None = None


@dataclass(slots=True)
class Stage:
    """A phase while it runs. running: slots in use now, by the gateway's metrics."""

    name: PhaseName
    names: Sequence[str]
    slots: int
    seconds: float
    questions: Sequence[Question] = ()
    began_s: float = field(default_factory=time.monotonic)
    is_crowded: bool = False
    running: int = 0
    waiting: int = 0
    used: list[float] = field(default_factory=list)
    """The share of slots in use at each look, while everybody asks."""


class Screen(Protocol):
    """Where it is shown."""

    def look(self, stage: Stage) -> None:
        """Show how it stands now."""
        ...

    def ended(self, stage: Stage, figures: Figures) -> None:
        """A phase is over."""
        ...


class Demonstration:
    """Runs the phases on a box whose engine has `slots` slots."""

    def __init__(
        self, session: aiohttp.ClientSession, box: ThrowawayBox, slots: int, habits: Habits, screen: Screen
    ) -> None:
        self._session = session
        self._box = box
        self._slots = slots
        self._habits = habits
        self._screen = screen

    async def run(self, seconds: float) -> dict[PhaseName, Figures]:
        """seconds: of each crowded phase; alone takes half of it, at least one question of everybody."""
        names = [GREEDY, *polite_names(self._habits.polite)]
        keys = {name: await self._box.new_key(self._session, name) for name in names}
        one_line = dict.fromkeys(names, keys[GREEDY])
        alone_s = max(seconds / 2, 1 / self._habits.rate_per_s)
        alone = await self._phase("alone", keys, alone_s, is_crowded=False)
        first_come = await self._phase("first_come", one_line, seconds, is_crowded=True)
        fair = await self._phase("fair", keys, seconds, is_crowded=True)
        return {
            "alone": alone,
            "first_come": _beside(first_come, alone),
            "fair": _beside(fair, alone),
        }

    async def _phase(
        self, name: PhaseName, keys: Mapping[str, str], seconds: float, *, is_crowded: bool
    ) -> Figures:
        crowd = Crowd(self._session, self._box.url, keys, self._habits, _SEED)
        lead_s = LEAD_S if is_crowded else 0.0
        stage = Stage(name, polite_names(self._habits.polite), self._slots, lead_s + seconds)
        stage.questions, stage.is_crowded = crowd.questions, is_crowded
        watching = asyncio.create_task(self._watch(stage, lead_s))
        flooding = asyncio.create_task(crowd.flood()) if is_crowded else None
        try:
            await asyncio.sleep(lead_s)
            # The flood goes on until the last polite person has been answered.
            await crowd.ask_politely(seconds)
        finally:
            for task in filter(None, (watching, flooding)):
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
        figures = measured(stage, lead_s)
        self._screen.ended(stage, figures)
        await self._quiet()
        return figures

    async def _watch(self, stage: Stage, lead_s: float) -> None:
        while True:
            stage.running, stage.waiting = await self._load()
            if lead_s <= time.monotonic() - stage.began_s <= stage.seconds:
                stage.used.append(min(1.0, stage.running / stage.slots))
            self._screen.look(stage)
            await asyncio.sleep(_LOOK_S)

    async def _quiet(self) -> None:
        """Until those who went away have left nothing running."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_QUIET_S):
                while any(await self._load()):  # noqa: ASYNC110 - it is in another process
                    await asyncio.sleep(0.05)

    async def _load(self) -> tuple[int, int]:
        headers = {"authorization": f"Bearer {self._box.key}"}
        async with self._session.get(f"{self._box.url}/metrics", headers=headers) as response:
            text = await response.text()
        running = sum(float(value) for value in _RUNNING.findall(text))
        waiting = sum(float(value) for value in _WAITING.findall(text))
        return round(running), round(waiting)


def measured(stage: Stage, lead_s: float) -> Figures:
    """The figures of a phase that is over."""
    polite = [question for question in stage.questions if question.person != GREEDY]
    ttfts = sorted(question.ttft_s for question in polite if question.ttft_s is not None)
    begin, end = stage.began_s + lead_s, stage.began_s + stage.seconds
    greedy_tokens = sum(
        question.tokens
        for question in stage.questions
        if question.person == GREEDY
        and question.first_token_at_s is not None
        and begin <= question.first_token_at_s <= end
    )
    everybody = [question.outcome for question in stage.questions]
    return Figures(
        asked=len(polite),
        answered=sum(question.outcome == "done" for question in polite),
        refused=everybody.count("refused"),
        failed=sum(question.outcome == "failed" for question in polite),
        ttft_p50_ms=_quantile_ms(ttfts, 0.5),
        ttft_p95_ms=_quantile_ms(ttfts, 0.95),
        greedy_tokens_per_s=round(greedy_tokens / (end - begin), 1),
        slots_used=round(statistics.fmean(stage.used), 3) if stage.used and stage.is_crowded else None,
        estimate_error=_estimate_error(stage.questions),
    )


def _estimate_error(questions: Sequence[Question]) -> float | None:
    errors = []
    for question in questions:
        if question.told_s is None or question.told_at_s is None or question.first_token_at_s is None:
            continue
        waited = question.first_token_at_s - question.told_at_s
        if waited >= _LONG_WAIT_S:
            errors.append(abs(question.told_s - waited) / waited)
    return round(statistics.median(errors), 3) if errors else None


def _quantile_ms(ordered: Sequence[float], q: float) -> float | None:
    return round(ordered[min(len(ordered) - 1, int(q * len(ordered)))] * 1000, 1) if ordered else None


def _beside(figures: Figures, alone: Figures) -> Figures:
    """With the ratios to alone."""

    def ratio(mine: float | None, theirs: float | None) -> float | None:
        return round(mine / theirs, 2) if mine is not None and theirs else None

    return replace(
        figures,
        ratio_p50=ratio(figures.ttft_p50_ms, alone.ttft_p50_ms),
        ratio_p95=ratio(figures.ttft_p95_ms, alone.ttft_p95_ms),
    )
