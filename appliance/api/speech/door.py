"""The raw ASGI door of `/v1/audio/*`: the form to the disk, then the answer, for as long as the client is there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from pathlib import Path

from starlette.types import Receive, Scope, Send

from appliance import telemetry
from appliance.api.draining import restarting
from appliance.api.exchange import Exchange
from appliance.api.fast_path import Identifies
from appliance.api.interruption import Interruption
from appliance.api.json_bodies import ClientGone
from appliance.api.speech.answers import SpeechAnswers
from appliance.api.speech.form import Received, check_form, received
from appliance.domain.people import Caller
from appliance.errors import CredentialWithdrawn
from appliance.fairness.cancellation import GONE, REVOKED, STOPPING
from appliance.services.accounts.live_requests import LiveRequests
from inference.errors import ModelNotFound, SpeechNotInstalled
from inference.speech.types import SpeechTask

ROUTES: Mapping[str, SpeechTask] = {
    "/v1/audio/transcriptions": "transcribe",
    "/v1/audio/translations": "translate",
}


class SpeechDoor:
    """folder: where recordings lie while they are heard, and no longer."""

    def __init__(
        self,
        identity: Identifies,
        live: LiveRequests,
        answers: SpeechAnswers,
        folder: Path,
        *,
        max_file_bytes: int,
        comment_after_s: float = 1.0,
    ) -> None:
        self._identity = identity
        self._live = live
        self._answers = answers
        self._folder = folder
        self._max_file_bytes = max_file_bytes
        self._comment_after_s = comment_after_s

    @staticmethod
    def serves(scope: Scope) -> bool:
        """Whether this request is for the door."""
        return scope["type"] == "http" and scope["method"] == "POST" and scope["path"] in ROUTES

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request for which `serves` is true."""
        exchange = Exchange(scope, receive, send, comment_after_s=self._comment_after_s)
        token = telemetry.request_id.set(exchange.request_id)
        try:
            await self._handle(exchange)
        except ClientGone:
            pass
        except asyncio.CancelledError as error:
            if STOPPING not in error.args:
                raise
            await exchange.fail(restarting())
        except Exception as error:
            await exchange.fail(error)
        finally:
            telemetry.request_id.reset(token)

    async def _handle(self, exchange: Exchange) -> None:
        moment = self._live.moment
        caller = await self._identity.identify(exchange.scope)
        async with received(exchange.scope, exchange.receive, self._folder, self._max_file_bytes) as form:
            interruption = Interruption()
            with self._live.track(caller, lambda: interruption.now(REVOKED), since=moment):
                await self._while_present(exchange, interruption, self._answer(exchange, caller, form))

    async def _answer(self, exchange: Exchange, caller: Caller, form: Received) -> None:
        asked = check_form(form, ROUTES[exchange.scope["path"]])
        names = self._answers.names
        if not names:
            raise SpeechNotInstalled
        if asked.model not in names:
            raise ModelNotFound(asked.model, names)
        await self._answers.answer(exchange, caller, asked, form.audio)

    async def _while_present(
        self, exchange: Exchange, interruption: Interruption, answering: Awaitable[None]
    ) -> None:
        """Answer, unless the client leaves or its credential is withdrawn: either cancels the work at once."""

        async def watch() -> None:
            await exchange.until_gone()
            interruption.now(exchange.cut_off or GONE)

        watcher = asyncio.create_task(watch())
        try:
            with interruption:
                await answering
        except asyncio.CancelledError as error:
            if interruption.reason is None:
                raise
            raise (CredentialWithdrawn if interruption.reason == REVOKED else ClientGone) from error
        finally:
            watcher.cancel()
