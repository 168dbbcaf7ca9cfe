"""Reads the company's identity provider: its discovery document, its keys, and the file with our secret."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from appliance.bootstrap.doctor.place import Place
from appliance.bootstrap.egress import WayOut, way_out
from appliance.errors import PartUnavailable, StartupError
from appliance.services.doctor.identity import IdentityReading
from appliance.services.single_sign_on.settings import OidcSettings
from appliance.settings import Settings

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def read_identity(place: Place) -> IdentityReading:
    """Asks the provider, as a sign-in would."""
    supervisor, box = place.supervisor, place.needed_box
    return identity_of(box.settings, supervisor.url if supervisor else None, way_out(box))


def identity_of(settings: Settings, running_at: str | None, out: WayOut) -> IdentityReading:
    """running_at: the address of the running appliance; None: it does not run."""
    oidc = settings.identity.oidc
    if not oidc.is_on:
        return IdentityReading(is_used=False)
    reading = _local(settings, running_at)
    try:
        keys, ends_sessions = asyncio.run(_ask(oidc, out))
    except StartupError as error:
        return replace(reading, wrong=error.detail)
    except PartUnavailable as error:
        return replace(reading, silent=error.detail or f"{oidc.issuer} does not answer.")
    return replace(reading, keys=keys, ends_sessions=ends_sessions)


async def _ask(oidc: OidcSettings, out: WayOut) -> tuple[int, bool]:
    """How many signing keys it has, and whether signing out there is offered."""
    # Here, because these bring in cryptography, which takes its time to load.
    from appliance.bootstrap.single_sign_on import build_provider, outgoing_http

    http = outgoing_http(oidc, out)
    try:
        provider = build_provider(oidc, http)
        metadata = await provider.metadata()
        return await provider.key_count(), bool(metadata.end_session_endpoint)
    finally:
        await http.close()


def _local(settings: Settings, running_at: str | None) -> IdentityReading:
    from appliance.api.single_sign_on import BACK_CHANNEL, redirect_uri
    from appliance.services.single_sign_on.sign_on import longest_access

    oidc, server = settings.identity.oidc, settings.server
    base = server.public_url.rstrip("/") or running_at or f"http://{server.host}:{server.port}"
    problem, is_open, is_empty = _secret_file(oidc.client_secret_file)
    return IdentityReading(
        issuer=oidc.issuer,
        secret=oidc.client_secret_file,
        secret_problem=problem,
        is_secret_open=is_open,
        is_secret_empty=is_empty,
        redirect=redirect_uri("", base),
        back_channel=f"{base}{BACK_CHANNEL}",
        has_public_url=bool(server.public_url) or server.host in _LOOPBACK,
        hours=longest_access(oidc).total_seconds() / 3600,
        takes_everybody=oidc.create_users and not oidc.allowed_domains and not oidc.allowed_groups,
    )


def _secret_file(name: str) -> tuple[str, bool, bool]:
    """(why it cannot be read, whether others can read it, whether it is empty)."""
    if not name:
        return "", False, False
    try:
        status = Path(name).stat()
    except OSError as error:
        return error.strerror or str(error), False, False
    return "", bool(status.st_mode & 0o077), not status.st_size
