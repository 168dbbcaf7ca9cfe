"""`appliance ask --file PATH "…"`: files go into a chat of their own, are read there, and are asked."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from appliance.commands.client import ApiClient
from appliance.commands.failures import CommandFailed

_POLL_S = 0.5


async def ask_files(
    api: ApiClient, question: str, model: str, files: Sequence[Path], *, as_json: bool
) -> None:
    """The answer on standard output, how far it is on standard error. Raises CommandFailed with the reason."""
    chat = (await api.post("/api/conversations"))["id"]
    for path in files:
        kept = await api.upload(f"/api/conversations/{chat}/files", path, {})
        await _read(api, chat, kept)
    turn = await api.post("/api/turns", {"question": question, "model": model, "conversation_id": chat})
    async for event in api.events("GET", f"/api/turns/{turn['id']}/events"):
        if event.get("state") == "summarising":
            _tell(f"{event['done']} of {event['total']} parts read")
    answered = (await api.get(f"/api/conversations/{chat}"))["turns"][-1]
    if answered["error"]:
        raise CommandFailed(answered["error"].get("message") or answered["error"]["code"])
    if as_json:
        typer.echo(json.dumps({"conversation_id": chat, **answered}, ensure_ascii=False))
        return
    typer.echo(answered["answer"])
    for line in sources(answered["citations"]):
        typer.echo(line)


async def _read(api: ApiClient, chat: str, file: dict[str, Any]) -> None:
    """Until it can be asked."""
    told = ""
    while file["status"] == "in_progress":
        await asyncio.sleep(_POLL_S)
        file = await api.get(f"/api/conversations/{chat}/files/{file['id']}")
        news = f"{file['filename']}: {round(file['progress'] * 100)} % read"
        if news != told:
            _tell(news)
            told = news
    if file["status"] != "completed":
        reason = (file["error"] or {}).get("message") or file["status"]
        raise CommandFailed(f"{file['filename']} could not be read: {reason}")


def _tell(words: str) -> None:
    sys.stderr.write(f"{words}\n")


def sources(annotations: list[dict[str, Any]]) -> list[str]:
    """One line a citation: number, document, page, and whether the quote was found there."""
    lines: list[str] = []
    for position, annotation in enumerate(annotations, start=1):
        cited = annotation.get("file_citation", annotation)
        where = cited.get("filename", "?")
        if cited.get("page") is not None:
            where += f", page {cited['page']}"
        checked = "" if cited.get("is_verified", True) else "  (not found on that page)"
        lines.append(
            f"[{cited.get('index', position)}] {where}: “{' '.join(cited.get('quote', '').split())}”{checked}"
        )
    return list(dict.fromkeys(lines))
