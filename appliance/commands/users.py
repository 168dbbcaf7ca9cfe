"""`appliance user …`: people, over HTTP; a forgotten password is reset at the machine itself."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from appliance.bootstrap.accounts import opened_accounts
from appliance.bootstrap.box import Box, open_box
from appliance.bootstrap.first_start import forget_password
from appliance.bootstrap.removal import remove_person
from appliance.commands.client import ApiClient, find_address, show, talk
from appliance.commands.failures import EXIT_REFUSED, EXIT_UNREACHABLE, CommandFailed
from appliance.commands.options import ConfigOption, DataOption, JsonOption, KeyOption, UrlOption
from appliance.domain.people import Role
from appliance.errors import ApplianceError, PartUnavailable
from appliance.services.accounts.passwords import generate_password
from appliance.supervisor.data_folder import default_data_folder

user = typer.Typer(help="Add, list, suspend and import people.", no_args_is_help=True)

Email = Annotated[str, typer.Argument(help="The person's e-mail address.")]
_PAGE = 1000


@user.command()
def add(
    email: Email,
    role: Annotated[Role, typer.Option(help="What the person may do.")] = Role.USER,
    name: Annotated[str, typer.Option(help="The person's name.")] = "",
    group: Annotated[
        list[str] | None, typer.Option(help="A group to join; may be given more than once.")
    ] = None,
    invite: Annotated[bool, typer.Option("--invite", help="Make a link instead of a password.")] = False,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """Add a person; prints a password, or with --invite a link, which is shown only now."""

    async def work(api: ApiClient) -> Any:  # noqa: ANN401 - any JSON
        group_ids = await _group_ids(api, group or [])
        body = {"email": email, "role": role.value, "name": name, "group_ids": group_ids, "invite": invite}
        return await api.post("/api/users", body)

    made = talk(find_address(url, key, data), work)
    link = made.get("invitation")
    text = (
        f"Invited {made['email']} until {link['expires_at']}: {link['url']}"
        if link
        else f"Added {made['email']} with the password {made['password']}"
    )
    show(made, as_json, text)


@user.command("list")
def listed(
    as_json: JsonOption = False, url: UrlOption = None, key: KeyOption = None, data: DataOption = None
) -> None:
    """List everybody."""
    people = talk(find_address(url, key, data), _everybody)
    lines = [
        f"{person['email']:<40} {person['role']:<8} "
        f"{'suspended' if person['is_suspended'] else '':<10} {person['name']}"
        for person in people
    ]
    show({"data": people}, as_json, "\n".join(lines))


@user.command()
def suspend(
    email: Email,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """Shut a person out at once: sign-ins, keys and what is running."""
    changed = talk(find_address(url, key, data), partial(_change, email, {"is_suspended": True}))
    show(changed, as_json, f"{changed['email']} is suspended. `appliance user resume` takes it back.")


@user.command()
def resume(
    email: Email,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """Let a suspended person in again."""
    changed = talk(find_address(url, key, data), partial(_change, email, {"is_suspended": False}))
    show(changed, as_json, f"{changed['email']} can sign in again.")


@user.command()
def unlink(
    email: Email,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """Forget whom an account stands for at the company's identity provider, so that it can be linked anew."""

    async def work(api: ApiClient) -> Any:  # noqa: ANN401 - any JSON
        person = await find_user(api, email)
        await api.delete(f"/api/users/{person['id']}/company-account")
        return person

    person = talk(find_address(url, key, data), work)
    show(person, as_json, f"{person['email']} stands for nobody at the identity provider any more.")


@user.command("role")
def change_role(
    email: Email,
    role: Annotated[Role, typer.Argument(help="What the person may do from now on.")],
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """Change what a person may do."""
    changed = talk(find_address(url, key, data), partial(_change, email, {"role": role.value}))
    show(changed, as_json, f"{changed['email']} is {changed['role']} now.")


@user.command("weight")
def change_weight(
    email: Email,
    weight: Annotated[
        float, typer.Argument(help="2 gets twice as much of the engines as 1 while both wait.")
    ],
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """Change a person's share of the engines."""
    changed = talk(find_address(url, key, data), partial(_change, email, {"weight": weight}))
    show(changed, as_json, f"{changed['email']} has the weight {changed['weight']:g} now.")


@user.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="CSV with the columns email, name, role, groups (a|b).")],
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """Invite everybody in a CSV file; prints a link for each; exit code 1 when a line was refused."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise CommandFailed(f"{file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise CommandFailed(f"{file} is not UTF-8. Save it as “CSV UTF-8” and try again.") from error
    done = talk(find_address(url, key, data), lambda api: api.post("/api/users/import", {"csv": text}))
    lines = [
        f"{line['line']:>5}  {line['email']:<40} {line['error'] or line['invitation']['url']}"
        for line in done["data"]
    ]
    show(done, as_json, "\n".join([*lines, f"{done['added']} people invited."]))
    if any(line["error"] for line in done["data"]):
        raise typer.Exit(EXIT_REFUSED)


@user.command("reset-password")
def reset_password(
    email: Email, as_json: JsonOption = False, data: DataOption = None, config: ConfigOption = None
) -> None:
    """Give a person a new password, at the machine itself and without a key; ends the person's sign-ins."""
    box = open_box(data or default_data_folder(), config)
    try:
        done = asyncio.run(_reset(box, email))
    except PartUnavailable as error:
        raise CommandFailed(
            f"PostgreSQL of {box.data} does not answer. Start the appliance (`appliance up`), then run this again.",
            EXIT_UNREACHABLE,
        ) from error
    show(done, as_json, f"The new password of {done['email']} is {done['password']}")


@user.command("remove")
def remove(
    email: Email,
    heir: Annotated[
        str, typer.Option(help="Whose the files become that the person put into other people's collections.")
    ],
    as_json: JsonOption = False,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Remove a person for good with all that is theirs, at the machine itself; prints a receipt."""
    box = open_box(data or default_data_folder(), config)
    try:
        receipt = asyncio.run(remove_person(box, email, heir))
    except PartUnavailable as error:
        raise CommandFailed(
            f"PostgreSQL of {box.data} does not answer. Start the appliance (`appliance up`), then run this again.",
            EXIT_UNREACHABLE,
        ) from error
    except ApplianceError as error:
        raise CommandFailed(str(error)) from error
    told = {"id": str(receipt.id), "user": str(receipt.subject_id), "removed": dict(receipt.removed)}
    lines = [f"{count:>10} {kind.replace('_', ' ')}" for kind, count in receipt.removed.items() if count]
    show(told, as_json, "\n".join([f"{email} is removed. Receipt {receipt.id}:", *lines]))


async def _reset(box: Box, email: str) -> dict[str, str]:
    async with opened_accounts(box, partial(forget_password, box.credentials_path)) as accounts:
        person = await accounts.people.by_email(email)
        if person is None:
            raise CommandFailed(f"There is nobody with the address {email}. `appliance user list` names all.")
        password = generate_password()
        await accounts.people.set_password(None, person, password)
        return {"id": str(person.id), "email": person.email, "password": password}


async def find_user(api: ApiClient, email: str) -> dict[str, Any]:
    """By e-mail address or id. Raises CommandFailed."""
    try:
        return dict(await api.get(f"/api/users/{UUID(email)}"))
    except ValueError:
        found = (await api.get("/api/users", {"email": email}))["data"]
    if not found:
        raise CommandFailed(f"There is nobody with the address {email}. `appliance user list` names all.")
    return dict(found[0])


async def _change(email: str, changes: dict[str, Any], api: ApiClient) -> Any:  # noqa: ANN401 - any JSON
    person = await find_user(api, email)
    return await api.patch(f"/api/users/{person['id']}", changes)


async def _everybody(api: ApiClient) -> list[dict[str, Any]]:
    people: list[dict[str, Any]] = []
    while True:
        after = people[-1]["email"] if people else ""
        page = (await api.get("/api/users", {"after": after, "limit": str(_PAGE)}))["data"]
        people += page
        if len(page) < _PAGE:
            return people


async def _group_ids(api: ApiClient, names: list[str]) -> list[str]:
    if not names:
        return []
    known = {group["name"].casefold(): group["id"] for group in (await api.get("/api/groups"))["data"]}
    missing = [name for name in names if name.casefold() not in known]
    if missing:
        raise CommandFailed(f"There is no group {missing[0]!r}. Known: {', '.join(known) or 'none'}.")
    return [known[name.casefold()] for name in names]
