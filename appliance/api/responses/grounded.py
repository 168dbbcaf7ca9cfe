"""One answer of a chat engine beside a search in documents: told first, its citations checked when the text ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from appliance.api.responses.chat_deltas import Delta
from appliance.api.responses.requests import ResponseRequest
from appliance.api.responses.writing import Writing
from appliance.domain.answers import Finished
from appliance.domain.origins import Origins, of_passages, together
from appliance.domain.people import Caller
from appliance.ports import Grounding
from inference.ports import ChatEngine
from inference.types import ChatMessage
from rag.documents import Passage


class Grounded:
    """grounding None: nothing is searched, and everything passes as it is. origins: of what was said, then of all."""

    def __init__(
        self,
        grounding: Grounding | None,
        caller: Caller,
        request: ResponseRequest,
        request_id: str = "",
        origins: Origins = None,
    ) -> None:
        self.origins = origins
        self._grounding = grounding
        self._caller = caller
        self._request = request
        self._request_id = request_id
        self._question = ""
        self._found: Sequence[Passage] = ()
        self._passages: tuple[Passage, ...] = ()
        self._notes: tuple[str, ...] = ()
        self._written = ""
        self._is_checked = False

    async def search(self, payload: dict[str, Any], engine: ChatEngine) -> None:
        """Find passages for the last thing a person said, and put them into the payload. Raises NotFound."""
        searching = self._request.file_search
        assert self._grounding is not None and searching is not None
        said = _said(payload)
        self._question, result = await self._grounding.searched(
            self._caller, said, searching.wanted, engine, self._request_id, self.origins
        )
        self.origins = together(self.origins, of_passages((*result.passages, *result.differing)))
        self._found = result.passages
        self._notes = result.notes if result.passages else (*result.notes, "nothing_found")
        payload["messages"], self._passages = await self._grounding.grounded(
            payload, said[-1].content, self._found, engine
        )

    async def tell(self, writing: Writing) -> None:
        """The search, before the first word."""
        if self._grounding is not None and self._request.file_search is not None:
            shows = self._request.file_search.shows_results
            await writing.search(self._question, self._found, shows_results=shows)

    async def take(self, writing: Writing, deltas: Sequence[Delta]) -> None:
        """More of the answer; where the model calls a function after its text, the text is checked before."""
        if self._grounding is None:
            await writing.take(deltas)
            return
        for delta in deltas:
            self._written += delta.text
            if delta.calls and self._written and not self._is_checked:
                await writing.take([replace(delta, calls=(), finish_reason=None, usage=None)])
                await self._check(writing)
                delta = replace(delta, reasoning="", text="", refusal="", logprobs=())
            await writing.take([delta])

    async def end(self, writing: Writing) -> None:
        """The text has ended: its citations, and what of it nothing supports."""
        if self._grounding is None:
            return
        await self._check(writing)
        writing.note(writing.signed(Finished("written", model=self._request.model, notes=self._notes)))

    async def _check(self, writing: Writing) -> None:
        if self._grounding is None or self._is_checked or not writing.composer.is_speaking:
            return
        self._is_checked = True
        if self._passages and self._written.strip():
            cited = await self._grounding.checked(self._caller, self._written, self._passages)
            if cited.unsupported:
                self._notes = (*self._notes, "unsupported")
            await writing.annotate(cited)


def _said(payload: dict[str, Any]) -> list[ChatMessage]:
    """What person and model said, up to the person's last words; pictures and tools are left out."""
    spoken = []
    for message in payload["messages"]:
        content = message.get("content") or ""
        if not isinstance(content, str):
            content = "\n".join(part.get("text", "") for part in content)
        if message["role"] in ("user", "assistant") and content:
            spoken.append(ChatMessage(message["role"], content))
    while spoken and spoken[-1].role != "user":
        spoken.pop()
    return spoken or [ChatMessage("user", "")]
