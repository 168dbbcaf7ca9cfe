"""A question to the company's tables: a saved question that asks the same, else SQL that a model writes.

Whatever the SQL says, it passes the desk, which alone reaches a table. The answer's numbers stand in the result.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from appliance.domain.answers import (
    AnswerEvent,
    AnswerRequest,
    Cited,
    Finished,
    Progressed,
    Tabled,
    TextDelta,
)
from appliance.domain.data import Asking, ChosenQuestion, OfferedSource, SavedParameter
from appliance.domain.origins import of_collection, of_source
from appliance.domain.people import Caller, Language
from appliance.pipelines.answer_from_data.charting import chart
from appliance.pipelines.answer_from_data.formatting import escaped, label, shown
from appliance.pipelines.answer_from_data.refusing import askable, one_line, suggestions
from appliance.pipelines.answer_from_data.texts import data_text
from appliance.pipelines.answer_from_data.wording import Worded
from appliance.ports import PipelineParts, Search
from appliance.ports.data import DataDesk, SavedQuestions
from inference.ports import ChatEngine
from querying.types import Value
from rag.analysis import Analyzer

_MOST_SUGGESTED = 4
_STEPS = 3

Steps = AsyncGenerator[AnswerEvent, None]


@dataclass(frozen=True, slots=True)
class Asked:
    """One question with who asks it and what may be asked."""

    caller: Caller
    request: AnswerRequest
    language: Language
    sources: Sequence[OfferedSource]

    @property
    def origins(self) -> frozenset[str]:
        return frozenset(origin_of(source) for source in self.sources)


class AnswerFromData:
    """The pipeline `answer-from-data`. desk None: there are no tables here. saved None: nor saved questions."""

    name = "answer-from-data"

    def __init__(self, desk: DataDesk | None, saved: SavedQuestions | None, analyzer: Analyzer) -> None:
        self._desk = desk
        self._saved = saved
        self._analyzer = analyzer

    @classmethod
    def made_from(cls, parts: PipelineParts) -> AnswerFromData:
        return cls(parts.data, parts.saved, parts.analyzer)

    async def answer(
        self, caller: Caller, request: AnswerRequest, engine: ChatEngine | None, search: Search
    ) -> Steps:
        """Yields Progressed, then text, Tabled where a query ran, Cited and Finished."""
        language = self._language(caller, request)
        sources = await self._offered(caller, request)
        asked = Asked(caller, request, language, sources)
        if not sources:
            is_chosen = request.attached is not None or request.collection_ids is not None
            for event in self._refused(data_text(language, "no_tables_here" if is_chosen else "no_tables")):
                yield event
            return
        yield Progressed("querying", 0, _STEPS, origins=asked.origins)
        chosen = None if self._saved is None else await self._saved.chosen(caller, request.question, sources)
        if chosen is not None:
            async for event in self._from_saved(asked, chosen):
                yield event
            return
        async for event in self._without_model(asked):
            yield event

    def _language(self, caller: Caller, request: AnswerRequest) -> Language:
        """The question's own language where it can be told, then the one asked for, then the profile's."""
        spoken = self._analyzer.language(request.question)
        if spoken == "es":
            return "es"
        if spoken == "en":
            return "en"
        return request.language or caller.language or "en"

    async def _offered(self, caller: Caller, request: AnswerRequest) -> Sequence[OfferedSource]:
        if self._desk is None:
            return ()
        if request.attached is not None:
            own = await self._desk.offered(caller, (request.attached,))
            if own:
                return own
        return await self._desk.offered(caller, request.collection_ids)

    # saved questions ----------------------------------------------------------------------------------

    async def _from_saved(self, asked: Asked, chosen: ChosenQuestion) -> Steps:
        """Run as it is, with the values that were told; a default is used and said, anything else is asked back."""
        assert self._desk is not None
        language, saved = asked.language, chosen.saved
        defaults = {one.name: one.default for one in chosen.missing if one.default is not None}
        missing = [one for one in chosen.missing if one.default is None]
        question = escaped(one_line(saved.question))
        if missing:
            names = ", ".join(_wanted(one, language) for one in missing)
            said = data_text(language, "missing", question=question, names=names)
            for event in self._refused(said, "parameter_missing"):
                yield event
            return
        asking = self._asking(asked, saved.id)
        yield Progressed("querying", 1, _STEPS, origins=asked.origins)
        values = {**defaults, **chosen.values}
        run = await self._desk.run(asked.caller, saved.source_id, saved.sql, asking, values or None)
        told = _told(saved.parameters, values, defaults, language)
        key = "ran_saved_with" if told else "ran_saved"
        yield TextDelta(f"{data_text(language, key, question=question, values=told)}\n\n")
        yield TextDelta(Worded(run.rows, language).text())
        source = next(one for one in asked.sources if one.id == saved.source_id)
        yield Tabled(run, chart(run.rows), 0, saved.id, frozenset({origin_of(source)}))
        yield Cited(())
        yield Finished("quoted", served_by="local:tables", model=self.name, notes=("saved_question",))

    async def _without_model(self, asked: Asked) -> Steps:
        language = asked.language
        suggested = (
            ()
            if self._saved is None
            else await self._saved.suggested(asked.caller, language, _MOST_SUGGESTED)
        )
        parts = [
            data_text(language, "no_saved_fits"),
            suggestions(suggested, language),
            askable(asked.sources, language),
        ]
        for event in self._refused("\n\n".join(part for part in parts if part)):
            yield event

    def _refused(self, said: str, *notes: str) -> list[AnswerEvent]:
        return [
            TextDelta(said),
            Cited(()),
            Finished("refused", served_by="local:tables", model=self.name, notes=notes or ("no_table_fits",)),
        ]

    def _asking(self, asked: Asked, saved_id: UUID | None = None) -> Asking:
        request = asked.request
        return Asking(request.via, request.question, request.request_id, request.turn_id, saved_id)


def origin_of(source: OfferedSource) -> str:
    """A workbook's rows leave where its collection's documents may; a database's never."""
    return of_source(source.id) if source.collection_id is None else of_collection(source.collection_id)


def _wanted(parameter: SavedParameter, language: Language) -> str:
    name = label(parameter.label or parameter.name)
    if not parameter.choices:
        return name
    choices = ", ".join(escaped(one_line(choice)) for choice in parameter.choices[:12])
    return data_text(language, "missing_choices", name=name, choices=choices)


def _told(
    parameters: Sequence[SavedParameter],
    values: Mapping[str, Value],
    defaults: Mapping[str, Value],
    language: Language,
) -> str:
    """With which values it ran."""
    return "; ".join(
        data_text(
            language,
            "by_default" if one.name in defaults and values[one.name] == defaults[one.name] else "given",
            name=label(one.label or one.name),
            value=shown(values[one.name], language, one.name),
        )
        for one in parameters
        if one.name in values
    )
