"""Signing in by way of the company's provider: out with state, nonce and PKCE; back with a code; out again at the end.

What comes back is believed only from the browser that began, once, and after every check of `id_tokens.py`. Knows
nothing of cookies and redirects: `api/single_sign_on.py` carries them.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import UUID

from appliance.domain.people import AccountEvent, Caller
from appliance.errors import (
    CompanySignInDenied,
    CompanySignInFailed,
    IdentityProviderUnavailable,
    NotFound,
    PartUnavailable,
    SignInStateLost,
)
from appliance.ports.accounts import ProviderProof
from appliance.services.accounts.people import require_admin
from appliance.services.accounts.sign_in import Device, SignedIn, SignIn
from appliance.services.single_sign_on.admitting import Admission
from appliance.services.single_sign_on.claims import Person, person_of, says_enough
from appliance.services.single_sign_on.pending import PendingSignIns
from appliance.services.single_sign_on.ports import LinkRepository
from appliance.services.single_sign_on.provider import GrantRefused, Provider, TokenRefused, Tokens
from appliance.services.single_sign_on.rechecking import SWEEP_S, Rechecking
from appliance.services.single_sign_on.sealing import Seal
from appliance.services.single_sign_on.settings import OidcSettings

logger = logging.getLogger(__name__)

_OWN_PAGE = re.compile(r"/(?:[A-Za-z0-9_~-][A-Za-z0-9._~-]*/?)*(?:\?[A-Za-z0-9._~=&%+-]*)?")
_NOT_PAGES = ("/api/", "/v1/", "/gradio_api/", "/sign-in")
_LONGEST_NEXT = 500
_LONGEST_HINT = 3_000  # characters of an ID token that still fit into an address
_UNAVAILABLE = frozenset({"server_error", "temporarily_unavailable"})
_DENIED = frozenset({"access_denied", "login_required", "interaction_required", "consent_required"})
_LOGOUT_REMEMBERED_S = 900


def own_page(path: str | None) -> str:
    """Where to go after signing in: a page of ours, whatever was asked for."""
    if path is None or len(path) > _LONGEST_NEXT or not _OWN_PAGE.fullmatch(path):
        return "/"
    return "/" if path.startswith(_NOT_PAGES) else path


@dataclass(frozen=True, slots=True, repr=False)
class Departure:
    """url: at the provider. browser: the secret for the cookie of the browser that leaves."""

    url: str
    browser: str


class SingleSignOn:
    """One a process."""

    def __init__(
        self,
        settings: OidcSettings,
        provider: Provider,
        links: LinkRepository,
        pending: PendingSignIns,
        admission: Admission,
        sign_in: SignIn,
        seal: Seal,
        clock: Callable[[], datetime],
    ) -> None:
        self.settings = settings
        self._provider = provider
        self._links = links
        self._pending = pending
        self._admission = admission
        self._sign_in = sign_in
        self._seal = seal
        self._clock = clock
        self.rechecking = Rechecking(settings, provider, links, admission, sign_in, seal, clock)

    async def begin(
        self, redirect_uri: str, next_path: str | None, browser: str | None, address: str
    ) -> Departure:
        """Raises IdentityProviderUnavailable, TooManyAttempts, PartUnavailable."""
        metadata = await self._provider.metadata()
        state, secret, pending = await self._pending.begin(
            browser, redirect_uri, own_page(next_path), address
        )
        wish = {
            **self.settings.parameters,
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": redirect_uri,
            "scope": " ".join(self.settings.scopes),
            "state": state,
            "nonce": pending.nonce,
            "code_challenge": pending.challenge,
            "code_challenge_method": "S256",
        }
        return Departure(_with_query(metadata.authorization_endpoint, wish), secret)

    async def finish(
        self, answer: Mapping[str, str], browser: str | None, device: Device, old_token: str | None
    ) -> tuple[SignedIn, str]:
        """The session and where to go. answer: the query that the browser brought back.

        Raises CompanySignInFailed and its kinds, AccountSuspended, IdentityProviderUnavailable, PartUnavailable.
        """
        metadata = await self._provider.metadata()
        issuer = answer.get("iss")
        # RFC 9207: an answer of another provider, put into this flow, is named by its issuer.
        if (issuer is None and metadata.names_itself) or issuer not in (None, self.settings.issuer):
            logger.warning("a sign-in came back from another issuer")
            raise CompanySignInFailed
        pending = await self._pending.take(answer.get("state", ""), browser)
        _refuse_errors(answer.get("error"), answer.get("error_description", ""))
        code = answer.get("code", "")
        if not code or len(code) > 4096:
            raise SignInStateLost
        try:
            tokens = await self._provider.exchange(code, pending.verifier, pending.redirect_uri)
            person = await self._person(tokens, pending.nonce)
        except (GrantRefused, TokenRefused) as error:
            logger.warning("a sign-in with the identity provider was refused: %s", error)
            raise CompanySignInFailed from error
        user = await self._admission.admit(person, device.address)
        proof, at_most = self._proof(tokens, person)
        signed_in = await self._sign_in.begin(user, device, old_token, proof=proof, at_most=at_most)
        return signed_in, pending.next_path

    async def sign_out_url(self, caller: Caller, back_to: str) -> str | None:
        """Where the browser goes to be signed out at the provider too; None where there is no such place."""
        if caller.session_id is None:
            return None
        proof = await self._links.proof(caller.session_id)
        if proof is None or proof.issuer != self.settings.issuer:
            return None
        try:
            endpoint = (await self._provider.metadata()).end_session_endpoint
        except PartUnavailable:
            return None
        if not endpoint:
            return None
        wish = {"client_id": self.settings.client_id, "post_logout_redirect_uri": back_to}
        hint = self._seal.open(proof.id_token, proof.issuer, proof.subject)
        if hint is not None and len(hint) <= _LONGEST_HINT:
            wish["id_token_hint"] = hint
        return _with_query(endpoint, wish)

    async def unlink(self, caller: Caller, user_id: UUID) -> None:
        """An account stands for nobody at the provider any more, so it can be linked anew.

        Raises NotPermitted, NotFound.
        """
        require_admin(caller)
        event = AccountEvent("user.unlinked", caller.user_id, user_id)
        sessions = await self._links.unlink(user_id, event)
        if sessions is None:
            raise NotFound("This account stands for nobody at the identity provider.")
        for session_id in sessions:
            await self._sign_in.withdraw(user_id, session_id, "the account was unlinked")

    async def signed_out_there(self, logout_token: str) -> int:
        """Back-channel logout; returns how many sign-ins ended. Raises CompanySignInFailed, PartUnavailable."""
        try:
            claims = await self._provider.logout_claims(logout_token)
        except TokenRefused as error:
            logger.warning("a back-channel logout was refused: %s", error)
            raise CompanySignInFailed from error
        if not await self._pending.is_first(str(claims["jti"]), _LOGOUT_REMEMBERED_S):
            raise CompanySignInFailed
        subject, name = claims.get("sub"), claims.get("sid")
        ended = await self._links.sessions_of(
            self.settings.issuer, subject and str(subject), name and str(name)
        )
        for session_id, user_id in ended:
            await self._sign_in.withdraw(user_id, session_id, "signed out at the identity provider")
        return len(ended)

    async def _person(self, tokens: Tokens, nonce: str) -> Person:
        claims: Mapping[str, Any] = await self._provider.id_claims(tokens.id_token, nonce)
        if not says_enough(claims, self.settings):
            more = await self._provider.userinfo(tokens.access_token, str(claims["sub"]))
            claims = {**more, **claims}
        if isinstance(claims.get("_claim_names"), Mapping):
            logger.warning(
                "the provider has left out claims that are too long (%s); send fewer groups, or application roles",
                ", ".join(map(str, claims["_claim_names"])),
            )
        return person_of(claims, self.settings)

    def _proof(self, tokens: Tokens, person: Person) -> tuple[ProviderProof, timedelta | None]:
        """Without a refresh token the provider cannot be asked again, so the sign-in is short."""
        settings, now = self.settings, self._clock()

        def sealed(token: str) -> bytes:
            return self._seal.close(token, settings.issuer, person.subject)

        can_ask = bool(tokens.refresh_token)
        proof = ProviderProof(
            settings.issuer,
            person.subject,
            person.provider_session,
            sealed(tokens.id_token),
            sealed(tokens.refresh_token) if can_ask else None,
            now + timedelta(minutes=settings.recheck_minutes) if can_ask else None,
        )
        return proof, None if can_ask else timedelta(hours=settings.session_hours)


def longest_access(settings: OidcSettings) -> timedelta:
    """How long after being removed at the provider somebody who is signed in may still be let in, at most."""
    asked = timedelta(minutes=settings.recheck_minutes + settings.grace_minutes, seconds=SWEEP_S + 60)
    return max(asked, timedelta(hours=settings.session_hours))


def _refuse_errors(error: str | None, description: str) -> None:
    if error is None:
        return
    # Repeated with %r: it came through the address bar and may hold anything.
    logger.warning("the identity provider answered %r: %r", error[:100], description[:300])
    if error in _UNAVAILABLE:
        raise IdentityProviderUnavailable
    if error in _DENIED:
        raise CompanySignInDenied
    raise CompanySignInFailed


def _with_query(endpoint: str, wish: Mapping[str, str]) -> str:
    separator = "&" if urlsplit(endpoint).query else "?"
    return f"{endpoint}{separator}{urlencode(wish)}"
