"""`appliance ingest PATH…`: documents and folders from a terminal into a collection, with progress and reasons."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from appliance.commands.client import ApiClient, find_address, talk
from appliance.commands.failures import CommandFailed
from appliance.commands.ingest_sync import Document, Sync, every
from appliance.commands.options import DataOption, JsonOption, KeyOption, UrlOption

_EXIT_INTERRUPTED = 130  # as a shell says of Ctrl-C


def ingest(
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="PATH…", help="Files, and folders with all in them.")
    ] = None,
    collection: Annotated[
        str | None,
        typer.Option("--collection", metavar="NAME", help="Name or id; a new name makes a collection."),
    ] = None,
    owner: Annotated[
        str,
        typer.Option(
            help="Whose a new collection is: `user` (yours), `group:ID`, or `everybody` (administrators only)."
        ),
    ] = "user",
    wait: Annotated[bool, typer.Option(help="Wait until all has been read.")] = True,
    delete: Annotated[
        bool, typer.Option("--delete", help="Also take out what is in the folders no more.")
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Stay, and keep the collection in step with the folders.")
    ] = False,
    every_s: Annotated[
        float, typer.Option("--every", min=1.0, metavar="SECONDS", help="How often --watch looks.")
    ] = 10.0,
    failed: Annotated[
        bool, typer.Option("--failed", help="List what could not be read, and why, instead of sending.")
    ] = False,
    retry: Annotated[bool, typer.Option("--retry", help="With --failed: try all of it again.")] = False,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """Read documents into a collection; what is in it already is not read again. Stopped, it goes on where it was."""
    address = find_address(url, key, data)
    if failed:
        rows = talk(address, lambda api: _failed(api, collection, retry=retry))
        _show_failed(rows, retried=retry, as_json=as_json)
        return
    if not paths or collection is None:
        raise CommandFailed("Say what to read and where to: `appliance ingest PATH… --collection NAME`.")
    told = _Told(as_json)
    with _Bars(quiet=as_json) as bars:
        work = _Work(paths, collection, owner, bars, told, delete=delete, wait=wait)
        try:
            talk(address, lambda api: work.stay(api, every_s) if watch else work.once(api))
        except KeyboardInterrupt:
            told.show(work.store, work.documents)
            typer.echo("Stopped. Run the same command again: it goes on where it was.", err=True)
            raise typer.Exit(_EXIT_INTERRUPTED) from None
    told.show(work.store, work.documents)
    if any(document.status in ("failed", "cancelled") for document in work.documents):
        raise typer.Exit(1)


class _Work:
    """One run of the command. documents: what became of each file so far."""

    def __init__(
        self,
        paths: Sequence[Path],
        collection: str,
        owner: str,
        bars: _Bars,
        told: _Told,
        *,
        delete: bool,
        wait: bool,
    ) -> None:
        self._paths = paths
        self._wanted = (collection, owner)
        self._bars = bars
        self._told = told
        self._delete = delete
        self._wait = wait
        self._sync: Sync | None = None
        self.store: dict[str, Any] = {}

    @property
    def documents(self) -> list[Document]:
        return self._sync.documents if self._sync else []

    async def once(self, api: ApiClient) -> None:
        sync = await self._opened(api)
        await sync.run()
        if not sync.documents or all(document.status == "skipped" for document in sync.documents):
            raise CommandFailed(f"There is nothing to read in {', '.join(map(str, self._paths))}.")
        if self._wait:
            await sync.follow()

    async def stay(self, api: ApiClient, every_s: float) -> None:
        """Until it is interrupted; a round that fails is told and tried again."""
        sync = await self._opened(api)
        while True:
            try:
                await sync.run()
                await sync.follow()
            except CommandFailed as error:
                typer.echo(str(error), err=True)
            changed = [one for one in sync.documents if one.status not in ("unchanged", "skipped")]
            if changed:
                self._told.show(self.store, changed)
            await asyncio.sleep(every_s)

    async def _opened(self, api: ApiClient) -> Sync:
        for path in self._paths:  # before a collection is made for them
            if not path.exists():
                raise CommandFailed(f"{path} does not exist, or is neither a file nor a folder.")
        self.store = await _store(api, *self._wanted)
        self._sync = Sync(api, self.store["id"], self._paths, self._bars, self._delete)
        return self._sync


async def _store(api: ApiClient, wanted: str, owner: str | None) -> dict[str, Any]:
    """The collection of that id or name; a new one of that name where there is none and an owner is given."""
    named: list[dict[str, Any]] = []
    async for store in every(api, "/v1/vector_stores", {}):
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
    if owner is None:
        raise CommandFailed(f"There is no collection named {wanted!r}.")
    made: dict[str, Any] = await api.post("/v1/vector_stores", {"name": wanted, "owner": owner})
    return made


async def _failed(api: ApiClient, collection: str | None, *, retry: bool) -> list[dict[str, Any]]:
    """What could not be read, in one collection or in all that the key sees."""
    if collection is None:
        stores = [store async for store in every(api, "/v1/vector_stores", {})]
    else:
        stores = [await _store(api, collection, None)]
    rows = []
    for store in stores:
        files = f"/v1/vector_stores/{store['id']}/files"
        found = [file async for file in every(api, files, {"filter": "failed"})]
        rows += [{**file, "collection": store["name"]} for file in found]
        if retry and found:
            await api.post(f"/v1/vector_stores/{store['id']}/retry_failed")
    return rows


def _show_failed(rows: Sequence[dict[str, Any]], *, retried: bool, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"failed": rows, "retried": retried}, ensure_ascii=False))
        return
    for row in rows:
        where = row["source"] or row["filename"]
        typer.echo(
            f"{row['collection']}: {where} ({row['id']}). {(row['last_error'] or {}).get('message', '')}"
        )
    noun = "document" if len(rows) == 1 else "documents"
    end = "being tried again." if retried and rows else "could not be read." if rows else "failed."
    typer.echo(f"{len(rows) or 'No'} {noun} {end}")


class _Bars:
    """Two bars on standard error: what has been sent, and what has been read."""

    def __init__(self, *, quiet: bool) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            disable=quiet,
        )
        self._tasks: dict[str, TaskID] = {}

    def sending(self, total: int) -> None:
        self._begin("Sending", total)

    def sent(self) -> None:
        self._progress.advance(self._tasks["Sending"])

    def reading(self, total: int) -> None:
        self._begin("Reading", total)

    def read(self, done: float) -> None:
        self._progress.update(self._tasks["Reading"], completed=done)

    def stopping(self) -> None:
        typer.echo("Stopping: what is on its way is still sent. Ctrl-C again breaks that off.", err=True)

    def _begin(self, what: str, total: int) -> None:
        if what in self._tasks:
            self._progress.remove_task(self._tasks[what])
        self._tasks[what] = self._progress.add_task(what, total=total)

    def __enter__(self) -> _Bars:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()


class _Told:
    """What is printed at the end: a document each that somebody should know of, then the counts."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json

    def show(self, store: dict[str, Any], found: Sequence[Document]) -> None:
        counts: dict[str, int] = {}
        for document in found:
            counts[document.status] = counts.get(document.status, 0) + 1
        if self._as_json:
            collection = {"id": store.get("id"), "name": store.get("name")}
            files = [asdict(document) for document in found]
            value = {"collection": collection, "counts": counts, "files": files}
            typer.echo(json.dumps(value, ensure_ascii=False))
            return
        for document in found:
            if document.error:
                line = f"{document.path}: {document.status}. {document.error}"
                typer.echo(line, err=document.status != "skipped")
        told = ", ".join(f"{count} {status.replace('_', ' ')}" for status, count in sorted(counts.items()))
        typer.echo(f"{store.get('name', '')} ({store.get('id', '')}): {told or 'nothing'}.")
