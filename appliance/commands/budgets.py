"""`appliance budget …`: what may be spent in money, over HTTP."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from appliance.commands.client import ApiClient, find_address, show, talk
from appliance.commands.failures import CommandFailed
from appliance.commands.groups import find_group
from appliance.commands.options import DataOption, JsonOption, KeyOption, UrlOption

budget = typer.Typer(help="Set, list and remove budgets in money.", no_args_is_help=True)


class Each(StrEnum):
    """In which a budget is counted."""

    DAY = "day"
    MONTH = "month"


EachArgument = Annotated[Each, typer.Argument(help="In the box's time zone.")]
OrganisationOption = Annotated[bool, typer.Option("--organisation", help="On all together.")]
UserOption = Annotated[str | None, typer.Option(help="On this person, by e-mail address.", metavar="EMAIL")]
GroupOption = Annotated[
    str | None, typer.Option(help="On this group and those below it, all together.", metavar="NAME")
]
CloudOption = Annotated[
    bool, typer.Option("--cloud", help="For calls of clouds alone; else for all that have a price.")
]


@budget.command("set")
def set_budget(
    each: EachArgument,
    amount: Annotated[str, typer.Argument(help="In the box's currency, such as 25 or 2.50.")],
    organisation: OrganisationOption = False,
    user: UserOption = None,
    group: GroupOption = None,
    cloud: CloudOption = False,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """Set a budget; without --organisation, --user or --group it is everyone's, each for themselves."""

    async def work(api: ApiClient) -> Any:  # noqa: ANN401 - any JSON
        subject = await _subject(api, organisation, user, group)
        return await api.put(
            "/api/budgets",
            {**subject, "window": each.value, "covers": "cloud" if cloud else "all", "amount": amount},
        )

    made = talk(find_address(url, key, data), work)
    show(made, as_json, f"From now on: {_line(made, made['currency'])}")


@budget.command("list")
def listed(
    as_json: JsonOption = False, url: UrlOption = None, key: KeyOption = None, data: DataOption = None
) -> None:
    """List the budgets that are set."""
    found = talk(find_address(url, key, data), lambda api: api.get("/api/budgets"))
    lines = [f"{_line(entry, found['currency'])}  {entry['id']}" for entry in found["data"]]
    show(found, as_json, "\n".join(lines) or "There are no budgets.")


@budget.command()
def state(
    mine: Annotated[bool, typer.Option("--mine", help="What counts for oneself.")] = False,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """Tell what is spent of each; of everyone's by those who spent most."""
    path = "/api/budgets/mine" if mine else "/api/budgets/state"
    found = talk(find_address(url, key, data), lambda api: api.get(path))
    lines = [
        f"{_line(entry, found['currency'])}: {entry['spent']:.2f} spent, {entry['held']:.2f} held, "
        f"whole again {entry['whole_at']}" + (f"  [{entry['level']} %]" if entry["level"] else "")
        for entry in found["data"]
    ]
    show(found, as_json, "\n".join(lines) or "There are no budgets.")


@budget.command()
def remove(
    which: Annotated[str, typer.Argument(help="The budget's id, as listed.")],
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """Take a budget away."""
    talk(find_address(url, key, data), lambda api: api.delete(f"/api/budgets/{which}"))
    show({"id": which, "removed": True}, as_json, f"Removed {which}.")


async def _subject(api: ApiClient, organisation: bool, user: str | None, group: str | None) -> dict[str, str]:
    """Whom it is about, as the API wants it. Raises CommandFailed for more than one."""
    if organisation + (user is not None) + (group is not None) > 1:
        raise CommandFailed("A budget is on one subject. Give one of --organisation, --user and --group.")
    if organisation:
        return {"subject_kind": "organisation"}
    if user is not None:
        return {"subject_kind": "user", "subject": user}
    if group is not None:
        return {"subject_kind": "group", "subject": (await find_group(api, group))["id"]}
    return {"subject_kind": "everyone"}


def _line(entry: dict[str, Any], currency: str) -> str:
    name = entry.get("subject_name") or entry.get("subject") or ""
    what = "for clouds" if entry["covers"] == "cloud" else "for all"
    return (
        f"{entry['subject_kind']:<12} {name:<30} {entry['amount']:.2f} {currency} a {entry['window']} {what}"
    )
