"""The official MCP client against a whole gateway over HTTP: what there is, who may see what, who is let in."""

from __future__ import annotations

from pathlib import Path

from mcp.shared.exceptions import MCPError

from tests.conftest import Servers
from tests.knowledge_harness import data, embedder_home
from tests.tools.mcp_client import connected
from tests.whole_gateway import WholeGateway, whole_gateway

__all__ = ["data", "embedder_home"]

CANTEEN = b"The canteen opens at noon. On Fridays there is lentil soup with chorizo."
QUESTION = {"question": "When does the canteen open?"}


async def with_a_document(one: WholeGateway) -> str:
    """Ana has a document in a collection of her own; returns its id."""
    store = (await one.ok("ana", "POST", "/v1/vector_stores", {"name": "Canteen"}))["id"]
    file_id = await one.upload("ana", "canteen.txt", CANTEEN)
    await one.ok("ana", "POST", f"/v1/vector_stores/{store}/files", {"file_id": file_id})
    await one.read("ana", f"/v1/vector_stores/{store}/files/{file_id}")
    return str(store)


async def test_the_official_client_lists_and_calls_our_tools_as_its_owner(
    owner_url: str, servers: Servers, embedder_home: Path, data: Path
) -> None:
    """In both generations of the protocol she finds her passage with a link that opens; he finds nothing of hers."""
    async with whole_gateway(owner_url, servers, embedder_home, data) as one:
        store = await with_a_document(one)
        for mode in ("auto", "legacy"):
            async with connected(one.url, one.keys["ana"], mode) as client:
                listed = {tool.name: tool for tool in (await client.list_tools()).tools}
                assert {"search_documents", "ask", "list_collections"} <= set(listed)
                assert all(tool.annotations and tool.annotations.read_only_hint for tool in listed.values())
                found = await client.call_tool("search_documents", QUESTION)
                assert not found.is_error
                (passage,) = found.structured_content["passages"]
                assert "noon" in passage["text"] and passage["filename"] == "canteen.txt"
                assert "noon" in found.content[0].text
                status, _ = await one.send("ana", "GET", passage["url"])
                assert status == 200
                answered = await client.call_tool("ask", QUESTION)
                assert "noon" in answered.structured_content["answer"]
                assert answered.structured_content["citations"][0]["is_verified"]
                hers = await client.call_tool("list_collections", {})
                assert [each["id"] for each in hers.structured_content["collections"]] == [store]
            async with connected(one.url, one.keys["luis"], mode) as client:
                assert (await client.call_tool("search_documents", QUESTION)).structured_content[
                    "passages"
                ] == []
                assert "noon" not in (await client.call_tool("ask", QUESTION)).content[0].text
                assert (await client.call_tool("list_collections", {})).structured_content[
                    "collections"
                ] == []
                named = await client.call_tool("search_documents", {**QUESTION, "collection_ids": [store]})
                assert named.is_error and named.structured_content["error"]["code"] == "not_found"
                wrong = await client.call_tool("search_documents", {"question": "x", "limit": 1000})
                assert wrong.is_error and wrong.structured_content["error"]["param"] == "limit"
                try:
                    await client.call_tool("run_sql", {"sql": "select 1"})
                except MCPError as error:
                    assert "search_documents" in str(error)
                else:
                    raise AssertionError("there is no such tool")
