"""`appliance model pull · list · remove · cancel`: the models on the appliance's disk, over HTTP."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from appliance.commands.client import ApiClient, find_address, show, talk
from appliance.commands.failures import CommandFailed
from appliance.commands.options import DataOption, JsonOption, KeyOption, UrlOption
from appliance.commands.plain_table import plain_table
from appliance.commands.progress import ProgressLine

_LIBRARY = "/api/models/library"
_LOOK_S = 0.5
_CARD = re.compile(r"[A-Za-z0-9._-]+")
_SET = "`appliance settings --set {key}={{name}}`, then start the appliance again."
_NEXT = {
    "chat": "Start it: `appliance model start {name}`.",
    "embedding": "Search with it: `appliance index use {name}`.",
    "transcription": f"Hear with it: {_SET.format(key='speech.model')}",
    "reranker": f"Order passages with it: {_SET.format(key='retrieval.reranker')}",
}


def pull(
    source: Annotated[
        str,
        typer.Argument(
            help="A name of the catalogue, hf:OWNER/NAME[@REVISION][:QUANTISATION], ollama:NAME, or a folder "
            "or GGUF file on the appliance's machine, such as a USB stick's."
        ),
    ],
    name: Annotated[str, typer.Option("--as", help="What to call it here.", show_default=False)] = "",
    quantisation: Annotated[
        str, typer.Option("--quantisation", help="Of a GGUF model; default: Q4_K_M.", show_default=False)
    ] = "",
    use_for_search: Annotated[
        bool,
        typer.Option(
            "--use-for-search", help="Find documents with it: the index follows while search goes on."
        ),
    ] = False,
    background: Annotated[
        bool, typer.Option("--background", help="Do not wait; `appliance model list` shows how far it is.")
    ] = False,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """Get a model: checked, resumed where it broke off, and listed when all of it is there."""
    body = {
        "source": _absolute(source),
        "name": name,
        "quantisation": quantisation,
        "use_for_search": use_for_search,
    }

    async def work(api: ApiClient) -> dict[str, Any]:
        doubt = await _doubt(api, source)
        if doubt:
            sys.stderr.write(f"note: {doubt}\n")
        asked: dict[str, Any] = await api.post(_LIBRARY, body)
        ended = asked if background else await _followed(api, asked)
        return {**ended, "kind": await _kind(api, ended["name"])} if ended["state"] == "done" else ended

    try:
        told = talk(find_address(url, key, data), work)
    except KeyboardInterrupt:
        raise CommandFailed(
            "It goes on without you: `appliance model list` shows how far it is, `appliance model cancel NAME` ends it."
        ) from None
    show(told, as_json, _ended(told))


def list_models(
    as_json: JsonOption = False, url: UrlOption = None, key: KeyOption = None, data: DataOption = None
) -> None:
    """Show the models on the appliance's disk, and those that are on their way."""
    told = talk(find_address(url, key, data), lambda api: api.get(_LIBRARY))
    if as_json:
        show(told, as_json, "")
        return
    console = Console()
    if told["models"]:
        console.print(_table(told["models"]))
    for line in _lines(told):
        typer.echo(line)


def remove(
    name: Annotated[str, typer.Argument(help="As `appliance model list` shows it.")],
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """Take a model off the disk. One that runs, or is searched with, stays."""
    told = talk(find_address(url, key, data), lambda api: api.delete(f"{_LIBRARY}/{quote(name, safe='')}"))
    show(told, as_json, f"Removed {name}.")


def cancel(
    name: Annotated[str, typer.Argument(help="As `appliance model list` shows it.")],
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """End getting a model; what has come of it goes away."""
    told = talk(
        find_address(url, key, data), lambda api: api.delete(f"{_LIBRARY}/pulls/{quote(name, safe='')}")
    )
    show(told, as_json, f"{name} is not got any more.")


def register(model: typer.Typer) -> None:
    """Add these commands to the group."""
    model.command()(pull)
    model.command("list")(list_models)
    model.command()(remove)
    model.command()(cancel)


async def _doubt(api: ApiClient, source: str) -> str:
    """A word on a model of the catalogue that cannot run here as it is; it is got all the same."""
    if not _CARD.fullmatch(source):
        return ""
    try:
        plan = (await api.get(f"/api/models/plan?model={quote(source, safe='')}"))["plan"]
    except CommandFailed:  # no language model, or one that is not in the catalogue
        return ""
    if plan["verdict"] == "no":
        return f"{source} does not fit on this machine: `appliance model plan {source}` shows the sum."
    return "" if plan["is_own_file"] else f"{source} cannot run on this machine; {plan['model']} can."


async def _kind(api: ApiClient, name: str) -> str:
    """What an installed model is for; a chat model where an engine keeps it for itself."""
    models = (await api.get(_LIBRARY))["models"]
    return next((str(model["kind"]) for model in models if model["name"] == name), "chat")


async def _followed(api: ApiClient, pull: dict[str, Any]) -> dict[str, Any]:
    """Until it has ended. Raises CommandFailed with the reason."""
    path = f"{_LIBRARY}/pulls/{quote(pull['name'], safe='')}"
    with ProgressLine(sys.stderr) as line:
        while pull["state"] in ("waiting", "running"):
            line.say(_how_far(pull))
            await asyncio.sleep(_LOOK_S)
            pull = await api.get(path)
    if pull["state"] == "ending":
        raise CommandFailed(f"{pull['name']} was cancelled.")
    if pull["failure"]:
        raise CommandFailed(pull["failure"]["message"])
    return pull


def _absolute(source: str) -> str:
    """A path as the appliance sees it, where there is such a thing here."""
    is_path = source.startswith(("/", "./", "../", "~")) or (":" not in source and Path(source).exists())
    return str(Path(source).expanduser().absolute()) if is_path else source


def _how_far(pull: dict[str, Any]) -> str:
    if pull["state"] == "waiting" or not pull["total_bytes"]:
        return f"{pull['name']}: {pull['file'] or 'waiting'}"
    left = "" if pull["seconds_left"] is None else f", {_span(pull['seconds_left'])} left"
    share = pull["done_bytes"] / pull["total_bytes"]
    rate = pull["bytes_per_second"]
    return f"{pull['name']}: {share:.0%} of {_size(pull['total_bytes'])}, {_size(rate)}/s{left}"


def _ended(pull: dict[str, Any]) -> str:
    if pull["state"] != "done":
        return f"{pull['name']} is on its way: `appliance model list` shows how far it is."
    if pull["use_for_search"]:
        return f"{pull['name']} is there. The index follows: `appliance index status`."
    if pull["source"].startswith("ollama:"):
        return f"{pull['name']} is there."
    return f"{pull['name']} is there. {_NEXT[pull.get('kind', 'chat')].format(name=pull['name'])}"


def _lines(told: dict[str, Any]) -> Iterator[str]:
    if not told["models"] and not told["pulls"]:
        yield "There are no models here yet: `appliance model plan` shows which fit, `appliance model pull` gets one."
    for pull in told["pulls"]:
        failure = pull["failure"]
        yield (
            f"{pull['state']:<8} {pull['name']}: {failure['message']}"
            if failure
            else f"{pull['state']:<8} {_how_far(pull)}"
        )
    if told["searched_with"]:
        yield f"Documents are searched with {told['searched_with']}."


def _table(models: list[dict[str, Any]]) -> Table:
    table = plain_table("Models", "kind", "format", "size>", "licence", "from")
    for one in models:
        told = (
            one["name"],
            one["kind"],
            one["format"],
            _size(one["size_bytes"]),
            one["licence"] or "",
            one["source"],
        )
        table.add_row(*(escape(text) for text in told))
    return table


def _size(size_bytes: float) -> str:
    return f"{size_bytes / 1e9:.1f} GB" if size_bytes >= 1e9 else f"{size_bytes / 1e6:.1f} MB"


def _span(seconds: int) -> str:
    return f"{seconds} s" if seconds < 90 else f"{round(seconds / 60)} min"
