"""The public HTTP API as the page's server uses it: with the token of whoever looks at the page, none of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import aiohttp

_TIMEOUT_S = 10.0


class ApiRefused(Exception):
    """The appliance did not answer, or refused; the sentence is its own (English), code is stable."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class ApiAddress:
    """Where the API is: a URL, or a unix socket when `socket` is set."""

    url: str
    socket: str | None = None

    @staticmethod
    def parse(text: str) -> ApiAddress:
        """`http://host:port`, or `http+unix:///path/of/the/socket`."""
        if text.startswith("http+unix://"):
            return ApiAddress("http://appliance", text.removeprefix("http+unix://"))
        return ApiAddress(text.rstrip("/"))


class ApiClient:
    """key: for development only, used where the request brings no token."""

    def __init__(self, address: ApiAddress, key: str | None = None) -> None:
        self._address = address
        self._key = key
        self._http: aiohttp.ClientSession | None = None

    async def get(self, path: str, authorization: str | None, accept: tuple[int, ...] = (200,)) -> Any:  # noqa: ANN401
        """The JSON at a path, read as the person that `authorization` stands for. Raises ApiRefused."""
        headers = {"authorization": authorization or (f"Bearer {self._key}" if self._key else "")}
        try:
            async with self._session().get(
                self._address.url + quote(path, safe="/?=&"), headers=headers
            ) as response:
                body = await response.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise ApiRefused("part_unavailable", str(error)) from error
        if response.status not in accept:
            refusal = body.get("error", {}) if isinstance(body, dict) else {}
            raise ApiRefused(
                str(refusal.get("code", "internal_error")), str(refusal.get("message", response.status))
            )
        return body

    def _session(self) -> aiohttp.ClientSession:
        # Made at first use, because it belongs to the event loop that serves the page.
        if self._http is None or self._http.closed:
            connector = aiohttp.UnixConnector(self._address.socket) if self._address.socket else None
            self._http = aiohttp.ClientSession(
                connector=connector,
                timeout=aiohttp.ClientTimeout(total=_TIMEOUT_S),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._http
