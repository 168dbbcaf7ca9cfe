"""`appliance question …`: saved questions to the company's tables, over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from appliance.commands.client import ApiClient, find_address, show, talk
from appliance.commands.failures import CommandFailed
from appliance.commands.options import DataOption, JsonOption, KeyOption, UrlOption
from appliance.commands.source_pages import result_page

question = typer.Typer(
    help="Save questions with their SQL, run them, and verify them for others.", no_args_is_help=True
)

Which = Annotated[str, typer.Argument(metavar="QUESTION", help="Its id, or its words.")]
ParameterOption = Annotated[
    list[str] | None,
    typer.Option(
        "--parameter",
        metavar="NAME:KIND=DEFAULT",
        help="For each :name of the SQL, such as from:date='last month' or n:integer=10; repeatable.",
    ),
]


@question.command("list")
def listed(
    as_json: JsonOption = False, url: UrlOption = None, key: KeyOption = None, data: DataOption = None
) -> None:
    """List your own, those you may ask, and as an administrator those that wait to be verified."""
    found = talk(find_address(url, key, data), lambda api: api.get("/api/data/questions"))
    show(found, as_json, list_page(found["data"]))


@question.command()
def add(
    source: Annotated[str, typer.Argument(help="The name or id of a source that was shared with you.")],
    words: Annotated[
        str, typer.Argument(metavar="QUESTION", help="In people's words; {braces} for what changes.")
    ],
    sql: Annotated[
        str, typer.Argument(help="One SELECT; :name stands for a value. @FILE reads it from a file.")
    ],
    parameters: ParameterOption = None,
    wordings: Annotated[
        list[str] | None, typer.Option("--wording", help="Another way to ask it; repeatable.")
    ] = None,
    language: Annotated[str, typer.Option(help="en or es: of the question.")] = "en",
    propose: Annotated[
        bool, typer.Option("--propose", help="Offer it to everybody who may ask the source.")
    ] = False,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """Save a question. Its SQL passes the guard and runs once with its defaults before it is kept."""
    body: dict[str, Any] = {
        "question": words,
        "sql": Path(sql[1:]).read_text(encoding="utf-8") if sql.startswith("@") else sql,
        "wordings": wordings or [],
        "language": language,
        "parameters": [_parameter(one) for one in parameters or []],
        "is_proposed": propose,
    }

    async def work(api: ApiClient) -> Any:  # noqa: ANN401 - any JSON
        return await api.post("/api/data/questions", body | {"source_id": await _source(api, source)})

    made = talk(find_address(url, key, data), work)
    show(made, as_json, f"Saved as {made['id']}.")


@question.command()
def run(
    which: Which,
    values: Annotated[
        list[str] | None,
        typer.Option(
            "--value", metavar="NAME=VALUE", help="As people write it: from='last month'; repeatable."
        ),
    ] = None,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """Run it; what is not told has its default."""
    body = {"values": dict(_pair(one) for one in values or [])}

    async def work(api: ApiClient) -> Any:  # noqa: ANN401 - any JSON
        return await api.post(f"{await _path(api, which)}/run", body)

    found = talk(find_address(url, key, data), work)
    show(found, as_json, result_page(found))


@question.command()
def verify(
    which: Which,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="It is its maker's alone again.")] = False,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """As an administrator, let all who may ask its source use it, and show it to models as an example."""

    async def work(api: ApiClient) -> Any:  # noqa: ANN401 - any JSON
        return await api.put(f"{await _path(api, which)}/verdict", {"is_good": not withdraw})

    found = talk(find_address(url, key, data), work)
    show(found, as_json, "Verified." if found["is_verified"] else "Its maker's alone again.")


@question.command()
def remove(
    which: Which,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """Delete it with its versions; answers that were given stay."""

    async def work(api: ApiClient) -> Any:  # noqa: ANN401 - any JSON
        path = await _path(api, which)
        await api.delete(path)
        return {"id": path.rpartition("/")[2], "removed": True}

    show(talk(find_address(url, key, data), work), as_json, "Removed.")


def list_page(entries: list[Mapping[str, Any]]) -> str:
    """One a line, with how it stands. Pure."""
    lines = []
    for one in entries:
        state = "verified" if one["is_verified"] else "offered" if one["is_proposed"] else "own"
        told = f"does not run any more: {one['problem']['detail']}" if one["problem"] else state
        gaps = ", ".join(f"{gap['name']}:{gap['kind']}={gap['default']}" for gap in one["parameters"])
        lines += [
            f"{_plain(one['question'])}  [{_plain(told)}]  {one['id']}",
            *([f"  {_plain(gaps)}"] if gaps else []),
        ]
    return (
        "\n".join(lines)
        or "There are no saved questions. Save one: appliance question add SOURCE QUESTION SQL"
    )


async def _path(api: ApiClient, which: str) -> str:
    """Of a question by its id or its words. Raises CommandFailed."""
    entries = (await api.get("/api/data/questions"))["data"]
    found = [one for one in entries if which == one["id"] or which.casefold() == one["question"].casefold()]
    if len(found) != 1:
        known = "\n".join(f"  {_plain(one['question'])}  {one['id']}" for one in entries) or "  none"
        raise CommandFailed(
            f"{'Several questions are' if found else 'No question is'} {which!r}. There are:\n{known}"
        )
    return f"/api/data/questions/{found[0]['id']}"


async def _source(api: ApiClient, name: str) -> str:
    entries = (await api.get("/api/data/offered"))["data"]
    for entry in entries:
        if name == entry["id"] or name.casefold() == entry["name"].casefold():
            return str(entry["id"])
    known = ", ".join(entry["name"] for entry in entries)
    raise CommandFailed(f"You may ask no data source {name!r}. You may ask: {known or 'none'}.")


def _parameter(text: str) -> dict[str, Any]:
    head, default = _pair(text)
    name, colon, kind = head.partition(":")
    if not colon:
        raise CommandFailed(f"{text!r} must be NAME:KIND=DEFAULT.")
    value: Any = default
    if kind in ("integer", "float", "boolean"):
        try:
            value = orjson.loads(default)
        except orjson.JSONDecodeError as error:
            raise CommandFailed(f"{default!r} is no {kind}.") from error
    return {"name": name, "kind": kind, "default": value}


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise CommandFailed(f"{text!r} must be NAME=VALUE.")
    return name, value


def _plain(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)
