"""Recordings heard by the appliance's own speech process, in turns with everybody else's.

People take turns and are limited as with engines. A second of sound counts as TOKENS_A_SECOND tokens, wherever tokens
are counted; the row of the ledger says the seconds themselves.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from appliance.api.exchange import Exchange
from appliance.api.rate_limit_headers import rate_limit_headers
from appliance.api.speech.form import SpeechForm
from appliance.api.speech.shapes import Transcript, delta_event, done_event, whole_answer
from appliance.domain.people import Caller
from appliance.errors import NotPermitted
from appliance.fairness.accounting.ledger import Entry
from appliance.fairness.admission import Ask, Candidate, Spent
from appliance.fairness.budgets.port import NOTHING_RESERVED
from appliance.fairness.gate import Gate
from appliance.fairness.lease import Lease
from appliance.services.offered_models import own_names
from inference.errors import InferenceError
from inference.ports import Transcriber
from inference.speech.types import SpeechEnd, SpeechPart, SpeechProgress, SpeechSegment

SERVED_BY = "local:speech"
TOKENS_A_SECOND = 10  # as OpenAI counts what a user says: one for every 100 ms (its Realtime API)
_POOL = ":speech"  # no engine can have that name
_SLOTS = 4  # the process lets them take turns piece by piece, so that a long one does not hold up a short one
_UNKNOWN_S = 60.0  # of a recording whose file does not say how long it is


@dataclass(slots=True)
class _Heard:
    """How far a recording has come; what is charged when it ends, or is left."""

    seconds: float = 0.0

    def take(self, part: SpeechPart) -> None:
        if isinstance(part, SpeechProgress):
            self.seconds = max(self.seconds, part.heard_s)
        elif isinstance(part, SpeechEnd):
            self.seconds = part.duration_s


class SpeechAnswers:
    """transcriber None: no recording is heard here. aliases: other names that may mean its model."""

    def __init__(
        self,
        transcriber: Transcriber | None,
        gate: Gate,
        aliases: Mapping[str, str],
        *,
        shows_queue: bool = True,
    ) -> None:
        self._transcriber = transcriber
        self._gate = gate
        self._aliases = aliases
        self._shows_queue = shows_queue

    @property
    def names(self) -> list[str]:
        """The model's name and aliases; empty where there is none."""
        if self._transcriber is None:
            return []
        try:
            return own_names(self._transcriber.model_id, self._aliases)
        except InferenceError:
            return []

    async def answer(self, exchange: Exchange, caller: Caller, form: SpeechForm, audio: Path) -> None:
        """Raises NotPermitted, AudioRefused, LanguageUnknown, SpeechUnavailable, PartUnavailable, QueueFull,
        RateLimited and QuotaExceeded."""
        assert self._transcriber is not None
        if not any(map(caller.scopes.allow_model, (form.model, *self.names))):
            raise NotPermitted(f"This key is not for the model {form.model!r}.", param="model")
        told = await self._transcriber.measure(audio)
        expected_s = told.duration_s or _UNKNOWN_S
        ledger = self._gate.ledger
        entry = ledger.begin(caller, form.model, exchange.scope["path"], exchange.request_id)
        entry.end.engine = "speech"
        heard = _Heard()
        lease: Lease | None = None
        budgets, held = self._gate.budgets, NOTHING_RESERVED
        tell = exchange.tell_waiting if form.is_stream and self._may_comment(exchange) else None
        try:
            lease = await self._gate.leases.acquire(self._ask(caller, form, entry, expected_s), tell)
            held = await budgets.reserve(caller, form.model, "speech", False, 0, 0, audio_seconds=expected_s)
            lease.first_byte()  # no prompt of others waits for this one to be read
            entry.runs_on("speech", lease.wait_s * 1000)
            await entry.committed()
            async with aclosing(self._transcriber.transcribe(audio, form.wish)) as parts:  # type: ignore[type-var]
                await self._send(exchange, form, parts, heard, entry, lease)
            entry.end.status = "completed"
        except BaseException as error:
            entry.note_failure(error)
            raise
        finally:
            entry.end.audio_seconds = heard.seconds
            if lease is not None:
                lease.release(Spent(tokens(heard.seconds)))
            ledger.finish(entry)
            budgets.settle(held, entry.end.cost)

    async def _send(
        self,
        exchange: Exchange,
        form: SpeechForm,
        parts: AsyncIterator[SpeechPart],
        heard: _Heard,
        entry: Entry,
        lease: Lease,
    ) -> None:
        transcript = Transcript()
        limits = rate_limit_headers(lease.limits)
        async for part in parts:
            heard.take(part)
            transcript.take(part)
            if isinstance(part, SpeechSegment):
                entry.end.ttft_ms = entry.end.ttft_ms or entry.elapsed_ms()
                if form.is_stream:
                    await exchange.begin_stream(SERVED_BY, limits)
                    await exchange.send_piece(delta_event(transcript.next_delta(part)))
        if form.is_stream:
            await exchange.begin_stream(SERVED_BY, limits)
            await exchange.send_piece(done_event(transcript))
            await exchange.end_stream()
            return
        content_type, body = whole_answer(transcript, form)
        headers = [
            (b"x-served-by", SERVED_BY.encode()),
            (b"x-queue-wait-ms", b"%d" % round(entry.end.wait_ms or 0)),
            *limits,
        ]
        await exchange.send_whole(200, content_type, body, headers)

    def _may_comment(self, exchange: Exchange) -> bool:
        return self._shows_queue and exchange.wants_comments

    def _ask(self, caller: Caller, form: SpeechForm, entry: Entry, expected_s: float) -> Ask:
        policy = self._gate.policy()
        return Ask(
            str(entry.start.id),
            _POOL,
            _POOL,
            policy.shares_of(caller),
            (Candidate(_POOL, _SLOTS),),
            tokens(expected_s),
            0,
            False,
            policy.limits_for(caller, *dict.fromkeys((form.model, *self.names))),
            entry.start.request_id,
        )


def tokens(seconds: float) -> int:
    """What so much sound counts where tokens are counted."""
    return math.ceil(seconds * TOKENS_A_SECOND)
