"""A question to the company's tables: a saved question that asks the same, else SQL that a model writes.

Whatever the SQL says, it passes the desk, which alone reaches a table. The answer's numbers stand in the result.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from appliance.domain.answers import (
    AnswerEvent,
    AnswerRequest,
    Cited,
    Finished,
    Progressed,
    Restarted,
    Tabled,
    TextDelta,
)
from appliance.domain.data import Asking, ChosenQuestion, OfferedSource, QueryRun, SavedParameter
from appliance.domain.people import Caller, Language
from appliance.errors import ApplianceError
from appliance.pipelines.answer_from_data.charting import chart
from appliance.pipelines.answer_from_data.currencies import currencies
from appliance.pipelines.answer_from_data.evidence import evidence
from appliance.pipelines.answer_from_data.formatting import escaped, label, shown
from appliance.pipelines.answer_from_data.generating import Generating, Outcome, Wanted, origins_of
from appliance.pipelines.answer_from_data.linking import Linked, Linking
from appliance.pipelines.answer_from_data.origins import origin_of
from appliance.pipelines.answer_from_data.refusing import askable, gave_up, one_line, reason, suggestions
from appliance.pipelines.answer_from_data.telling import MOST_TOKENS, is_small, sentence_prompt, told
from appliance.pipelines.answer_from_data.wording import Worded
from appliance.pipelines.data_texts import data_text
from appliance.pipelines.following_up import FollowingUp
from appliance.pipelines.prompting import heeding
from appliance.pipelines.purposes import ShippedPrompts
from appliance.pipelines.writing import Writer
from appliance.ports import PipelineParts, Search
from appliance.ports.data import DataDesk, SavedQuestions
from appliance.ports.prompts import PromptInForce, Prompts
from inference.errors import InferenceError
from inference.ports import ChatEngine
from inference.types import Usage
from querying.errors import QueryFailed, QueryingError, QueryRefused, SchemaChanged
from querying.types import Value
from rag.analysis import Analyzer

_MOST_SUGGESTED = 4
_MOST_EXAMPLES = 5
_STEPS = 3
_MOST_HEEDED = 2_000  # characters
_SECOND_CHANCE = 0.3  # of the best source's score: one that is worth asking where the best does not fit
_QUERY = re.compile(r"```sql\n(.*?)\n```", re.DOTALL)

Steps = AsyncGenerator[AnswerEvent, None]


@dataclass(frozen=True, slots=True)
class Asked:
    """One question with who asks it and what may be asked. wording: it, or what a follow-up means."""

    caller: Caller
    request: AnswerRequest
    language: Language
    sources: Sequence[OfferedSource]
    wording: str

    @property
    def origins(self) -> frozenset[str]:
        return origins_of(self.sources)

    def asking(self, saved_id: UUID | None = None) -> Asking:
        """For the audit's line."""
        request = self.request
        return Asking(request.via, request.question, request.request_id, request.turn_id, saved_id)


class AnswerFromData:
    """The pipeline `answer-from-data`. desk None: there are no tables here. saved None: nor saved questions."""

    name = "answer-from-data"
    takes_files = True  # a workbook of the chat is asked, not read as text

    def __init__(
        self,
        desk: DataDesk | None,
        saved: SavedQuestions | None,
        analyzer: Analyzer,
        prompts: Prompts | None = None,
        *,
        today: Callable[[], date] = date.today,
    ) -> None:
        self._desk = desk
        self._saved = saved
        self._analyzer = analyzer
        self._prompts = prompts or ShippedPrompts()
        self._linking = Linking(analyzer)
        self._following_up = FollowingUp(analyzer)
        self._today = today

    @classmethod
    def made_from(cls, parts: PipelineParts) -> AnswerFromData:
        return cls(parts.data, parts.saved, parts.analyzer, parts.prompts)

    async def answer(
        self, caller: Caller, request: AnswerRequest, engine: ChatEngine | None, search: Search
    ) -> Steps:
        """Yields Progressed, then Tabled where a query ran, text, Cited and Finished."""
        if request.partial:
            yield Restarted()  # rows are read anew, and what is said of them with them
        language = self._language(caller, request)
        sources = await self._offered(caller, request)
        if self._desk is None or not sources:
            is_chosen = request.attached is not None or request.collection_ids is not None
            for event in _refused(data_text(language, "no_tables_here" if is_chosen else "no_tables")):
                yield event
            return
        wording = await self._following_up.wording(
            request.messages, language, None, request.request_id, request.origins
        )
        asked = Asked(caller, request, language, sources, wording.question)
        yield Progressed("querying", 0, _STEPS, origins=asked.origins)
        chosen = await self._chosen(asked)
        if chosen is not None:
            steps = self._from_saved(self._desk, asked, chosen, engine)
        elif engine is not None:
            steps = self._by_model(self._desk, asked, engine)
        else:
            steps = self._without_model(asked)
        async with aclosing(steps) as events:
            async for event in events:
                yield event

    async def from_saved(self, caller: Caller, request: AnswerRequest) -> Steps | None:
        """The answer of a saved question that asks the same; None: none does, or there is nothing to ask."""
        sources = await self._offered(caller, request)
        if self._desk is None or not sources:
            return None
        asked = Asked(caller, request, self._language(caller, request), sources, request.question)
        chosen = await self._chosen(asked)
        return None if chosen is None else self._from_saved(self._desk, asked, chosen, None)

    async def may_be_asked(self, caller: Caller) -> bool:
        """Whether there are tables for them at all."""
        return self._desk is not None and bool(await self._desk.offered(caller))

    def _language(self, caller: Caller, request: AnswerRequest) -> Language:
        """The question's own language where it can be told, then the one asked for, then the profile's."""
        spoken = self._analyzer.language(request.question)
        if spoken == "es":
            return "es"
        if spoken == "en":
            return "en"
        return request.language or caller.language or "en"

    async def _offered(self, caller: Caller, request: AnswerRequest) -> Sequence[OfferedSource]:
        """A chat's own workbooks before everything else."""
        if self._desk is None:
            return ()
        if request.attached is not None:
            own = await self._desk.offered(caller, (request.attached,))
            if own:
                return own
        return await self._desk.offered(caller, request.collection_ids)

    # saved questions ----------------------------------------------------------------------------------

    async def _chosen(self, asked: Asked) -> ChosenQuestion | None:
        """As it was asked first; then as a follow-up means it."""
        if self._saved is None:
            return None
        for question in dict.fromkeys((asked.request.question, asked.wording)):
            chosen = await self._saved.chosen(asked.caller, question, asked.sources)
            if chosen is not None:
                return chosen
        return None

    async def _from_saved(
        self, desk: DataDesk, asked: Asked, chosen: ChosenQuestion, engine: ChatEngine | None
    ) -> Steps:
        """Run as it is, with the values that were told; a default is used and said, anything else is asked back."""
        language, saved = asked.language, chosen.saved
        question = escaped(one_line(saved.question))
        defaults = {one.name: one.default for one in chosen.missing if one.default is not None}
        values = {**defaults, **chosen.values}
        missing = [one for one in chosen.missing if one.name not in values]
        if missing:
            names = ", ".join(_wanted(one, language) for one in missing)
            said = data_text(language, "missing", question=question, names=names)
            for event in _refused(said, "parameter_missing"):
                yield event
            return
        yield Progressed("querying", 1, _STEPS, origins=asked.origins)
        try:
            run = await desk.run(
                asked.caller, saved.source_id, saved.sql, asked.asking(saved.id), values or None
            )
        except QueryingError as error:
            if engine is not None and isinstance(error, QueryRefused | QueryFailed | SchemaChanged):
                async with aclosing(self._by_model(desk, asked, engine)) as events:
                    async for event in events:
                        yield event
                return
            why = data_text(language, error.code)
            said = data_text(language, "ran_into", question=question, why=why)
            for event in _refused(said, error.code):
                yield event
            return
        source = next(one for one in asked.sources if one.id == saved.source_id)
        yield _tabled(run, source, saved.id)
        defaulted = {one.name for one in chosen.missing}
        with_values = _told(saved.parameters, values, defaulted, language)
        key = "ran_saved_with" if with_values else "ran_saved"
        yield TextDelta(f"{data_text(language, key, question=question, values=with_values)}\n\n")
        yield TextDelta(Worded(run.rows, language, currencies(run, source)).text())
        yield Cited(())
        yield Finished("quoted", served_by="local:tables", model=self.name, notes=("saved_question",))

    async def _without_model(self, asked: Asked) -> Steps:
        said = await self._instead(asked, data_text(asked.language, "no_saved_fits"))
        for event in _refused(said):
            yield event

    async def _instead(self, asked: Asked, said: str) -> str:
        """What could be asked in its place."""
        suggested = (
            ()
            if self._saved is None
            else await self._saved.suggested(asked.caller, asked.language, _MOST_SUGGESTED)
        )
        parts = [
            said,
            suggestions(suggested, asked.language),
            askable([one.source for one in await self._linked(asked)], asked.language),
        ]
        return "\n\n".join(part for part in parts if part)

    # a model ------------------------------------------------------------------------------------------

    async def _linked(self, asked: Asked) -> list[Linked]:
        """Where a follow-up leads: also to the tables of the query before it."""
        earlier = [one.content for one in asked.request.messages[:-1] if one.role == "assistant"]
        queries = _QUERY.findall(earlier[-1]) if earlier and asked.wording != asked.request.question else []
        words = " ".join([asked.wording, *queries])
        return await asyncio.to_thread(self._linking.ranked, words, asked.sources)

    async def _by_model(self, desk: DataDesk, asked: Asked, engine: ChatEngine) -> Steps:
        """The best source, and the next best where a model says that the first does not answer it."""
        words = await self._prompts.in_force(self.name, asked.language)
        best, *others = await self._linked(asked)
        second = [one for one in others[:1] if one.score and one.score >= _SECOND_CHANCE * best.score]
        generating, usage = Generating(desk, self._today), Usage()
        for linked in (best, *second):
            outcome = Outcome()
            wanted = Wanted(
                asked.caller,
                asked.request,
                asked.asking(),
                asked.language,
                words,
                asked.request.messages[:-1],
                frozenset({origin_of(linked.source)}),
            )
            examples = (
                ()
                if self._saved is None
                else await self._saved.examples(asked.caller, asked.wording, [linked.source], _MOST_EXAMPLES)
            )
            steps = generating.steps(wanted, linked, examples, engine, outcome)
            async with aclosing(steps) as progress:
                async for step in progress:
                    yield step
            usage = _sum(usage, outcome.usage)
            if not outcome.said.is_refusal:
                break
        if outcome.run is not None:
            outcome.usage = usage
            async with aclosing(self._answered(asked, engine, outcome, words)) as told_steps:
                async for event in told_steps:
                    yield event
            return
        if outcome.said.is_refusal:
            said = await self._instead(asked, reason(outcome.said.reason, asked.language, self._analyzer))
            notes: tuple[str, ...] = ("no_table_fits",)
        else:
            said = gave_up(outcome, asked.language)
            notes = ("no_query",) if outcome.error is None else (outcome.error.code,)
        for event in _refused(said, *notes):
            if isinstance(event, Finished):
                event = replace(event, usage=usage, prompts=(words.used,))
            yield event

    async def _answered(
        self, asked: Asked, engine: ChatEngine, outcome: Outcome, words: PromptInForce
    ) -> Steps:
        """The rows at once, then what is said of them."""
        run, source = outcome.run, outcome.source
        assert run is not None and source is not None
        yield _tabled(run, source)
        signs = currencies(run, source)
        worded = Worded(run.rows, asked.language, signs)
        written, used = "", outcome.usage
        telling: tuple[str, ...] = (words.used,)
        if is_small(run.rows):
            in_force = await self._prompts.in_force("answer-from-rows", asked.language)
            writer = Writer()
            await self._write(writer, asked, engine, worded, in_force, source)
            written, used = writer.text, _sum(used, writer.usage)
            telling = (*telling, in_force.used)
        held = evidence(run.rows, run.sql, source.schema.dialect, asked.wording, list(signs.values()))
        said = told(written, worded, held, self._analyzer)
        notes = ["repaired"] if outcome.was_repaired else []
        yield TextDelta(said.text)
        if said.left_out:
            notes.append("numbers_left_out")
            yield TextDelta(f"\n\n_{data_text(asked.language, 'numbers_left_out')}_")
        yield Cited(())
        yield Finished("written", usage=used, model=self.name, notes=tuple(notes), prompts=telling)

    async def _write(
        self,
        writer: Writer,
        asked: Asked,
        engine: ChatEngine,
        worded: Worded,
        words: PromptInForce,
        source: OfferedSource,
    ) -> None:
        """A sentence or two of the model's; where it fails there are our own."""
        frame = words.instructions
        if asked.request.instructions.strip():
            frame = heeding(asked.request.instructions[:_MOST_HEEDED], frame, asked.language)
        prompt = sentence_prompt(frame, asked.request.question, worded, asked.language)
        request = replace(asked.request, options={})
        also = {"temperature": words.temperature or 0, "max_tokens": MOST_TOKENS}
        made_from = frozenset({origin_of(source)})
        stream = writer.stream(engine, request, prompt, MOST_TOKENS, made_from, also=also)
        try:
            async with aclosing(stream) as pieces:
                async for _ in pieces:
                    pass
        except (InferenceError, ApplianceError):
            writer.text = ""


def _tabled(run: QueryRun, source: OfferedSource, saved_id: UUID | None = None) -> Tabled:
    return Tabled(run, chart(run.rows), 0, saved_id, frozenset({origin_of(source)}))


def _refused(said: str, *notes: str) -> list[AnswerEvent]:
    return [
        TextDelta(said),
        Cited(()),
        Finished(
            "refused", served_by="local:tables", model=AnswerFromData.name, notes=notes or ("no_table_fits",)
        ),
    ]


def _sum(one: Usage, other: Usage) -> Usage:
    return Usage(one.prompt_tokens + other.prompt_tokens, one.completion_tokens + other.completion_tokens)


def _wanted(parameter: SavedParameter, language: Language) -> str:
    name = label(parameter.label or parameter.name)
    if not parameter.choices:
        return name
    choices = ", ".join(escaped(one_line(choice)) for choice in parameter.choices[:12])
    return data_text(language, "missing_choices", name=name, choices=choices)


def _told(
    parameters: Sequence[SavedParameter],
    values: Mapping[str, Value],
    defaulted: Collection[str],
    language: Language,
) -> str:
    """With which values it ran; defaulted: of whom nobody spoke."""
    return "; ".join(
        data_text(
            language,
            "by_default" if one.name in defaulted else "given",
            name=label(one.label or one.name),
            value=shown(values[one.name], language, one.name),
        )
        for one in parameters
        if one.name in values
    )
