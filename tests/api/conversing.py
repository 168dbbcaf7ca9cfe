"""The page's rooms for tests of conversations: two people's browsers, and short ways to ask."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis

from appliance.api.identity import SECURE_COOKIE
from appliance.domain.answers import AnswerRequest, Finished, TextDelta
from appliance.storage.database import Database
from inference.types import Usage
from tests.page_box import PageBox, make_box, sse

END = Finished("written", model="tiny", served_by="local:tiny", usage=Usage(12, 5))


def echoing(request: AnswerRequest) -> list[Any]:
    """An answer that names its question."""
    return [TextDelta(f"About {request.question}."), END]


@pytest.fixture
async def box(database: Database, valkey: Redis, tmp_path: Path) -> AsyncIterator[PageBox]:
    """The page's rooms without a ui process; answers name their question."""
    made = make_box(database, valkey, tmp_path / "no-ui.sock")
    made.answerer.script = echoing
    for name in ("ana", "luis"):
        made.people.add(f"{name}@example.org")
    await made.page.open()
    yield made
    await made.page.close()


class Browser:
    """One person's, signed in."""

    def __init__(self, box: PageBox, name: str) -> None:
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=box),
            base_url="http://127.0.0.1",
            cookies={SECURE_COOKIE: box.people.sign_in(f"{name}@example.org")},
            headers={"sec-fetch-site": "same-origin"},
            timeout=120,
        )

    async def call(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """Below /api."""
        return await self.client.request(method, f"/api{path}", json=body)

    async def ok(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """The JSON of an answer that has to be 2xx."""
        answer = await self.call(method, path, body)
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json() if answer.content else {}
        return found

    async def ask(self, question: str, **more: Any) -> dict[str, Any]:
        """Ask and wait for the end of the answer; the turn's ids."""
        return await self.ended(await self.ok("POST", "/turns", {"question": question, **more}))

    async def ended(self, turn: dict[str, Any]) -> dict[str, Any]:
        """Returns once the turn has ended."""
        answer = await self.call("GET", f"/turns/{turn['id']}/events")
        assert sse(answer.text)[-1][1] in ("done", "error")
        return turn

    async def version(self, turn: dict[str, Any], **body: Any) -> dict[str, Any]:
        """Another version of a turn, at its end."""
        return await self.ended(await self.ok("POST", f"/turns/{turn['id']}/versions", body))

    async def path(self, conversation: str, **query: Any) -> list[dict[str, Any]]:
        """The turns that are shown."""
        answer = await self.client.get(f"/api/conversations/{conversation}", params=query)
        found: list[dict[str, Any]] = answer.json()["turns"]
        return found

    async def questions(self, conversation: str, **query: Any) -> list[str]:
        """Of the turns that are shown."""
        return [turn["question"] for turn in await self.path(conversation, **query)]


@pytest.fixture
async def ana(box: PageBox) -> AsyncIterator[Browser]:
    """Whose conversations these are."""
    browser = Browser(box, "ana")
    yield browser
    await browser.client.aclose()


@pytest.fixture
async def luis(box: PageBox) -> AsyncIterator[Browser]:
    """Somebody else."""
    browser = Browser(box, "luis")
    yield browser
    await browser.client.aclose()


def told(box: PageBox) -> list[list[str]]:
    """What the answerer was told, each time it was asked."""
    return [[message.content for message in request.messages] for _, request in box.answerer.asked]


def exported(answer: httpx.Response) -> Any:
    """The JSON of an export."""
    return json.loads(answer.content)
