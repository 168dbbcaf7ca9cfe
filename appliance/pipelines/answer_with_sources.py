"""An answer from the asker's documents, with every source checked on its page.

Without a chat engine it quotes; with one it retrieves, prompts within the true token budget, streams, and then checks
each sentence against the passages. Where nothing relevant is found a saved
question to the tables may be the one that was asked; else it says so, and calls no engine.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import partial

from appliance.domain.answers import (
    AnswerEvent,
    AnswerRequest,
    Citation,
    Cited,
    Finished,
    Restarted,
    Searched,
    TextDelta,
)
from appliance.domain.origins import of_passages
from appliance.domain.people import Caller, Language
from appliance.pipelines.answer_from_data.pipeline import AnswerFromData
from appliance.pipelines.checking import Checking
from appliance.pipelines.fitting import KnownCounts, context_tokens, fit, overestimate
from appliance.pipelines.following_up import FollowingUp
from appliance.pipelines.placing import Placing
from appliance.pipelines.prompting import framed, label
from appliance.pipelines.purposes import ShippedPrompts
from appliance.pipelines.standing_in import quoted_for_want_of_a_model, written_or_quoted
from appliance.pipelines.texts import text
from appliance.pipelines.widening import PASSAGES_SHARE, REACH, widened
from appliance.pipelines.writing import Writer
from appliance.ports import PipelineParts, Search
from appliance.ports.prompts import Prompts
from inference.ports import ChatEngine
from rag.analysis import Analyzer
from rag.documents import Passage, SearchResult
from rag.quoter import Quote, Quoter

PASSAGES_SEARCHED = 8
_NOTES = re.compile(r"(?:\n\n_(?:\\_|[^_\n])+_)+\s*$")


class AnswerWithSources:
    """The pipeline `answer-with-sources`. tables: are asked where the documents have nothing; None: there are none."""

    name = "answer-with-sources"

    def __init__(
        self,
        quoter: Quoter,
        analyzer: Analyzer,
        prompts: Prompts | None = None,
        tables: AnswerFromData | None = None,
    ) -> None:
        self._quoter = quoter
        self._analyzer = analyzer
        self._tables = tables
        self._checking = Checking(analyzer)
        self._counts = KnownCounts()
        self._prompts = prompts or ShippedPrompts()
        self._following_up = FollowingUp(analyzer, prompts=self._prompts)

    @classmethod
    def made_from(cls, parts: PipelineParts) -> AnswerWithSources:
        tables = None if parts.data is None else AnswerFromData.made_from(parts)
        return cls(parts.quoter, parts.analyzer, parts.prompts, tables)

    async def answer(
        self,
        caller: Caller,
        request: AnswerRequest,
        engine: ChatEngine | None,
        search: Search,
        *,
        refusal: str = "nothing_found",
    ) -> AsyncGenerator[AnswerEvent, None]:
        """Yields Searched, then text, then Cited and Finished. refusal: the name of the text where nothing is found."""
        question = request.question
        language = self._language_of_answer(caller, request)
        wording = await self._following_up.wording(
            request.messages, language, engine, request.request_id, request.origins
        )
        result = await search.search(
            caller,
            wording.question,
            request.collection_ids,
            PASSAGES_SEARCHED,
            only=request.only,
            also=wording.also,
        )
        yield Searched(tuple(result.passages), result.notes, result.trace, of_passages(result.differing))
        if request.partial and (engine is None or not result.passages or not result.is_relevant):
            yield Restarted()  # nobody goes on with it
        if not result.passages or not result.is_relevant:
            steps = self._without_passages(caller, request, result, language, refusal)
            async with aclosing(steps) as events:
                async for event in events:
                    yield event
        else:
            quoted = partial(self.quoted, caller, question, result, language, search)
            if engine is None:
                steps = quoted_for_want_of_a_model(quoted())
            else:
                written = self._written(caller, request, result, language, engine, search)
                steps = written_or_quoted(written, partial(quoted, said="quoting_meanwhile"))
            async with aclosing(steps) as events:
                async for event in events:
                    yield event

    async def _without_passages(
        self, caller: Caller, request: AnswerRequest, result: SearchResult, language: Language, said: str
    ) -> AsyncGenerator[AnswerEvent, None]:
        """A number that no document holds may stand in a table; who asked chosen documents gets their answer only."""
        tables = self._tables if request.collection_ids is None and request.only is None else None
        steps = None if tables is None else await tables.from_saved(caller, request)
        if steps is not None:
            async with aclosing(steps) as events:
                async for event in events:
                    yield event
            return
        shown, *ending = _refusal(result, language, said)
        yield shown
        if tables is not None and await tables.may_be_asked(caller):
            yield TextDelta(f"\n\n_{text(language, 'tables_too')}_")
        for event in ending:
            yield event

    def _language_of_answer(self, caller: Caller, request: AnswerRequest) -> Language:
        """The question's own language where it can be told, then the one asked for, then the profile's."""
        spoken = self._analyzer.language(request.question)
        if spoken == "es":
            return "es"
        if spoken == "en":
            return "en"
        return request.language or caller.language or "en"

    # Quoting ------------------------------------------------------------------------------------------

    async def quoted(
        self,
        caller: Caller,
        question: str,
        result: SearchResult,
        language: Language,
        search: Search,
        *,
        said: str = "quoting_only",
    ) -> AsyncGenerator[AnswerEvent, None]:
        """What was found in its own words, each quote checked on its page. said: the text that says why."""
        placing = Placing(caller, search, result.passages)
        quotes = [
            placed
            for quote in await self._quoter.quote(question, result)
            if (placed := await placing.placed(_citation(quote))) is not None
        ]
        if not quotes:  # all of it was changed or taken away since it was indexed
            for event in _refusal(result, language):
                yield event
            return
        written = ""
        cited: list[Citation] = []
        heading: str | None = None
        for index, placed in enumerate(quotes, start=1):
            piece = ""
            if (here := label(placed, language)) != heading:
                heading = here
                piece += f"**{_escaped(here)}**\n\n"
            start = len(written) + len(piece) + 2
            line = _one_line(placed.quote)
            piece += f"> {line} [{index}]\n\n"
            cited.append(replace(placed, index=index, start=start, end=start + len(line)))
            written += piece
            yield TextDelta(piece)
        yield TextDelta(_closing(result, language, text(language, said)) + _differing(result, language))
        yield Cited(tuple(cited))
        yield Finished("quoted", model=self.name, notes=(*result.notes, "quoting_only"))

    # Writing ------------------------------------------------------------------------------------------

    async def _written(
        self,
        caller: Caller,
        request: AnswerRequest,
        result: SearchResult,
        language: Language,
        engine: ChatEngine,
        search: Search,
    ) -> AsyncGenerator[AnswerEvent, None]:
        partial = _without_notes(request.partial)
        if partial != request.partial:
            request = replace(request, partial=partial)
            yield Restarted()
            yield TextDelta(partial)
        passages = await self._sections(caller, result.passages, engine, search)
        words = await self._prompts.in_force(self.name, language)
        frame = framed(words.instructions, language)
        fitted = await fit(request, passages, language, engine, frame, known=self._counts)
        prompt, writer = fitted.prompt, Writer(partial)
        made_from = of_passages(passages)
        steps = writer.stream(
            engine, request, prompt.messages, fitted.answer_tokens, made_from, words.temperature
        )
        async with aclosing(steps) as pieces:
            async for piece in pieces:
                yield piece
        cited = await self._checking.checked(caller, writer.text, prompt.passages, search)
        notes = list(result.notes)
        if cited.unsupported:
            notes.append("unsupported")
        for note in ("unsupported", "language_mismatch"):
            if note in notes:
                yield TextDelta(f"\n\n_{text(language, note)}_")
        if said := _missing(result, language) + _differing(result, language):
            yield TextDelta(said)
        if prompt.dropped_messages:
            notes.append("history_cut")
        yield cited
        yield Finished(
            "written",
            writer.finish_reason,
            writer.usage,
            model=self.name,
            notes=tuple(notes),
            dropped_messages=prompt.dropped_messages,
            dropped_tokens=prompt.dropped_tokens,
            prompts=(words.used,),
        )

    async def _sections(
        self, caller: Caller, passages: Sequence[Passage], engine: ChatEngine, search: Search
    ) -> Sequence[Passage]:
        """The passages as the model reads them, each with what stands around it while there is room."""
        grown = await search.surroundings(caller, passages, REACH)
        budget = int(await context_tokens(engine) * PASSAGES_SHARE)
        return widened(passages, grown, budget, overestimate)


def _without_notes(partial: str) -> str:
    """The model's own words: what was added behind them, each a line in italics, is added again in the end."""
    return _NOTES.sub("", partial)


def _refusal(result: SearchResult, language: Language, said: str = "nothing_found") -> list[AnswerEvent]:
    is_empty = "no_documents" in result.notes
    notes = tuple(dict.fromkeys((*result.notes, "no_documents" if is_empty else "nothing_found")))
    shown = _closing(result, language, text(language, "no_documents" if is_empty else said))
    return [TextDelta(shown), Cited(()), Finished("refused", model=AnswerWithSources.name, notes=notes)]


def _closing(result: SearchResult, language: Language, sentence: str) -> str:
    hint = f"\n\n_{text(language, 'language_mismatch')}_" if "language_mismatch" in result.notes else ""
    return f"_{sentence}_{hint}{_missing(result, language)}"


def _missing(result: SearchResult, language: Language) -> str:
    """Says which strings in quotation marks nothing holds."""
    if not result.missing:
        return ""
    strings = ", ".join(f"“{_escaped(string)}”" for string in result.missing)
    return f"\n\n_{text(language, 'quoted_not_found', strings=strings)}_"


def _differing(result: SearchResult, language: Language) -> str:
    """Says which documents have versions of what was found that differ."""
    if not result.differing:
        return ""
    places = "; ".join(f"“{_escaped(label(passage, language))}”" for passage in result.differing)
    return f"\n\n_{text(language, 'versions_differ', places=places)}_"


def _one_line(quote: str) -> str:
    return " ".join(quote.split())


def _escaped(words: str) -> str:
    return words.replace("*", "\\*").replace("_", "\\_").replace("[", "\\[").replace("`", "\\`")


def _citation(quote: Quote) -> Citation:
    """Where its passage says it stands; what number it has and where it is in the answer comes later."""
    passage = quote.passage
    return Citation(
        index=0,
        file_id=passage.file_id,
        filename=passage.filename,
        quote=quote.text,
        page=passage.page,
        headings=passage.headings,
        marks=quote.marks,
        chunk_id=passage.chunk_id,
        page_start=passage.start + quote.start,
        page_end=passage.start + quote.end,
    )
