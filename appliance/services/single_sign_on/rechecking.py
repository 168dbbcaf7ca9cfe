"""Asking the provider again whether sign-ins still hold, so that who left the company is out within bounded time.

A sign-in that the provider knows no more ends; while it does not answer they hold for `grace_minutes`. Role and
groups are brought up to date on the way. One gateway process asks about a sign-in at a time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from appliance.errors import ApplianceError, NotAuthenticated, PartUnavailable
from appliance.ports.accounts import ProvenSession
from appliance.services.accounts.sign_in import SignIn
from appliance.services.single_sign_on.admitting import Admission
from appliance.services.single_sign_on.claims import person_of, says_enough
from appliance.services.single_sign_on.ports import LinkRepository
from appliance.services.single_sign_on.provider import GrantRefused, Provider, TokenRefused, Tokens
from appliance.services.single_sign_on.sealing import Seal
from appliance.services.single_sign_on.settings import OidcSettings

logger = logging.getLogger(__name__)

SWEEP_S = 15.0
_LEASE = timedelta(seconds=90)
_AGAIN = timedelta(seconds=60)
_AT_ONCE = 32


class Rechecking:
    """`run` is a task of the gateway's life; `sweep` is one round."""

    def __init__(
        self,
        settings: OidcSettings,
        provider: Provider,
        links: LinkRepository,
        admission: Admission,
        sign_in: SignIn,
        seal: Seal,
        clock: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._provider = provider
        self._links = links
        self._admission = admission
        self._sign_in = sign_in
        self._seal = seal
        self._clock = clock

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                while await self.sweep() == _AT_ONCE:
                    pass
            except ApplianceError as error:
                logger.warning("Sign-ins were not checked again: %s", error)
            except Exception:
                logger.exception("Sign-ins were not checked again.")
            await asyncio.sleep(SWEEP_S)

    async def sweep(self) -> int:
        """Ask about those that are due; returns how many that were."""
        now = self._clock()
        due = await self._links.claim_due(now, now + _LEASE, _AT_ONCE)
        outcomes = await asyncio.gather(*(self._check(one) for one in due), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, PartUnavailable):
                logger.warning("A sign-in was not checked again: %s", outcome)
            elif isinstance(outcome, BaseException):
                logger.error("A sign-in was not checked again.", exc_info=outcome)
        return len(due)

    async def _check(self, one: ProvenSession) -> None:
        proof = one.proof
        token = proof.refresh_token and self._seal.open(proof.refresh_token, proof.issuer, proof.subject)
        if not token or proof.issuer != self._settings.issuer:
            await self._end(one, "it was begun with another provider or secret")
            return
        try:
            tokens = await self._provider.refresh(token)
        except PartUnavailable as error:
            await self._wait(one, error)
            return
        except GrantRefused as error:
            await self._end(one, f"the identity provider does not know it any more: {error}")
            return
        # The old token may be worth nothing from now on: keep the new one before anything else can fail.
        sealed = tokens.refresh_token and self._seal.close(tokens.refresh_token, proof.issuer, proof.subject)
        await self._links.renew(one.session_id, sealed or None, self._clock() + _AGAIN)
        try:
            await self._bring_up_to_date(tokens, proof.subject)
        except (NotAuthenticated, TokenRefused, GrantRefused) as error:
            await self._end(one, str(error))
        except PartUnavailable as error:
            await self._wait(one, error)
        else:
            every = timedelta(minutes=self._settings.recheck_minutes)
            await self._links.renew(one.session_id, None, self._clock() + every)

    async def _bring_up_to_date(self, tokens: Tokens, subject: str) -> None:
        claims = dict(await self._provider.id_claims(tokens.id_token, None)) if tokens.id_token else {}
        if claims.setdefault("sub", subject) != subject:
            raise TokenRefused("the refreshed token is somebody else's")
        if not says_enough(claims, self._settings):
            claims = {**await self._provider.userinfo(tokens.access_token, subject), **claims}
        if says_enough(claims, self._settings) or tokens.id_token:
            await self._admission.confirm(person_of(claims, self._settings))
        else:
            await self._admission.confirm_unchanged(subject)

    async def _wait(self, one: ProvenSession, error: PartUnavailable) -> None:
        now = self._clock()
        since = one.failing_since or now
        if now - since >= timedelta(minutes=self._settings.grace_minutes):
            await self._end(one, f"the identity provider has not answered since {since:%H:%M}")
            return
        logger.warning("The identity provider was not asked again about a sign-in: %s", error)
        await self._links.note_failure(one.session_id, since, now + _AGAIN)

    async def _end(self, one: ProvenSession, why: str) -> None:
        if await self._sign_in.withdraw(one.user_id, one.session_id, why[:200]):
            logger.info("A sign-in was ended: %s", why)
