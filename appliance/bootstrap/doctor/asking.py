"""How the doctor asks a server something by itself: one of the own network, without proxies and redirects."""

from __future__ import annotations

import urllib.request
from http.client import HTTPMessage, HTTPResponse
from typing import IO, cast

from inference.egress import Neighbours


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows nothing: a redirect is an error with its status."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> None:
        return None


def ask(url: str, neighbours: Neighbours, patience_s: float) -> HTTPResponse:
    """GET it. Raises OSError, also where it is no server of the own network, and ValueError."""
    if why := neighbours.refusal(url):
        raise OSError(why)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Stay)
    return cast(HTTPResponse, opener.open(url, timeout=patience_s))
