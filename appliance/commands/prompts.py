"""`appliance prompt …`: the words with which models are asked, over HTTP."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from appliance.commands.client import ApiClient, find_address, show, talk
from appliance.commands.failures import CommandFailed
from appliance.commands.options import DataOption, JsonOption, KeyOption, UrlOption

prompt = typer.Typer(
    help="List, change, compare and roll back the words with which models are asked.", no_args_is_help=True
)

PurposeArgument = Annotated[
    str, typer.Argument(help="As `appliance prompt list` names it.", metavar="PURPOSE")
]
VersionArgument = Annotated[int, typer.Argument(help="0 is the shipped one.", min=0, metavar="VERSION")]


@prompt.command("list")
def listed(
    as_json: JsonOption = False, url: UrlOption = None, key: KeyOption = None, data: DataOption = None
) -> None:
    """List what models are asked for, and which version is in force."""
    found = talk(find_address(url, key, data), lambda api: api.get("/api/prompts"))
    lines = [f"{one['purpose']}  {_version(one['version'])}" for one in found["data"]]
    show(found, as_json, "\n".join(lines))


@prompt.command("show")
def show_prompt(
    purpose: PurposeArgument,
    version: Annotated[int | None, typer.Option(min=0, help="Without it: the one in force.")] = None,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """Print a version as JSON, as `prompt set` reads it; with --json also who saved it, and when."""

    async def work(api: ApiClient) -> Any:  # noqa: ANN401 - any JSON
        number = version
        if number is None:
            kept = (await api.get("/api/prompts"))["data"]
            number = next((one["version"] for one in kept if one["purpose"] == purpose), 0)
        return await api.get(f"/api/prompts/{quote(purpose, safe='')}/versions/{number}")

    found = talk(find_address(url, key, data), work)
    words = {name: found[name] for name in ("texts", "examples", "temperature", "model")}
    show(found, as_json, json.dumps(words, ensure_ascii=False, indent=2))


@prompt.command("set")
def set_prompt(
    purpose: PurposeArgument,
    file: Annotated[
        Path, typer.Argument(help="JSON as `prompt show` prints it.", exists=True, dir_okay=False)
    ],
    note: Annotated[str, typer.Option(help="What is different.")] = "",
    in_force: Annotated[bool, typer.Option("--use", help="Put it in force at once.")] = False,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """Save a new version; a name that is not there yet makes a prompt of your own, for pipelines."""
    try:
        words = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, UnicodeDecodeError) as error:
        raise CommandFailed(
            f"{file} is no JSON: {error}. `appliance prompt show` prints the form."
        ) from error
    if not isinstance(words, dict):
        raise CommandFailed(f"{file} must hold one JSON object. `appliance prompt show` prints the form.")
    body = {**words, "note": note, "in_force": in_force}
    path = f"/api/prompts/{quote(purpose, safe='')}/versions"
    saved = talk(find_address(url, key, data), lambda api: api.post(path, body))
    told = (
        " and is in force"
        if in_force
        else f"; `appliance prompt use {purpose} {saved['version']}` puts it in force"
    )
    show(saved, as_json, f"Saved as {_version(saved['version'])}{told}.")


@prompt.command("use")
def use(
    purpose: PurposeArgument,
    version: VersionArgument,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """Put a version in force: a new one, an older one, or 0, the shipped words."""
    path = f"/api/prompts/{quote(purpose, safe='')}/in_force"
    made = talk(find_address(url, key, data), lambda api: api.put(path, {"version": version}))
    show(made, as_json, f"In force: {_version(version)}.")


@prompt.command("history")
def history(
    purpose: PurposeArgument,
    days: Annotated[int, typer.Option(min=1, max=3650, help="For the figures.")] = 30,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """List the versions with what is different, who saved them, and how each did."""

    async def work(api: ApiClient) -> Any:  # noqa: ANN401 - any JSON
        path = f"/api/prompts/{quote(purpose, safe='')}"
        versions = await api.get(f"{path}/versions")
        figures = await api.get(f"{path}/figures?days={days}")
        return {"data": versions["data"], "figures": figures["data"]}

    found = talk(find_address(url, key, data), work)
    known = {one["version"]: one for one in found["figures"]}
    lines = []
    for one in found["data"]:
        did = known.get(one["version"])
        figures = f"  {did['answers']} answers, {did['up']} good, {did['down']} bad" if did else ""
        said = "  ".join(part for part in (one["author"], one["created_at"], one["note"]) if part)
        lines.append(f"{_version(one['version'])}{figures}  {said}".rstrip())
    show(found, as_json, "\n".join(lines))


@prompt.command("diff")
def difference(
    purpose: PurposeArgument,
    before: VersionArgument,
    after: VersionArgument,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """Tell what one version has otherwise than another."""
    path = f"/api/prompts/{quote(purpose, safe='')}/difference?before={before}&after={after}"
    found = talk(find_address(url, key, data), lambda api: api.get(path))
    lines = [line for language, each in found["lines"].items() for line in (f"{language}:", *each)]
    lines += [
        f"{name}: {pair['before'] or '-'} -> {pair['after'] or '-'}"
        for name, pair in found["settings"].items()
    ]
    show(found, as_json, "\n".join(lines) or "They say the same.")


def _version(number: int) -> str:
    return f"version {number}" if number else "as shipped"
