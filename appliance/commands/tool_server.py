"""`appliance tool-server …`: MCP servers of others, over HTTP."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

import typer

from appliance.commands.client import ApiClient, find_address, show, talk
from appliance.commands.failures import CommandFailed
from appliance.commands.groups import find_group
from appliance.commands.options import DataOption, JsonOption, KeyOption, UrlOption

tool_server = typer.Typer(
    help="Add MCP servers whose tools models may call, approve their tools and share them.",
    no_args_is_help=True,
)

NameArgument = Annotated[str, typer.Argument(help="The server's name.", metavar="NAME")]
ToolArgument = Annotated[str, typer.Argument(help="The tool's name at the server.", metavar="TOOL")]


@tool_server.command()
def add(
    name: NameArgument,
    address: Annotated[
        str, typer.Option("--address", help="Where it is, such as https://mcp.example.com/mcp.")
    ],
    header: Annotated[
        list[str] | None,
        typer.Option(
            help="A header and the file in tools.secrets_folder with its value: authorization=crm.key",
            metavar="H=FILE",
        ),
    ] = None,
    sees_documents: Annotated[
        bool,
        typer.Option(
            "--sees-documents", help="It may be told what documents and data say (own network only)."
        ),
    ] = False,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """Add a server and look what it offers; nothing of it can be called before it is approved and shared."""
    pairs = [one.partition("=") for one in header or []]
    if any(not equals for _, equals, _ in pairs):
        raise CommandFailed("A header is told as NAME=FILE, such as authorization=crm.key.")
    body = {
        "name": name,
        "url": address,
        "header_files": {one: file for one, _, file in pairs},
        "sees_documents": sees_documents,
    }
    made = talk(find_address(url, key, data), lambda api: api.post("/api/tools/servers", body))
    show(made, as_json, _told(made))


@tool_server.command("list")
def listed(
    as_json: JsonOption = False, url: UrlOption = None, key: KeyOption = None, data: DataOption = None
) -> None:
    """List the servers with their tools."""
    found = talk(find_address(url, key, data), lambda api: api.get("/api/tools/servers"))
    show(found, as_json, "\n".join(map(_told, found["data"])) or "There are no tool servers.")


@tool_server.command()
def look(
    name: NameArgument,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """Ask a server what it offers now; what changed waits for approval."""

    async def work(api: ApiClient) -> Any:  # noqa: ANN401 - any JSON
        return await api.post(f"{await _path(api, name)}/look", {})

    looked = talk(find_address(url, key, data), work)
    show(looked, as_json, _told(looked))


@tool_server.command()
def approve(
    name: NameArgument,
    tool: ToolArgument,
    asks_nobody: Annotated[
        bool,
        typer.Option("--asks-nobody", help="It changes nothing: people are not asked before it is called."),
    ] = False,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """Approve a tool as it is now."""

    async def work(api: ApiClient) -> Any:  # noqa: ANN401 - any JSON
        path = await _path(api, name)
        tools = (await api.get(path))["tools"]
        fingerprint = next((one["fingerprint"] for one in tools if one["name"] == tool), "")
        if not fingerprint:
            raise CommandFailed(
                f"{name} has no tool {tool}. It has: {', '.join(one['name'] for one in tools)}."
            )
        body = {"fingerprint": fingerprint, "asks_nobody": asks_nobody}
        return await api.put(f"{path}/tools/{quote(tool)}/approval", body)

    show(talk(find_address(url, key, data), work), as_json, f"{name}.{tool} is approved as it is now.")


@tool_server.command()
def withdraw(
    name: NameArgument,
    tool: ToolArgument,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """Take a tool's approval back."""

    async def work(api: ApiClient) -> Any:  # noqa: ANN401 - any JSON
        return await api.delete(f"{await _path(api, name)}/tools/{quote(tool)}/approval")

    talk(find_address(url, key, data), work)
    show({"server": name, "tool": tool}, as_json, f"Nobody can have {name}.{tool} called any more.")


@tool_server.command()
def share(
    name: NameArgument,
    everybody: Annotated[bool, typer.Option("--everybody", help="With everybody.")] = False,
    group: Annotated[
        list[str] | None, typer.Option(help="With this group; again for more.", metavar="NAME")
    ] = None,
    user: Annotated[
        list[str] | None, typer.Option(help="With this person, by e-mail.", metavar="EMAIL")
    ] = None,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """Say who may have its tools called, in place of whoever could; without an option nobody."""

    async def work(api: ApiClient) -> Any:  # noqa: ANN401 - any JSON
        groups = [(await find_group(api, one))["id"] for one in group or []]
        people = {one["email"]: one["id"] for one in (await api.get("/api/users?limit=1000"))["data"]}
        missing = [one for one in user or [] if one not in people]
        if missing:
            raise CommandFailed(f"There is nobody with the address {missing[0]}.")
        body = {"everybody": everybody, "groups": groups, "users": [people[one] for one in user or []]}
        return await api.put(f"{await _path(api, name)}/grants", body)

    shared = talk(find_address(url, key, data), work)
    whom = ", ".join(one["name"] or one["kind"] for one in shared["grants"]) or "nobody"
    show(shared, as_json, f"{name} is shared with {whom}.")


@tool_server.command()
def pause(
    name: NameArgument,
    again: Annotated[bool, typer.Option("--end", help="Let it be called again.")] = False,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """Let nobody have its tools called for now."""

    async def work(api: ApiClient) -> Any:  # noqa: ANN401 - any JSON
        return await api.patch(await _path(api, name), {"is_paused": not again})

    changed = talk(find_address(url, key, data), work)
    show(changed, as_json, f"{name} is {'in use' if again else 'paused'}.")


@tool_server.command()
def remove(
    name: NameArgument,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
) -> None:
    """Take a server away, with what people agreed to."""

    async def work(api: ApiClient) -> Any:  # noqa: ANN401 - any JSON
        return await api.delete(await _path(api, name))

    talk(find_address(url, key, data), work)
    show({"name": name, "removed": True}, as_json, f"Removed {name}.")


async def _path(api: ApiClient, name: str) -> str:
    """Raises CommandFailed."""
    found = (await api.get("/api/tools/servers"))["data"]
    for one in found:
        if one["name"] == name:
            return f"/api/tools/servers/{one['id']}"
    raise CommandFailed(
        f"There is no tool server {name}. There are: {', '.join(one['name'] for one in found) or 'none'}."
    )


def _told(server: dict[str, Any]) -> str:
    where = "outside" if server["is_outside"] else "own network"
    state = "  paused" if server["is_paused"] else ""
    problem = f"  ({server['problem']})" if server["problem"] else ""
    lines = [f"{server['name']}  {server['url']}  {where}{state}{problem}"]
    lines += [f"  {tool['name']}  {tool['state']}  {tool['description'][:80]}" for tool in server["tools"]]
    lines += [f"  left out: {reason}" for reason in server["left_out"]]
    return "\n".join(lines)
