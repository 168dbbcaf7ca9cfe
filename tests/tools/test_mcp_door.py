"""The official MCP client against a whole gateway over HTTP: what there is, who may see what, who is let in."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from mcp.shared.exceptions import MCPError

from appliance.bootstrap.joined import Gateway
from inference.testing.fake_engine import FakeEngine
from tests.conftest import Servers
from tests.knowledge_harness import data, embedder_home
from tests.tools.mcp_client import connected
from tests.waiting import until
from tests.whole_gateway import WholeGateway, _served, whole_gateway

__all__ = ["data", "embedder_home"]

CANTEEN = b"The canteen opens at noon. On Fridays there is lentil soup with chorizo."
QUESTION = {"question": "When does the canteen open?"}
HANDSHAKE = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
BOTH = {"accept": "application/json, text/event-stream"}


async def test_mcp_clients_of_a_whole_gateway(
    owner_url: str, servers: Servers, embedder_home: Path, data: Path
) -> None:
    """One world for all of it: a gateway costs seconds."""
    async with FakeEngine(["llama-test"]) as engine:
        configuration = f'[engines.one]\nengine = "openai_compatible"\nbase_url = "{engine.base_url}"\n'
        async with whole_gateway(owner_url, servers, embedder_home, data, configuration) as one:
            store = await with_a_document(one)
            engine.behaviour.reply = "The canteen opens at noon [1]."
            for mode in ("auto", "legacy"):
                await lists_and_calls_as_its_owner(one, store, mode)
            await queries_data_that_was_shared(one, engine)
            await lets_in_keys_alone(one)
            await is_accounted_for(one)
            await tells_places_and_ends_when_the_client_leaves(one, engine)
            async with _served(Gateway(one.box)) as other:
                await answers_in_any_process(one, other, engine)


async def with_a_document(one: WholeGateway) -> str:
    """Ana has a document in a collection of her own; returns its id."""
    store = (await one.ok("ana", "POST", "/v1/vector_stores", {"name": "Canteen"}))["id"]
    file_id = await one.upload("ana", "canteen.txt", CANTEEN)
    await one.ok("ana", "POST", f"/v1/vector_stores/{store}/files", {"file_id": file_id})
    await one.read("ana", f"/v1/vector_stores/{store}/files/{file_id}")
    return str(store)


async def lists_and_calls_as_its_owner(one: WholeGateway, store: str, mode: str) -> None:
    """She finds her passage with a link that opens; he finds nothing of hers, and errors name the remedy."""
    async with connected(one.url, one.keys["ana"], mode) as client:
        listed = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert {"search_documents", "ask", "list_collections"} <= set(listed)
        assert all(tool.annotations and tool.annotations.read_only_hint for tool in listed.values())
        found = await client.call_tool("search_documents", QUESTION)
        (passage,) = found.structured_content["passages"]
        assert "noon" in passage["text"] and passage["filename"] == "canteen.txt"
        assert "noon" in found.content[0].text
        assert (await one.send("ana", "GET", passage["url"]))[0] == 200
        answered = await client.call_tool("ask", QUESTION)
        assert "noon" in answered.structured_content["answer"]
        assert answered.structured_content["citations"][0]["is_verified"]
        assert "canteen.txt" in answered.content[0].text
        hers = await client.call_tool("list_collections", {})
        assert [each["id"] for each in hers.structured_content["collections"]] == [store]
    async with connected(one.url, one.keys["luis"], mode) as client:
        assert (await client.call_tool("search_documents", QUESTION)).structured_content["passages"] == []
        assert (await client.call_tool("ask", QUESTION)).structured_content["citations"] == []
        assert (await client.call_tool("list_collections", {})).structured_content["collections"] == []
        for name in ("search_documents", "ask"):
            named = await client.call_tool(name, {**QUESTION, "collection_ids": [store]})
            assert named.is_error and named.structured_content["error"]["code"] == "not_found"
        wrong = await client.call_tool("search_documents", {"question": "x", "limit": 1000})
        assert wrong.is_error and wrong.structured_content["error"]["param"] == "limit"
        unknown = await client.call_tool("ask", {"question": "x", "model": "nobody"})
        assert unknown.is_error and "nobody" in unknown.content[0].text
        with pytest.raises(MCPError, match="search_documents"):
            await client.call_tool("run_sql", {"sql": "select 1"})


async def queries_data_that_was_shared(one: WholeGateway, engine: FakeEngine) -> None:
    """Rows, SQL and count as structured content for whom the database was shared with; for others there is nothing."""
    path = one.box.data / "databases" / "shop.db"
    with closing(sqlite3.connect(path)) as made:
        made.executescript(
            "CREATE TABLE customer (id integer, name text); INSERT INTO customer VALUES (1, 'Zoe'), (2, 'Pau')"
        )
    new = {"name": "Shop", "kind": "sqlite", "settings": {"path": path.name}}
    source = (await one.ok("root", "POST", "/api/data/sources", new))["id"]
    await one.ok("root", "PUT", f"/api/data/sources/{source}/tables", {"tables": [{"name": "customer"}]})
    await one.ok("root", "PUT", f"/api/data/sources/{source}/shares", {"with": "ana@example.com"})
    engine.behaviour.reply = lambda payload: (
        "SELECT count(*) AS customers FROM customer"
        if "CREATE TABLE" in str(payload)
        else "There are 2 customers."
    )
    question = {"question": "How many customers are there?"}
    async with connected(one.url, one.keys["ana"]) as client:
        (told,) = (await client.call_tool("list_data", {})).structured_content["sources"]
        assert (told["name"], [table["name"] for table in told["tables"]]) == ("Shop", ["customer"])
        answered = (await client.call_tool("query_data", question)).structured_content
        (table,) = answered["data"]
        assert table["rows"] == [[2]] and table["row_count"] == 1 and "count" in table["sql"].lower()
    async with connected(one.url, one.keys["luis"]) as client:
        assert (await client.call_tool("list_data", {})).structured_content["sources"] == []
        nothing = await client.call_tool("query_data", question)
        assert nothing.structured_content["data"] == [] and "Shop" not in nothing.content[0].text


async def posted(url: str, one: WholeGateway, body: Any, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """(status, headers, content) of a raw request."""
    async with one.session.post(f"{url}/mcp", json=body, headers={**BOTH, **headers}) as answer:
        content = await answer.read()
        return answer.status, {name.lower(): value for name, value in answer.headers.items()}, content


def message(method: str, number: int | None = 1, **params: Any) -> dict[str, Any]:
    """As JSON-RPC has it."""
    told = {"jsonrpc": "2.0", "method": method, "params": params}
    return told if number is None else {**told, "id": number}


async def lets_in_keys_alone(one: WholeGateway) -> None:
    """No key, a sign-in's cookie, another site, a key for something else: refused with the reason."""
    begin = message("initialize", **HANDSHAKE)
    status, headers, _ = await posted(one.url, one, begin)
    assert status == 401 and headers["www-authenticate"] == "Bearer"
    own = {"origin": one.url, "sec-fetch-site": "same-origin"}
    signing = {"email": "ana@example.com", "password": "correct horse battery"}
    async with one.session.post("/api/sessions", json=signing, headers=own) as signed:
        assert signed.status == 201
        cookie = "; ".join(f"{name}={value.value}" for name, value in signed.cookies.items())
    assert cookie
    assert (await posted(one.url, one, begin, cookie=cookie, **own))[0] == 401
    key = {"authorization": f"Bearer {one.keys['ana']}"}
    assert (await posted(one.url, one, begin, origin="https://evil.example", **key))[0] == 403
    assert (await posted(one.url, one, begin, **key))[0] == 200
    assert (await posted(one.url, one, [begin], **key))[0] == 400
    assert (await posted(one.url, one, message("ping", x="x" * 2_000_000), **key))[0] == 413
    for verb in ("GET", "DELETE"):
        status, _ = await one.send("ana", verb, "/mcp")
        assert status == 405
    for path in ("/.well-known/oauth-protected-resource", "/.well-known/oauth-authorization-server"):
        assert (await one.send(None, "GET", path))[0] == 404
    made = {}
    for route in ("/mcp", "/v1"):
        body = {"name": route, "routes": [route]}
        made[route] = {"authorization": f"Bearer {(await one.ok('ana', 'POST', '/api/keys', body))['key']}"}
    assert (await posted(one.url, one, begin, **made["/mcp"]))[0] == 200
    assert (await posted(one.url, one, begin, **made["/v1"]))[0] == 403
    async with one.session.get("/v1/models", headers=made["/mcp"]) as answer:
        assert answer.status == 403


async def is_accounted_for(one: WholeGateway) -> None:
    """What engines did stands in the ledger under the door; each call in the audit, without a word of it."""
    calls = (await one.ok("root", "GET", "/api/tools/calls?limit=500"))["data"]
    hers = [call for call in calls if call["email"] == "ana@example.com"]
    assert {call["tool"] for call in hers} == {
        *("search_documents", "ask", "list_collections", "list_data", "query_data"),
    }
    assert {call["via"] for call in hers} == {"mcp"} and {call["outcome"] for call in hers} == {"done"}
    assert {call["outcome"] for call in calls if call["email"] == "luis@example.com"} >= {"done", "refused"}
    assert "canteen" not in json.dumps(calls).lower()


async def tells_places_and_ends_when_the_client_leaves(one: WholeGateway, engine: FakeEngine) -> None:
    """A client that closes its stream frees the engine; its progress was told."""
    engine.behaviour.go_on = asyncio.Event()
    async with connected(one.url, one.keys["ana"]) as client:
        call = asyncio.create_task(client.call_tool("ask", {"question": "x", "model": "llama-test"}))
        await until(lambda: engine.requests and engine.requests[-1].payload["messages"][-1]["content"] == "x")
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        await until_given_up(one, 1)
    engine.behaviour.go_on.set()
    engine.behaviour.go_on = None


async def until_given_up(one: WholeGateway, count: int) -> None:
    """Returns when so many calls stand in the audit as given up."""

    async def is_so() -> bool:
        calls = (await one.ok("root", "GET", "/api/tools/calls?limit=500"))["data"]
        return len([call for call in calls if call["outcome"] == "given_up"]) == count

    await until(is_so)


async def answers_in_any_process(one: WholeGateway, other: str, engine: FakeEngine) -> None:
    """A client that began with one process is answered by another; its word to cancel finds the one that is at it."""
    key = {"authorization": f"Bearer {one.keys['ana']}"}
    _, headers, _ = await posted(one.url, one, message("initialize", **HANDSHAKE), **key)
    session = {"mcp-session-id": headers["mcp-session-id"], "mcp-protocol-version": "2025-06-18", **key}
    listing = message("tools/list", 2)
    status, _, content = await posted(other, one, listing, **session)
    assert status == 200 and b"search_documents" in content
    engine.behaviour.go_on = asyncio.Event()
    asked = message("tools/call", 3, name="ask", arguments={"question": "y", "model": "llama-test"})
    call = asyncio.create_task(posted(other, one, asked, **session))
    await until(lambda: engine.requests[-1].payload["messages"][-1]["content"] == "y")
    cancel = message("notifications/cancelled", None, requestId=3)
    luis = {**session, "authorization": f"Bearer {one.keys['luis']}"}
    assert (await posted(one.url, one, cancel, **luis))[0] == 202
    assert (await posted(other, one, message("ping", 4), **luis))[0] == 200
    assert not call.done()
    assert (await posted(one.url, one, cancel, **session))[0] == 202
    status, _, content = await call
    assert status in (200, 202) and b"result" not in content
    await until_given_up(one, 2)
    engine.behaviour.go_on.set()
    engine.behaviour.go_on = None
