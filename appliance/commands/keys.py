"""`appliance key …`: API keys, over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from appliance.commands.client import ApiClient, find_address, show, talk
from appliance.commands.failures import CommandFailed
from appliance.commands.options import DataOption, JsonOption, KeyOption, UrlOption
from appliance.commands.users import find_user

key = typer.Typer(help="Make, list and revoke API keys.", no_args_is_help=True)


@key.command()
def create(
    user: Annotated[str, typer.Option(help="Whose key it is, by e-mail address.", metavar="EMAIL")],
    name: Annotated[str, typer.Option(help="What it is for, to know it again.")] = "",
    model: Annotated[
        list[str] | None, typer.Option(help="Only this model; may be given more than once.")
    ] = None,
    route: Annotated[
        list[str] | None, typer.Option(help="Only paths below this one, such as /v1/embeddings; repeatable.")
    ] = None,
    expires_days: Annotated[
        int | None, typer.Option(min=1, max=3650, help="Days until it expires; default: never.")
    ] = None,
    batch: Annotated[
        bool, typer.Option("--batch", help="What is asked with it lets everybody else go first.")
    ] = False,
    stay_local: Annotated[
        bool, typer.Option("--stay-local", help="What is asked with it never leaves this box.")
    ] = False,
    asked_model_only: Annotated[
        bool,
        typer.Option(
            "--asked-model-only", help="What is asked with it is never answered by a smaller model."
        ),
    ] = False,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """Make a key; it is shown only now."""

    async def work(api: ApiClient) -> Any:  # noqa: ANN401 - any JSON
        body: dict[str, Any] = {"user_id": (await find_user(api, user))["id"], "name": name}
        if batch:
            body["is_batch"] = True
        if stay_local:
            body["stays_local"] = True
        if asked_model_only:
            body["allows_smaller"] = False
        if model:
            body["models"] = model
        if route:
            body["routes"] = route
        if expires_days is not None:
            body["expires_at"] = (datetime.now(UTC) + timedelta(days=expires_days)).isoformat()
        return await api.post("/api/keys", body)

    made = talk(find_address(url, key, data), work)
    show(made, as_json, made["key"])


@key.command("list")
def listed(
    everybody: Annotated[bool, typer.Option("--all", help="Everybody's, not only one's own.")] = False,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """List keys by their first characters."""
    params = {"everybody": "true"} if everybody else {}
    found = talk(find_address(url, key, data), lambda api: api.get("/api/keys", params))
    lines = [
        f"{entry['prefix']}…  {'revoked' if entry['revoked_at'] else 'valid':<8} "
        f"{(entry['last_used_at'] or 'never used')[:16]:<17} {entry['name']}  {entry['id']}"
        for entry in found["data"]
    ]
    show(found, as_json, "\n".join(lines))


@key.command()
def revoke(
    which: Annotated[str, typer.Argument(help="The key's id, or its first characters as listed.")],
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """Refuse a key from now on, and end what is running with it."""

    async def work(api: ApiClient) -> Any:  # noqa: ANN401 - any JSON
        if not which.startswith("apl_"):
            return await api.delete(f"/api/keys/{which}")
        me = await api.get("/api/me")
        params = {"everybody": "true"} if me["role"] != "user" else {}
        keys = (await api.get("/api/keys", params))["data"]
        found = [
            entry["id"] for entry in keys if which.startswith(entry["prefix"]) or entry["prefix"] == which
        ]
        if len(found) != 1:
            problem = "No key begins" if not found else f"{len(found)} keys begin"
            raise CommandFailed(f"{problem} with {which[:10]}. Give the id from `appliance key list --all`.")
        return await api.delete(f"/api/keys/{found[0]}")

    revoked = talk(find_address(url, key, data), work)
    show(revoked, as_json, f"Revoked {revoked['prefix']}….")
