"""Notes on the parts of a long text, and the prompt that makes one text of them: a summary’s map and its reduce."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence

from appliance.domain.answers import AnswerRequest
from appliance.domain.origins import Origins
from appliance.domain.people import Language
from appliance.pipelines.covering import label
from appliance.pipelines.fitting import TEMPLATE_TOKENS, TokenCounts, context_tokens, overestimate
from appliance.pipelines.prompting import MESSAGE_OVERHEAD_TOKENS
from appliance.pipelines.sections import Section, cut
from appliance.pipelines.summary_texts import summary_text
from appliance.pipelines.writing import Writer
from appliance.ports import GivesWay
from appliance.ports.prompts import PromptInForce
from inference.errors import EngineStreamBroken, EngineUnavailable
from inference.ports import ChatEngine
from inference.types import ChatMessage
from rag.documents import WholeDocument

AT_ONCE = 4
_MOST_PART_TOKENS = 6_000  # of longer parts models forget the middle
_MOST_NOTE_TOKENS = 300
_ATTEMPTS = 2
_LONGEST_WISH = 600  # characters
_MARGIN_TOKENS = 64  # labels, numbers and joints
_BYTES_PER_TOKEN = 12


class NoteTaker:
    """One summary's calls. failed: the parts of which no note could be had."""

    def __init__(
        self,
        engine: ChatEngine,
        request: AnswerRequest,
        language: Language,
        context: int,
        counts: TokenCounts,
        origins: Origins,
        part: PromptInForce,
        notes: PromptInForce,
    ) -> None:
        self.failed: list[Section] = []
        self._engine = engine
        self._reader = engine.giving_way() if isinstance(engine, GivesWay) else engine
        self._request = request
        self._language: Language = language
        self._wish = request.question[:_LONGEST_WISH]
        self._counts = counts
        self._origins = origins
        self._note_tokens = min(_MOST_NOTE_TOKENS, context // 6)
        self._answer_tokens = min(1024, context // 3)
        overhead = TEMPLATE_TOKENS + 2 * MESSAGE_OVERHEAD_TOKENS + _MARGIN_TOKENS + overestimate(self._wish)
        self._part_words, self._notes_words = part, notes
        told = (part.instructions, notes.instructions, summary_text(language, "condense"))
        frame = max(map(overestimate, told))
        self._part_tokens = min(_MOST_PART_TOKENS, context - self._note_tokens - overhead - frame)
        self._notes_tokens = context - self._answer_tokens - overhead - frame
        self._notes: dict[int, str] = {}
        self._sections: Sequence[Section] = ()

    @classmethod
    async def for_engine(
        cls,
        engine: ChatEngine,
        request: AnswerRequest,
        language: Language,
        origins: Origins,
        part: PromptInForce,
        notes: PromptInForce,
    ) -> NoteTaker:
        """Measured to the model's context. origins: of the documents. part, notes: how to read one, how to sum up."""
        context = await context_tokens(engine)
        counts = TokenCounts(engine, context * _BYTES_PER_TOKEN)
        return cls(engine, request, language, context, counts, origins, part, notes)

    # map ----------------------------------------------------------------------------------------------

    async def cut(self, document: WholeDocument) -> list[Section]:
        """The document in parts that the model can read at once, as it counts itself."""
        most = max(64, self._part_tokens)
        sections = cut(document, most, overestimate)
        await self._counts.learn(section.text for section in sections)
        fitting: list[Section] = []
        for section in sections:
            tokens = self._counts(section.text)
            if tokens <= most:
                fitting.append(section)
                continue
            # numbers and tables need more tokens than prose: cut as much smaller as it came out too large
            part = WholeDocument(document.file_id, document.filename, document.pages, section.passages)
            fitting += cut(part, most * most // (tokens + tokens // 8), overestimate)
        return fitting

    async def take(self, sections: Sequence[Section]) -> AsyncGenerator[int, None]:
        """Read the parts, a few at once; yields how many are done. Raises what the engine raises for every part."""
        self._sections = sections
        turn = asyncio.Semaphore(AT_ONCE)
        tasks = [
            asyncio.create_task(self._note(turn, number, section, len(sections)))
            for number, section in enumerate(sections, start=1)
        ]
        waiting: set[asyncio.Task[None]] = set(tasks)
        try:
            while waiting:
                finished, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for task in finished:
                    task.result()
                yield len(tasks) - len(waiting)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if not self._notes:
            raise EngineStreamBroken("Not one part of the text could be read.")

    async def _note(self, turn: asyncio.Semaphore, number: int, section: Section, total: int) -> None:
        asked = summary_text(
            self._language,
            "part_text",
            wish=self._wish,
            number=number,
            total=total,
            label=label(section, self._language),
            text=section.text,
        )
        async with turn:
            for _ in range(_ATTEMPTS):
                try:
                    note = await self._written(self._part_words.instructions, asked)
                except (EngineStreamBroken, EngineUnavailable):
                    continue
                if note:
                    self._notes[number] = note
                    return
        self.failed.append(section)

    async def _written(self, instructions: str, asked: str) -> str:
        writer = Writer()
        messages = [
            ChatMessage("system", instructions),
            ChatMessage("user", asked),
        ]
        steps = writer.stream(
            self._reader,
            self._request,
            messages,
            self._note_tokens,
            self._origins,
            self._part_words.temperature,
        )
        async for _ in steps:
            pass
        return writer.text.strip()

    # reduce -------------------------------------------------------------------------------------------

    async def reduced(self) -> tuple[list[ChatMessage], int]:
        """The last prompt, and the tokens that are left for the summary itself."""
        notes = [
            f"[{number}] {label(self._sections[number - 1], self._language)}\n{self._notes[number]}"
            for number in sorted(self._notes)
        ]
        while True:
            await self._counts.learn(notes)
            groups = self._grouped(notes)
            if len(groups) <= 1:
                break
            turn = asyncio.Semaphore(AT_ONCE)
            notes = list(await asyncio.gather(*(self._condensed(turn, group) for group in groups)))
        asked = summary_text(self._language, "notes", wish=self._wish, notes="\n\n".join(notes))
        messages = [
            ChatMessage("system", self._notes_words.instructions),
            ChatMessage("user", asked),
        ]
        return messages, self._answer_tokens

    def _grouped(self, notes: Sequence[str]) -> list[list[str]]:
        """Notes that follow each other, as many as one prompt takes, but two at least."""
        groups: list[list[str]] = []
        filled = 0
        for note in notes:
            cost = self._counts(note) + 2
            if not groups or (filled + cost > self._notes_tokens and len(groups[-1]) > 1):
                groups.append([])
                filled = 0
            groups[-1].append(note)
            filled += cost
        return groups

    async def _condensed(self, turn: asyncio.Semaphore, group: Sequence[str]) -> str:
        if len(group) == 1:
            return group[0]
        asked = summary_text(self._language, "notes", wish=self._wish, notes="\n\n".join(group))
        async with turn:
            condense = summary_text(self._language, "condense")
            return await self._written(condense, asked) or "\n\n".join(group)[: self._note_tokens * 3]
