"""`appliance model plan`: which models fit here, or would on another GPU, with the arithmetic in words."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from appliance.commands.client import find_address, talk
from appliance.commands.failures import CommandFailed
from appliance.commands.options import DataOption, JsonOption, KeyOption, UrlOption
from appliance.commands.plain_table import plain_table
from appliance.errors import ApplianceError
from appliance.services.models.planning import (
    ModelPlanning,
    card_json,
    checked_wish,
    hardware_json,
    planned_json,
)
from appliance.supervisor.data_folder import default_data_folder
from inference.errors import InferenceError
from inference.hardware import read_hardware
from inference.library import ModelLibrary
from inference.models.catalogue import Catalogue
from inference.placement.measured import MeasuredUse

_GIB = 1 << 30
_MARKS = {"fits": "fits", "less_context": "less", "fp8_kv": "fp8 cache", "two_gpus": "{gpus} GPUs"}
_MARKS |= {"quantised": "smaller file", "cpu": "processor", "no": "no"}


def plan(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME|PATH]",
            help="A model of the catalogue or the library, a hub's repository, a folder or a .gguf file.",
        ),
    ] = None,
    people: Annotated[int, typer.Option(help="Who use the box; not all of them ask at once.")] = 20,
    context: Annotated[int, typer.Option(help="Tokens of one conversation, question and answer.")] = 16_384,
    gpu: Annotated[
        str, typer.Option(metavar='"NAME xN"', help='Plan for other GPUs than those here: "A100-80GB x2".')
    ] = "",
    here: Annotated[bool, typer.Option("--here", help="Plan for this machine; the default.")] = False,
    every_file: Annotated[bool, typer.Option("--all", help="Every file of every model by itself.")] = False,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """Show which models fit, with how much context for how many people, and what is given up.

    Computed on this machine; with --url by the appliance there, for its own GPUs.
    """
    if here and gpu:
        raise CommandFailed("Either --here or --gpu.")
    if url is not None:
        told = _asked(url, key, data, name, people, context, gpu, every_file)
    else:
        told = _computed(data or default_data_folder(), name, people, context, gpu, every_file)
    if as_json:
        typer.echo(json.dumps(told, ensure_ascii=False))
    elif name is None:
        _print_overview(Console(), told)
    else:
        _print_plan(Console(), told["plan"])


def _asked(
    url: str,
    key: str | None,
    data: Path | None,
    name: str | None,
    people: int,
    context: int,
    gpu: str,
    every: bool,
) -> dict[str, Any]:
    """Of a box that runs."""
    params = {"people": str(people), "context": str(context)} | ({"gpu": gpu} if gpu else {})
    if name is None:
        path, params = "/api/models/catalogue", params | {"every_file": "true" if every else "false"}
    else:
        path, params = "/api/models/plan", params | {"model": name}
    told: dict[str, Any] = talk(find_address(url, key, data), lambda api: api.get(path, params))
    return told


def _computed(
    data: Path, name: str | None, people: int, context: int, gpu: str, every: bool
) -> dict[str, Any]:
    models = data / "models"
    planning = ModelPlanning(
        Catalogue(),
        ModelLibrary(models / "library"),
        MeasuredUse(models / "measured.json"),
        lambda: read_hardware(disk=models),
    )
    try:
        wish = checked_wish(people, context)
        hardware = hardware_json(planning.hardware(None, gpu))
        if name is not None:
            return {"hardware": hardware, "plan": planned_json(planning.plan(None, name, wish, gpu))}
        plans = planning.overview(None, wish, gpu, every_file=every)
    except (ApplianceError, InferenceError) as error:
        raise CommandFailed(str(error)) from error
    return {
        "hardware": hardware,
        "data": [planned_json(planned) for planned in plans],
        "others": [card_json(card) for card in planning.side_cards()],
    }


def _print_overview(console: Console, told: dict[str, Any]) -> None:
    console.print(_machine(told["hardware"]), highlight=False)
    first = told["data"][0]
    console.print(first["slots_sentence"], highlight=False)
    console.print()
    console.print(_language_models(told["data"]))
    console.print()
    console.print(_other_models(told["others"]))
    console.print()
    console.print(
        "once: conversations of that context at the same moment. es: made for Spanish. *: needs a hub token.\n"
        "Figures of published configurations, rounded up; a model that lies here is planned by its own files.\n"
        "The arithmetic of one: appliance model plan NAME",
        highlight=False,
    )


def _machine(hardware: dict[str, Any]) -> str:
    gpus = hardware["gpus"]
    free = hardware["ram_free_bytes"] / _GIB
    memory = f"{free:.0f} GiB of memory free"
    if not gpus:
        return f"No NVIDIA GPU answers here. {hardware['cpu']['cores']} processor cores, {memory}."
    listed = ", ".join(f"{gpu['name']} ({(gpu['memory_bytes'] or 0) / _GIB:.0f} GiB)" for gpu in gpus)
    return f"{listed}; {hardware['cpu']['cores']} processor cores, {memory}."


def _language_models(plans: Iterable[dict[str, Any]]) -> Table:
    table = plain_table("Model", "GiB>", "verdict", "context>", "once>", "licence", "es")
    table.columns[0].no_wrap = table.columns[5].no_wrap = True
    for told in plans:
        card, runs = told["card"], told["verdict"] != "no"
        table.add_row(
            escape(told["model"]),
            f"{told['weight_bytes'] / _GIB:.1f}",
            _MARKS[told["verdict"]].format(gpus=len(told["gpus"])),
            f"{told['context_tokens']:,}" if runs else "",
            str(told["slots"]) if runs else "",
            escape(card["licence"]) + (" *" if card["is_gated"] else ""),
            "yes" if {"es", "multi"} & set(card["languages"]) else "",
        )
    return table


def _other_models(cards: Iterable[dict[str, Any]]) -> Table:
    table = plain_table("For search and speech", "GiB>", "for", "dimension>", "tokens>", "licence")
    table.columns[0].no_wrap = True
    for card in cards:
        table.add_row(
            escape(card["name"]),
            f"{card['weight_bytes'] / _GIB:.1f}",
            card["purpose"],
            str(card["dimension"] or ""),
            f"{card['longest_context']:,}" if card["longest_context"] else "",
            escape(card["licence"]),
        )
    return table


def _print_plan(console: Console, told: dict[str, Any]) -> None:
    card = told["card"]
    title = f"{told['model']}" + (f" ({card['title']}, {card['licence']})" if card else "")
    console.print(f"[bold]{escape(title)}[/bold]: {escape(told['sentence'])}", highlight=False)
    if card and card["is_gated"]:
        console.print("Its maker wants to know who takes it: a hub token is needed.", highlight=False)
    console.print(escape(told["slots_sentence"]), highlight=False)
    if told["steps"]:
        console.print()
        console.print(_arithmetic(told))
    for given in told["given_up"]:
        console.print(f"- {escape(given['sentence'])}", highlight=False)
    console.print(f"\n{escape(_how(told))}", highlight=False)


def _arithmetic(told: dict[str, Any]) -> Table:
    table = plain_table("GiB of each GPU>" if told["gpus"] else "GiB>", "")
    for kind, total in (("have", "that it may take"), ("need", "that it needs")):
        for step in told["steps"]:
            if step["kind"] == kind:
                table.add_row(f"{step['size_bytes'] / _GIB:,.2f}", escape(step["sentence"]))
        size = told["available_bytes"] if kind == "have" else told["needed_bytes"]
        table.add_row(f"[bold]{size / _GIB:,.2f}[/bold]", f"[bold]{total}[/bold]")
        table.add_row("", "")
    for step in told["steps"]:
        if step["kind"] == "note":
            table.add_row("", escape(step["sentence"]))
    return table


def _how(told: dict[str, Any]) -> str:
    if told["verdict"] == "no":
        return "Other models that fit here: appliance model plan"
    where = f"GPU {', '.join(map(str, told['gpus']))}" if told["gpus"] else "the processor"
    known = "measured by an earlier start here" if told["is_measured"] else "estimated, rounded up"
    return (
        f"{told['engine']} on {where}: {told['context_tokens']:,} tokens for each of {told['slots']} at once; "
        f"its cache would hold {told['kv_tokens']:,} ({known})."
    )
