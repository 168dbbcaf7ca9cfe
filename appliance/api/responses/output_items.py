"""The items of a response while they are written, and the events by which a client follows them. Pure.

Each method returns the events that it causes, without their sequence numbers. Order and fields are OpenAI's:
https://platform.openai.com/docs/api-reference/responses-streaming
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from appliance.api.responses.chat_deltas import CallPiece
from appliance.api.responses.input_items import sealed

Event = dict[str, Any]
Status = Literal["in_progress", "completed", "incomplete"]


class _Item:
    """item_id and output_index stand in each of its events."""

    def __init__(self, item_id: str, output_index: int) -> None:
        self._id = item_id
        self._where = {"item_id": item_id, "output_index": output_index}
        self._output_index = output_index

    def wire(self, status: Status) -> dict[str, Any]:
        """The item as it stands in `output`."""
        raise NotImplementedError

    def added(self) -> Event:
        return {
            "type": "response.output_item.added",
            "output_index": self._output_index,
            "item": self.wire("in_progress"),
        }

    def _done(self, status: Status) -> Event:
        return {
            "type": "response.output_item.done",
            "output_index": self._output_index,
            "item": self.wire(status),
        }

    def _event(self, kind: str, **fields: object) -> Event:
        return {"type": f"response.{kind}", **self._where, **fields}


class MessageItem(_Item):
    """What the model says, in parts of text and refusal."""

    def __init__(self, item_id: str, output_index: int) -> None:
        super().__init__(item_id, output_index)
        self._parts: list[dict[str, Any]] = []
        self._pieces: list[str] = []
        self._kind: Literal["output_text", "refusal"] | None = None
        self._logprobs: list[Mapping[str, Any]] = []
        self._annotations: list[Mapping[str, Any]] = []

    def wire(self, status: Status) -> dict[str, Any]:
        parts = [*self._parts, self._part()] if self._kind else self._parts
        return {
            "id": self._id,
            "type": "message",
            "status": status,
            "role": "assistant",
            "content": list(parts),
        }

    def text(self, piece: str, logprobs: Sequence[Mapping[str, Any]] = ()) -> list[Event]:
        events = self._open("output_text")
        if piece:
            self._pieces.append(piece)
            self._logprobs += logprobs
            delta = {**self._place(), "delta": piece, "logprobs": list(logprobs)}
            events.append(self._event("output_text.delta", **delta))
        return events

    def refusal(self, piece: str) -> list[Event]:
        events = self._open("refusal")
        self._pieces.append(piece)
        return [*events, self._event("refusal.delta", **self._place(), delta=piece)]

    def annotate(self, annotations: Sequence[Mapping[str, Any]]) -> list[Event]:
        events = self._open("output_text")
        for annotation in annotations:
            place = {**self._place(), "annotation_index": len(self._annotations)}
            self._annotations.append(annotation)
            events.append(self._event("output_text.annotation.added", **place, annotation=annotation))
        return events

    def close(self, status: Status) -> list[Event]:
        return [*self._close_part(), self._done(status)]

    def _open(self, kind: Literal["output_text", "refusal"]) -> list[Event]:
        if self._kind == kind:
            return []
        events = self._close_part()
        self._kind = kind
        return [*events, self._event("content_part.added", **self._place(), part=self._part())]

    def _close_part(self) -> list[Event]:
        if self._kind is None:
            return []
        part, place = self._part(), self._place()
        if self._kind == "refusal":
            said = self._event("refusal.done", **place, refusal=part["refusal"])
        else:
            said = self._event("output_text.done", **place, text=part["text"], logprobs=part["logprobs"])
        self._parts.append(part)
        self._kind = None
        self._pieces, self._logprobs, self._annotations = [], [], []
        return [said, self._event("content_part.done", **place, part=part)]

    def _place(self) -> dict[str, int]:
        return {"content_index": len(self._parts)}

    def _part(self) -> dict[str, Any]:
        text = "".join(self._pieces)
        if self._kind == "refusal":
            return {"type": "refusal", "refusal": text}
        return {
            "type": "output_text",
            "text": text,
            "annotations": list(self._annotations),
            "logprobs": list(self._logprobs),
        }


class ReasoningItem(_Item):
    """What the model thinks, in the open. seals: also as `encrypted_content`, for clients that keep nothing else."""

    def __init__(self, item_id: str, output_index: int, *, seals: bool) -> None:
        super().__init__(item_id, output_index)
        self._pieces: list[str] = []
        self._seals = seals

    def wire(self, status: Status) -> dict[str, Any]:
        item = {
            "id": self._id,
            "type": "reasoning",
            "status": status,
            "summary": [],
            "content": [self._part()] if self._pieces else [],
        }
        if self._seals and status != "in_progress":
            item["encrypted_content"] = sealed("".join(self._pieces))
        return item

    def thought(self, piece: str) -> list[Event]:
        events = (
            [] if self._pieces else [self._event("content_part.added", content_index=0, part=self._part())]
        )
        self._pieces.append(piece)
        return [*events, self._event("reasoning_text.delta", content_index=0, delta=piece)]

    def close(self, status: Status) -> list[Event]:
        part = self._part()
        return [
            self._event("reasoning_text.done", content_index=0, text=part["text"]),
            self._event("content_part.done", content_index=0, part=part),
            self._done(status),
        ]

    def _part(self) -> dict[str, Any]:
        return {"type": "reasoning_text", "text": "".join(self._pieces)}


class SearchItem(_Item):
    """A search in documents, done before it is told. results None: they were not asked for."""

    def __init__(
        self,
        item_id: str,
        output_index: int,
        queries: Sequence[str],
        results: Sequence[Mapping[str, Any]] | None,
    ) -> None:
        super().__init__(item_id, output_index)
        self._queries = list(queries)
        self._results = results

    def wire(self, status: Status) -> dict[str, Any]:
        return {
            "id": self._id,
            "type": "file_search_call",
            "status": status,
            "queries": self._queries,
            "results": None if self._results is None or status == "in_progress" else list(self._results),
        }

    def searched(self) -> list[Event]:
        return [self._event(f"file_search_call.{state}") for state in ("in_progress", "searching")]

    def close(self, status: Status) -> list[Event]:
        return [self._event("file_search_call.completed"), self._done(status)]


class CallItem(_Item):
    """A function that the model calls; it is added once its name is known."""

    def __init__(self, item_id: str, output_index: int, call_id: str) -> None:
        super().__init__(item_id, output_index)
        self._call_id = call_id
        self._name = self._waiting = ""
        self._pieces: list[str] = []

    def wire(self, status: Status) -> dict[str, Any]:
        return {
            "id": self._id,
            "type": "function_call",
            "status": status,
            "call_id": self._call_id,
            "name": self._name,
            "arguments": "".join(self._pieces),
        }

    def take(self, piece: CallPiece) -> list[Event]:
        self._waiting += piece.arguments
        events = []
        if piece.name and not self._name:
            self._name = piece.name
            events.append(self.added())
        if self._waiting and self._name:
            delta, self._waiting = self._waiting, ""
            self._pieces.append(delta)
            events.append(self._event("function_call_arguments.delta", delta=delta))
        return events

    def close(self, status: Status) -> list[Event]:
        events: list[Event] = []
        if not self._name:  # the engine never told it: what it said is shown all the same
            events = self.take(CallPiece(0, name="unnamed"))
        # A function without parameters may come without arguments; clients parse them all the same.
        if status == "completed" and not self._pieces:
            events += self.take(CallPiece(0, arguments="{}"))
        arguments = "".join(self._pieces)
        done = self._event("function_call_arguments.done", name=self._name, arguments=arguments)
        return [*events, done, self._done(status)]
