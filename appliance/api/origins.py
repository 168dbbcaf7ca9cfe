"""Where a request came from and how our own address looks from there, believing a proxy only when it is trusted."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.types import Scope

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def header_values(scope: Scope, name: bytes) -> list[str]:
    """Every value of a header; latin-1, as HTTP has it."""
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]


@dataclass(frozen=True, slots=True)
class Origins:
    """trusted: networks whose X-Forwarded-* headers count. public_url: our address when a proxy stands in front."""

    trusted: Sequence[Network] = ()
    public_url: str = ""

    @staticmethod
    def of(trusted_proxies: Iterable[str], public_url: str = "") -> Origins:
        """Raises ValueError for what is not a network."""
        networks = tuple(ipaddress.ip_network(text, strict=False) for text in trusted_proxies)
        return Origins(networks, public_url.rstrip("/"))

    def client(self, scope: Scope) -> str:
        """The address of who asks: the last one in X-Forwarded-For that is no proxy of ours."""
        peer = scope["client"][0] if scope.get("client") else ""
        if not self._is_trusted(peer):
            return peer
        hops = [hop.strip() for value in header_values(scope, b"x-forwarded-for") for hop in value.split(",")]
        for hop in reversed(hops):
            if not self._is_trusted(hop):
                return hop if _is_address(hop) else peer
        return peer

    def own(self, scope: Scope) -> str:
        """Our own origin as this browser knows it: `https://box.example`, without a default port."""
        scheme = str(scope.get("scheme", "http"))
        host = next(iter(header_values(scope, b"host")), "")
        if self._is_trusted(scope["client"][0] if scope.get("client") else ""):
            scheme = next(iter(header_values(scope, b"x-forwarded-proto")), scheme)
            host = next(iter(header_values(scope, b"x-forwarded-host")), host)
        return normal_origin(f"{scheme}://{host}")

    def is_own(self, scope: Scope, origin: str) -> bool:
        """Whether an Origin header names us."""
        wanted = normal_origin(origin)
        own = {self.own(scope)} | ({normal_origin(self.public_url)} if self.public_url else set())
        return bool(wanted) and wanted in own

    def is_secure(self, scope: Scope) -> bool:
        return self.own(scope).startswith("https://")

    def is_loopback(self, scope: Scope) -> bool:
        """Whether the browser itself reaches us on loopback, which it trusts like HTTPS."""
        host = urlsplit(self.own(scope)).hostname or ""
        if host == "localhost" or host.endswith(".localhost"):
            return True
        return _is_address(host) and ipaddress.ip_address(host).is_loopback

    def _is_trusted(self, address: str) -> bool:
        if not self.trusted or not _is_address(address):
            return False
        parsed = ipaddress.ip_address(address)
        if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
            parsed = parsed.ipv4_mapped
        return any(parsed in network for network in self.trusted)


def normal_origin(origin: str) -> str:
    """Scheme, host and port in lower case, without the default port; empty for what is no web origin."""
    try:
        parts = urlsplit(origin.strip())
        port = parts.port
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return ""
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    default = {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{host}" if port in (None, default) else f"{parts.scheme}://{host}:{port}"


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
