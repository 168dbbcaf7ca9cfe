"""What `appliance doctor` says of signing in with the company's identity provider; nothing where none is set."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

from appliance.commands.findings import Finding, Verdict
from appliance.errors import PartUnavailable, StartupError
from appliance.services.single_sign_on.settings import OidcSettings
from appliance.settings import Settings

CHECK = "identity"


def identity_findings(settings: Settings, running_at: str | None) -> Iterator[Finding]:
    """Its secret's file, its discovery document and keys, and what is to be entered there.

    running_at: the address of the running appliance; None: it does not run.
    """
    oidc = settings.identity.oidc
    if not oidc.is_on:
        return
    yield from _secret_file(oidc)
    try:
        yield asyncio.run(_ask(oidc))
    except StartupError as error:
        yield Finding(CHECK, Verdict.FAIL, error.detail, "Correct identity.oidc in appliance.toml.")
    except PartUnavailable as error:
        sentence = error.detail or f"{oidc.issuer} does not answer."
        remedy = (
            "Is it reachable from this machine? In a company network: identity.oidc.ca_file, internal_hosts."
        )
        yield Finding(CHECK, Verdict.FAIL, sentence, remedy)
    yield from _address(settings, running_at)
    yield from _rules(oidc)


async def _ask(oidc: OidcSettings) -> Finding:
    # Here, because these bring in cryptography, which takes its time to load.
    from appliance.bootstrap.single_sign_on import build_provider, outgoing_http

    http = outgoing_http(oidc)
    try:
        provider = build_provider(oidc, http)
        metadata = await provider.metadata()
        keys = await provider.key_count()
    finally:
        await http.close()
    ways = "sign-out there too" if metadata.end_session_endpoint else "no sign-out there"
    return Finding(CHECK, Verdict.OK, f"{oidc.issuer} answers: {keys} signing keys, {ways}.")


def _secret_file(oidc: OidcSettings) -> Iterator[Finding]:
    if not oidc.client_secret_file:
        return
    path = Path(oidc.client_secret_file)
    try:
        status = path.stat()
    except OSError as error:
        sentence = f"{path} cannot be read: {error.strerror}."
        yield Finding(CHECK, Verdict.FAIL, sentence, "Correct identity.oidc.client_secret_file.")
        return
    if status.st_mode & 0o077:
        yield Finding(CHECK, Verdict.FAIL, f"{path} can be read by others.", f"chmod 600 {path}")
    elif not status.st_size:
        yield Finding(CHECK, Verdict.FAIL, f"{path} is empty.", "Put the client's secret into it.")


def _address(settings: Settings, running_at: str | None) -> Iterator[Finding]:
    from appliance.api.single_sign_on import BACK_CHANNEL, redirect_uri

    server = settings.server
    base = server.public_url.rstrip("/") or running_at or f"http://{server.host}:{server.port}"
    yield Finding(CHECK, Verdict.OK, f"Redirect URI to enter at the provider: {redirect_uri('', base)}")
    yield Finding(CHECK, Verdict.OK, f"Back-channel logout URL, where it has one: {base}{BACK_CHANNEL}")
    if not server.public_url and server.host not in ("127.0.0.1", "::1", "localhost"):
        yield Finding(
            CHECK,
            Verdict.WARN,
            "server.public_url is not set, so the redirect URI depends on how people type the address.",
            "Set server.public_url to the address that people use.",
        )


def _rules(oidc: OidcSettings) -> Iterator[Finding]:
    from appliance.services.single_sign_on.sign_on import longest_access

    hours = longest_access(oidc).total_seconds() / 3600
    yield Finding(
        CHECK, Verdict.OK, f"Who is removed there is out here within {hours:.1f} hours at the latest."
    )
    if oidc.create_users and not oidc.allowed_domains and not oidc.allowed_groups:
        yield Finding(
            CHECK,
            Verdict.WARN,
            "Everybody whom the provider knows gets an account.",
            "For a provider with strangers in it set identity.oidc.allowed_domains or allowed_groups.",
        )
