"""`appliance model start · stop · running`: which models are in memory, over HTTP."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated, Any, Literal
from urllib.parse import quote

import typer
from rich.console import Console
from rich.markup import escape

from appliance.commands.client import ApiClient, find_address, show, talk
from appliance.commands.failures import CommandFailed
from appliance.commands.options import DataOption, JsonOption, KeyOption, UrlOption
from appliance.commands.plain_table import plain_table

_EVERY_S = 0.5
_COMING = ("unloaded", "loading", "restarting", "draining")
_NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="A model of `appliance model list`.")]


def register(group: typer.Typer) -> None:
    """Add the commands to `appliance model`."""
    group.command("start")(start)
    group.command("stop")(stop)
    group.command("running")(running)


def start(
    name: _NameArgument,
    context: Annotated[
        int | None, typer.Option("--context", help="Tokens of one conversation; without it: as planned.")
    ] = None,
    people: Annotated[int | None, typer.Option("--people", help="Who use the box; 20 without it.")] = None,
    wording: Annotated[
        Literal["vllm", "compose", "ollama", "llama_cpp"] | None,
        typer.Option("--print", help="Start nothing: print the command or the settings of such a start."),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Until it answers.")] = True,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """Load a model and offer it from now on, also after a restart of the box."""
    address = find_address(url, key, data)
    if wording is not None:
        typer.echo(talk(address, lambda api: _words(api, name, context, people, wording)), nl=False)
        return
    console = Console(stderr=True)
    told = talk(address, lambda api: _start(api, console, name, context, people, wait=wait))
    show(told, as_json, _sentence(told))
    if told["state"] == "failed":
        raise CommandFailed("\n".join([told["reason"], *(f"  {line}" for line in told["last_lines"])]))


def stop(
    name: _NameArgument,
    now: Annotated[bool, typer.Option("--now", help="Cut the answers that are being written.")] = False,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """Take a model out of memory and do not offer it any more; running answers end first."""
    path = f"/api/models/running/{quote(name, safe='')}" + ("?now=true" if now else "")
    told = talk(find_address(url, key, data), lambda api: api.delete(path))
    show(told, as_json, f"{name} is stopped.")


def running(
    as_json: JsonOption = False, url: UrlOption = None, key: KeyOption = None, data: DataOption = None
) -> None:
    """Show the models that were started, and how they stand."""
    told = talk(find_address(url, key, data), lambda api: api.get("/api/models/running"))
    if as_json:
        typer.echo(json.dumps(told, ensure_ascii=False))
        return
    table = plain_table("Models", "state", "engine", "context>", "at once>", "memory>", "load>", "restarts>")
    for one in told["data"]:
        table.add_row(
            escape(one["model"]),
            _state(one),
            one["engine"],
            f"{one['context_tokens']:,}",
            str(one["slots"]),
            ", ".join(_memory(size) for size in one["memory_bytes"].values()),
            "" if one["load_s"] is None else f"{one['load_s']:.0f} s",
            str(one["restarts"]),
        )
    Console().print(table if told["data"] else "No model was started: `appliance model start NAME`.")
    if not told["is_kept"]:
        typer.echo("The process that keeps the models does not answer just now.", err=True)


async def _start(
    api: ApiClient, console: Console, name: str, context: int | None, people: int | None, *, wait: bool
) -> dict[str, Any]:
    body = {"model": name, "context_tokens": context, "people": people}
    told: dict[str, Any] = await api.post("/api/models/running", body)
    if not wait:
        return told
    with console.status(_state(told)) as status:
        while told["state"] in _COMING:
            await asyncio.sleep(_EVERY_S)
            told = await api.get(f"/api/models/running/{quote(name, safe='')}")
            status.update(_state(told))
    return told


async def _words(api: ApiClient, name: str, context: int | None, people: int | None, wording: str) -> str:
    asked = {"wording": wording, "context_tokens": context, "people": people}
    params = {key: str(value) for key, value in asked.items() if value is not None}
    return await api.text(f"/api/models/running/{quote(name, safe='')}/command", params)


def _memory(size: int) -> str:
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{size / 2**20:.0f} MiB"


def _state(one: dict[str, Any]) -> str:
    if one["state"] == "loading" and one["eta_s"] is not None:
        return f"loading, {one['eta_s']:.0f} s"
    return str(one["state"])


def _sentence(told: dict[str, Any]) -> str:
    if told["state"] != "ready":
        return f"{told['model']} is {_state(told)}."
    memory = sum(told["memory_bytes"].values())
    return (
        f"{told['model']} answers, {told['slots']} at once with {told['context_tokens']:,} tokens each. "
        f"It took {told['load_s']:.0f} s to load and holds {_memory(memory)}."
    )
