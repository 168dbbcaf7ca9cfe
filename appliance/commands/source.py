"""`appliance source …`: the company's databases, what of them may be asked and by whom, over HTTP."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any
from urllib.parse import quote

import typer

from appliance.commands.client import ApiClient, find_address, show, talk
from appliance.commands.failures import CommandFailed
from appliance.commands.options import DataOption, JsonOption, KeyOption, UrlOption
from appliance.commands.source_pages import (
    added_page,
    drift_lines,
    list_page,
    result_page,
    source_page,
    tables_page,
)

source = typer.Typer(help="Connect databases, choose their tables and share them.", no_args_is_help=True)


class Kind(StrEnum):
    """Databases that can be asked."""

    POSTGRES = "postgres"
    MYSQL = "mysql"
    SQLSERVER = "sqlserver"
    SQLITE = "sqlite"


Name = Annotated[str, typer.Argument(help="The source's name or id.")]
WhomOption = Annotated[
    list[str] | None, typer.Option("--user", help="An address; repeatable.", metavar="EMAIL")
]
GroupsOption = Annotated[list[str] | None, typer.Option("--group", help="A group's name; repeatable.")]
EverybodyOption = Annotated[bool, typer.Option("--everybody", help="Whoever has an account.")]
AcceptOption = Annotated[
    str | None,
    typer.Option(
        "--accept-writing",
        metavar="REASON",
        help="Take a role that can write all the same; the audit keeps why.",
    ),
]


@source.command()
def add(
    name: Annotated[str, typer.Argument(help="What people will call it.")],
    kind: Annotated[Kind, typer.Argument(help="The kind of database.")],
    host: Annotated[str | None, typer.Option(help="Its name or address in the own network.")] = None,
    port: Annotated[int | None, typer.Option(help="Default: the usual one.")] = None,
    database: Annotated[str | None, typer.Option(help="The database on that server.")] = None,
    user: Annotated[str | None, typer.Option(help="A role that can only read.")] = None,
    password_file: Annotated[
        str | None, typer.Option(help="A file in `data.password_folder`, mode 600; a name is enough.")
    ] = None,
    path: Annotated[str | None, typer.Option(help="SQLite: a file in `data.sqlite_folder`.")] = None,
    more: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="Other settings, such as tls=verify-ca; repeatable."
        ),
    ] = None,
    description: Annotated[str, typer.Option(help="What stands in it, for people and models.")] = "",
    accept: AcceptOption = None,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """Connect a database. Nobody may ask it before tables are chosen and it is shared."""
    given = {"host": host, "port": port, "database": database, "user": user, "path": path}
    given["password_file"] = password_file
    settings: dict[str, Any] = {field: value for field, value in given.items() if value is not None}
    settings |= dict(_pair(one) for one in more or [])
    body = {"name": name, "kind": kind.value, "settings": settings, "description": description}
    body["writable_because"] = accept or ""
    made = talk(find_address(url, key, data), lambda api: api.post("/api/data/sources", body))
    show(made, as_json, added_page(made))


@source.command("list")
def listed(
    as_json: JsonOption = False, url: UrlOption = None, key: KeyOption = None, data: DataOption = None
) -> None:
    """List the sources, and what each lacks."""
    found = talk(find_address(url, key, data), lambda api: api.get("/api/data/sources"))
    show(found, as_json, list_page(found))


@source.command("show")
def show_one(
    name: Name,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """Tell how a source is reached, what of it is offered, to whom, and what its role could do."""
    found = talk(find_address(url, key, data), lambda api: _whole(api, name))
    show(found, as_json, source_page(found))


@source.command()
def tables(
    name: Name,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """List what the role can read: chosen tables with *, columns about people with !."""

    async def work(api: ApiClient) -> Any:  # noqa: ANN401 - any JSON
        return await api.get(f"{await _path(api, name)}/tables")

    found = talk(find_address(url, key, data), work)
    show(found, as_json, tables_page(found["data"]))


@source.command()
def choose(
    name: Name,
    chosen: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TABLE…", help="In full, such as public.invoice; with columns: public.invoice=id,total."
        ),
    ] = None,
    drop: Annotated[
        list[str] | None, typer.Option("--drop", metavar="TABLE", help="Choose it no more; repeatable.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All that the role can read.")] = False,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """Add tables to those that are offered; columns about people are left out unless you name them."""

    async def work(api: ApiClient) -> Any:  # noqa: ANN401 - any JSON
        whole = await _whole(api, name)
        path = f"/api/data/sources/{whole['id']}/tables"
        wanted: dict[str, list[str] | None] = {table["name"]: None for table in whole["tables"]}
        if every:
            wanted |= {table["name"]: None for table in (await api.get(path))["data"]}
        for one in chosen or []:
            table, equals, columns = one.partition("=")
            wanted[table] = [column for column in columns.split(",") if column] if equals else None
        for table in drop or []:
            if wanted.pop(table, "") == "":
                raise CommandFailed(f"{table} is not chosen; `appliance source show {name}` lists what is.")
        body = {"tables": [{"name": table, "columns": columns} for table, columns in wanted.items()]}
        return await api.put(path, body)

    found = talk(find_address(url, key, data), work)
    show(found, as_json, source_page(found))


@source.command()
def describe(
    name: Name,
    table: Annotated[str, typer.Argument(help="A chosen table, in full.")],
    text: Annotated[str | None, typer.Argument(help="What stands in it.")] = None,
    column: Annotated[
        list[str] | None,
        typer.Option("--column", metavar="NAME=TEXT", help="What a column says; repeatable."),
    ] = None,
    samples: Annotated[
        list[str] | None, typer.Option("--samples", metavar="NAME=A,B", help="Its sample values; repeatable.")
    ] = None,
    offer: Annotated[
        list[str] | None, typer.Option("--offer", metavar="NAME", help="Offer a column, personal or not.")
    ] = None,
    withhold: Annotated[
        list[str] | None, typer.Option("--withhold", metavar="NAME", help="Offer a column no more.")
    ] = None,
    personal: Annotated[
        list[str] | None, typer.Option("--personal", metavar="NAME", help="A column is about people.")
    ] = None,
    not_personal: Annotated[
        list[str] | None, typer.Option("--not-personal", metavar="NAME", help="A column is not.")
    ] = None,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """Say what a table and its columns hold, for people and models."""
    columns: dict[str, dict[str, Any]] = {}

    def note(name: str, **what: object) -> None:
        columns.setdefault(name, {"name": name}).update(what)

    for one, said in map(_pair, column or []):
        note(one, description=said)
    for one, said in map(_pair, samples or []):
        note(one, samples=[value.strip() for value in said.split(",") if value.strip()])
    for names, what in ((personal, True), (not_personal, False)):
        for one in names or []:
            note(one, is_personal=what)
    for names, what in ((offer, True), (withhold, False)):
        for one in names or []:
            note(one, is_offered=what)
    body = {"table": table, "description": text, "columns": list(columns.values())}

    async def work(api: ApiClient) -> Any:  # noqa: ANN401 - any JSON
        return await api.patch(f"{await _path(api, name)}/tables", body)

    found = talk(find_address(url, key, data), work)
    show(found, as_json, tables_page([{**found, "is_chosen": True}]))


@source.command()
def share(
    name: Name,
    user: WhomOption = None,
    group: GroupsOption = None,
    everybody: EverybodyOption = False,
    no_more: Annotated[bool, typer.Option("--no-more", help="Take it away from them.")] = False,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """Let people, groups or everybody ask a source, or take that away."""
    subjects = [f"user:{one}" for one in user or []] + [f"group:{one}" for one in group or []]
    subjects += ["everybody"] if everybody else []
    if not subjects:
        raise CommandFailed("With whom? Give --user EMAIL, --group NAME or --everybody.")

    async def work(api: ApiClient) -> Any:  # noqa: ANN401 - any JSON
        path = f"{await _path(api, name)}/shares"
        for subject in subjects:
            if no_more:
                await api.delete(f"{path}?with={quote(subject, safe='')}")
            else:
                await api.put(path, {"with": subject})
        return await api.get(path)

    found = talk(find_address(url, key, data), work)
    names = ", ".join(one["name"] or "everybody" for one in found["data"])
    show(found, as_json, f"May ask it from now on: {names or 'nobody'}.")


@source.command()
def refresh(
    name: Name,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """Read the database's tables anew, and tell what drifted."""

    async def work(api: ApiClient) -> Any:  # noqa: ANN401 - any JSON
        return await api.post(f"{await _path(api, name)}/refresh")

    found = talk(find_address(url, key, data), work)
    lines = drift_lines(found["drift"])
    if lines:
        lines.append(
            f"To settle it, look at the tables and choose them again: appliance source choose {name}"
        )
    show(found, as_json, "\n".join(lines) or "Everything is as it was chosen.")


@source.command()
def query(
    name: Name,
    sql: Annotated[str, typer.Argument(help="One SELECT; :name stands for a value.")],
    values: Annotated[
        list[str] | None, typer.Option("--value", metavar="NAME=VALUE", help="For each :name; repeatable.")
    ] = None,
    trial: Annotated[
        bool, typer.Option("--trial", help="As an administrator, shared with you or not.")
    ] = False,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """Ask a database that was shared with you; Ctrl-C stops the query there too."""
    body = {"sql": sql, "values": dict(_pair(one) for one in values or []), "is_trial": trial}

    async def work(api: ApiClient) -> Any:  # noqa: ANN401 - any JSON
        path = await _path(api, name) if trial else await _offered(api, name)
        return await api.post(f"{path}/query", body)

    found = talk(find_address(url, key, data), work)
    show(found, as_json, result_page(found))


@source.command()
def remove(
    name: Name,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """Take a source away, with what was chosen and shared; the database stays as it is."""

    async def work(api: ApiClient) -> Any:  # noqa: ANN401 - any JSON
        path = await _path(api, name)
        await api.delete(path)
        return {"id": path.rpartition("/")[2], "removed": True}

    show(talk(find_address(url, key, data), work), as_json, f"Removed {name}.")


async def _path(api: ApiClient, name: str) -> str:
    """Of a source by its name or id, for administrators. Raises CommandFailed."""
    return _found((await api.get("/api/data/sources"))["data"], name)


async def _offered(api: ApiClient, name: str) -> str:
    """The same of what may be asked."""
    return _found((await api.get("/api/data/offered"))["data"], name)


async def _whole(api: ApiClient, name: str) -> Any:  # noqa: ANN401 - any JSON
    return await api.get(await _path(api, name))


def _found(entries: list[dict[str, Any]], name: str) -> str:
    for entry in entries:
        if name in (entry["id"], entry["name"]) or entry["name"].casefold() == name.casefold():
            return f"/api/data/sources/{entry['id']}"
    known = ", ".join(entry["name"] for entry in entries)
    raise CommandFailed(f"There is no data source {name!r} here. There are: {known or 'none'}.")


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise CommandFailed(f"{text!r} must be NAME=VALUE.")
    return name, value
