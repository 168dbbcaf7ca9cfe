"""A whole gateway with a model that calls tools as the test writes it, and somebody's MCP server in its own network."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from appliance.domain.people import Caller, Role
from appliance.ports.tools import Tools
from inference.testing.fake_engine import FakeEngine
from inference.testing.fake_mcp_server import FakeMcpServer
from tests.conftest import Servers
from tests.whole_gateway import WholeGateway, whole_gateway

Calls = list[tuple[str, str]]


@dataclass
class ToolWorld:
    """script: what the model calls, round by round; then it says `says`, or what the last result was."""

    one: WholeGateway
    engine: FakeEngine
    server: FakeMcpServer
    server_id: str = ""
    script: list[Calls] = field(default_factory=list)

    @property
    def tools(self) -> Tools:
        """As pipelines have them."""
        assert self.one.gateway._tools is not None
        return self.one.gateway._tools.tools

    @property
    def path(self) -> str:
        """Of the server, for administrators."""
        return f"/api/tools/servers/{self.server_id}"

    def caller(self, who: str, **more: Any) -> Caller:
        """As a key of theirs proves them."""
        role = Role.ADMIN if who == "root" else Role.USER
        return Caller(self.one.people[who].id, self.one.people[who].email, role, **more)

    async def approve(self, *, asks_nobody: bool = False) -> None:
        """Its first tool, as it is now, for everybody."""
        looked = await self.one.ok("root", "POST", f"{self.path}/look")
        approval = {"fingerprint": looked["tools"][0]["fingerprint"], "asks_nobody": asks_nobody}
        name = looked["tools"][0]["name"]
        await self.one.ok("root", "PUT", f"{self.path}/tools/{name}/approval", approval)
        await self.one.ok("root", "PUT", f"{self.path}/grants", {"everybody": True})

    async def asked(self, who: str, question: str = "Find the customer.", **more: Any) -> dict[str, Any]:
        """A turn of answer-with-tools, begun."""
        body = {"question": question, "model": "answer-with-tools", **more}
        turn: dict[str, Any] = await self.one.ok(who, "POST", "/api/turns", body)
        return turn

    async def events(self, who: str, turn_id: str) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        """(kind, data) as they come, to the end."""
        headers = {"authorization": f"Bearer {self.one.keys[who]}"}
        async with self.one.session.get(f"/api/turns/{turn_id}/events", headers=headers) as answer:
            kind = ""
            async for raw in answer.content:
                line = raw.decode().strip()
                if line.startswith("event:"):
                    kind = line.removeprefix("event:").strip()
                elif line.startswith("data:"):
                    yield kind, json.loads(line.removeprefix("data:"))
                    if kind in ("done", "error"):
                        return


@asynccontextmanager
async def tool_world(
    owner_url: str, servers: Servers, embedder_home: Path, data: Path, more: str = ""
) -> AsyncIterator[ToolWorld]:
    """The server is added as `crm`; nothing of it is approved. more: further lines of the configuration."""
    async with FakeEngine(["llama-test"]) as engine, FakeMcpServer() as server:
        configuration = (
            f'[engines.one]\nengine = "openai_compatible"\nbase_url = "{engine.base_url}"\nmodels = ["llama-test"]\n'
            f"{more}"
        )
        async with whole_gateway(owner_url, servers, embedder_home, data, configuration) as one:
            world = ToolWorld(one, engine, server)

            def called(payload: Mapping[str, Any]) -> Calls:
                return world.script.pop(0) if payload.get("tools") and world.script else []

            engine.behaviour.tool_calls = called
            engine.behaviour.reply = lambda payload: f"Said: {payload['messages'][-1]['content']}"[:2000]
            made = await one.ok("root", "POST", "/api/tools/servers", {"name": "crm", "url": server.url})
            world.server_id = made["id"]
            yield world
