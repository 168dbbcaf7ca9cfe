"""Which hosts may be gone to: names as people write them, and the addresses of the internet told from the others."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

PORTS = {"http": 80, "https": 443, "ssh": 22}
_OF_THE_WEB = (80, 443)


class AllowList:
    """allowed: `huggingface.co`, `*.hf.co`, `hub.example:8443`; empty: nothing goes out. inside: those that may lie in
    the own network and be spoken to over plain http, written likewise; they are allowed as well.
    """

    def __init__(self, allowed: Sequence[str], inside: Sequence[str] = ()) -> None:
        self._inside = [one.lower() for one in inside]
        self._allowed = [*(one.lower() for one in allowed), *self._inside]

    def refusal(self, url: str) -> str:
        """Why a request may not go to this address, as far as its name tells; empty: it may."""
        parts = urlsplit(url)
        try:
            host, port = (parts.hostname or "").lower(), parts.port or PORTS.get(parts.scheme, 0)
        except ValueError:
            return "It is not an address."
        if parts.scheme not in PORTS or not host or parts.username is not None:
            return "It is not an address of the web."
        if not _named(self._allowed, host, port):
            return f"{host} is not among the hosts that are allowed."
        is_inside = self.is_inside(host, port)
        if is_address(host) and not is_public(host) and not is_inside:
            return f"{host} is an address of a private network; see egress.inside."
        if parts.scheme == "http" and not is_inside:
            return f"{host} was asked for over plain http."
        return ""

    def is_inside(self, host: str, port: int) -> bool:
        """Whether the operator named it as one of the own network."""
        return _named(self._inside, host.lower(), port)


def is_public(address: str) -> bool:
    """Whether an address is one of the internet's; an IPv4 address in an IPv6 one counts as itself."""
    parsed: Any = _parsed(address)
    if parsed is None:
        return False
    if isinstance(parsed, ipaddress.IPv6Address):
        parsed = parsed.ipv4_mapped or parsed.sixtofour or parsed
    return bool(parsed.is_global) and not parsed.is_multicast


def is_address(host: str) -> bool:
    """Whether it is written as numbers, not as a name."""
    return _parsed(host) is not None


def _named(hosts: Sequence[str], host: str, port: int) -> bool:
    """`*` stands for every host, `*.` for any name below; without a port the two of the web are meant."""
    for one in hosts:
        if one == "*":
            return True
        name, colon, wanted = (
            one.rpartition(":") if not one.endswith("]") and one.count(":") == 1 else (one, "", "")
        )
        if (int(wanted) != port) if colon and wanted.isdigit() else port not in _OF_THE_WEB:
            continue
        if host == name.strip("[]") or (name.startswith("*.") and host.endswith(name[1:])):
            return True
    return False


def _parsed(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
