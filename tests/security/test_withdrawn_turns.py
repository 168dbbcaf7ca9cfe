"""Answers being written and read when the right to them is withdrawn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from redis.asyncio import Redis

from appliance.api.identity import SECURE_COOKIE
from appliance.domain.answers import TextDelta
from appliance.domain.people import Caller
from appliance.services.accounts.live_requests import Withdrawal
from appliance.storage.database import Database
from appliance.storage.turns import PostgresTurns
from tests.accounts_world import until
from tests.page_box import PageBox, ScriptedAnswerer, make_box, sse

BASE = "http://127.0.0.1"


@pytest.fixture
async def box(database: Database, valkey: Redis, tmp_path: Path) -> AsyncIterator[PageBox]:
    """An answerer that says one word and then thinks for an hour."""
    thinking = ScriptedAnswerer(lambda _: [TextDelta("Well…\n\n"), asyncio.sleep(3600)])
    made = make_box(database, valkey, tmp_path / "no-ui.sock", thinking)
    made.people.add("ana@example.org")
    await made.page.open()
    yield made
    await made.page.close()


@pytest.fixture
async def ana(box: PageBox) -> AsyncIterator[httpx.AsyncClient]:
    """Ana's browser."""
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=box),
        base_url=BASE,
        cookies={SECURE_COOKIE: box.people.sign_in("ana@example.org")},
        headers={"sec-fetch-site": "same-origin"},
        timeout=120,
    ) as client:
        yield client


async def _asked(ana: httpx.AsyncClient) -> str:
    turn_id: str = (await ana.post("/api/turns", json={"question": "How many?"})).json()["id"]
    return turn_id


async def _being_followed(
    box: PageBox, ana: httpx.AsyncClient, turn_id: str
) -> tuple[asyncio.Task[httpx.Response], Caller]:
    following = asyncio.create_task(ana.get(f"/api/turns/{turn_id}/events"))
    await until(lambda: any(caller.session_id for caller in box.live.callers))
    return following, next(caller for caller in box.live.callers if caller.session_id)


async def test_a_stream_ends_with_its_session(box: PageBox, ana: httpx.AsyncClient) -> None:
    """At the news, with the reason; what is being written goes on, to be read after the next sign-in."""
    turn_id = await _asked(ana)
    following, caller = await _being_followed(box, ana, turn_id)

    box.live.withdraw(Withdrawal(session_id=caller.session_id))
    events = sse((await asyncio.wait_for(following, 60)).text)

    assert (events[-1][1], events[-1][2]["code"]) == ("error", "credential_withdrawn")
    assert box.answerer.closed == 0


async def test_a_suspension_stops_what_is_being_written(
    box: PageBox, ana: httpx.AsyncClient, database: Database
) -> None:
    """No more tokens for somebody who may not ask; what was written is kept."""
    turn_id = await _asked(ana)
    following, caller = await _being_followed(box, ana, turn_id)

    box.live.withdraw(Withdrawal(user_id=caller.user_id))
    await asyncio.wait_for(following, 60)
    repository = PostgresTurns(database)

    async def is_over() -> bool:
        return not (await repository.turn(caller.viewer, UUID(turn_id))).is_running

    await until(is_over)
    turn = await repository.turn(caller.viewer, UUID(turn_id))

    assert box.answerer.closed == 1
    assert turn.status == "stopped" and turn.answer.startswith("Well…")


async def test_a_stranger_s_question_is_not_looked_at(box: PageBox) -> None:
    """Without a sign-in the answer is 401, whatever the fields hold."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=box), base_url=BASE) as client:
        answers = [await client.post("/api/turns", json=body) for body in ({"question": "?"}, {"no": 1})]

    assert [answer.status_code for answer in answers] == [401] * 2
