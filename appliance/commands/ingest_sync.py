"""Bringing a collection into step with files and folders, over the public API; safe to stop and to run again."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import aiohttp

from appliance.commands.client import ApiClient
from appliance.commands.failures import CommandFailed
from appliance.services.knowledge.folders import Found, Known, Refused, gone, look_at, walk

_POLL_S = 0.5
_AT_ONCE = 4  # files on their way; more of them gain nothing, because reading is slower
_GRACE_S = 30.0  # for those when the command is stopped
_PAGE = "100"
_AGAIN = ("failed", "cancelled")
_FOR_SOMEBODY = frozenset({"speech_not_installed"})


@dataclass
class Document:
    """One file and what became of it: completed, failed, cancelled, unchanged, skipped, removed or waiting."""

    path: str
    status: str
    id: str | None = None
    pages: int = 0
    chunks: int = 0
    error: str | None = None
    notes: list[str] = field(default_factory=list)


class Watcher(Protocol):
    """Is told how far it is."""

    def sending(self, total: int) -> None: ...

    def sent(self) -> None: ...

    def reading(self, total: int) -> None: ...

    def read(self, done: float) -> None: ...

    def stopping(self) -> None: ...


@dataclass
class Sync:
    """One collection and the paths it is kept in step with. seen: signatures of what needs not be looked at again."""

    api: ApiClient
    store: str
    paths: Sequence[Path]
    watcher: Watcher
    removes: bool = False
    documents: list[Document] = field(default_factory=list)
    seen: dict[str, tuple[int, int]] = field(default_factory=dict)

    async def run(self) -> None:
        """Send what is new or has changed, and take out what is gone. Fills `documents`; one file stops no other."""
        found, refused = await asyncio.to_thread(_look, self.paths)
        self.documents = [
            Document(one.path, "failed" if one.is_failure else "skipped", error=one.reason) for one in refused
        ]
        fresh = [one for one in found if self.seen.get(one.source) != one.signature]
        known = await self._known() if fresh or self.removes else {}
        lost = self._lost(found, refused, known) if self.removes else []
        if fresh:
            await self._send_all(fresh, _Holders(known, {one.source for one in found}))
        for source, one in lost:
            await self._remove(source, one)

    async def follow(self) -> None:
        """Until every document has been read or refused, or waits for what an administrator has to do first."""
        waiting = [document for document in self.documents if document.status == "in_progress"]
        pending = {document.id: document for document in waiting}
        self.watcher.reading(len(pending))
        while pending:
            path, parameters = f"/v1/vector_stores/{self.store}/files", {"filter": "in_progress"}
            under_way = {file["id"]: file async for file in every(self.api, path, parameters)}
            for file_id in [file_id for file_id in pending if file_id not in under_way]:
                _note(pending.pop(file_id), await self.api.get(f"{path}/{file_id}"))
            for file_id in [one for one in pending if one and _waits_for_somebody(under_way[one])]:
                document = pending.pop(file_id)
                _note(document, under_way[file_id])
                document.status, document.error = "waiting", " ".join(document.notes)
            parts = sum(under_way[file_id]["progress"] for file_id in pending if file_id)
            self.watcher.read(len(waiting) - len(pending) + parts)
            if pending:
                await asyncio.sleep(_POLL_S)

    async def _known(self) -> dict[str, Known]:
        """What the collection has, by source; what came without one is known by its id."""
        path = f"/v1/vector_stores/{self.store}/files"
        return {
            file["source"] or file["id"]: Known(file["id"], file["sha256"], file["status"])
            async for file in every(self.api, path, {})
            if file["parent_id"] is None
        }

    def _lost(
        self, found: Sequence[Found], refused: Sequence[Refused], known: dict[str, Known]
    ) -> list[tuple[str, Known]]:
        """Raises CommandFailed where a folder that had documents is empty: it may be a disk that is not there."""
        lost: list[tuple[str, Known]] = []
        for root in (str(path.absolute()) for path in self.paths if path.is_dir()):
            below = gone(found, refused, known, root)
            if below and not any(one.source.startswith(root.rstrip("/") + "/") for one in found):
                raise CommandFailed(
                    f"{root} holds no documents any more, and {len(below)} of it are in the collection. Nothing was "
                    "removed: is the disk mounted? To remove them, delete them in the collection."
                )
            lost += below
        return lost

    async def _send_all(self, fresh: Sequence[Found], holders: _Holders) -> None:
        """Interrupted, it sends what is on its way and begins nothing new; a second Ctrl-C breaks that off."""
        self.watcher.sending(len(fresh))
        queue = iter(fresh)
        stopping = False

        async def send() -> None:
            for one in queue:
                if stopping:
                    return
                document = Document(str(one.path), "failed")
                self.documents.append(document)
                await self._send(one, document, holders)
                self.watcher.sent()

        senders = [asyncio.create_task(send()) for _ in range(min(_AT_ONCE, len(fresh)))]
        try:
            # Unlike gather, this leaves the senders alone when we are stopped.
            await asyncio.wait(senders, return_when=asyncio.FIRST_EXCEPTION)
            for sender in senders:
                if sender.done():
                    sender.result()
        except asyncio.CancelledError:
            stopping = True
            self.watcher.stopping()
            await asyncio.wait(senders, timeout=_GRACE_S)
            raise
        finally:
            for sender in senders:
                sender.cancel()
            await asyncio.gather(*senders, return_exceptions=True)

    async def _send(self, one: Found, document: Document, holders: _Holders) -> None:
        """Upload and attach one file, unless its content is there already."""
        files = f"/v1/vector_stores/{self.store}/files"
        try:
            digest = await asyncio.to_thread(_sha256, one.path)
            there = holders.of(one, digest)
            if there is not None:
                document.id, document.status = there.file_id, "unchanged"
                if there.status in _AGAIN:
                    document.status = (await self.api.post(f"{files}/{there.file_id}/retry"))["status"]
            else:
                file = await self.api.upload("/v1/files", one.path, {"purpose": "assistants"})
                document.id = file["id"]
                attached = await self._attach(files, file["id"], one.source)
                document.status = attached["status"]
                holders.keep(one, Known(file["id"], digest, document.status))
            self.seen[one.source] = one.signature
        except aiohttp.ClientError:  # some of them are OSErrors, and none is about the file
            raise
        except OSError as error:
            document.error = f"It cannot be read: {error.strerror or error}."
        except CommandFailed as error:
            document.error = str(error)

    async def _attach(self, files: str, file_id: str, source: str) -> dict[str, Any]:
        """Nothing stays of a file that could not be attached, also when this is interrupted."""
        try:
            attached: dict[str, Any] = await self.api.post(files, {"file_id": file_id, "source": source})
        except (CommandFailed, asyncio.CancelledError):
            await asyncio.shield(self.api.delete(f"/v1/files/{file_id}"))
            raise
        return attached

    async def _remove(self, source: str, one: Known) -> None:
        document = Document(source, "removed", one.file_id)
        self.documents.append(document)
        self.seen.pop(source, None)
        try:
            await self.api.delete(f"/v1/vector_stores/{self.store}/files/{one.file_id}")
            await self.api.delete(f"/v1/files/{one.file_id}")
        except CommandFailed as error:  # somebody else's file leaves the collection and stays theirs
            document.error = str(error)


@dataclass
class _Holders:
    """What the collection has of every content, kept up while files are sent."""

    known: dict[str, Known]
    current: set[str]
    by_content: dict[str, Known] = field(init=False)

    def __post_init__(self) -> None:
        """A content counts as there only under a source that stays, or under none."""
        self.by_content = {
            one.sha256: one
            for source, one in self.known.items()
            if source in self.current or source == one.file_id
        }

    def of(self, one: Found, sha256: str) -> Known | None:
        mine = self.known.get(one.source)
        if mine is not None:
            return mine if mine.sha256 == sha256 else None
        return self.by_content.get(sha256)

    def keep(self, one: Found, sent: Known) -> None:
        self.known[one.source] = sent
        self.by_content.setdefault(sent.sha256, sent)


async def every(api: ApiClient, path: str, params: dict[str, str]) -> AsyncIterator[dict[str, Any]]:
    """Every row of a list, however many pages it has."""
    after: dict[str, str] = {}
    while True:
        page = await api.get(path, {**params, **after, "limit": _PAGE})
        for row in page["data"]:
            yield row
        if not page["has_more"]:
            return
        after = {"after": page["last_id"]}


def _look(paths: Sequence[Path]) -> tuple[list[Found], list[Refused]]:
    """Raises CommandFailed for what is not there."""
    found: dict[str, Found] = {}
    refused: list[Refused] = []
    for one in _each(paths):
        if isinstance(one, Found):
            found[one.source] = one
        else:
            refused.append(one)
    return list(found.values()), refused


def _each(paths: Sequence[Path]) -> Iterator[Found | Refused]:
    for path in paths:
        try:
            if path.is_dir():
                yield from walk(path)
            elif path.is_file():
                yield look_at(path.absolute(), any_kind=True)
            else:
                raise CommandFailed(f"{path} does not exist, or is neither a file nor a folder.")
        except OSError as error:
            raise CommandFailed(f"{path} cannot be read: {error.strerror}.") from error


def _waits_for_somebody(file: dict[str, Any]) -> bool:
    return any(code is not None and code["code"] in _FOR_SOMEBODY for code in file["note_codes"])


def _note(document: Document, file: dict[str, Any]) -> None:
    document.status, document.pages, document.chunks = file["status"], file["pages"], file["chunks"]
    document.error = (file["last_error"] or {}).get("message")
    document.notes = file["notes"]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
