"""From a question to rows with a model: SQL is written, run at the desk, and once repaired with what went wrong."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import date

from appliance.domain.answers import AnswerRequest, Progressed, Reasoned, Restarted, TextDelta
from appliance.domain.data import Asking, OfferedSource, QueryRun, SavedQuestion
from appliance.domain.people import Caller, Language
from appliance.pipelines.answer_from_data.asking_model import MOST_SQL_TOKENS, Told, sql_prompt
from appliance.pipelines.answer_from_data.constants import has_written_numbers
from appliance.pipelines.answer_from_data.describing import inert
from appliance.pipelines.answer_from_data.linking import Linked
from appliance.pipelines.answer_from_data.origins import origin_of
from appliance.pipelines.answer_from_data.statement import Said, statement
from appliance.pipelines.data_texts import data_text
from appliance.pipelines.fitting import KnownCounts, TokenCounts, context_tokens
from appliance.pipelines.writing import Writer
from appliance.ports.data import DataDesk
from appliance.ports.prompts import PromptInForce
from inference.ports import ChatEngine
from inference.types import ChatMessage, Usage
from querying.errors import QueryFailed, QueryingError, QueryRefused, QueryTooExpensive, SchemaChanged

_MOST_BYTES_PER_TOKEN = 12
_LONGEST_ERROR = 500  # characters
_MENDABLE = (QueryRefused, QueryFailed, QueryTooExpensive, SchemaChanged)

Step = Progressed | Reasoned


@dataclass(slots=True)
class Outcome:
    """What came of it. tried: every query, as the model wrote it. error: why the last one brought nothing.

    said: the model's last word where it wrote no SQL. prompt_tokens, tables: of the first prompt.
    """

    run: QueryRun | None = None
    source: OfferedSource | None = None
    tried: list[str] = field(default_factory=list)
    error: QueryingError | None = None
    said: Said = field(default_factory=Said)
    usage: Usage = field(default_factory=Usage)
    was_repaired: bool = False
    prompt_tokens: int = 0
    tables: int = 0


@dataclass(frozen=True, slots=True)
class Wanted:
    """One question as a model is asked it. earlier: what was said before it."""

    caller: Caller
    request: AnswerRequest
    asking: Asking
    language: Language
    words: PromptInForce
    earlier: Sequence[ChatMessage]
    origins: frozenset[str]


class Generating:
    """today: handed into the prompt, so that "last month" means something."""

    def __init__(self, desk: DataDesk, today: Callable[[], date]) -> None:
        self._desk = desk
        self._today = today
        self._counts = KnownCounts()

    async def steps(
        self,
        wanted: Wanted,
        linked: Linked,
        examples: Sequence[SavedQuestion],
        engine: ChatEngine,
        outcome: Outcome,
    ) -> AsyncGenerator[Step, None]:
        """Fills the outcome; what is yielded is only how far it is. Raises what engines raise."""
        context = await context_tokens(engine)
        counts = TokenCounts(engine, context * _MOST_BYTES_PER_TOKEN, self._counts)
        told = Told(
            wanted.words.instructions,
            linked,
            examples,
            wanted.earlier,
            wanted.request.question,
            wanted.language,
            self._today(),
        )
        prompt = await sql_prompt(told, context, counts)
        outcome.prompt_tokens, outcome.tables = prompt.tokens, prompt.tables
        outcome.source = linked.source
        messages = prompt.messages
        for attempt in range(2):
            writer = Writer()
            async with aclosing(self._written(writer, engine, wanted, messages, context)) as pieces:
                async for piece in pieces:
                    yield piece
            outcome.usage = _sum(outcome.usage, writer.usage)
            outcome.said = said = statement(writer.text)
            outcome.was_repaired = attempt > 0
            if said.is_refusal:
                return
            yield Progressed("querying", 2, 3, linked.source.name, wanted.origins)
            problem = await self._run(wanted, linked.source, said, outcome)
            if not problem:
                return
            if attempt == 0:
                yield Progressed("repairing", 1, 2, linked.source.name, wanted.origins)
                messages = (
                    *messages,
                    ChatMessage("assistant", writer.text[-2000:].strip() or "–"),
                    ChatMessage(
                        "user", data_text(wanted.language, "repair", error=inert(problem, _LONGEST_ERROR))
                    ),
                )

    async def _written(
        self,
        writer: Writer,
        engine: ChatEngine,
        wanted: Wanted,
        messages: Sequence[ChatMessage],
        context: int,
    ) -> AsyncGenerator[Step, None]:
        most = min(MOST_SQL_TOKENS, context // 3)
        also = {"temperature": wanted.words.temperature or 0, "max_tokens": most}
        request = replace(
            wanted.request, options={}
        )  # what a client wishes for the answer is not for the SQL
        stream = writer.stream(engine, request, messages, most, wanted.origins, also=also)
        async with aclosing(stream) as pieces:
            async for piece in pieces:
                if isinstance(piece, Reasoned):
                    yield piece
                else:
                    assert isinstance(piece, TextDelta | Restarted)  # SQL is shown when it ran

    async def _run(self, wanted: Wanted, source: OfferedSource, said: Said, outcome: Outcome) -> str:
        """What the model is to be told of why it did not run; empty where it did, or where telling would not help."""
        outcome.error = None
        if not said.sql:
            return data_text(wanted.language, "no_sql")
        outcome.tried.append(said.sql)
        if has_written_numbers(said.sql, source.schema.dialect):
            outcome.error = QueryRefused(data_text("en", "constants"), "constants")
            return data_text(wanted.language, "constants")
        try:
            outcome.run = await self._desk.run(wanted.caller, source.id, said.sql, wanted.asking)
        except QueryingError as error:
            outcome.error = error
            return (str(error.detail) or str(error)) if isinstance(error, _MENDABLE) else ""
        return ""


def origins_of(sources: Sequence[OfferedSource]) -> frozenset[str]:
    """Of everything that stands in a prompt about these."""
    return frozenset(origin_of(source) for source in sources)


def _sum(one: Usage, other: Usage) -> Usage:
    return Usage(one.prompt_tokens + other.prompt_tokens, one.completion_tokens + other.completion_tokens)
