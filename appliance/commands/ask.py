"""`appliance ask "…"`: a question from a terminal, answered as it comes, with its sources below."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from appliance.commands.ask_files import ask_files, sources
from appliance.commands.client import ApiClient, find_address, talk
from appliance.commands.failures import CommandFailed
from appliance.commands.options import DataOption, JsonOption, KeyOption, UrlOption
from appliance.commands.tracing import ask_as_turn, show_traced

ANSWER_MODEL = "answer-with-sources"


def ask(
    question: Annotated[str, typer.Argument(help="What you want to know, in quotation marks.")],
    model: Annotated[
        str, typer.Option(help="The model or way to answer; `appliance ask --model NAME`.")
    ] = ANSWER_MODEL,
    collection: Annotated[
        list[str] | None, typer.Option(help="Only this collection's name or id; may be given more than once.")
    ] = None,
    trace: Annotated[
        bool,
        typer.Option("--trace", help="Also what was searched, found and left out, and how long it took."),
    ] = False,
    file: Annotated[
        list[Path] | None,
        typer.Option(help="Ask this file, in a chat of its own; may be given more than once."),
    ] = None,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """Answer a question from the documents you may see, with document, page and the quoted words."""
    body: dict[str, Any] = {
        "model": model,
        "messages": [{"role": "user", "content": question}],
        "stream": not as_json,
    }

    if file and collection:
        raise CommandFailed("Give either `--file` or `--collection`: a chat with files is asked about those.")

    async def work(api: ApiClient) -> None:
        if file:
            await ask_files(api, question, model, file, as_json=as_json)
            return
        if collection:
            body["vector_store_ids"] = await _ids(api, collection)
        if trace:
            turn = await ask_as_turn(api, question, model, body.get("vector_store_ids"))
            show_traced(turn, as_json, sources(turn["citations"]))
        elif as_json:
            typer.echo(json.dumps(await api.post("/v1/chat/completions", body), ensure_ascii=False))
        else:
            await _stream(api, body)

    talk(find_address(url, key, data), work)


async def _ids(api: ApiClient, wanted: list[str]) -> list[str]:
    """Names become ids; what looks like an id is left for the server to judge. Raises CommandFailed."""
    listed = (await api.get("/v1/vector_stores", {"limit": "100"}))["data"]
    by_name = {store["name"]: store["id"] for store in listed}
    unknown = [name for name in wanted if name not in by_name and not name.startswith("vs_")]
    if unknown:
        known = ", ".join(sorted(by_name)) or "none yet"
        raise CommandFailed(f"There is no collection {unknown[0]!r} that you can see. There are: {known}.")
    return [by_name.get(name, name) for name in wanted]


async def _stream(api: ApiClient, body: dict[str, Any]) -> None:
    annotations: list[dict[str, Any]] = []
    async for chunk in api.events("POST", "/v1/chat/completions", body):
        for choice in chunk.get("choices", []):
            delta = choice.get("delta", {})
            sys.stdout.write(delta.get("content") or "")
            sys.stdout.flush()
            annotations += delta.get("annotations") or []
    sys.stdout.write("\n")
    for line in sources(annotations):
        typer.echo(line)
