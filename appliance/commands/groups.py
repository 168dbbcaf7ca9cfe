"""`appliance group …`: groups, who is in them, and how they share the engines, over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from appliance.commands.client import ApiClient, find_address, show, talk
from appliance.commands.failures import CommandFailed
from appliance.commands.options import DataOption, JsonOption, KeyOption, UrlOption
from appliance.commands.users import find_user

group = typer.Typer(help="Add, list and change groups and their shares.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The group's name or id.")]
WeightOption = Annotated[
    float | None, typer.Option(help="Its part in sharing: 2 gets twice as much as 1 while both wait.")
]
ParentOption = Annotated[str | None, typer.Option(help="The group it stands below.", metavar="GROUP")]


@group.command()
def add(
    name: Annotated[str, typer.Argument(help="The new group's name.")],
    weight: WeightOption = None,
    parent: ParentOption = None,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """Add a group; without --weight it takes no part in sharing."""

    async def work(api: ApiClient) -> Any:  # noqa: ANN401 - any JSON
        above = None if parent is None else (await find_group(api, parent))["id"]
        return await api.post("/api/groups", {"name": name, "weight": weight, "parent_id": above})

    made = talk(find_address(url, key, data), work)
    show(made, as_json, f"Added {made['name']}.")


@group.command("list")
def listed(
    as_json: JsonOption = False, url: UrlOption = None, key: KeyOption = None, data: DataOption = None
) -> None:
    """List groups, their weights and how many people are in them."""
    found = talk(find_address(url, key, data), lambda api: api.get("/api/groups"))
    names = {entry["id"]: entry["name"] for entry in found["data"]}
    lines = [
        f"{entry['name']:<30} {'-' if entry['weight'] is None else format(entry['weight'], 'g'):>6} "
        f"{len(entry['member_ids']):>5} people  {names.get(entry['parent_id'], '')}".rstrip()
        for entry in found["data"]
    ]
    show(found, as_json, "\n".join(lines))


@group.command()
def change(
    name: Name,
    rename: Annotated[str | None, typer.Option(help="A new name.", metavar="NAME")] = None,
    weight: WeightOption = None,
    no_weight: Annotated[bool, typer.Option("--no-weight", help="Take it out of sharing.")] = False,
    parent: ParentOption = None,
    no_parent: Annotated[bool, typer.Option("--no-parent", help="Let it stand below none.")] = False,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """Change a group's name, weight or place."""

    async def work(api: ApiClient) -> Any:  # noqa: ANN401 - any JSON
        changes: dict[str, Any] = {}
        if rename is not None:
            changes["name"] = rename
        if weight is not None or no_weight:
            changes["weight"] = None if no_weight else weight
        if parent is not None or no_parent:
            changes["parent_id"] = (
                None if parent is None or no_parent else (await find_group(api, parent))["id"]
            )
        if not changes:
            raise CommandFailed(
                "Nothing to change. Give --rename, --weight, --no-weight, --parent or --no-parent."
            )
        return await api.patch(f"/api/groups/{(await find_group(api, name))['id']}", changes)

    changed = talk(find_address(url, key, data), work)
    show(changed, as_json, f"Changed {changed['name']}.")


@group.command()
def members(
    name: Name,
    email: Annotated[
        list[str] | None, typer.Argument(help="Exactly these people, by e-mail address.")
    ] = None,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """Set who is in a group; whoever is not named is taken out."""

    async def work(api: ApiClient) -> Any:  # noqa: ANN401 - any JSON
        found = await find_group(api, name)
        ids = [(await find_user(api, one))["id"] for one in email or []]
        await api.put(f"/api/groups/{found['id']}/members", {"user_ids": ids})
        return {"id": found["id"], "name": found["name"], "member_ids": ids}

    done = talk(find_address(url, key, data), work)
    show(done, as_json, f"{len(done['member_ids'])} people are in {done['name']}.")


@group.command()
def remove(
    name: Name,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """Remove a group; its people stay, groups below it stand below none."""

    async def work(api: ApiClient) -> Any:  # noqa: ANN401 - any JSON
        found = await find_group(api, name)
        await api.delete(f"/api/groups/{found['id']}")
        return {"id": found["id"], "name": found["name"], "removed": True}

    done = talk(find_address(url, key, data), work)
    show(done, as_json, f"Removed {done['name']}.")


async def find_group(api: ApiClient, name: str) -> dict[str, Any]:
    """By name or id. Raises CommandFailed."""
    groups = (await api.get("/api/groups"))["data"]
    for entry in groups:
        if entry["id"] == name or entry["name"].casefold() == name.casefold():
            return dict(entry)
    known = ", ".join(entry["name"] for entry in groups) or "none"
    raise CommandFailed(f"There is no group {name!r}. Known: {known}.")
