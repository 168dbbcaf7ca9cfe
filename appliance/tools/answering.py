"""An answer of a pipeline or a model, collected: what `ask` and `query_data` give back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from appliance.domain.answers import (
    AnswerEvent,
    Citation,
    Cited,
    Finished,
    Progressed,
    Reached,
    Restarted,
    Searched,
    Tabled,
    TextDelta,
    Waiting,
)
from appliance.domain.origins import Origins, of_passages, of_source, together
from appliance.domain.pipelines import Stepped
from appliance.ports.tools import OnStep, ToolResult, Wire

_MOST_CHARACTERS = 100_000


class Collected:
    """Takes an answer's events; result() when they have ended. made_from: of what was asked."""

    def __init__(self, wire: Wire, made_from: Origins) -> None:
        self._wire = wire
        self._origins: Origins = made_from
        self._text = ""
        self._citations: tuple[Citation, ...] = ()
        self._unsupported: tuple[tuple[int, int], ...] = ()
        self._searched: Searched | None = None
        self._tables: dict[int, Tabled] = {}
        self._finished = Finished("refused")

    async def take_all(self, events: AsyncIterator[AnswerEvent], on_step: OnStep) -> None:
        """on_step: told what is no part of the answer itself."""
        async for event in events:
            if isinstance(event, Waiting | Progressed | Reached):
                if isinstance(event, Progressed):
                    self._made_from(event.origins)
                await on_step(event)
            else:
                self._take(event)

    def _take(self, event: AnswerEvent) -> None:
        if isinstance(event, TextDelta):
            if len(self._text) < _MOST_CHARACTERS:
                self._text += event.text
        elif isinstance(event, Restarted):
            self._text = ""
        elif isinstance(event, Searched):
            self._searched = event
            self._made_from(of_passages(event.passages) | event.origins)
        elif isinstance(event, Tabled):
            self._tables[event.slot] = event
            self._made_from(event.origins or frozenset({of_source(event.run.source_id)}))
        elif isinstance(event, Stepped):
            self._origins = together(self._origins, event.origins)
        elif isinstance(event, Cited):
            self._citations, self._unsupported = event.citations, event.unsupported
        elif isinstance(event, Finished):
            self._finished = event

    def _made_from(self, origins: frozenset[str]) -> None:
        self._origins = None if self._origins is None else self._origins | origins

    def result(self) -> ToolResult:
        """The answer with its sources below it, and the same as an object."""
        citations = [self._wire.of_citation(one) for one in self._citations]
        tables = tuple(self._tables[slot] for slot in sorted(self._tables))
        structured: dict[str, Any] = {
            "answer": self._text[:_MOST_CHARACTERS],
            "kind": self._finished.kind,
            "model": self._finished.model,
            "served_by": self._finished.served_by,
            "notes": list(self._finished.notes),
            "citations": citations,
            "unsupported": [list(span) for span in self._unsupported],
            "data": [self._wire.of_table(table) for table in tables],
        }
        sources = "\n".join(_source(one) for one in citations)
        return ToolResult(
            f"{structured['answer']}\n\n{sources}".strip(),
            origins=self._origins,
            structured=structured,
            passages=() if self._searched is None else self._searched.passages,
            tables=tables,
        )


def _source(shown: dict[str, Any]) -> str:
    place = ", ".join(f"{name} {value}" for name, value in shown["location"].items())
    checked = "" if shown["is_verified"] else " (the quote was not found on its page)"
    return f"[{shown['index']}] {shown['filename']}{f' ({place})' if place else ''} {shown['url']}{checked}"
