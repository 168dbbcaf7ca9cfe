"""The pipeline `summarise`: whole documents, part by part, and what was covered.

A text that fits the model's context is summarised in one call. A longer one is read in parts (map), in order and a few
at once, behind everybody who waits at a screen; the notes then become one text (reduce). Without a chat engine the most
central sentences are quoted. Closing the stream ends every call.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial

from appliance.domain.answers import (
    AnswerEvent,
    AnswerRequest,
    Citation,
    Cited,
    Finished,
    Progressed,
    Restarted,
    Searched,
    TextDelta,
)
from appliance.domain.origins import Origins, of_collection
from appliance.domain.people import Caller, Language
from appliance.pipelines import covering
from appliance.pipelines.checking import Checking, verified
from appliance.pipelines.notes import NoteTaker
from appliance.pipelines.purposes import ShippedPrompts
from appliance.pipelines.reading import Shelf
from appliance.pipelines.sections import Section, coverage, cut
from appliance.pipelines.standing_in import quoted_for_want_of_a_model, written_or_quoted
from appliance.pipelines.summary_texts import summary_text
from appliance.pipelines.whole_text import WholeText, located
from appliance.pipelines.writing import Writer
from appliance.ports import Documents, PipelineParts, Search
from appliance.ports.prompts import Prompts
from inference.ports import ChatEngine
from rag.analysis import Analyzer
from rag.coverage import Coverage
from rag.documents import WholeDocument
from rag.quoter import Quoter

MOST_PARTS = 99  # a marker in a text has two digits
_QUOTED_SECTIONS = 8
_QUOTES_EACH = 2
_LEAST_SECTION = 1_200  # characters


@dataclass(frozen=True, slots=True)
class Material:
    """What is to be summarised: documents that were read, and those of which nothing can be used; all their origins."""

    documents: Sequence[WholeDocument]
    unread: Sequence[Coverage] = ()
    origins: Origins = None


class Summarise:
    """A model name of its own; also what a file in a chat is handed to when its summary is asked for."""

    name = "summarise"

    def __init__(
        self, analyzer: Analyzer, documents: Documents, quoter: Quoter, prompts: Prompts | None = None
    ) -> None:
        self._analyzer = analyzer
        self._quoter = quoter
        self._documents = documents
        self._prompts = prompts or ShippedPrompts()
        self._checking = Checking(analyzer)

    @classmethod
    def made_from(cls, parts: PipelineParts) -> Summarise:
        return cls(parts.analyzer, parts.documents, parts.quoter, parts.prompts)

    async def answer(
        self, caller: Caller, request: AnswerRequest, engine: ChatEngine | None, search: Search
    ) -> AsyncGenerator[AnswerEvent, None]:
        """Of the chat's files, else of the collections that were named. Yields Progressed, text, Cited, Finished."""
        collections = (request.attached,) if request.attached else request.collection_ids or ()
        documents: list[WholeDocument] = []
        unread: list[Coverage] = []
        for collection_id in collections:
            shelf = Shelf(self._documents, caller, collection_id)
            if collection_id == request.attached:  # a collection at large may be read into all day
                async with aclosing(shelf.settled()) as news:
                    async for progress in news:
                        yield progress
            else:
                await shelf.look()
            documents += await shelf.texts()
            unread += shelf.unread()
        language = self.language(caller, request, documents)
        origins = frozenset(map(of_collection, collections))
        if not collections:
            for event in self._refusal(summary_text(language, "nothing_given"), "nothing_given", unread):
                yield event
            return
        async with aclosing(
            self.of(Material(documents, unread, origins), caller, request, engine, search, language)
        ) as events:
            async for event in events:
                yield event

    async def of(
        self,
        material: Material,
        caller: Caller,
        request: AnswerRequest,
        engine: ChatEngine | None,
        search: Search,
        language: Language,
    ) -> AsyncGenerator[AnswerEvent, None]:
        """The same of documents that have been fetched. A summary that broke off is written anew."""
        if request.partial:
            request = replace(request, partial="")
            yield Restarted()
        readable = [document for document in material.documents if document.passages]
        read = tuple(passage for document in readable for passage in document.passages)
        yield Searched(read, origins=material.origins or frozenset())
        if not readable:
            unread = [*material.unread, *(coverage(one, (), ()) for one in material.documents)]
            said = (
                f"{summary_text(language, 'nothing_to_read')} {covering.told(unread, language, MOST_PARTS)}"
            )
            for event in self._refusal(said, "nothing_to_read", unread):
                yield event
            return
        quoted = partial(self._quoted, material, caller, search, language)
        if engine is None:
            steps = quoted_for_want_of_a_model(quoted())
        else:
            written = self._written(readable, material, caller, request, engine, search, language)
            steps = written_or_quoted(written, partial(quoted, said="quotes_meanwhile"))
        async with aclosing(steps) as events:
            async for event in events:
                yield event

    async def _written(
        self,
        readable: Sequence[WholeDocument],
        material: Material,
        caller: Caller,
        request: AnswerRequest,
        engine: ChatEngine,
        search: Search,
        language: Language,
    ) -> AsyncGenerator[AnswerEvent, None]:
        words = await self._prompts.in_force(self.name, language)
        whole = await WholeText.fitting(readable, request, language, engine, words)
        if whole is not None:
            steps = self._in_one_call(whole, material, caller, request, engine, search, language)
        else:
            steps = self._in_parts(material, caller, request, engine, search, language)
        async with aclosing(steps) as events:
            async for event in events:
                yield event

    def language(
        self, caller: Caller, request: AnswerRequest, documents: Sequence[WholeDocument] = ()
    ) -> Language:
        """The wish's own, then the one asked for, then the profile's, then the document's."""
        spoken = self._analyzer.language(request.question)
        of_document = next(
            (p.language for document in documents for p in document.passages if p.language), None
        )
        for known in (spoken, request.language, caller.language, of_document):
            if known == "es":
                return "es"
            if known == "en":
                return "en"
        return "en"

    # one call -----------------------------------------------------------------------------------------

    async def _in_one_call(
        self,
        whole: WholeText,
        material: Material,
        caller: Caller,
        request: AnswerRequest,
        engine: ChatEngine,
        search: Search,
        language: Language,
    ) -> AsyncGenerator[AnswerEvent, None]:
        writer, origins = Writer(), material.origins
        words = whole.words
        steps = writer.stream(
            engine, request, whole.messages, whole.answer_tokens, origins, words.temperature
        )
        async with aclosing(steps) as pieces:
            async for piece in pieces:
                yield piece
        read = [coverage(document, whole.sections_of(document), ()) for document in material.documents]
        async for event in self._ending(
            writer, whole.sections, [*read, *material.unread], caller, search, language, (words.used,)
        ):
            yield event

    # map, then reduce ---------------------------------------------------------------------------------

    async def _in_parts(
        self,
        material: Material,
        caller: Caller,
        request: AnswerRequest,
        engine: ChatEngine,
        search: Search,
        language: Language,
    ) -> AsyncGenerator[AnswerEvent, None]:
        part = await self._prompts.in_force("summarise-part", language)
        notes = await self._prompts.in_force("summarise-notes", language)
        taker = await NoteTaker.for_engine(engine, request, language, material.origins, part, notes)
        sections = [one for document in material.documents for one in await taker.cut(document)]
        parts, beyond = sections[:MOST_PARTS], sections[MOST_PARTS:]
        yield Progressed("summarising", 0, len(parts))
        async with aclosing(taker.take(parts)) as counts:
            async for done in counts:
                yield Progressed("summarising", done, len(parts))
        writer = Writer()
        messages, most_tokens = await taker.reduced()
        steps = writer.stream(engine, request, messages, most_tokens, material.origins, notes.temperature)
        async with aclosing(steps) as pieces:
            async for piece in pieces:
                yield piece
        missing = [(section, covering.PART_FAILED) for section in taker.failed]
        missing += [(section, covering.TOO_LONG) for section in beyond]
        read = [section for section in parts if section not in taker.failed]
        told = [
            coverage(
                document,
                [section for section in read if section.file_id == document.file_id],
                [(section, why) for section, why in missing if section.file_id == document.file_id],
            )
            for document in material.documents
        ]
        async for event in self._ending(
            writer, parts, [*told, *material.unread], caller, search, language, (part.used, notes.used)
        ):
            yield event

    async def _ending(
        self,
        writer: Writer,
        sections: Sequence[Section],
        told: Sequence[Coverage],
        caller: Caller,
        search: Search,
        language: Language,
        prompts: tuple[str, ...],
    ) -> AsyncGenerator[AnswerEvent, None]:
        """The checked citations, what was covered, and the end."""
        passages = [section.as_passage() for section in sections]
        cited = await self._checking.checked(caller, writer.text, passages, search, located(sections))
        yield TextDelta(f"\n\n_{covering.told(told, language, MOST_PARTS)}_")
        yield cited
        notes = ["partial"] if covering.is_partial(told) else []
        if cited.unsupported:
            notes.append("unsupported")
        yield Finished(
            "written",
            writer.finish_reason,
            writer.usage,
            model=self.name,
            notes=tuple(notes),
            coverage=tuple(told),
            prompts=prompts,
        )

    # quoting ------------------------------------------------------------------------------------------

    async def _quoted(
        self,
        material: Material,
        caller: Caller,
        search: Search,
        language: Language,
        *,
        said: str = "quotes_only",
    ) -> AsyncGenerator[AnswerEvent, None]:
        readable = [document for document in material.documents if document.passages]
        sections = _for_quoting(readable)
        texts = [section.text for section in sections]
        spans = await self._quoter.central(texts, _QUOTES_EACH)
        written, cited = "", list[Citation]()
        for section, chosen in zip(sections, spans, strict=True):
            for position, (start, end) in enumerate(chosen):
                passage, begin, stop = section.locate(start, end)
                quote = passage.text[begin:stop]
                piece = f"**{covering.label(section, language)}**\n\n" if not position else ""
                shown = " ".join(quote.split())
                at = len(written) + len(piece) + 2
                piece += f"> {shown} [{len(cited) + 1}]\n\n"
                citation = Citation(
                    len(cited) + 1,
                    passage.file_id,
                    passage.filename,
                    quote,
                    passage.page,
                    passage.headings,
                    at,
                    at + len(shown),
                    chunk_id=passage.chunk_id,
                    page_start=passage.start + begin,
                    page_end=passage.start + stop,
                )
                cited.append(await verified(caller, citation, search))
                written += piece
                yield TextDelta(piece)
        told = [coverage(d, [s for s in sections if s.file_id == d.file_id], ()) for d in material.documents]
        told += material.unread
        yield TextDelta(f"_{summary_text(language, said)} {covering.told(told, language, MOST_PARTS)}_")
        yield Cited(tuple(cited))
        yield Finished("quoted", model=self.name, notes=("quoting_only",), coverage=tuple(told))

    def _refusal(self, said: str, reason: str, unread: Sequence[Coverage]) -> list[AnswerEvent]:
        end = Finished("refused", model=self.name, notes=(reason,), coverage=tuple(unread))
        return [TextDelta(f"_{said.strip()}_"), Cited(()), end]


def _for_quoting(documents: Sequence[WholeDocument]) -> list[Section]:
    """Some eight sections in all, however long the documents are."""
    total = sum(len(passage.text) for document in documents for passage in document.passages)
    most = max(_LEAST_SECTION, total // _QUOTED_SECTIONS + 1)
    size: Callable[[str], int] = len
    return [section for document in documents for section in cut(document, most, size)]
