"""A stand-in for a model hub: repositories, revisions, checksums, gated models, and files that come from another host.

Speaks the two routes that inference.getting.hub uses, in the shape of huggingface.co's, written after its
documentation and never compared with it. Large files are answered by a redirect to `cdn`, a second server on a port
of its own, as the real one does; both remember what they were asked. HubFaults says what goes wrong, and how often.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from inference.testing.fake_server import FakeServer

_WEIGHTS = (".safetensors", ".gguf", ".onnx", ".bin", ".onnx_data")
_PIECE_BYTES = 64 * 1024


@dataclass
class FakeRepo:
    """files: by path. gated: only who sends hub.token gets them. task: the hub's pipeline_tag."""

    files: dict[str, bytes]
    gated: bool = False
    licence: str = "apache-2.0"
    task: str = "text-generation"

    @property
    def commit(self) -> str:
        """Changes with every file."""
        found = hashlib.sha1(usedforsecurity=False)
        for path, content in sorted(self.files.items()):
            found.update(path.encode() + b"\0" + content)
        return found.hexdigest()


@dataclass
class HubFaults:
    """cut_at: bytes of a file after which the connection breaks, `cuts` times. wrong: paths whose bytes come changed,
    `wrongs` times. hold_at: bytes after which a large file waits until `release` is set. ignores_range: always the
    whole file. elsewhere: where the redirects lead instead of the cdn. status: of every answer, 0 for the true one.
    """

    cut_at: int | None = None
    cuts: int = 1
    wrong: set[str] = field(default_factory=set)
    wrongs: int = 1_000_000
    hold_at: int | None = None
    release: asyncio.Event = field(default_factory=asyncio.Event)
    ignores_range: bool = False
    elsewhere: str = ""
    status: int = 0


class FakeHub(FakeServer):
    """`async with` starts it and its cdn. repos: by OWNER/NAME. token: opens the gated ones."""

    def __init__(self, repos: Mapping[str, FakeRepo], *, token: str = "hf_right") -> None:  # noqa: S107 - a stand-in's
        super().__init__()
        self.repos, self.token, self.faults = dict(repos), token, HubFaults()
        self.cdn = FakeCdn(self)

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        await super().start(host, port)
        await self.cdn.start(host)

    async def stop(self) -> None:
        await self.cdn.stop()
        await super().stop()

    @property
    def inside(self) -> list[str]:
        """Both hosts, as `egress.inside` takes them."""
        return [f"{self.host}:{self.port}", f"{self.cdn.host}:{self.cdn.port}"]

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/api/models/{owner}/{name}/revision/{revision}", self._info),
            web.get("/{owner}/{name}/resolve/{revision}/{path:.+}", self._resolve),
        ]

    async def _info(self, request: web.Request) -> web.StreamResponse:
        await self.record(request)
        repo = self._repo(request)
        if isinstance(repo, web.Response):
            return repo
        siblings = [_sibling(path, content) for path, content in sorted(repo.files.items())]
        return web.json_response(
            {
                "id": f"{request.match_info['owner']}/{request.match_info['name']}",
                "sha": repo.commit,
                "gated": "manual" if repo.gated else False,
                "pipeline_tag": repo.task,
                "tags": [f"license:{repo.licence}"],
                "siblings": siblings,
            }
        )

    async def _resolve(self, request: web.Request) -> web.StreamResponse:
        await self.record(request)
        repo, path = self._repo(request), request.match_info["path"]
        if isinstance(repo, web.Response):
            return repo
        sent = request.headers.get("authorization", "").removeprefix("Bearer ")
        if repo.gated and sent != self.token:
            return web.Response(status=403 if sent else 401, headers={"x-error-code": "GatedRepo"})
        if path not in repo.files:
            return web.Response(status=404, headers={"x-error-code": "EntryNotFound"})
        if not path.endswith(_WEIGHTS):
            return await self.send(request, path, repo.files[path])
        digest = hashlib.sha256(repo.files[path]).hexdigest()
        self.cdn.blobs[digest] = path, repo.files[path]
        base = self.faults.elsewhere or self.cdn.root_url
        return web.Response(status=302, headers={"location": f"{base}/blobs/{digest}?signature=secret"})

    def _repo(self, request: web.Request) -> FakeRepo | web.Response:
        if self.faults.status:
            return web.Response(status=self.faults.status)
        repo = self.repos.get(f"{request.match_info['owner']}/{request.match_info['name']}")
        if repo is None:
            return web.Response(status=401, headers={"x-error-code": "RepoNotFound"})
        if request.match_info["revision"] not in ("main", repo.commit):
            return web.Response(status=404, headers={"x-error-code": "RevisionNotFound"})
        return repo

    async def send(self, request: web.Request, path: str, content: bytes) -> web.StreamResponse:
        """The bytes, from where the request wants them, with whatever is to go wrong."""
        faults, start = self.faults, 0
        if path in faults.wrong and faults.wrongs > 0:
            faults.wrongs -= 1
            content = bytes([content[0] ^ 1]) + content[1:]
        asked = request.headers.get("range", "")
        headers = {"content-length": str(len(content))}
        if asked and not faults.ignores_range:
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            headers = {
                "content-length": str(len(content) - start),
                "content-range": f"bytes {start}-{len(content) - 1}/{len(content)}",
            }
        response = web.StreamResponse(status=206 if start else 200, headers=headers)
        await response.prepare(request)
        for at in range(start, len(content), _PIECE_BYTES):
            if path.endswith(_WEIGHTS) and await self._goes_wrong(at):
                assert request.transport is not None
                request.transport.close()
                return response
            await response.write(content[at : at + _PIECE_BYTES])
        await response.write_eof()
        return response

    async def _goes_wrong(self, at: int) -> bool:
        faults = self.faults
        if faults.hold_at is not None and at >= faults.hold_at:
            self._changed.set()
            await faults.release.wait()
        if faults.cut_at is None or at < faults.cut_at or faults.cuts <= 0:
            return False
        faults.cuts -= 1
        return True


class FakeCdn(FakeServer):
    """Where the large files really come from: `/blobs/SHA256`, and no token is wanted there."""

    def __init__(self, hub: FakeHub) -> None:
        super().__init__()
        self._hub = hub
        self.blobs: dict[str, tuple[str, bytes]] = {}

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/blobs/{digest}", self._blob)]

    async def _blob(self, request: web.Request) -> web.StreamResponse:
        await self.record(request)
        path, content = self.blobs[request.match_info["digest"]]
        return await self._hub.send(request, path, content)


def _sibling(path: str, content: bytes) -> dict[str, Any]:
    if path.endswith(_WEIGHTS):
        digest = hashlib.sha256(content).hexdigest()
        return {"rfilename": path, "size": len(content), "lfs": {"sha256": digest, "size": len(content)}}
    git = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
    return {"rfilename": path, "size": len(content), "blobId": git}
