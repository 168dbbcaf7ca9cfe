"""Talking to a running appliance from the command line: the same public HTTP API that every other client uses.

    def add(email: str, url: UrlOption = None, key: KeyOption = None, data: DataOption = None,
            as_json: JsonOption = False) -> None:
        user = talk(find_address(url, key, data), lambda api: api.post("/api/users", {"email": email}))
        show(user, as_json, f"Made {user['email']}.")

A refusal is raised as CommandFailed with the sentence the server wrote.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import aiohttp
import typer

from appliance.commands.failures import EXIT_UNREACHABLE, CommandFailed
from appliance.supervisor.data_folder import default_data_folder
from inference.sse import EventReader

CONNECT_TIMEOUT_S = 10.0
SILENCE_TIMEOUT_S = 600.0
_PATIENT = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S)
LOCAL_URL = "APPLIANCE_LOCAL_URL"
"""Inside a container: where the gateway is from there. The address for people leads out, where there is no way."""

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Address:
    """Where the appliance is (no slash at the end, no /v1) and the key that opens it."""

    url: str
    key: str


def find_address(url: str | None, key: str | None, data: Path | None) -> Address:
    """What was given, and for the rest DATA/credentials.json. Raises CommandFailed naming what is missing."""
    if url and key:
        return Address(_base(url), key)
    path = (data or default_data_folder()) / "credentials.json"
    kept = _credentials(path)
    inside = os.environ.get(LOCAL_URL, "")
    found_url = url or inside or kept.get("url")
    # A key goes only where it was made for; another appliance needs its own.
    own = {_base(address) for address in (inside, kept.get("url", "")) if address}
    found_key = key or (kept.get("api_key") if not url or _base(url) in own else None)
    if not found_url:
        raise CommandFailed(
            f"Where is the appliance? {path} does not say. Give `--url` and `--key`, or the `--data` of one here."
        )
    if not found_key:
        raise CommandFailed(
            f"There is no key for {found_url}. Give one with `--key`; an administrator makes it with "
            "`appliance key create --user EMAIL`."
        )
    return Address(_base(found_url), found_key)


def talk(address: Address, work: Callable[[ApiClient], Awaitable[Result]]) -> Result:
    """Run work with a client and return what it returns. Raises CommandFailed."""

    async def run() -> Result:
        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=CONNECT_TIMEOUT_S, sock_read=SILENCE_TIMEOUT_S
        )
        headers = {"authorization": f"Bearer {address.key}"}
        async with aiohttp.ClientSession(address.url, headers=headers, timeout=timeout) as session:
            return await work(ApiClient(session))

    try:
        return asyncio.run(run())
    except aiohttp.ClientConnectionError as error:
        raise CommandFailed(
            f"Nothing answers at {address.url} ({error}). Is `appliance up` running there? Another address: `--url`.",
            EXIT_UNREACHABLE,
        ) from error
    except (aiohttp.ClientError, TimeoutError) as error:
        raise CommandFailed(
            f"The answer of {address.url} broke off ({error!r}). Try again.", EXIT_UNREACHABLE
        ) from error


def show(value: Any, as_json: bool, text: str) -> None:  # noqa: ANN401 - any JSON
    """Print the result: one JSON document for programs, a sentence or table for people."""
    typer.echo(json.dumps(value, ensure_ascii=False) if as_json else text)


class ApiClient:
    """The verbs. Paths begin with /v1 or /api; a 4xx or 5xx raises CommandFailed with the server's sentence."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> Any:  # noqa: ANN401
        return await self._json("GET", path, params=params)

    async def text(self, path: str, params: Mapping[str, str] | None = None) -> str:
        """What is meant to be read, not parsed."""
        async with self._session.get(path, params=params) as response:
            await _refuse(response)
            return await response.text()

    async def post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:  # noqa: ANN401
        return await self._json("POST", path, json=body if body is not None else {})

    async def patch(self, path: str, body: Mapping[str, Any]) -> Any:  # noqa: ANN401
        return await self._json("PATCH", path, json=body)

    async def put(self, path: str, body: Mapping[str, Any]) -> Any:  # noqa: ANN401
        return await self._json("PUT", path, json=body)

    async def delete(self, path: str) -> Any:  # noqa: ANN401
        return await self._json("DELETE", path)

    async def upload(self, path: str, file: Path, fields: Mapping[str, str]) -> Any:  # noqa: ANN401
        """Send a file as multipart/form-data, read from disk as it goes."""
        with _form(file, fields) as form:
            return await self._json("POST", path, data=form)

    async def upload_for_text(self, path: str, file: Path, fields: Mapping[str, str]) -> str:
        """The same for an answer that is no JSON, and may take as long as it takes."""
        with _form(file, fields) as form:
            async with self._session.post(path, data=form, timeout=_PATIENT) as response:
                await _refuse(response)
                return await response.text()

    async def events(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> AsyncIterator[dict[str, Any]]:
        """The JSON data of each server-sent event, up to [DONE]. An error event raises CommandFailed."""
        async with self._session.request(method, path, json=body) as response:
            await _refuse(response)
            reader = EventReader()
            async for data in response.content.iter_any():
                for event in reader.feed(data):
                    if event == b"[DONE]":
                        return
                    value = json.loads(event)
                    if "error" in value:
                        raise CommandFailed(_sentence(value, response.status))
                    yield value

    async def _json(self, method: str, path: str, **arguments: Any) -> Any:  # noqa: ANN401
        async with self._session.request(method, path, **arguments) as response:
            await _refuse(response)
            raw = await response.read()
        return json.loads(raw) if raw else None


@contextmanager
def _form(file: Path, fields: Mapping[str, str]) -> Iterator[aiohttp.FormData]:
    try:
        opened = file.open("rb")
    except OSError as error:
        raise CommandFailed(f"{file} cannot be read: {error.strerror}.") from error
    with opened:
        # Quoted fields would reach the other side as %C3%B1: names go out in UTF-8, as from browsers.
        form = aiohttp.FormData(dict(fields), quote_fields=False)
        form.add_field("file", opened, filename=os.fspath(file.name))
        yield form


async def _refuse(response: aiohttp.ClientResponse) -> None:
    if response.status < 400:
        return
    raw = await response.read()
    try:
        body = json.loads(raw)
    except ValueError:
        body = {}
    request = response.headers.get("x-request-id", "")
    suffix = f" (request {request})" if response.status >= 500 and request else ""
    raise CommandFailed(_sentence(body, response.status) + suffix)


def _sentence(body: Any, status: int) -> str:  # noqa: ANN401 - any JSON
    error = body.get("error") if isinstance(body, dict) else None
    if isinstance(error, dict) and error.get("message"):
        where = f" (field {error['param']})" if error.get("param") else ""
        return f"{error['message']}{where}"
    return f"The appliance answered with status {status}."


def _credentials(path: Path) -> dict[str, str]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except PermissionError as error:
        raise CommandFailed(
            f"{path} may be read only by the user that runs the appliance. Use that user, or `--url` and `--key`."
        ) from error
    except ValueError as error:
        raise CommandFailed(f"{path} is not valid JSON ({error}). Give `--url` and `--key`.") from error
    return values if isinstance(values, dict) else {}


def _base(url: str) -> str:
    """Without a slash or /v1 at the end. Raises CommandFailed for what is no address."""
    base = url.rstrip("/").removesuffix("/v1")
    if base and urlsplit(base).scheme not in ("http", "https"):
        raise CommandFailed(f"{url!r} is not an address. It should look like http://127.0.0.1:8080.")
    return base
