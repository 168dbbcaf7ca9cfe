"""Signing in with the company's account: does the provider answer, and what is to be entered there?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from appliance.services.doctor.findings import Finding, error, ok, warning
from appliance.services.doctor.ways import Ways


@dataclass(frozen=True, slots=True)
class IdentityReading:
    """wrong: what the settings get wrong; silent: why the provider does not answer. secret: the file's path.

    hours: until somebody who is removed there is out here, at most.
    """

    is_used: bool = True
    issuer: str = ""
    keys: int = 0
    ends_sessions: bool = False
    wrong: str = ""
    silent: str = ""
    secret: str = ""
    secret_problem: str = ""
    is_secret_open: bool = False
    is_secret_empty: bool = False
    redirect: str = ""
    back_channel: str = ""
    has_public_url: bool = True
    hours: float = 0.0
    takes_everybody: bool = False


def identity_findings(seen: IdentityReading, ways: Ways) -> Iterator[Finding]:
    """One line where no provider is set."""
    if not seen.is_used:
        yield ok("identity.unused")
        return
    if seen.secret_problem:
        command = ways.set("identity.oidc.client_secret_file", '"/etc/appliance/oidc-secret"')
        yield error("identity.secret_unreadable", command, path=seen.secret, detail=seen.secret_problem)
    elif seen.is_secret_open:
        yield error("identity.secret_open", f"chmod 600 {seen.secret}", path=seen.secret)
    elif seen.is_secret_empty:
        yield error("identity.secret_empty", f"${{EDITOR:-nano}} {seen.secret}", path=seen.secret)
    if seen.wrong:
        yield error("identity.wrong", ways.appliance("settings"), detail=seen.wrong)
    elif seen.silent:
        command = f"curl -sS {seen.issuer.rstrip('/')}/.well-known/openid-configuration | head -c 300"
        yield error("identity.silent", command, detail=seen.silent)
    else:
        ways_out = "sign-out there too" if seen.ends_sessions else "no sign-out there"
        yield ok("identity.ok", issuer=seen.issuer, keys=seen.keys, ways=ways_out)
    yield ok("identity.redirect", url=seen.redirect)
    yield ok("identity.back_channel", url=seen.back_channel)
    if not seen.has_public_url:
        command = ways.set("server.public_url", '"https://THE-NAME-PEOPLE-TYPE"')
        yield warning("identity.no_public_url", command)
    yield ok("identity.leavers", hours=seen.hours)
    if seen.takes_everybody:
        command = ways.set("identity.oidc.allowed_domains", '["YOUR-DOMAIN"]')
        yield warning("identity.everybody", command)
