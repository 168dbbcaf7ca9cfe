"""A withdrawn key, person or role ends what runs on it, in every gateway process, at every moment of a request."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from uuid import uuid4

import pytest

from appliance.domain.people import Caller, Role
from appliance.services.accounts.live_requests import LiveRequests, Withdrawal
from tests.faults.engine_process import EngineProcess, engine_process
from tests.faults.raw_client import RawClient, events, post
from tests.gateway_harness import until
from tests.whole_box import WholeBox, temporary_box

CHAT = "/v1/chat/completions"
QUESTION = {"model": "fake", "messages": [{"role": "user", "content": "How are you?"}]}
STREAM = {**QUESTION, "stream": True}
CONFIGURATION = """
[server]
workers = 2
[knowledge]
sample = false
[gate]
comment_after_s = 0.1
[engines.fake]
engine = "openai_compatible"
base_url = "{base_url}"
max_running = 7
"""


@pytest.fixture(scope="module")
def engine() -> Iterator[EngineProcess]:
    """Slow in speaking, without end."""
    with engine_process("--tokens", "100000", "--pace-ms", "50") as started:
        yield started


@pytest.fixture(scope="module")
def box(engine: EngineProcess) -> Iterator[WholeBox]:
    """Two gateway processes on one port, seven slots: too few for one to be kept free."""
    with temporary_box(CONFIGURATION.format(base_url=engine.base_url)) as running:
        yield running


@dataclass(frozen=True)
class Person:
    """Somebody with a key."""

    user_id: str
    key_id: str
    key: str


def new_person(box: WholeBox, role: str) -> Person:
    """Added by the first administrator."""
    user = box.post_json("/api/users", {"email": f"{uuid4().hex[:8]}@example.com", "role": role})
    made = box.post_json("/api/keys", {"user_id": user["id"], "name": "script"})
    return Person(user["id"], made["id"], made["key"])


def revoke(box: WholeBox, person: Person) -> None:
    """The key alone."""
    with box.client() as client:
        client.delete(f"/api/keys/{person.key_id}").raise_for_status()


def suspend(box: WholeBox, person: Person) -> None:
    """The person."""
    with box.client() as client:
        client.patch(f"/api/users/{person.user_id}", json={"is_suspended": True}).raise_for_status()


def demote(box: WholeBox, person: Person) -> None:
    """An administrator no more."""
    with box.client() as client:
        client.patch(f"/api/users/{person.user_id}", json={"role": "user"}).raise_for_status()


async def until_running(engine: EngineProcess, count: int) -> None:
    """The engine works on so many, by its own count."""

    async def it_does() -> bool:
        return await asyncio.to_thread(lambda: engine.running) == count

    await until(it_does, 90)


@pytest.mark.slow
@pytest.mark.parametrize("withdraw", [revoke, suspend, demote])
async def test_everything_of_theirs_ends(
    box: WholeBox, engine: EngineProcess, withdraw: Callable[[WholeBox, Person], None]
) -> None:
    """Ten requests over two processes – in mid-stream, being made, in line –: all are told, all slots come back.

    Somebody else's stream beside them goes on.
    """
    person = await asyncio.to_thread(new_person, box, "admin")
    async with AsyncExitStack() as stack:

        async def asked(payload: object, key: str) -> RawClient:
            client = await stack.enter_async_context(RawClient(box.port))
            await client.send(post(CHAT, payload, key=key, connection="close"))
            return client

        other = await asked(STREAM, box.key)
        await other.read_until(b"data: ")
        streams = [await asked(STREAM, person.key) for _ in range(3)]
        wholes = [await asked(QUESTION, person.key) for _ in range(3)]
        await until_running(engine, 7)
        for client in streams:
            await client.read_until(b"data: ")
        queued = [await asked(STREAM, person.key) for _ in range(2)]
        for client in queued:
            await client.read_until(b": queue position=")
        queued_wholes = [await asked(QUESTION, person.key) for _ in range(2)]
        await until(lambda: _waiting_rows(box) >= 4, 90)
        before = time.monotonic()

        await asyncio.to_thread(withdraw, box, person)

        theirs = [*streams, *wholes, *queued, *queued_wholes]
        await asyncio.wait_for(asyncio.gather(*(client.read_to_end() for client in theirs)), 60)
        took_s = time.monotonic() - before
        await until_running(engine, 1)
        sys.stdout.write(f"\n  ten requests have ended {took_s * 1000:.0f} ms after the call")
        said = len(events(other.seen))
        await other.read_until(b"data: ", times=said + 3)

    for client in (*streams, *queued):
        got = events(client.seen)
        assert got[-1]["error"]["type"] == "authentication_error" and "[DONE]" not in got
    for client in (*wholes, *queued_wholes):
        assert client.status == 401
    await until_running(engine, 0)
    rows = box.rows("SELECT status, count(*) FROM requests WHERE user_id = %s GROUP BY 1", person.user_id)
    assert rows == [("revoked", 10)]


def _waiting_rows(box: WholeBox) -> int:
    """Requests on record that no engine has yet."""
    found = box.rows("SELECT count(*) FROM requests WHERE status = 'started'")
    return int(found[0][0]) - 7


@pytest.mark.slow
async def test_in_prefill_too(box: WholeBox, engine: EngineProcess) -> None:
    """The engine is silent and nothing was sent yet: a stream has its true status then."""
    person = await asyncio.to_thread(new_person, box, "user")
    engine.freeze()
    try:
        async with RawClient(box.port) as stream, RawClient(box.port) as whole:
            await stream.send(post(CHAT, STREAM, key=person.key, connection="close"))
            await whole.send(post(CHAT, QUESTION, key=person.key, connection="close"))
            query = "SELECT count(*) FROM requests WHERE user_id = %s"
            await until(lambda: box.rows(query, person.user_id) == [(2,)], 90)

            await asyncio.to_thread(suspend, box, person)

            await asyncio.wait_for(asyncio.gather(stream.read_to_end(), whole.read_to_end()), 60)
        assert (stream.status, whole.status) == (401, 401)
    finally:
        engine.thaw()
    await until_running(engine, 0)


# the moment between saying who one is and being registered --------------------------------------------------


def test_a_suspension_between_the_two_is_noticed() -> None:
    """Let in, then suspended, then registered: the request ends; one that was let in afterwards does not."""
    live, person = LiveRequests(), Caller(uuid4(), "a@b", key_id=uuid4())
    moment = live.moment
    live.withdraw(Withdrawal(user_id=person.user_id))
    live.withdraw(Withdrawal(user_id=person.user_id, role=Role.USER))  # let in again

    with live.track(person, since=moment) as before, live.track(person, since=live.moment) as after:
        assert before.is_withdrawn
        assert not after.is_withdrawn


def test_a_lost_role_between_the_two_is_noticed() -> None:
    """Only for whoever was let in with it."""
    live, user_id = LiveRequests(), uuid4()
    moment = live.moment
    live.withdraw(Withdrawal(user_id=user_id, role=Role.USER))

    with (
        live.track(Caller(user_id, "a@b", Role.ADMIN), since=moment) as administrator,
        live.track(Caller(user_id, "a@b", Role.USER), since=moment) as user,
        live.track(Caller(uuid4(), "c@d", Role.ADMIN), since=moment) as somebody_else,
    ):
        assert administrator.is_withdrawn
        assert not user.is_withdrawn and not somebody_else.is_withdrawn
