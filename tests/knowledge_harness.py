"""Files, collections, search and a worker on real neighbours: PostgreSQL, the embedding process, the parsing sandbox.

Only who the caller is, is decided here: a key is a caller's name. Whatever else runs is the product's own code.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_DNS, UUID, uuid5

import aiohttp
import pytest
import uvicorn
from fastapi import Request

from appliance.api.app import create_app
from appliance.api.http_server import KEEP_ALIVE_S
from appliance.bootstrap.box import Box, make_private_folder, open_box
from appliance.bootstrap.documents import build_documents
from appliance.bootstrap.index import chosen_embedder
from appliance.bootstrap.knowledge import UPLOAD_BODY_LIMITS, KnowledgeParts, build_knowledge
from appliance.domain.people import Caller, Role
from appliance.errors import NotAuthenticated
from appliance.storage.database import Database
from appliance.storage.embedding_models import FollowedModels
from appliance.storage.roles import DatabaseRole
from inference.embedding.client import EmbedderClient
from tests.conftest import ROLE_SECRET

STAFF = UUID(int=77)  # the group of berta and carlos
_GROUPS = {"berta": frozenset({STAFF}), "carlos": frozenset({STAFF})}
PATIENCE_S = 120.0


def person(name: str) -> Caller:
    """A caller of that name, always the same: ana alone, berta and carlos of one group, root the administrator."""
    role = Role.ADMIN if name == "root" else Role.USER
    return Caller(uuid5(NAMESPACE_DNS, name), f"{name}@example.com", role, _GROUPS.get(name, frozenset()))


async def key_is_name(request: Request) -> Caller:
    """`Authorization: Bearer ana` is Ana."""
    name = request.headers.get("authorization", "").removeprefix("Bearer ")
    if not name:
        raise NotAuthenticated
    return person(name)


@dataclass
class Room:
    """The room's doors on a port."""

    url: str
    parts: KnowledgeParts
    box: Box
    session: aiohttp.ClientSession

    async def call(
        self, method: str, path: str, name: str = "ana", json: object = None, **more: Any
    ) -> tuple[int, dict[str, Any]]:
        """(status, body) of a JSON request below /v1."""
        headers = {"authorization": f"Bearer {name}", **more.pop("headers", {})}
        async with self.session.request(
            method, f"{self.url}/v1{path}", json=json, headers=headers, **more
        ) as answer:
            return answer.status, await answer.json()

    async def upload(
        self, content: bytes, filename: str = "notes.md", name: str = "ana", purpose: str = "assistants"
    ) -> str:
        """Returns the file's id."""
        form = aiohttp.FormData({"purpose": purpose}, quote_fields=False)
        form.add_field("file", content, filename=filename)
        status, body = await self.call("POST", "/files", name, data=form)
        assert status == 200, body
        return str(body["id"])

    async def store(self, name: str = "ana", owner: str = "user", **more: Any) -> str:
        """A new vector store's id."""
        status, body = await self.call(
            "POST", "/vector_stores", name, {"name": "shelf", "owner": owner, **more}
        )
        assert status == 200, body
        return str(body["id"])

    async def added(self, content: bytes, store: str, name: str = "ana", filename: str = "notes.md") -> str:
        """Upload, attach and wait until it has been read; returns the file's id."""
        file = await self.upload(content, filename, name)
        status, body = await self.call("POST", f"/vector_stores/{store}/files", name, {"file_id": file})
        assert status == 200, body
        read = await self.settled(store, file, name)
        assert read["status"] == "completed", read
        return file

    async def settled(self, store: str, file: str, name: str = "ana") -> dict[str, Any]:
        """The vector store file once it is not in progress any more."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            status, body = await self.call("GET", f"/vector_stores/{store}/files/{file}", name)
            assert status == 200, body
            if body["status"] != "in_progress":
                return body
            assert time.monotonic() < deadline, body
            await asyncio.sleep(0.05)

    async def found(self, store: str, query: str, name: str = "ana", **more: Any) -> list[dict[str, Any]]:
        """The results of a search."""
        status, body = await self.call(
            "POST", f"/vector_stores/{store}/search", name, {"query": query, **more}
        )
        assert status == 200, body
        return list(body["data"])


@dataclass
class WorkerProcess:
    """`python -m appliance.bootstrap.worker`, started again by hand as the supervisor would."""

    box: Box
    process: subprocess.Popen[bytes] | None = field(default=None)

    def start(self) -> None:
        words = [sys.executable, "-m", "appliance.bootstrap.worker", "--data", str(self.box.data)]
        self.process = subprocess.Popen(words, env={**os.environ}, stderr=subprocess.DEVNULL)

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM; returns the exit status."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(60)


@pytest.fixture(scope="session")
def embedder_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the real embedding process's socket and its model, built once a run."""
    models = tmp_path_factory.getbasetemp() / "models"
    folder = Path(tempfile.mkdtemp(prefix="emb-", dir="/tmp"))
    words = [sys.executable, "-m", "inference.embedding.server", "--socket", str(folder / "e.sock")]
    process = subprocess.Popen([*words, "--models", str(models)], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + PATIENCE_S
    while not (folder / "e.sock").exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    (folder / "models").symlink_to(models)
    yield folder
    process.terminate()
    process.wait(60)


@pytest.fixture
def data() -> Iterator[Path]:
    """A data folder with a path short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="apl-d-", dir="/tmp") as folder:
        yield Path(folder) / "d"


def make_box(owner_url: str, embedder_home: Path, data: Path, more: str = "") -> Box:
    """A data folder whose database and embedding process run already. more: further lines of its configuration."""
    data.mkdir(parents=True, exist_ok=True)
    (data / "models").symlink_to(embedder_home / "models")
    (data / "appliance.toml").write_text(
        f'[database]\nurl = "{owner_url}"\nrole_secret = "{ROLE_SECRET}"\n{more}', encoding="utf-8"
    )
    box = open_box(data)
    make_private_folder(box.sockets)
    box.embedder_socket.unlink(missing_ok=True)
    box.embedder_socket.symlink_to(embedder_home / "e.sock")
    return box


@asynccontextmanager
async def open_room(box: Box) -> AsyncIterator[Room]:
    """The doors on a free port, without a worker."""
    database = Database(box.database_url(DatabaseRole.API), pool_size=5)
    await database.open()
    client = EmbedderClient(box.embedder_socket)
    models = FollowedModels(database)
    await models.look()
    following = asyncio.create_task(models.follow())
    embedder = chosen_embedder(client, models)
    parts = build_knowledge(database, embedder, box.settings, box.data)
    documents = build_documents(database, parts, box.settings, box.data)
    routers = [*parts.routers(key_is_name), documents.routes(key_is_name)]
    app = create_app(routers, body_limits=UPLOAD_BODY_LIMITS)
    config = uvicorn.Config(
        app,
        log_level="warning",
        lifespan="off",
        access_log=False,
        http="httptools",
        timeout_keep_alive=KEEP_ALIVE_S,
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    # asyncio sends small answers at once only on sockets that say they are TCP.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    serving = asyncio.create_task(server.serve([listening]))
    while not server.started:  # noqa: ASYNC110 - uvicorn tells nobody
        await asyncio.sleep(0.01)
    try:
        async with aiohttp.ClientSession() as session:
            yield Room(f"http://127.0.0.1:{listening.getsockname()[1]}", parts, box, session)
    finally:
        server.should_exit = server.force_exit = True
        await serving
        await documents.close()
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await client.close()
        await database.close()


@asynccontextmanager
async def working(box: Box) -> AsyncIterator[None]:
    """A worker in this process, from the product's own entry."""
    from appliance.bootstrap.worker import work

    stopping = asyncio.Event()
    running = asyncio.create_task(work(box, stopping))
    try:
        yield
    finally:
        stopping.set()
        await asyncio.wait_for(running, 60)


async def until(holds: Callable[[], bool]) -> None:
    """Returns once something holds that nobody announces; fails after a minute."""
    async with asyncio.timeout(PATIENCE_S):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def count_blobs(box: Box) -> int:
    """Files that lie below DATA/blobs, uploads on their way in included."""
    return sum(1 for path in (box.data / "blobs").resolve().rglob("*") if path.is_file())
