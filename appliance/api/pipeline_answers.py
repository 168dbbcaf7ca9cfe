"""A pipeline's events in the shape of OpenAI's chat completions, whole or in chunks, and requests the other way.

Citations stand in `annotations` as `file_citation` objects, and results of the company's tables in `data`: in the
message, or in the last delta of a stream. Pure but for the clock handed in.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, Literal, cast
from uuid import UUID

import orjson

from appliance.domain.answers import (
    AnswerEvent,
    AnswerRequest,
    Citation,
    Cited,
    Finished,
    Progressed,
    Tabled,
    TextDelta,
    ToolCalled,
    Waiting,
)
from appliance.domain.origins import OWN_WORDS
from appliance.errors import InvalidRequest
from appliance.services.answer_shapes import as_coverage
from appliance.services.knowledge import identifiers
from appliance.services.knowledge.passage_links import as_location, passage_link
from appliance.services.table_shapes import as_table
from appliance.services.tools.shapes import as_tool
from inference.types import ChatMessage, Usage
from rag.documents import nearest_heading

_OPTIONS = frozenset(
    {"max_tokens", "max_completion_tokens", "temperature", "top_p", "seed", "stop", "presence_penalty"}
)
_MOST_COLLECTIONS = 100
_MOST_ALLOWED = 100
_REFUSED = ("tools", "functions", "response_format", "logprobs")
DONE = b"data: [DONE]\n\n"


def answer_request(payload: Mapping[str, Any], request_id: str) -> AnswerRequest:
    """A checked chat request as a question in its conversation. Raises InvalidRequest for what pipelines cannot do."""
    for name in _REFUSED:
        wanted = payload.get(name)
        if wanted and wanted != {"type": "text"}:
            raise InvalidRequest(
                f"The model {payload['model']!r} does not support `{name}`; ask a chat model.", param=name
            )
    if (payload.get("n") or 1) != 1:
        raise InvalidRequest(f"The model {payload['model']!r} gives one answer.", param="n")
    language = payload.get("language")
    if language not in (None, "en", "es"):
        raise InvalidRequest("`language` must be `en` or `es`.", param="language")
    return AnswerRequest(
        messages=[_message(message, index) for index, message in enumerate(payload["messages"])],
        model=payload["model"],
        collection_ids=_collections(payload.get("vector_store_ids")),
        language=language,
        options={name: value for name, value in payload.items() if name in _OPTIONS and value is not None},
        request_id=request_id,
        origins=OWN_WORDS,  # a client keeps its conversation itself, and answers for it
        allow_tools=allowed_tools(payload.get("allow_tools")),
    )


def allowed_tools(names: object) -> tuple[str, ...]:
    """Tools of others that the client agrees to, as it has nobody who could be asked."""
    if names is None:
        return ()
    if (
        not isinstance(names, list)
        or len(names) > _MOST_ALLOWED
        or not all(isinstance(one, str) for one in names)
    ):
        raise InvalidRequest(
            f"`allow_tools` must be a list of at most {_MOST_ALLOWED} names such as `crm.find` or `crm.*`.",
            param="allow_tools",
        )
    return tuple(names)


def _message(message: Mapping[str, Any], index: int) -> ChatMessage:
    content = message.get("content")
    if isinstance(content, list):
        if any(part.get("type") != "text" for part in content):
            raise InvalidRequest(
                "Only text can be asked here; ask a model that sees pictures.",
                param=f"messages[{index}].content",
            )
        content = "\n".join(part["text"] for part in content)
    role = message["role"] if message["role"] != "function" else "tool"
    return ChatMessage(cast(Literal["user"], role), content or "")


def _collections(ids: object) -> tuple[UUID, ...] | None:
    """None or an empty list: all that the caller may see."""
    if ids is None or ids == []:
        return None
    if not isinstance(ids, list) or len(ids) > _MOST_COLLECTIONS:
        raise InvalidRequest(
            f"`vector_store_ids` must be a list of at most {_MOST_COLLECTIONS} ids.", param="vector_store_ids"
        )
    if not all(isinstance(one, str) for one in ids):
        raise InvalidRequest("`vector_store_ids` must hold ids.", param="vector_store_ids")
    return tuple(identifiers.parse(identifiers.COLLECTION, one, "vector_store_ids") for one in ids)


def annotation(citation: Citation) -> dict[str, Any]:
    """A citation as a `file_citation`; start and end are offsets in the answer's text."""
    return {
        "type": "file_citation",
        "index": citation.index,
        "file_id": identifiers.wire(identifiers.FILE, citation.file_id),
        "filename": citation.filename,
        "page": citation.page,
        "heading": nearest_heading(citation.headings),
        "cells": citation.location.cells,
        "location": as_location(citation),
        "quote": citation.quote,
        "start": citation.start,
        "end": citation.end,
        "is_verified": citation.is_verified,
        "marks": [list(mark) for mark in citation.marks],
        "page_start": citation.page_start,
        "page_end": citation.page_end,
        "next_page": citation.next_page,
        "url": passage_link(citation),
    }


class Completion:
    """One answer being put together. answer_id and created (Unix time) stand in every chunk."""

    def __init__(self, answer_id: str, created: int, model: str) -> None:
        self._base = {"id": answer_id, "created": created, "model": model}
        self._text: list[str] = []
        self._annotations: list[dict[str, Any]] = []
        self._tables: list[dict[str, Any]] = []
        self._tools: list[dict[str, Any]] = []
        self._unsupported: list[list[int]] = []
        self.finished = Finished("refused")

    def take(self, event: AnswerEvent) -> None:
        """Note an event."""
        if isinstance(event, TextDelta):
            self._text.append(event.text)
        elif isinstance(event, Tabled):
            self._tables.append(as_table(event))
        elif isinstance(event, ToolCalled):
            self._tools.append(as_tool(event))
        elif isinstance(event, Cited):
            self._annotations = [annotation(citation) for citation in event.citations]
            self._unsupported = [list(span) for span in event.unsupported]
        elif isinstance(event, Finished):
            self.finished = event

    def whole(self) -> bytes:
        """The answer of a call that is not streamed."""
        message = {
            "role": "assistant",
            "content": "".join(self._text),
            "refusal": None,
            "annotations": self._annotations,
            **self._data(),
        }
        choice = {
            "index": 0,
            "message": message,
            "logprobs": None,
            "finish_reason": self.finished.finish_reason,
        }
        return orjson.dumps(
            {
                **self._base,
                **self._dropped(),
                "object": "chat.completion",
                "choices": [choice],
                "usage": usage_object(self.finished.usage),
                "appliance": self._extras(),
            }
        )

    def chunk(self, text: str) -> bytes:
        """One piece of the text as an event; the first one names the role."""
        is_first = len(self._text) == 1
        delta = {"role": "assistant", "content": text} if is_first else {"content": text}
        return self._event(delta, None)

    def last_chunks(self, wants_usage: bool) -> bytes:
        """What comes after the text: the annotations, the finish reason, the usage where asked for, [DONE]."""
        delta: dict[str, Any] = {} if self._text else {"role": "assistant", "content": ""}
        delta |= {"annotations": self._annotations, **self._data()}
        events = self._event(
            delta, self.finished.finish_reason, {**self._dropped(), "appliance": self._extras()}
        )
        if wants_usage:
            usage = {"choices": [], "usage": usage_object(self.finished.usage)}
            events += b"data: %b\n\n" % orjson.dumps(
                {**self._base, "object": "chat.completion.chunk", **usage}
            )
        return events + DONE

    def _event(
        self, delta: Mapping[str, Any], reason: str | None, more: Mapping[str, Any] | None = None
    ) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        chunk = {**self._base, "object": "chat.completion.chunk", "choices": [choice], **(more or {})}
        return b"data: %b\n\n" % orjson.dumps(chunk)

    def _data(self) -> dict[str, Any]:
        """Answers from documents have none."""
        return {"data": self._tables} if self._tables else {}

    def _dropped(self) -> dict[str, Any]:
        dropped = self.finished.dropped
        return {} if dropped is None else {"dropped": dropped.as_object()}

    def _extras(self) -> dict[str, Any]:
        """What OpenAI's shape has no place for."""
        return {
            "kind": self.finished.kind,
            "served_by": self.finished.served_by,
            "rung": self.finished.rung,
            "answered_as": self.finished.answered_as,
            "notes": list(self.finished.notes),
            "dropped_messages": self.finished.dropped_messages,
            "coverage": [as_coverage(one) for one in self.finished.coverage],
            "unsupported": self._unsupported,
            **({"pipeline": self.finished.pipeline} if self.finished.pipeline else {}),
            **({"tools": self._tools} if self._tools else {}),
        }


def progress_comment(progress: Progressed) -> bytes:
    """A comment of a stream, which every client ignores and no proxy takes for silence."""
    return b": %b %d of %d\n\n" % (progress.stage.encode(), progress.done, progress.total)


async def as_pieces(
    completion: Completion, events: AsyncIterator[AnswerEvent], wants_usage: bool
) -> AsyncIterator[bytes | Waiting | Progressed]:
    """The events as bytes of a stream; places in the queue, and how far documents are read, pass as they are."""
    async for event in events:
        completion.take(event)
        if isinstance(event, Waiting | Progressed):
            yield event
        elif isinstance(event, TextDelta) and event.text:
            yield completion.chunk(event.text)
    yield completion.last_chunks(wants_usage)


def usage_object(usage: Usage) -> dict[str, Any]:
    """OpenAI's usage."""
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
    }
