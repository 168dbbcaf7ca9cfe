"""What leaves the box, seen from outside of it: every packet is captured, in a network that leads nowhere else.

By default nothing is even tried, whatever fails. Where questions may leave, each flow has its line in the ledger, what
was sent is to the byte what the provider got, and what a collection that stays holds is in none of it.
"""

from __future__ import annotations

import hashlib
import json
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from inference.testing.fake_cloud import FakeCloud
from inference.testing.fake_engine import FakeEngine, Fault
from tests.conftest import Servers
from tests.knowledge_harness import data, embedder_home
from tests.network_trap import Trap, trapped, why_not
from tests.waiting import until
from tests.whole_gateway import WholeGateway, whole_gateway

__all__ = ["data", "embedder_home"]

PROVIDER = "93.184.215.14"  # of the internet elsewhere; in the trap everybody's
MODEL, THEIRS = "tiny-chat", "far-model"
CANARY = "Zanahoria-4711-Quetzal"
SECRET = f"The merger with Rosewood is called {CANARY}. It is signed in March."
OPEN = "The canteen opens at noon. On Fridays there is soup."
QUICK = (Fault.HTTP_500, Fault.DIE, Fault.MALFORMED, Fault.ERROR_EVENT)
EVERY = tuple(fault for fault in Fault if fault is not Fault.NONE)


@pytest.fixture
def trap(servers: Servers, embedder_home: Path) -> Iterator[Trap]:
    """After the servers of the run, which are reached by unix sockets."""
    if reason := why_not():
        pytest.skip(reason)
    with trapped() as one:
        yield one


@dataclass
class World:
    """A gateway with two engines of its own and a provider in the internet."""

    gateway: WholeGateway
    engines: list[FakeEngine]
    cloud: FakeCloud

    async def chat(self, question: str, who: str = "ana", **more: Any) -> tuple[int, bytes]:
        body = {"model": MODEL, "messages": [{"role": "user", "content": question}], **more}
        return await self.gateway.send(who, "POST", "/v1/chat/completions", body)

    async def asks_documents(self, question: str, store: str) -> tuple[int, bytes]:
        return await self.chat(question, model="answer-with-sources", vector_store_ids=[store])

    async def collection(self, name: str, text: str) -> str:
        """A collection of ana's with one document, read. A machine that is too busy may say so first."""
        made: list[str] = []

        async def is_made() -> bool:
            try:
                made.append(await self._collection(name, text))
            except AssertionError as refused:
                if "part_unavailable" not in str(refused):
                    raise
            return bool(made)

        await until(is_made)
        return made[0]

    async def _collection(self, name: str, text: str) -> str:
        file = await self.gateway.upload("ana", f"{name}.txt", text.encode())
        made = await self.gateway.ok("ana", "POST", "/v1/vector_stores", {"name": name, "file_ids": [file]})
        await self.gateway.read("ana", f"/v1/vector_stores/{made['id']}/files/{file}")
        return str(made["id"])

    def ledger(self) -> list[dict[str, Any]]:
        """Oldest first; nothing where nothing was ever to leave."""
        path = self.gateway.box.data / "egress" / "ledger.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@asynccontextmanager
async def world(
    owner_url: str, servers: Servers, embedder_home: Path, data: Path, more: str
) -> AsyncIterator[World]:
    """more: further lines of the configuration."""
    cloud = FakeCloud("openai", [THEIRS])
    engines = [FakeEngine([MODEL]), FakeEngine([MODEL])]
    await cloud.start(PROVIDER)
    for engine in engines:
        await engine.start()
    sections = "".join(
        f'[engines.local-{at}]\nengine = "openai_compatible"\nbase_url = "{engine.base_url}"\n'
        for at, engine in enumerate(engines)
    )
    configuration = (
        f'{sections}[engines.far]\nengine = "cloud"\nprovider = "custom"\nbase_url = "{cloud.base_url}"\n'
        f'api_key = "{cloud.api_key}"\nmodel_map = {{ "{MODEL}" = "{THEIRS}" }}\n'
        f'[models]\ndefault = "{MODEL}"\n[egress]\ninside = ["{PROVIDER}:{cloud.port}"]\n'
        f'[models.prices]\n"{MODEL}@far" = {{ input = 0.1, output = 0.1 }}\n{more}'
    )
    try:
        async with whole_gateway(owner_url, servers, embedder_home, data, configuration) as gateway:
            yield World(gateway, engines, cloud)
    finally:
        for server in (*engines, cloud):
            await server.stop()


@pytest.mark.parametrize(
    "faults", [pytest.param(QUICK, id="quick"), pytest.param(EVERY, id="every", marks=pytest.mark.battery)]
)
async def test_leaving_is_not_even_tried_by_default(
    trap: Trap, owner_url: str, servers: Servers, embedder_home: Path, data: Path, faults: tuple[Fault, ...]
) -> None:
    """Chat, documents, embeddings, every failure of every engine and all of them gone: no packet, no name asked for."""
    async with world(owner_url, servers, embedder_home, data, "") as one:
        store = await one.collection("handbook", OPEN)
        await until(lambda: _is_answered(one.chat("Hello")))
        await until(lambda: _is_answered(one.asks_documents("When does the canteen open?", store)))
        embedded = {"model": "built-in", "input": "soup"}
        await one.gateway.send("ana", "POST", "/v1/embeddings", embedded)
        for fault in faults:
            for engine in one.engines:
                engine.behaviour.fault, engine.behaviour.slow_s = fault, 1.0
            for is_stream in (False, True):
                await one.chat(f"Now {fault}", stream=is_stream, max_tokens=9)
            await one.asks_documents(f"Is there soup? {fault}", store)
        for engine in one.engines:
            await engine.stop()
        status, _ = await one.chat("Is anybody there?")
        await until(lambda: _is_answered(one.asks_documents("When does the canteen open?", store)))

        assert status >= 500
        assert one.cloud.requests == []
        assert one.ledger() == []
    assert trap.attempts() == []
    await _the_trap_works(trap)


async def _is_answered(asking: Awaitable[tuple[int, bytes]]) -> bool:
    """A busy machine may refuse at first."""
    return (await asking)[0] == 200


async def _the_trap_works(trap: Trap) -> None:
    """What had not seen this would have seen nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.sendto(b"\x00\x01", ("8.8.8.8", 53))
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as other:
        assert other.connect_ex((PROVIDER, 9)) != 0
    await until(lambda: {"ip 8.8.8.8:53", f"tcp {PROVIDER}:9"} <= set(trap.attempts()))


@pytest.mark.parametrize(
    "count", [pytest.param(50, id="50"), pytest.param(1000, id="1000", marks=pytest.mark.battery)]
)
async def test_all_that_leaves_stands_in_the_ledger_and_no_canary_is_in_it(
    trap: Trap, owner_url: str, servers: Servers, embedder_home: Path, data: Path, count: int
) -> None:
    """No engine is left, so questions go to the provider: those that hold nothing of the collection that stays."""
    more = '[leaving]\nwhen = "local_down"\n'
    async with world(owner_url, servers, embedder_home, data, more) as one:
        stays, leaves = await one.collection("merger", SECRET), await one.collection("canteen", OPEN)
        mark = "PUT", f"/api/leaving/collections/{leaves}", {"may_leave": True}
        await until(lambda: _is_answered(one.gateway.send("root", *mark)))
        for engine in one.engines:
            await engine.stop()
        answers = [await _asked(one, at, stays, leaves) for at in range(count)]
        sent, ledger = [request.body for request in one.cloud.requests], one.ledger()
        flows = trap.flows_to(PROVIDER, one.cloud.port)

    assert {status for status, _ in answers} <= {200, 503}
    assert sum(CANARY.encode() in told for _, told in answers) >= count // 10, (
        "nobody was told what is secret"
    )
    assert len(sent) >= count // 5, "too little left to prove anything"
    began = [line for line in ledger if line["happened"] == "began"]
    assert sorted(line["body_sha256"] for line in began) == sorted(
        hashlib.sha256(b).hexdigest() for b in sent
    )
    assert sorted(line["sent_bytes"] for line in began) == sorted(map(len, sent))
    assert {line["host"] for line in ledger} == {f"{PROVIDER}:{one.cloud.port}"}
    assert all(line["decision"] and line["why"] and line["actor"] == "ana@example.com" for line in began)
    assert {line["id"] for line in began} == {line["id"] for line in ledger if line["happened"] == "ended"}
    captured = [body for flow in flows.values() for body in _bodies(flow)]
    assert sorted(captured) == sorted(sent)
    assert any(OPEN.encode()[:20] in body for body in sent), "no passage ever left"
    assert not any(CANARY.encode() in flow for flow in flows.values())
    assert not any(CANARY.encode() in body for body in sent)
    others = {told for told in trap.attempts() if told != f"tcp {PROVIDER}:{one.cloud.port}"}
    assert others == set()


async def _asked(one: World, at: int, stays: str, leaves: str) -> tuple[int, bytes]:
    """In turn: by a program, from the collection that may leave, from the one that stays, from both, and once more
    what the answer before was made from.
    """
    kind = at % 5
    if kind == 0:
        return await one.chat(f"How many legs has a spider? ({at})", stream=bool(at % 2))
    if kind == 1:
        return await one.asks_documents(f"When does the canteen open? ({at})", leaves)
    if kind == 2:
        return await one.asks_documents(f"How is the merger with Rosewood called? ({at})", stays)
    body: dict[str, Any] = {
        "model": MODEL,
        "input": f"How is the merger with Rosewood called? ({at})",
        "tools": [{"type": "file_search", "vector_store_ids": [stays, leaves]}],
    }
    first = await one.gateway.send("ana", "POST", "/v1/responses", body)
    if kind == 3 or first[0] != 200:
        return first
    again = {"model": MODEL, "input": "Say that again.", "previous_response_id": json.loads(first[1])["id"]}
    return await one.gateway.send("ana", "POST", "/v1/responses", again)


def _bodies(flow: bytes) -> list[bytes]:
    """Of the HTTP requests that went over one connection."""
    found = []
    while flow:
        head, _, rest = flow.partition(b"\r\n\r\n")
        size = re.search(rb"(?i)^content-length: *(\d+)\r?$", head, re.MULTILINE)
        assert size is not None, head
        length = int(size[1])
        found.append(rest[:length])
        flow = rest[length:]
    return found
