"""One response on its way to a client: as events where it is streamed, else all at once at the end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson

from appliance.api.dropped_notes import dropped_headers
from appliance.api.exchange import Exchange, by_headers
from appliance.api.pipeline_answers import annotation, progress_comment
from appliance.api.rate_limit_headers import rate_limit_headers
from appliance.api.responses.chat_deltas import Delta
from appliance.api.responses.composing import Composer
from appliance.api.responses.file_search import results
from appliance.api.responses.requests import ResponseRequest
from appliance.domain.answers import AnswerRung, Cited, Dropped, Finished, Progressed, Tabled, Waiting
from appliance.fairness.admission import LimitState
from appliance.services.answer_shapes import as_coverage
from appliance.services.table_shapes import as_table
from rag.documents import Passage


class Writing:
    """created_at: Unix time. shows_queue: whether a stream sees its place in the queue."""

    def __init__(
        self, exchange: Exchange, request: ResponseRequest, created_at: int, *, shows_queue: bool
    ) -> None:
        self.exchange = exchange
        self.composer = Composer(
            request.id,
            request.model,
            created_at,
            request.told,
            first_number=len(request.items),
            seals_reasoning=request.seals_reasoning,
        )
        self.served_by: str | None = None
        self.rung: AnswerRung = ""
        self.answered_as = ""
        self.wait_ms = 0.0
        self.limits: Sequence[LimitState] = ()
        self.dropped: Dropped | None = None
        """What of the conversation the model did not see."""
        self._is_stream = request.is_stream
        self._is_writing = self._is_noted = False
        self._shows_queue = request.is_stream and shows_queue and exchange.wants_comments
        self._unsupported: list[list[int]] = []
        self._tables: list[dict[str, Any]] = []

    @property
    def tell(self) -> Callable[[Waiting], Awaitable[None]] | None:
        """Takes places in the queue; None: this client does not see them."""
        return self._tell if self._shows_queue else None

    async def _tell(self, waiting: Waiting) -> None:
        await self.exchange.tell_waiting(waiting)
        if self.exchange.has_begun and not self.composer.has_begun:
            await self._send(self.composer.queued())

    async def begin(self) -> None:
        """The engine begins to answer; calls after the first change nothing."""
        if self._is_stream and not self._is_writing:
            await self.exchange.begin_stream(self.served_by, self._more_headers(), self.rung)
            await self._send(self.composer.in_progress())
        self._is_writing = True

    async def progress(self, progress: Progressed) -> None:
        """How far documents are read before there is text: a comment, where this client sees comments."""
        if self._shows_queue:
            await self.begin()
            await self.exchange.send_piece(progress_comment(progress))

    async def take(self, deltas: Sequence[Delta]) -> None:
        await self._send(self.composer.take(deltas))

    async def search(self, question: str, passages: Sequence[Passage], *, shows_results: bool) -> None:
        """What was found before the model was asked."""
        found = results(passages) if shows_results else None
        await self._send(self.composer.search([question] if question else [], found))

    async def annotate(self, cited: Cited) -> None:
        """A pipeline's citations, and what of its text nothing supports."""
        self._unsupported = [list(span) for span in cited.unsupported]
        if cited.citations:
            await self._send(self.composer.annotate([annotation(one) for one in cited.citations]))

    def table(self, tabled: Tabled) -> None:
        """A result of the company's tables; all of them stand in the finished response."""
        self._tables.append(as_table(tabled))
        self.composer.add({"data": list(self._tables)})

    def signed(self, finished: Finished) -> Finished:
        """With who answers."""
        return replace(finished, served_by=self.served_by or "", rung=self.rung, answered_as=self.answered_as)

    def note(self, finished: Finished) -> None:
        """What OpenAI's shape has no place for, as on /v1/chat/completions."""
        self.served_by, self.rung = finished.served_by, finished.rung
        self.dropped, self._is_noted = finished.dropped, True
        self.composer.add(
            {
                "appliance": {
                    "kind": finished.kind,
                    "served_by": finished.served_by,
                    "rung": finished.rung,
                    "answered_as": finished.answered_as,
                    "notes": list(finished.notes),
                    "dropped_messages": finished.dropped_messages,
                    "coverage": [as_coverage(one) for one in finished.coverage],
                    "unsupported": self._unsupported,
                }
            }
        )

    async def close(self) -> None:
        """Nothing more will be said."""
        if self.rung not in ("", "same") and not self._is_noted:
            by = {"served_by": self.served_by, "rung": self.rung, "answered_as": self.answered_as}
            self.composer.add({"appliance": by})
        if self.dropped is not None:
            self.composer.add({"dropped": self.dropped.as_object()})
        await self._send(self.composer.close())

    async def end(self, response: Mapping[str, Any]) -> None:
        """The finished response: the last event, or the whole answer."""
        if self._is_stream:
            self.exchange.last_words = _nothing  # a response ends once, whatever comes after it
            await self.exchange.send_piece(self.composer.end(response))
            await self.exchange.end_stream()
            return
        headers = [
            *by_headers(self.served_by or "", self.rung),
            (b"x-queue-wait-ms", b"%d" % round(self.wait_ms)),
            *self._more_headers(),
        ]
        await self.exchange.send_whole(200, "application/json", orjson.dumps(response), headers)

    def _more_headers(self) -> list[tuple[bytes, bytes]]:
        return [*rate_limit_headers(self.limits), *dropped_headers(self.dropped)]

    async def _send(self, events: bytes) -> None:
        if self._is_stream:
            if self.composer.has_begun:
                self.exchange.last_words = self._broken_off
            if events:
                await self.exchange.send_piece(events)

    def _broken_off(self, body: bytes) -> bytes:
        return self.composer.failed(orjson.loads(body)["error"])


def _nothing(_body: bytes) -> bytes:
    return b""
