"""The gateway whole, as `appliance up` starts it, but on a port of the test's own event loop; people with keys.

PostgreSQL, Valkey, the embedding process and a worker are real; no engine is connected, so answers quote documents.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import uvicorn
from redis.asyncio import Redis

from appliance.api.http_server import KEEP_ALIVE_S
from appliance.bootstrap.accounts import opened_accounts
from appliance.bootstrap.box import Box
from appliance.bootstrap.joined import Gateway
from appliance.domain.people import Role, User
from tests.conftest import Servers
from tests.knowledge_harness import make_box, working
from tests.waiting import until

PASSWORD = "correct horse battery"
ROLES = {"root": Role.ADMIN, "otto": Role.AUDITOR}


@dataclass
class WholeGateway:
    """people: ana and luis, ordinary ones; root administers and otto audits. Each has a key."""

    url: str
    box: Box
    gateway: Gateway
    session: aiohttp.ClientSession
    people: Mapping[str, User]
    keys: Mapping[str, str]

    async def send(
        self, who: str | None, method: str, path: str, body: Any = None, **more: Any
    ) -> tuple[int, bytes]:
        """(status, content). who None: shows no key."""
        headers = {} if who is None else {"authorization": f"Bearer {self.keys[who]}"}
        async with self.session.request(method, path, json=body, headers=headers, **more) as answer:
            return answer.status, await answer.read()

    async def ok(self, who: str, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """The JSON of an answer that has to be 2xx."""
        headers = {"authorization": f"Bearer {self.keys[who]}"}
        async with self.session.request(method, path, json=body, headers=headers, **more) as answer:
            content = await answer.read()
            assert 200 <= answer.status < 300, (method, path, answer.status, content)
            return await answer.json() if answer.content_type == "application/json" else content

    async def upload(self, who: str, filename: str, content: bytes, path: str = "/v1/files") -> str:
        """Returns the file's id."""
        form = aiohttp.FormData({"purpose": "assistants"}, quote_fields=False)
        form.add_field("file", content, filename=filename)
        headers = {"authorization": f"Bearer {self.keys[who]}"}
        async with self.session.post(path, data=form, headers=headers) as answer:
            assert 200 <= answer.status < 300, await answer.text()
            return str((await answer.json())["id"])

    async def read(self, who: str, path: str) -> None:
        """Returns once the document at that path has been read."""

        async def is_over() -> bool:
            return bool((await self.ok(who, "GET", path))["status"] != "in_progress")

        await until(is_over)
        assert (await self.ok(who, "GET", path))["status"] == "completed"


@asynccontextmanager
async def whole_gateway(
    owner_url: str,
    servers: Servers,
    embedder_home: Path,
    data: Path,
    more: str = "",
    *,
    has_worker: bool = True,
) -> AsyncIterator[WholeGateway]:
    """more: further lines of its configuration. has_worker: False: the test starts one. Valkey is emptied first."""
    async with Redis.from_url(servers.valkey.url) as valkey:
        await valkey.flushall()
    configuration = f'\n[valkey]\nurl = "{servers.valkey.url}"\n[knowledge]\nsample = false\n{more}'
    box = make_box(owner_url, embedder_home, data, configuration)
    people, keys = await _people(box)
    gateway = Gateway(box)
    worker = working(box) if has_worker else nullcontext()
    async with _served(gateway) as url, worker, aiohttp.ClientSession(url) as session:
        yield WholeGateway(url, box, gateway, session, people, keys)


async def _people(box: Box) -> tuple[dict[str, User], dict[str, str]]:
    people, keys = {}, {}
    async with opened_accounts(box) as accounts:
        for name in ("root", "otto", "ana", "luis"):
            role = ROLES.get(name, Role.USER)
            people[name] = await accounts.people.add(
                None, f"{name}@example.com", role=role, password=PASSWORD
            )
            keys[name] = (await accounts.keys.make(None, people[name].id, name="test")).secret
    return people, keys


async def _serve(server: uvicorn.Server, listening: socket.socket) -> None:
    try:
        await server.serve([listening])
    except SystemExit as error:  # uvicorn's word for an application that does not start
        raise RuntimeError("the gateway did not start; its log has the reason") from error


@asynccontextmanager
async def _served(gateway: Gateway) -> AsyncIterator[str]:
    config = uvicorn.Config(
        gateway, log_level="warning", access_log=False, http="httptools", timeout_keep_alive=KEEP_ALIVE_S
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    serving = asyncio.create_task(_serve(server, listening))
    try:
        await until(lambda: server.started or serving.done())
        if serving.done():
            await serving
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = server.force_exit = True
        await serving
