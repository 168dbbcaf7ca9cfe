"""The calls that a model asked for in one go: each checked, made, and told; what people see of it comes as events."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from appliance.domain.answers import AnswerEvent, AnswerRequest, Progressed, Searched, Tabled, ToolCalled
from appliance.domain.origins import Origins, of_passages
from appliance.domain.people import Caller
from appliance.errors import ApplianceError, InvalidRequest
from appliance.pipelines.answer_with_tools.deltas import WantedCall, parsed
from appliance.pipelines.answer_with_tools.talk import Offer, Talk
from appliance.ports.tools import Tool, ToolResult, Tools
from inference.errors import InferenceError
from querying.errors import QueryingError
from rag.errors import RagError

MOST_AT_ONCE = 8
_SHOWN_CHARACTERS = 600
_TELLABLE = (ApplianceError, InferenceError, QueryingError, RagError)


@dataclass(slots=True)
class Progress:
    """Over all rounds of an answer. mistakes: calls that could not be made as they were written."""

    calls: int = 0
    mistakes: int = 0
    tables: int = 0
    made: set[tuple[str, str]] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Made:
    result: ToolResult | None
    told: str
    outcome: str
    ms: int


_MadeOf = tuple[int, _Made]


class Calls:
    """clock: seconds from wherever."""

    def __init__(self, tools: Tools, clock: Callable[[], float] = time.monotonic) -> None:
        self._tools, self._clock = tools, clock

    async def made(
        self,
        caller: Caller,
        request: AnswerRequest,
        wanted: Sequence[WantedCall],
        offer: Offer,
        talk: Talk,
        progress: Progress,
    ) -> AsyncGenerator[AnswerEvent, None]:
        """Our own at the same time, those of others one after the other: each may have to be agreed to."""
        events: asyncio.Queue[AnswerEvent] = asyncio.Queue()
        origins = talk.origins  # what one of them brings was not in the others' arguments
        tools = [offer.tool(call.name) for call in wanted]
        pairs = list(zip(wanted, tools, strict=True))

        async def one(call: WantedCall, tool: Tool | None) -> _MadeOf:
            return await self._one(caller, request, call, tool, events, progress, origins)

        everything = asyncio.create_task(_all_of(pairs, one))
        try:
            while not everything.done() or not events.empty():
                next_event = asyncio.create_task(events.get())
                waiting: set[asyncio.Task[Any]] = {next_event, everything}
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                if next_event.done():
                    yield next_event.result()
                else:
                    next_event.cancel()
            made = await everything
        finally:
            everything.cancel()
            await asyncio.gather(everything, return_exceptions=True)
        for call, tool in pairs:
            for event in self._told(call, tool, made[id(call)], talk, progress):
                yield event

    async def _one(
        self,
        caller: Caller,
        request: AnswerRequest,
        call: WantedCall,
        tool: Tool | None,
        events: asyncio.Queue[AnswerEvent],
        progress: Progress,
        origins: Origins,
    ) -> tuple[int, _Made]:
        began = self._clock()

        def made(result: ToolResult | None, told: str, outcome: str) -> tuple[int, _Made]:
            return id(call), _Made(result, told, outcome, round((self._clock() - began) * 1000))

        if tool is None:
            progress.mistakes += 1
            return made(None, f"There is no tool {call.name[:64]!r}.", "not_found")
        try:
            arguments = parsed(call.arguments)
        except ValueError as error:
            progress.mistakes += 1
            return made(None, f"{error} Write them anew.", "invalid_request")
        same = (tool.name, json.dumps(arguments, sort_keys=True))
        if same in progress.made:
            progress.mistakes += 1
            return made(
                None, "This was called already with these arguments; its result stands above.", "repeated"
            )
        progress.made.add(same)
        progress.calls += 1
        await events.put(Progressed("calling", progress.calls, 0, tool.name))
        try:
            result = await self._tools.call(
                caller,
                tool.name,
                arguments,
                request.request_id,
                origins,
                on_step=events.put,
                allowed=request.allow_tools,
                may_ask=request.turn_id is not None,
            )
        except InvalidRequest as error:
            progress.mistakes += 1
            return made(None, f"{error} Mend the arguments.", error.code)
        except _TELLABLE as error:
            return made(None, str(error), str(getattr(error, "code", "error")))
        return made(result, result.text, "failed" if result.is_error else "done")

    def _told(
        self, call: WantedCall, tool: Tool | None, one: _Made, talk: Talk, progress: Progress
    ) -> list[AnswerEvent]:
        name = tool.name if tool is not None else call.name[:64]
        seen: list[AnswerEvent] = []
        origins: Origins = frozenset()
        if one.result is None:
            talk.told(call, one.told)
        else:
            talk.answered(call, one.result, tool.server if tool is not None else "")
            origins = one.result.origins
            if one.result.passages:
                seen.append(Searched(tuple(talk.passages), origins=of_passages(one.result.passages)))
            for table in one.result.tables:
                seen.append(replace(table, slot=progress.tables) if isinstance(table, Tabled) else table)
                progress.tables += 1
        slot = len([message for message in talk.messages if message["role"] == "tool"]) - 1
        shown = _readable(call.arguments)[:_SHOWN_CHARACTERS]
        return [*seen, ToolCalled(name, shown, one.outcome, one.ms, slot, origins)]


async def _all_of(
    pairs: Sequence[tuple[WantedCall, Tool | None]],
    one: Callable[[WantedCall, Tool | None], Awaitable[_MadeOf]],
) -> dict[int, _Made]:
    """Own calls beside each other, and beside them those of others in turn; by the call's identity."""

    async def strange() -> list[_MadeOf]:
        return [await one(call, tool) for call, tool in pairs if tool is not None and tool.server]

    async def own() -> list[_MadeOf]:
        return await asyncio.gather(
            *(one(call, tool) for call, tool in pairs if tool is None or not tool.server)
        )

    ours, theirs = await asyncio.gather(own(), strange())
    return dict([*ours, *theirs])


def _readable(arguments: str) -> str:
    """As people read JSON; what is none as it was written."""
    try:
        return json.dumps(parsed(arguments), ensure_ascii=False)
    except ValueError:
        return arguments
