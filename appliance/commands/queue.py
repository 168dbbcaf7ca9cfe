"""`appliance queue`: one's own requests that wait or run, how long the lines are, and for operators who is in them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import typer
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from appliance.commands.client import Address, find_address, talk
from appliance.commands.options import DataOption, JsonOption, KeyOption, UrlOption
from appliance.commands.plain_table import plain_table

_EVERY_S = 1.0


def queue(
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Look again every second, until Ctrl-C.")
    ] = False,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """Show who waits and who is answered: oneself, and for administrators and auditors everybody."""
    address = find_address(url, key, data)
    console = Console()
    if not watch:
        _print(console, _look(address), as_json)
    elif as_json or not console.is_terminal:
        while True:
            _print(console, _look(address), as_json)
            time.sleep(_EVERY_S)
    else:
        with Live(queue_screen(_look(address)), console=console, auto_refresh=False) as live:
            while True:
                time.sleep(_EVERY_S)
                live.update(queue_screen(_look(address)), refresh=True)


def queue_screen(told: dict[str, Any]) -> RenderableType:
    """What `/api/queue` tells, for people."""
    parts: list[RenderableType] = [_pools(told["pools"])]
    if told.get("people"):
        parts.append(_people(told["people"]))
    if told["data"]:
        parts.append(_own(told["data"], told["total"]))
    elif "people" not in told:
        parts.append("Nothing of yours waits or runs.")
    if not told["is_shared"]:
        parts.append("Valkey is away: this is what one gateway process has.")
    return Group(*parts)


def _look(address: Address) -> dict[str, Any]:
    told: dict[str, Any] = talk(address, lambda api: api.get("/api/queue"))
    return told


def _print(console: Console, told: dict[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(told, ensure_ascii=False))
    else:
        console.print(queue_screen(told))


def _pools(pools: Iterable[dict[str, Any]]) -> Table:
    table = plain_table(
        "Engines", "models", "slots>", "running>", "waiting>", "batch>", "tokens/s>", "a request>"
    )
    for pool in pools:
        waiting = pool["waiting"]
        table.add_row(
            escape(", ".join(pool["engines"]) or pool["name"]),
            escape(", ".join(pool["models"])) + _loading(pool.get("loading")),
            *(str(number) for number in (pool["slots"], pool["running"])),
            *(str(number) for number in (waiting["interactive"], waiting["batch"])),
            "" if pool["tokens_per_s"] is None else f"{pool['tokens_per_s']:.0f}",
            _seconds(pool["request_s"]),
        )
    return table


def _people(people: Iterable[dict[str, Any]]) -> Table:
    table = plain_table("People", "running>", "waiting>", "tokens in 5 min>", "share>", "weight>")
    for person in people:
        share = person["share"]
        table.add_row(
            escape(person["email"] or person["user_id"]),
            str(person["running"]),
            str(person["waiting"]),
            "" if person["tokens"] is None else f"{person['tokens']:,}",
            "" if share is None else f"{share:.0%}",
            f"{person['weight']:g}",
        )
    return table


def _own(requests: Sequence[dict[str, Any]], total: int) -> Table:
    table = plain_table("Your requests", "model", "state", "place>", "time left>", "since (UTC)")
    for request in requests:
        is_batch = request["class"] == "batch"
        table.add_row(
            request["request_id"],
            escape(request["model"]),
            escape(request["engine"] or ("loading model" if request.get("loading") else "waiting"))
            + (" (batch)" if is_batch else ""),
            "" if request["position"] is None else str(request["position"]),
            _seconds(request["eta_s"]),
            (request["running_since"] or request["created_at"])[11:19],
        )
    if total > len(requests):
        table.caption = f"and {total - len(requests)} more"
    return table


def _loading(loading: dict[str, Any] | None) -> str:
    if loading is None:
        return ""
    eta = "" if loading["eta_s"] is None else f", {loading['eta_s']:.0f} s"
    return escape(f" (loading {loading['model']}{eta})")


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.1f} s"
