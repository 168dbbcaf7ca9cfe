"""`appliance limit …`: limits for everyone, people, groups, keys and models, over HTTP."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from appliance.commands.client import ApiClient, find_address, show, talk
from appliance.commands.failures import CommandFailed
from appliance.commands.groups import find_group
from appliance.commands.options import DataOption, JsonOption, KeyOption, UrlOption

limit = typer.Typer(help="Set, list and remove limits.", no_args_is_help=True)


class Kind(StrEnum):
    """What is limited."""

    REQUESTS_PER_MINUTE = "requests-per-minute"
    TOKENS_PER_MINUTE = "tokens-per-minute"
    TOKENS_PER_DAY = "tokens-per-day"
    TOKENS_PER_MONTH = "tokens-per-month"
    CONCURRENT_REQUESTS = "concurrent-requests"

    @property
    def on_the_wire(self) -> str:
        """As the API calls it."""
        return self.value.replace("-", "_")


KindArgument = Annotated[Kind, typer.Argument(help="What is limited; days and months are UTC's.")]
UserOption = Annotated[str | None, typer.Option(help="On this person, by e-mail address.", metavar="EMAIL")]
GroupOption = Annotated[
    str | None, typer.Option(help="On this group, all its people together.", metavar="NAME")
]
OnKeyOption = Annotated[
    str | None,
    typer.Option("--on-key", help="On this API key, by its id or first characters.", metavar="KEY"),
]
ModelOption = Annotated[str | None, typer.Option(help="On this model, for all together.", metavar="NAME")]


@limit.command("set")
def set_limit(
    kind: KindArgument,
    most: Annotated[int, typer.Argument(min=1, help="The most tokens or requests.")],
    user: UserOption = None,
    group: GroupOption = None,
    on_key: OnKeyOption = None,
    model: ModelOption = None,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """Set a limit; without --user, --group, --on-key or --model it is everyone's, each for themselves."""

    async def work(api: ApiClient) -> Any:  # noqa: ANN401 - any JSON
        subject = await _subject(api, user, group, on_key, model)
        return await api.put("/api/limits", {**subject, "kind": kind.on_the_wire, "most": most})

    made = talk(find_address(url, key, data), work)
    show(made, as_json, f"From now on: {_line(made)}")


@limit.command("list")
def listed(
    mine: Annotated[bool, typer.Option("--mine", help="What applies to oneself, and what is left.")] = False,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """List the limits that are set."""
    found = talk(
        find_address(url, key, data), lambda api: api.get("/api/limits/mine" if mine else "/api/limits")
    )
    lines = [
        f"{_line(entry)}, {entry['remaining']} left" if mine else f"{_line(entry)}  {entry['id']}"
        for entry in found["data"]
    ]
    show(found, as_json, "\n".join(lines) or "There are no limits.")


@limit.command()
def remove(
    which: Annotated[str, typer.Argument(help="The limit's id, as listed.")],
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """Take a limit away."""
    talk(find_address(url, key, data), lambda api: api.delete(f"/api/limits/{which}"))
    show({"id": which, "removed": True}, as_json, f"Removed {which}.")


async def _subject(
    api: ApiClient, user: str | None, group: str | None, on_key: str | None, model: str | None
) -> dict[str, str]:
    """Whom it is about, as the API wants it. Raises CommandFailed for more than one."""
    if sum(given is not None for given in (user, group, on_key, model)) > 1:
        raise CommandFailed("A limit is on one subject. Give one of --user, --group, --on-key and --model.")
    if user is not None:
        return {"subject_kind": "user", "subject": user}
    if group is not None:
        return {"subject_kind": "group", "subject": (await find_group(api, group))["id"]}
    if on_key is not None:
        return {"subject_kind": "key", "subject": await _key_id(api, on_key)}
    if model is not None:
        return {"subject_kind": "model", "subject": model}
    return {"subject_kind": "everyone"}


async def _key_id(api: ApiClient, which: str) -> str:
    if not which.startswith("apl_"):
        return which
    keys = (await api.get("/api/keys", {"everybody": "true"}))["data"]
    found = [entry["id"] for entry in keys if which.startswith(entry["prefix"])]
    if len(found) != 1:
        problem = "No key begins" if not found else f"{len(found)} keys begin"
        raise CommandFailed(f"{problem} with {which[:10]}. Give the id from `appliance key list --all`.")
    return str(found[0])


def _line(entry: dict[str, Any]) -> str:
    is_own = "remaining" in entry and entry["subject_kind"] == "user"
    name = "oneself" if is_own else entry.get("subject_name") or entry.get("subject") or ""
    return (
        f"{entry['subject_kind']:<9} {name:<30} {entry['kind'].replace('_', ' ')}: {entry['most']}".rstrip()
    )
