"""`appliance ingest PATH…`: documents and folders from a terminal into a collection, with progress and reasons."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from appliance.commands.client import ApiClient, find_address, talk
from appliance.commands.failures import CommandFailed
from appliance.commands.options import DataOption, JsonOption, KeyOption, UrlOption
from rag.media_types import from_filename

_POLL_S = 0.3
_PAGE = "100"


@dataclass
class Document:
    """One file and what became of it: completed, failed, cancelled, unchanged or skipped."""

    path: str
    status: str
    id: str | None = None
    pages: int = 0
    chunks: int = 0
    error: str | None = None


def ingest(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH…", help="Files, and folders with all in them.")
    ],
    collection: Annotated[
        str, typer.Option("--collection", metavar="NAME", help="Name or id; a new name makes a collection.")
    ],
    owner: Annotated[
        str,
        typer.Option(
            help="Whose a new collection is: `user` (yours), `group:ID`, or `everybody` (administrators only)."
        ),
    ] = "user",
    wait: Annotated[bool, typer.Option(help="Wait until all has been read.")] = True,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """Read documents into a collection; what is in it already is not read again."""
    found = list(documents(paths))
    if not any(document.status == "found" for _, document in found):
        raise CommandFailed(f"There is nothing to read in {', '.join(map(str, paths))}.")
    with _bars(quiet=as_json) as bars:
        store = talk(
            find_address(url, key, data), lambda api: _ingest(api, found, collection, owner, bars, wait=wait)
        )
    _show(store, [document for _, document in found], as_json=as_json)
    if any(document.status in ("failed", "cancelled") for _, document in found):
        raise typer.Exit(1)


def documents(paths: Iterable[Path]) -> Iterable[tuple[Path, Document]]:
    """Named files as they are; of folders, what some parser may read. Raises CommandFailed for what is not there."""
    for path in paths:
        if path.is_dir():
            for file in sorted(path.rglob("*")):
                is_hidden = any(part.startswith(".") for part in file.relative_to(path).parts)
                if file.is_file() and not is_hidden:
                    known = from_filename(file.name) is not None
                    error = None if known else "This kind of file is not read."
                    yield file, Document(str(file), "found" if known else "skipped", error=error)
        elif path.is_file():
            yield path, Document(str(path), "found")
        else:
            raise CommandFailed(f"{path} does not exist, or is neither a file nor a folder.")


async def _ingest(
    api: ApiClient,
    found: Sequence[tuple[Path, Document]],
    collection: str,
    owner: str,
    bars: _Bars,
    *,
    wait: bool,
) -> dict[str, Any]:
    store = await _store(api, collection, owner)
    known = {str(file["attributes"].get("sha256")): file["id"] async for file in _files(api, store["id"], "")}
    wanted = [(path, document) for path, document in found if document.status == "found"]
    for path, document in bars.uploading(wanted):
        await _send(api, store["id"], path, document, known)
    if wait:
        await _follow(api, store["id"], [d for _, d in wanted if d.status == "in_progress"], bars)
    return store


async def _store(api: ApiClient, wanted: str, owner: str) -> dict[str, Any]:
    """The collection of that id or name; a new one of that name where there is none."""
    named: list[dict[str, Any]] = []
    async for store in _all(api, "/v1/vector_stores", {}):
        if store["id"] == wanted:
            return store
        if store["name"] == wanted:
            named.append(store)
    if len(named) > 1:
        ids = ", ".join(store["id"] for store in named)
        raise CommandFailed(
            f"There are {len(named)} collections named {wanted!r}. Give one of the ids: {ids}."
        )
    if named:
        return named[0]
    made: dict[str, Any] = await api.post("/v1/vector_stores", {"name": wanted, "owner": owner})
    return made


async def _send(api: ApiClient, store: str, path: Path, document: Document, known: dict[str, str]) -> None:
    """Upload and attach one file, unless its content is there already."""
    try:
        digest = await asyncio.to_thread(_sha256, path)
        if digest in known:
            document.status, document.id = "unchanged", known[digest]
            return
        file = await api.upload("/v1/files", path, {"purpose": "assistants"})
    except (OSError, CommandFailed) as error:
        document.status, document.error = "failed", str(error)
        return
    try:
        body = {"file_id": file["id"], "attributes": {"sha256": digest}}
        attached = await api.post(f"/v1/vector_stores/{store}/files", body)
    except CommandFailed:
        await api.delete(f"/v1/files/{file['id']}")
        raise
    document.id, document.status = file["id"], attached["status"]
    known[digest] = file["id"]


async def _follow(api: ApiClient, store: str, waiting: Sequence[Document], bars: _Bars) -> None:
    """Until every document has been read or refused."""
    pending = {document.id: document for document in waiting}
    bars.reading(len(pending))
    while pending:
        under_way = {file["id"]: file["progress"] async for file in _files(api, store, "in_progress")}
        for file_id in [file_id for file_id in pending if file_id not in under_way]:
            _note(pending.pop(file_id), await api.get(f"/v1/vector_stores/{store}/files/{file_id}"))
        bars.read(
            len(waiting) - len(pending) + sum(under_way.get(file_id, 0.0) for file_id in pending if file_id)
        )
        if pending:
            await asyncio.sleep(_POLL_S)


def _note(document: Document, file: dict[str, Any]) -> None:
    document.status, document.pages, document.chunks = file["status"], file["pages"], file["chunks"]
    document.error = (file["last_error"] or {}).get("message")


async def _files(api: ApiClient, store: str, status: str) -> AsyncIterator[dict[str, Any]]:
    async for file in _all(api, f"/v1/vector_stores/{store}/files", {"filter": status} if status else {}):
        yield file


async def _all(api: ApiClient, path: str, params: dict[str, str]) -> AsyncIterator[dict[str, Any]]:
    """Every row of a list, however many pages it has."""
    after: dict[str, str] = {}
    while True:
        page = await api.get(path, {**params, **after, "limit": _PAGE})
        for row in page["data"]:
            yield row
        if not page["has_more"]:
            return
        after = {"after": page["last_id"]}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _Bars:
    """Two bars on standard error: what has been sent, and what has been read."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._reading: TaskID | None = None

    def uploading(self, wanted: Sequence[tuple[Path, Document]]) -> Iterable[tuple[Path, Document]]:
        return self._progress.track(wanted, description="Sending")

    def reading(self, total: int) -> None:
        self._reading = self._progress.add_task("Reading", total=total)

    def read(self, done: float) -> None:
        if self._reading is not None:
            self._progress.update(self._reading, completed=done)

    def __enter__(self) -> _Bars:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()


def _bars(*, quiet: bool) -> _Bars:
    return _Bars(
        Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            disable=quiet,
        )
    )


def _show(store: dict[str, Any], found: Sequence[Document], *, as_json: bool) -> None:
    counts: dict[str, int] = {}
    for document in found:
        counts[document.status] = counts.get(document.status, 0) + 1
    if as_json:
        collection = {"id": store["id"], "name": store["name"]}
        value = {
            "collection": collection,
            "counts": counts,
            "files": [asdict(document) for document in found],
        }
        typer.echo(json.dumps(value, ensure_ascii=False))
        return
    for document in found:
        if document.error:
            typer.echo(
                f"{document.path}: {document.status}. {document.error}", err=document.status != "skipped"
            )
    told = ", ".join(f"{count} {status.replace('_', ' ')}" for status, count in sorted(counts.items()))
    typer.echo(f"{store['name']} ({store['id']}): {told}.")
