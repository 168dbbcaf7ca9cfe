"""One greedy person and several polite ones, asking over HTTP as any client does, and what each of them has seen.

What is known of the queue is what the gateway tells a client: comments in the stream.
"""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import aiohttp

GREEDY = "greedy"
_NAMES = (
    "ana",
    "ben",
    "carla",
    "david",
    "elena",
    "felix",
    "gloria",
    "hugo",
    "ines",
    "jonas",
    "karim",
    "lucia",
)
_PLACE = re.compile(rb": queue position=(\d+)(?: eta_s=([\d.]+))?")
_PAUSE_AFTER_REFUSAL_S = 0.5

Outcome = Literal["waiting", "answering", "done", "refused", "failed"]


def polite_names(count: int) -> list[str]:
    """So many, all different."""
    return [_NAMES[i] if i < len(_NAMES) else f"person{i + 1}" for i in range(count)]


@dataclass(frozen=True, slots=True)
class Habits:
    """greedy: requests kept open all the time. rate_per_s: of each polite person. tokens: of an answer, on average."""

    greedy: int = 40
    polite: int = 5
    rate_per_s: float = 0.3
    tokens: int = 12


@dataclass(slots=True)
class Question:
    """One request, as its person sees it. Times in seconds, of time.monotonic.

    told_s: the first estimate, given at told_at_s.
    """

    person: str
    asked_at_s: float
    outcome: Outcome = "waiting"
    position: int | None = None
    eta_s: float | None = None
    told_s: float | None = None
    told_at_s: float | None = None
    first_token_at_s: float | None = None
    tokens: int = 0

    @property
    def ttft_s(self) -> float | None:
        """From asking to the first token."""
        return None if self.first_token_at_s is None else self.first_token_at_s - self.asked_at_s

    def note(self, line: bytes) -> None:
        """One line of the stream."""
        if b'"content":"' in line:
            self.tokens += 1
            if self.first_token_at_s is None:
                self.first_token_at_s, self.outcome = time.monotonic(), "answering"
        elif found := _PLACE.match(line):
            self.position = int(found[1])
            self.eta_s = float(found[2]) if found[2] else None
            if self.told_s is None and self.eta_s is not None:
                self.told_s, self.told_at_s = self.eta_s, time.monotonic()
        elif line.startswith(b'data: {"error"'):
            self.outcome = "failed"
        elif line.startswith(b"data: [DONE]"):
            self.outcome = "done"


class Crowd:
    """The people of one phase. keys: by person; the same key for two makes them one to the gateway."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        base_url: str,
        keys: Mapping[str, str],
        habits: Habits,
        seed: int,
    ) -> None:
        self.questions: list[Question] = []
        self._session = session
        self._url = f"{base_url}/v1/chat/completions"
        self._keys = keys
        self._habits = habits
        self._random = random.Random(seed)  # noqa: S311 - the same moments in every phase

    async def ask_politely(self, seconds: float) -> None:
        """Everybody polite asks now and then for so long; returns when all have their answers."""
        async with asyncio.TaskGroup() as group:
            for number, name in enumerate(polite_names(self._habits.polite)):
                group.create_task(self._ask_now_and_then(name, number, seconds, group))

    async def flood(self) -> None:
        """The greedy person's requests, all open at once, each followed by the next; ends when cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._habits.greedy):
                group.create_task(self._ask_without_end())

    async def _ask_now_and_then(
        self, name: str, number: int, seconds: float, group: asyncio.TaskGroup
    ) -> None:
        period = 1 / self._habits.rate_per_s
        end = time.monotonic() + seconds
        pause = period * number / self._habits.polite
        while time.monotonic() + pause < end:
            await asyncio.sleep(pause)
            group.create_task(self._ask(name))
            pause = period * self._random.uniform(0.7, 1.3)

    async def _ask_without_end(self) -> None:
        while True:
            question = await self._ask(GREEDY)
            if question.outcome in ("refused", "failed"):
                await asyncio.sleep(_PAUSE_AFTER_REFUSAL_S)

    async def _ask(self, person: str) -> Question:
        question = Question(person, time.monotonic())
        self.questions.append(question)
        body = {
            "model": "tiny",
            "stream": True,
            # as different as real answers: of the same length, all slots would come free at the same moment
            "max_tokens": round(self._habits.tokens * self._random.uniform(0.6, 1.4)),
            "ignore_eos": True,  # llama.cpp: as long as that, whatever the model would say
            "messages": [{"role": "user", "content": f"Question {len(self.questions)}: how are you?"}],
        }
        headers = {"authorization": f"Bearer {self._keys[person]}"}
        try:
            async with self._session.post(self._url, json=body, headers=headers) as response:
                if response.status != 200:
                    question.outcome = "refused" if response.status == 429 else "failed"
                    return question
                async for line in response.content:
                    question.note(line)
        except (aiohttp.ClientError, TimeoutError):
            question.outcome = "failed"
        if question.outcome != "done":
            question.outcome = "failed"
        return question
