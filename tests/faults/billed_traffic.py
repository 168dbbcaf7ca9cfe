"""Clients that note what they were given, to be compared with what the ledger says of it."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from tests.waiting import until

CHAT = {"model": "fake", "messages": [{"role": "user", "content": "Count."}]}
LEDGER = "SELECT request_id, status, completion_tokens, prompt_tokens FROM requests"
_BROKEN = (aiohttp.ClientError, OSError, TimeoutError)


@dataclass
class Answer:
    """What one client received. tokens: pieces of text that arrived; is_whole: up to its proper end."""

    request_id: str
    client: int
    tokens: int = 0
    is_whole: bool = False


class Traffic:
    """So many clients, every second one streaming; what they were given stands in `answers`."""

    def __init__(self, base_url: str, clients: int = 8) -> None:
        self.base_url = base_url
        self.answers: list[Answer] = []
        self.statuses: Counter[int] = Counter()
        self._clients = clients
        self._is_ending = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Traffic]:
        """What was begun is read to its end when this is left."""
        timeout = aiohttp.ClientTimeout(total=240)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            clients = [asyncio.create_task(self._ask_on(session, n)) for n in range(self._clients)]
            try:
                yield self
            finally:
                self.end()
                await asyncio.gather(*clients)

    def end(self) -> None:
        """Ask no more."""
        self._is_ending = True

    @property
    def whole(self) -> list[Answer]:
        return [answer for answer in self.answers if answer.is_whole]

    async def more(self, count: int) -> None:
        """Wait until so many more answers have come, whole."""
        wanted = len(self.whole) + count
        await until(lambda: len(self.whole) >= wanted, 120)

    async def everybody_goes_on(self, count: int) -> None:
        """Wait until every client has had so many more answers, whole."""
        had = Counter(answer.client for answer in self.whole)

        def they_have() -> bool:
            have = Counter(answer.client for answer in self.whole)
            return all(have[client] >= had[client] + count for client in range(self._clients))

        await until(they_have, 120)

    async def _ask_on(self, session: aiohttp.ClientSession, number: int) -> None:
        while not self._is_ending:
            try:
                await self._ask(session, number)
            except _BROKEN:  # the gateway was killed; what had arrived is noted
                await asyncio.sleep(0.01)

    async def _ask(self, session: aiohttp.ClientSession, number: int) -> None:
        headers, is_stream = {"authorization": f"Bearer client{number}"}, number % 2 == 0
        url = f"{self.base_url}/v1/chat/completions"
        async with session.post(url, json={**CHAT, "stream": is_stream}, headers=headers) as response:
            self.statuses[response.status] += 1
            if response.status != 200:
                await response.read()
                return
            answer = Answer(response.headers["x-request-id"], number)
            self.answers.append(answer)
            if is_stream:
                async for line in response.content:
                    answer.tokens += b'"content":' in line and b'"content":""' not in line
                    answer.is_whole = answer.is_whole or line.startswith(b"data: [DONE]")
            else:
                told = json.loads(await response.read())
                answer.tokens, answer.is_whole = told["usage"]["completion_tokens"], True


def require_true_bill(answers: Sequence[Answer], rows: Sequence[tuple[Any, ...]]) -> None:
    """Every answer has one row; what arrived whole is billed as it arrived, one frame more or less; none is open."""
    found = {row[0]: row for row in rows}
    assert len(found) == len(rows), "a request has two rows"
    assert [answer for answer in answers if answer.request_id not in found] == []
    assert [row for row in rows if row[1] == "started"] == []
    for answer in answers:
        _, status, tokens, _ = found[answer.request_id]
        if answer.is_whole:
            assert (status, abs(tokens - answer.tokens) <= 1) == ("completed", True), (answer, status, tokens)
    whole = [answer for answer in answers if answer.is_whole]
    billed = sum(found[answer.request_id][2] for answer in whole)
    assert abs(billed - sum(answer.tokens for answer in whole)) <= len(whole)
