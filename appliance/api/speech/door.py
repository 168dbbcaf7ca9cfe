"""The raw ASGI door of `/v1/audio/*`: the form to the disk, then the answer, for as long as the client is there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from starlette.types import Receive, Scope, Send

from appliance.api.exchange import Exchange
from appliance.api.fast_path import Identifies
from appliance.api.presence import answer_one, while_present
from appliance.api.speech.answers import SpeechAnswers
from appliance.api.speech.form import Received, check_form, received
from appliance.domain.people import Caller
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
        await answer_one(exchange, self._handle)

    async def _handle(self, exchange: Exchange) -> None:
        moment = self._live.moment
        caller = await self._identity.identify(exchange.scope)
        async with received(exchange.scope, exchange.receive, self._folder, self._max_file_bytes) as form:
            answering = self._answer(exchange, caller, form)
            await while_present(exchange, self._live, caller, answering, since=moment)

    async def _answer(self, exchange: Exchange, caller: Caller, form: Received) -> None:
        asked = check_form(form, ROUTES[exchange.scope["path"]])
        names = self._answers.names
        if not names:
            raise SpeechNotInstalled
        if asked.model not in names:
            raise ModelNotFound(asked.model, names)
        await self._answers.answer(exchange, caller, asked, form.audio)
