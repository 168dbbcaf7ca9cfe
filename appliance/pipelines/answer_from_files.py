"""A question in a chat that has files of its own: from all of their text where it fits, else from passages of them.

Whoever asks for a summary gets one. Files that are still being read are waited for, with their progress.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import partial

from appliance.domain.answers import AnswerEvent, AnswerRequest, Cited, Finished, Searched, TextDelta
from appliance.domain.origins import of_collection
from appliance.domain.people import Caller
from appliance.pipelines import covering
from appliance.pipelines.answer_with_sources import AnswerWithSources
from appliance.pipelines.checking import Checking
from appliance.pipelines.fitting import context_tokens
from appliance.pipelines.purposes import ShippedPrompts
from appliance.pipelines.reading import Shelf
from appliance.pipelines.sections import coverage
from appliance.pipelines.standing_in import written_or_quoted
from appliance.pipelines.summarise import MOST_PARTS, Material, Summarise
from appliance.pipelines.texts import text
from appliance.pipelines.whole_text import WholeText, located
from appliance.pipelines.wishes import wants_summary
from appliance.pipelines.writing import Writer
from appliance.ports import Documents, PipelineParts, Search
from appliance.ports.prompts import Prompts
from inference.ports import ChatEngine
from rag.analysis import Analyzer
from rag.coverage import Coverage
from rag.documents import WholeDocument

_TOKENS_PER_CHUNK = (
    8  # the index makes no smaller ones: with more than fit, nobody needs to read them to know
)


class AnswerFromFiles:
    """Answers in the name of whatever model was asked for; request.attached says which files."""

    name = "answer-from-files"

    def __init__(
        self,
        sources: AnswerWithSources,
        summarise: Summarise,
        analyzer: Analyzer,
        documents: Documents,
        prompts: Prompts | None = None,
    ) -> None:
        self._sources = sources
        self._summarise = summarise
        self._checking = Checking(analyzer)
        self._documents = documents
        self._prompts = prompts or ShippedPrompts()

    @classmethod
    def made_from(cls, parts: PipelineParts) -> AnswerFromFiles:
        return cls(
            AnswerWithSources.made_from(parts),
            Summarise.made_from(parts),
            parts.analyzer,
            parts.documents,
            parts.prompts,
        )

    async def answer(
        self, caller: Caller, request: AnswerRequest, engine: ChatEngine | None, search: Search
    ) -> AsyncGenerator[AnswerEvent, None]:
        """Yields Progressed while files are read, then what the chosen way to answer yields."""
        if request.attached is None:
            raise ValueError("the request names no files")
        shelf = Shelf(self._documents, caller, request.attached)
        async with aclosing(shelf.settled()) as news:
            async for progress in news:
                yield progress
        async with aclosing(self._answered(shelf, caller, request, engine, search)) as events:
            async for event in events:
                yield event

    async def _answered(
        self,
        shelf: Shelf,
        caller: Caller,
        request: AnswerRequest,
        engine: ChatEngine | None,
        search: Search,
    ) -> AsyncGenerator[AnswerEvent, None]:
        is_summary = request.model == Summarise.name or wants_summary(request.question)
        assert request.attached is not None
        documents = await shelf.texts() if is_summary or await self._may_fit(shelf, engine) else []
        language = self._summarise.language(caller, request, documents)
        if is_summary or all(file.status != "completed" for file in shelf.files):
            steps = self._summarise.of(
                Material(documents, shelf.unread(), frozenset({of_collection(request.attached)})),
                caller,
                request,
                engine,
                search,
                language,
            )
        else:
            whole = None
            if engine is not None and any(document.passages for document in documents):
                words = await self._prompts.in_force("answer-from-file", language)
                whole = await WholeText.fitting(documents, request, language, engine, words)
            within = replace(request, collection_ids=(request.attached,), attached=None)
            from_passages = partial(self._sources.answer, caller, within, refusal="nothing_in_files")
            if whole is not None and engine is not None:
                written = self._from_whole(whole, documents, shelf.unread(), caller, request, engine, search)
                steps = written_or_quoted(written, lambda: from_passages(engine=None, search=search))
            else:
                steps = from_passages(engine=engine, search=search)
        async with aclosing(steps) as events:
            async for event in events:
                yield event

    async def _may_fit(self, shelf: Shelf, engine: ChatEngine | None) -> bool:
        """Whether it is worth fetching all of the text."""
        if engine is None:
            return False
        return sum(file.chunks for file in shelf.files) * _TOKENS_PER_CHUNK < await context_tokens(engine)

    async def _from_whole(
        self,
        whole: WholeText,
        documents: Sequence[WholeDocument],
        unread: Sequence[Coverage],
        caller: Caller,
        request: AnswerRequest,
        engine: ChatEngine,
        search: Search,
    ) -> AsyncGenerator[AnswerEvent, None]:
        yield Searched(tuple(passage for section in whole.sections for passage in section.passages))
        writer = Writer(request.partial)
        made_from = None if request.attached is None else frozenset({of_collection(request.attached)})
        steps = writer.stream(
            engine, request, whole.messages, whole.answer_tokens, made_from, whole.words.temperature
        )
        async with aclosing(steps) as pieces:
            async for piece in pieces:
                yield piece
        passages = [section.as_passage() for section in whole.sections]
        cited: Cited = await self._checking.checked(
            caller, writer.text, passages, search, located(whole.sections)
        )
        language = self._summarise.language(caller, request, documents)
        notes = ["whole_text"]
        if cited.unsupported:
            notes.append("unsupported")
            yield TextDelta(f"\n\n_{text(language, 'unsupported')}_")
        if unread:
            yield TextDelta(f"\n\n_{covering.told(unread, language, MOST_PARTS)}_")
        if whole.dropped_messages:
            notes.append("history_cut")
        yield cited
        yield Finished(
            "written",
            writer.finish_reason,
            writer.usage,
            model=request.model,
            notes=tuple(notes),
            dropped_messages=whole.dropped_messages,
            dropped_tokens=whole.dropped_tokens,
            coverage=(*(coverage(one, whole.sections_of(one), ()) for one in documents), *unread),
            prompts=(whole.words.used,),
        )
