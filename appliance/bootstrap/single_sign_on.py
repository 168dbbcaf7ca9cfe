"""Signing in with the company's identity provider, joined. Imported only where a provider is set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from fastapi import APIRouter
from redis.asyncio import Redis

from appliance.api.accounts import Leave
from appliance.api.identity import Identity
from appliance.api.page_shell import SignInOffer
from appliance.api.single_sign_on import leaving, single_sign_on_routes
from appliance.bootstrap.egress import WayOut
from appliance.errors import StartupError
from appliance.services.accounts import Accounts
from appliance.services.accounts.authentication import utc_now
from appliance.services.single_sign_on.admitting import Admission
from appliance.services.single_sign_on.outgoing import OutgoingHttp
from appliance.services.single_sign_on.pending import PendingSignIns
from appliance.services.single_sign_on.ports import HttpClient
from appliance.services.single_sign_on.provider import Provider
from appliance.services.single_sign_on.rechecking import Rechecking
from appliance.services.single_sign_on.sealing import Seal
from appliance.services.single_sign_on.settings import OidcSettings
from appliance.services.single_sign_on.sign_on import SingleSignOn
from appliance.storage.accounts import PostgresUsers
from appliance.storage.database import Database
from appliance.storage.identity_links import PostgresIdentityLinks


@dataclass(frozen=True, slots=True)
class SingleSignOnRoom:
    """What the gateway joins in. rechecking: `run` it in the background. http: close it at the end."""

    routes: APIRouter
    leave: Leave
    offer: SignInOffer
    rechecking: Rechecking
    http: OutgoingHttp


def outgoing_http(settings: OidcSettings, out: WayOut) -> OutgoingHttp:
    """The way out to the provider: its own host may be anywhere, others it names only where the operator says so.

    The issuer may sign in as anybody, so it is also believed which hosts of the internet are its own.
    """
    named = [urlsplit(settings.issuer).hostname or "", *settings.internal_hosts]
    return OutgoingHttp(named, settings.ca_file, door=out.crossing(["*"]))


def build_provider(
    settings: OidcSettings, http: HttpClient, clock: Callable[[], datetime] = utc_now
) -> Provider:
    """Raises StartupError where the secret's file cannot be read."""
    return Provider(settings, _secret(settings), http, clock)


def build_single_sign_on(
    settings: OidcSettings,
    accounts: Accounts,
    identity: Identity,
    database: Database,
    valkey: Redis,
    session_secret: str,
    out: WayOut,
    clock: Callable[[], datetime] = utc_now,
) -> SingleSignOnRoom:
    """settings: with a provider."""
    http = outgoing_http(settings, out)
    users, links = PostgresUsers(database), PostgresIdentityLinks(database)
    admission = Admission(settings, users, links, accounts.people, accounts.withdrawals, clock)
    single_sign_on = SingleSignOn(
        settings,
        build_provider(settings, http, clock),
        links,
        PendingSignIns(valkey),
        admission,
        accounts.sign_in,
        Seal(session_secret.encode()),
        clock,
    )
    return SingleSignOnRoom(
        single_sign_on_routes(single_sign_on, accounts.sign_in, identity),
        leaving(single_sign_on, identity),
        SignInOffer(
            {"en": settings.label_en, "es": settings.label_es}, shows_password=not settings.hide_password
        ),
        single_sign_on.rechecking,
        http,
    )


def _secret(settings: OidcSettings) -> str:
    if not settings.client_secret_file:
        return settings.client_secret.get_secret_value()
    try:
        return Path(settings.client_secret_file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise StartupError(
            f"`identity.oidc.client_secret_file` cannot be read: {error}. Correct the path or its owner."
        ) from error
