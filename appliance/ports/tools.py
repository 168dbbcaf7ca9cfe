"""What a model or a pipeline may call beside answering: our own tools, and those of MCP servers that were let in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from pydantic import BaseModel

from appliance.domain.answers import AnswerEvent, AnswerRequest, Citation, Tabled
from appliance.domain.data import AskedVia
from appliance.domain.documents import Collection
from appliance.domain.origins import Origins
from appliance.domain.people import Caller
from rag.documents import Passage

OnStep = Callable[[AnswerEvent], Awaitable[None]]
"""Told of places in the queue and of progress while a call runs."""


async def nobody_follows(_event: AnswerEvent) -> None:
    """For calls whose steps nobody wants to see."""


@dataclass(frozen=True, slots=True)
class Tool:
    """name: `search_documents`, or `SERVER.NAME` of an MCP server. input_schema: JSON Schema of the arguments.

    server: whose it is; empty: our own. needs_consent: the asker has not yet agreed that it is called for them.
    is_read_only: it changes nothing; of a foreign server by the administrator's word. goes_to: the foreign server's
    address as people are told it.
    """

    name: str
    description: str
    input_schema: Mapping[str, Any]
    server: str = ""
    needs_consent: bool = False
    is_read_only: bool = True
    title: str = ""
    goes_to: str = ""


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a call brought, as text for a model. origins: what it was made from; None, unknown, stays on the box.

    passages: what was found in documents, numbered in the text from 1. tables: results of the company's tables.
    """

    text: str
    is_error: bool = False
    origins: Origins = None
    structured: Mapping[str, Any] = field(default_factory=dict)
    passages: tuple[Passage, ...] = ()
    tables: tuple[Tabled, ...] = ()


class Tools(Protocol):
    """Every call runs with the caller's own permissions."""

    async def listed(self, caller: Caller) -> Sequence[Tool]: ...

    async def call(
        self,
        caller: Caller,
        name: str,
        arguments: Mapping[str, Any],
        request_id: str,
        origins: Origins,
        *,
        on_step: OnStep = nobody_follows,
        allowed: Sequence[str] = (),
        may_ask: bool = False,
    ) -> ToolResult:
        """origins: of the arguments, which a foreign server would be told.

        allowed: tools of others that the request agrees to, `SERVER.TOOL` or `SERVER.*`. may_ask: somebody follows and
        can be asked (ConsentAsked goes to on_step). Raises NotFound, NotPermitted, InvalidRequest.
        """
        ...


# Our own ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Calling:
    """What a call of one of our own tools is part of. via: by which door. origins: of its arguments."""

    request_id: str
    via: AskedVia
    origins: Origins
    on_step: OnStep = nobody_follows


class OwnTool(Protocol):
    """One of our own. arguments: what they are checked by; call() gets an instance of it."""

    name: str
    title: str
    description: str
    arguments: type[BaseModel]

    async def call(self, caller: Caller, asked: Any, calling: Calling) -> ToolResult: ...  # noqa: ANN401


class Answers(Protocol):
    """Whatever may be asked by a model's name, through the door that asks."""

    def answer(self, caller: Caller, request: AnswerRequest) -> AsyncIterator[AnswerEvent]: ...


class Wire(Protocol):
    """Ids and results as programs see them, and links below the box's own address."""

    def collection(self, text: str) -> UUID:
        """Raises NotFound."""
        ...

    def of_collection(self, collection_id: UUID) -> str: ...

    def of_passage(self, passage: Passage) -> dict[str, Any]:
        """Its file, where it stands in it, and the link that shows it marked."""
        ...

    def of_citation(self, citation: Citation) -> dict[str, Any]: ...

    def of_table(self, table: Tabled) -> dict[str, Any]: ...


class CollectionShelf(Protocol):
    """The collections that a caller sees."""

    async def seen(self, caller: Caller) -> Sequence[Collection]: ...
