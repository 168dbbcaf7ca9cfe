"""The stop switch: refuses what is new, cuts off what runs, and works on a file alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from appliance.storage.egress_switch import StopFile
from inference.egress import Departure, Egress
from inference.errors import EgressStopped
from inference.types import LeavePermit
from tests.waiting import until

PERMIT = LeavePermit("decision-1", "ana@x.example", "The engine was down.", 3)


class Serving:
    """A server that answers by the path: at once, never, or a byte and then nothing."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.waiting = 0
        self.cut = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.bodies.append(await request.read())
        if request.path == "/answer":
            return web.Response(body=b"x" * 1000)
        response = web.StreamResponse()
        if request.path == "/drip":
            await response.prepare(request)
            await response.write(b"x")
        self.waiting += 1
        try:
            await asyncio.Event().wait()
        finally:
            self.cut += 1
        return response


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[str, Serving]]:
    """host:port and the server behind it."""
    one, app = Serving(), web.Application()
    app.router.add_route("*", "/{path:.*}", one.handle)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"127.0.0.1:{runner.addresses[0][1]}", one
    finally:
        await runner.cleanup()


async def test_nothing_new_leaves_while_it_is_stopped(tmp_path: Path) -> None:
    """No connection is made; that it was asked for is written down."""
    ledger: list[Departure] = []
    switch = StopFile(tmp_path / "egress.stop")
    async with serving() as (host, server):
        session = Egress([], ledger.append, inside=[host], switch=switch).open("cloud")
        assert switch.throw("root@x.example")
        with pytest.raises(EgressStopped):
            async with session.post(f"http://{host}/answer", b"{}", permit=PERMIT):
                pass
        assert server.bodies == []
        assert [(line.happened, line.sent_bytes) for line in ledger] == [("refused", 0)]

        assert switch.release()
        async with session.post(f"http://{host}/answer", b"{}", permit=PERMIT) as answer:
            assert await answer.read() == b"x" * 1000
        await session.close()


@pytest.mark.parametrize("path", ["/never", "/drip"])
async def test_what_runs_is_cut_off(tmp_path: Path, path: str) -> None:
    """While it waits for its answer and in the middle of it; the other side sees the end, and the ledger says why."""
    ledger: list[Departure] = []
    switch = StopFile(tmp_path / "egress.stop")
    async with serving() as (host, server):
        session = Egress([], ledger.append, inside=[host], switch=switch).open("cloud")

        async def ask() -> None:
            async with session.post(f"http://{host}{path}", b"{}", permit=PERMIT) as answer:
                await answer.read()

        asking = asyncio.create_task(ask())
        await until(lambda: bool(server.waiting))
        (tmp_path / "egress.stop").touch()
        with pytest.raises(EgressStopped):
            await asking
        await until(lambda: server.cut == 1)
        await session.close()

    assert [line.happened for line in ledger] == ["began", "ended"]
    assert "egress.stop" in ledger[-1].reason


async def test_an_answer_read_by_another_task_is_cut_off_too(tmp_path: Path) -> None:
    """Whoever reads learns it."""
    switch = StopFile(tmp_path / "egress.stop")
    async with serving() as (host, server):
        session = Egress([], lambda _: None, inside=[host], switch=switch).open("cloud")
        async with session.post(f"http://{host}/drip", b"{}") as answer:
            reading = asyncio.create_task(answer.read())
            await until(lambda: bool(server.waiting))
            switch.throw("root@x.example")
            with pytest.raises(EgressStopped):
                await reading
        await session.close()


async def test_what_goes_out_by_other_means_is_cut_off_and_told_of(tmp_path: Path) -> None:
    """A library's call in the event loop, and a program's in a thread."""
    ledger: list[Departure] = []
    switch = StopFile(tmp_path / "egress.stop")
    door = Egress(["far.example"], ledger.append, switch=switch)

    async def ask() -> None:
        async with door.around("sign-in", "GET", "https://far.example/keys"):
            await asyncio.Event().wait()

    asking = asyncio.create_task(ask())
    await until(lambda: bool(ledger))
    with door.beside("backup", "SSH", "https://far.example/folder", "backup") as passing:
        assert passing.stopped() == ""
        switch.throw("root@x.example")
        assert passing.stopped()
        passing.sent_bytes = 4711
    with pytest.raises(EgressStopped):
        await asking
    with pytest.raises(EgressStopped), door.beside("backup", "SSH", "https://far.example/folder"):
        pass

    ended = {line.purpose: line for line in ledger if line.happened == "ended"}
    assert (ended["backup"].sent_bytes, ended["backup"].reason) == (4711, "")
    assert "Nothing leaves" in ended["sign-in"].reason
    assert ledger[-1].happened == "refused"


def test_whatever_lies_there_stops(tmp_path: Path) -> None:
    """A folder, an empty file, a link that leads nowhere; so does a folder that cannot be looked into."""
    path = tmp_path / "egress.stop"
    switch = StopFile(path)
    assert switch.stopped() == "" and switch.read() is None

    path.symlink_to(tmp_path / "nowhere")
    assert switch.stopped()
    path.unlink()
    path.write_bytes(b"\xff not JSON")
    told = switch.read()
    assert told is not None and (told.actor, told.since is not None) == ("", True)
    path.unlink()

    beyond = StopFile(path / "x" / "egress.stop")
    path.write_text("")
    assert beyond.stopped()  # not a folder: nobody can say that the file is not there


async def test_a_session_keeps_its_connection_and_each_request_has_its_lines() -> None:
    """One connection, two requests, and a permit whose words stand in both lines."""
    ledger: list[Departure] = []
    async with serving() as (host, server):
        session = Egress([], ledger.append, inside=[host]).open("cloud")
        body = b'{"secret": "no"}'
        for _ in range(2):
            async with session.post(f"http://{host}/answer", body, permit=PERMIT, engine="backup") as answer:
                await answer.read()
        await session.close()

    assert server.bodies == [body, body]
    assert len({line.id for line in ledger}) == 2
    for line in ledger:
        told = (line.decision, line.actor, line.why, line.redactions, line.engine, line.sent_bytes)
        assert told == ("decision-1", "ana@x.example", "The engine was down.", 3, "backup", len(body))
        assert len(line.body_sha256) == 64
    assert ledger[-1].address == "127.0.0.1"
