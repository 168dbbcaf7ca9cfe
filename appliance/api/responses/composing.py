"""A response being put together from what an engine says, with the events that show it. Pure.

Thoughts and text are closed when something else begins; function calls stay open to the end, because their pieces may
come by turns. The first event is `response.created`, the last one tells how it ended; in between every event has the
next sequence number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal
from uuid import UUID

import orjson

from appliance.api.responses import ids
from appliance.api.responses.chat_deltas import CallPiece, Delta, usage_object
from appliance.api.responses.output_items import (
    CallItem,
    Event,
    MessageItem,
    ReasoningItem,
    SearchItem,
    Status,
)

_UNFINISHED = {"length": "max_output_tokens", "content_filter": "content_filter"}


class Composer:
    """One response. created_at: Unix time; told: what it repeats of its request; first_number: of its items."""

    def __init__(
        self,
        response: UUID,
        model: str,
        created_at: int,
        told: Mapping[str, Any],
        *,
        first_number: int = 0,
        seals_reasoning: bool = False,
    ) -> None:
        self.has_begun = False
        self.finish_reason: str | None = None
        self._response = response
        self._base = {
            "id": ids.response_id(response),
            "object": "response",
            "created_at": created_at,
            "model": model,
        }
        self._told = told
        self._first_number = first_number
        self._seals_reasoning = seals_reasoning
        self._sequence = 0
        self._items: list[MessageItem | ReasoningItem | CallItem | SearchItem] = []
        self._statuses: list[Status] = []
        self._open: MessageItem | ReasoningItem | None = None
        self._calls: dict[int, CallItem] = {}
        self._usage: Mapping[str, Any] | None = None
        self._extras: Mapping[str, Any] = {}

    # beginning ----------------------------------------------------------------------------------------

    def queued(self) -> bytes:
        """The first events of a response that has to wait its turn."""
        self.has_begun = True
        return self._written([self._about("created", "queued"), self._about("queued", "queued")])

    def in_progress(self) -> bytes:
        """The engine begins to answer."""
        events = [] if self.has_begun else [self._about("created", "in_progress")]
        self.has_begun = True
        return self._written([*events, self._about("in_progress", "in_progress")])

    # what the engine says -----------------------------------------------------------------------------

    def take(self, deltas: Sequence[Delta]) -> bytes:
        """More of the answer, as events."""
        events: list[Event] = []
        for delta in deltas:
            if delta.reasoning:
                events += self._thought(delta.reasoning)
            if delta.text:
                message, opened = self._message()
                events += [*opened, *message.text(delta.text, delta.logprobs)]
            if delta.refusal:
                message, opened = self._message()
                events += [*opened, *message.refusal(delta.refusal)]
            for piece in delta.calls:
                events += self._called(piece)
            self.finish_reason = delta.finish_reason or self.finish_reason
            self._usage = delta.usage or self._usage
        return self._written(events)

    def search(self, queries: Sequence[str], results: Sequence[Mapping[str, Any]] | None) -> bytes:
        """A search that was made before the answer. results None: they were not asked for."""
        events = self._close_open()
        item = SearchItem(self._new_id(ids.SEARCH), len(self._items), queries, results)
        self._items.append(item)
        self._statuses.append("completed")
        return self._written([*events, item.added(), *item.searched(), *item.close("completed")])

    @property
    def is_speaking(self) -> bool:
        """Whether a message is open, to which citations can be added."""
        return isinstance(self._open, MessageItem)

    def annotate(self, annotations: Sequence[Mapping[str, Any]]) -> bytes:
        """Citations of the text so far."""
        message, opened = self._message()
        return self._written([*opened, *message.annotate(annotations)])

    def add(self, extras: Mapping[str, Any]) -> None:
        """Fields of our own that OpenAI's shape has no place for; they stand in the finished response."""
        self._extras = {**self._extras, **extras}

    # the end ------------------------------------------------------------------------------------------

    def close(self) -> bytes:
        """The last events of the items."""
        events: list[Event] = []
        if not self._items:
            message, opened = self._message()
            events += [*opened, *message.text("")]
        status: Status = "incomplete" if self._reason else "completed"
        for position, item in enumerate(self._items):
            if self._statuses[position] == "in_progress":
                events += item.close(status)
                self._statuses[position] = status
        self._open = None
        return self._written(events)

    def finished(self, completed_at: int, *, is_stored: bool) -> dict[str, Any]:
        """The response as it is kept and returned, once it is closed."""
        return {
            **self._object("incomplete" if self._reason else "completed"),
            "completed_at": None if self._reason else completed_at,
            "incomplete_details": {"reason": self._reason} if self._reason else None,
            "usage": usage_object(self._usage),
            "store": is_stored,
            **self._extras,
        }

    def end(self, finished: Mapping[str, Any]) -> bytes:
        """The last event. finished: what `finished` gave."""
        return self._written([{"type": f"response.{finished['status']}", "response": finished}])

    def failed(self, error: Mapping[str, Any]) -> bytes:
        """The last events of a response that broke off. error: OpenAI's error object.

        `response.failed` alone would be taken for an end by clients that only collect text; the SDKs raise an
        exception for an event with an `error` in it.
        """
        told = {
            "code": _failure_code(error),
            "message": error["message"],
            "param": error.get("param"),
            "type": error.get("type"),
            "detail_code": error.get("code"),
        }
        self._statuses = ["incomplete" if status == "in_progress" else status for status in self._statuses]
        response = {
            **self._object("failed"),
            "error": told,
            "usage": usage_object(self._usage),
            "store": False,
        }
        raised = {name: error.get(name) for name in ("code", "message", "param")}
        return self._written(
            [
                {"type": "response.failed", "response": response},
                {"type": "error", **raised, "error": dict(error)},
            ]
        )

    @property
    def _reason(self) -> str | None:
        return _UNFINISHED.get(self.finish_reason or "")

    # items --------------------------------------------------------------------------------------------

    def _thought(self, piece: str) -> list[Event]:
        events: list[Event] = []
        item = self._open
        if not isinstance(item, ReasoningItem):
            events = self._close_open()
            item = ReasoningItem(self._new_id(ids.REASONING), len(self._items), seals=self._seals_reasoning)
            events += self._begin(item)
        return [*events, *item.thought(piece)]

    def _message(self) -> tuple[MessageItem, list[Event]]:
        if isinstance(self._open, MessageItem):
            return self._open, []
        events = self._close_open()
        item = MessageItem(self._new_id(ids.MESSAGE), len(self._items))
        return item, [*events, *self._begin(item)]

    def _called(self, piece: CallPiece) -> list[Event]:
        events: list[Event] = []
        call = self._calls.get(piece.index)
        if call is None:
            events = self._close_open()
            number = len(self._items)
            call_id = piece.id or f"call_{self._response.hex}{number:04x}"
            call = CallItem(self._new_id(ids.CALL), number, call_id)
            self._calls[piece.index] = call
            self._items.append(call)
            self._statuses.append("in_progress")
        return [*events, *call.take(piece)]

    def _begin(self, item: MessageItem | ReasoningItem) -> list[Event]:
        self._open = item
        self._items.append(item)
        self._statuses.append("in_progress")
        return [item.added()]

    def _close_open(self) -> list[Event]:
        item, self._open = self._open, None
        if item is None:
            return []
        self._statuses[self._items.index(item)] = "completed"
        return item.close("completed")

    def _new_id(self, kind: str) -> str:
        return ids.item_id(kind, self._response, self._first_number + len(self._items))

    # events -------------------------------------------------------------------------------------------

    def _object(self, status: str) -> dict[str, Any]:
        output = [item.wire(status) for item, status in zip(self._items, self._statuses, strict=True)]
        return {
            **self._base,
            "status": status,
            "completed_at": None,
            "error": None,
            "incomplete_details": None,
            "output": output,
            "usage": None,
            **self._told,
        }

    def _about(self, kind: Literal["created", "queued", "in_progress"], status: str) -> Event:
        return {"type": f"response.{kind}", "response": self._object(status)}

    def _written(self, events: Sequence[Event]) -> bytes:
        pieces = []
        for event in events:
            numbered = {**event, "sequence_number": self._sequence}
            self._sequence += 1
            pieces.append(b"event: %b\ndata: %b\n\n" % (event["type"].encode(), orjson.dumps(numbered)))
        return b"".join(pieces)


def _failure_code(error: Mapping[str, Any]) -> str:
    """OpenAI's closed list of codes has three that fit; ours stands in `detail_code`."""
    if error.get("type") == "rate_limit_error":
        return "rate_limit_exceeded"
    return "invalid_prompt" if error.get("type") == "invalid_request_error" else "server_error"
