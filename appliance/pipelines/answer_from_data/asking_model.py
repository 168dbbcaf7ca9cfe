"""The prompt with which a model is asked for SQL, cut to what it can read. Pure but for counting tokens."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from appliance.domain.data import SavedQuestion
from appliance.domain.people import Language
from appliance.pipelines.answer_from_data.describing import described, inert, shown_example
from appliance.pipelines.answer_from_data.linking import Linked, LinkedTable
from appliance.pipelines.data_texts import DIALECT_NOTES, DIALECTS, data_text
from appliance.pipelines.fitting import TEMPLATE_TOKENS, TokenCounts
from appliance.pipelines.prompting import MESSAGE_OVERHEAD_TOKENS
from inference.types import ChatMessage

MOST_SQL_TOKENS = 700
_MOST_TABLES = 40
_FEW = 3
_MOST_EARLIER = 4  # messages
_EARLIER_CHARACTERS = 1_200
_FENCED = re.compile(r"```sql\n.*?\n```", re.DOTALL)


@dataclass(frozen=True, slots=True)
class SqlPrompt:
    """messages end with the question. tables: how many the model sees. tokens: of it all, as the engine counts."""

    messages: tuple[ChatMessage, ...]
    tables: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Told:
    """What goes into the prompt. instructions: with `{dialect}` in them; an operator may have written them."""

    instructions: str
    linked: Linked
    examples: Sequence[SavedQuestion]
    earlier: Sequence[ChatMessage]
    question: str
    language: Language
    today: date


async def sql_prompt(told: Told, context: int, counts: TokenCounts) -> SqlPrompt:
    """As many tables as fit, the most telling first; then examples give way, then what was said before."""
    room = context - min(MOST_SQL_TOKENS, context // 3) - TEMPLATE_TOKENS
    schema = told.linked.source.schema
    blocks = [described(one, schema) for one in _worth_showing(told.linked.tables)]
    examples = [shown_example(one) for one in told.examples]
    earlier = recent(told.earlier)
    fixed = await counts.total([ChatMessage("system", _frame(told)), ChatMessage("user", told.question)])
    await counts.learn([*blocks, *examples, *(one.content for one in earlier)])
    least = counts(blocks[0]) if blocks else 0
    while earlier and _cost(counts, earlier, examples) + fixed + least > room:
        earlier = earlier[2:]
    while examples and _cost(counts, earlier, examples) + fixed + least > room:
        examples.pop()
    left = room - fixed - _cost(counts, earlier, examples)
    kept: list[str] = []
    for block in blocks:
        left -= counts(block) + 1
        if left < 0 and kept:
            break
        kept.append(block)
    while True:
        messages = (
            ChatMessage("system", _system(told, kept, examples)),
            *earlier,
            ChatMessage("user", told.question),
        )
        tokens = await counts.total(messages)
        if tokens <= room or len(kept) <= 1:
            return SqlPrompt(messages, len(kept), tokens)
        kept.pop()


def _worth_showing(tables: Sequence[LinkedTable]) -> Sequence[LinkedTable]:
    """All of a small schema; of a large one those in which something of the question stands, and a few more."""
    if len(tables) <= _MOST_TABLES:
        return tables
    telling = sum(one.score > 0 for one in tables)
    return tables[: min(_MOST_TABLES, telling + _FEW if telling else _MOST_TABLES)]


def recent(messages: Sequence[ChatMessage]) -> list[ChatMessage]:
    """The last questions with what was answered, cut; the SQL of an answer stays, for "and by month?"."""
    spoken = [one for one in messages if one.role in ("user", "assistant")][-_MOST_EARLIER:]
    while spoken and spoken[0].role != "user":
        spoken.pop(0)
    return [ChatMessage(one.role, _short(one.content)) for one in spoken]


def _short(said: str) -> str:
    if len(said) <= _EARLIER_CHARACTERS:
        return said
    queries = _FENCED.findall(said)
    query = queries[-1] if queries and len(queries[-1]) <= _EARLIER_CHARACTERS else ""
    return f"{said[: _EARLIER_CHARACTERS - len(query)]}…\n\n{query}".rstrip()


def _cost(counts: TokenCounts, earlier: Sequence[ChatMessage], examples: Sequence[str]) -> int:
    said = sum(counts(one.content) + MESSAGE_OVERHEAD_TOKENS for one in earlier)
    return said + sum(counts(one) + 2 for one in examples)


def _frame(told: Told) -> str:
    """All but tables and examples."""
    dialect = told.linked.source.schema.dialect
    return "\n\n".join(
        [
            told.instructions.replace("{dialect}", DIALECTS[dialect]),
            f"{data_text(told.language, 'today', today=told.today.isoformat())} {DIALECT_NOTES[dialect]}",
            _schema_line(told),
            data_text(told.language, "left_out", count=len(told.linked.tables)),
            data_text(told.language, "examples"),
            "<schema>\n</schema>\n<examples>\n</examples>",
        ]
    )


def _schema_line(told: Told) -> str:
    source = told.linked.source
    name = data_text(told.language, "schema", source=inert(source.name, 80))
    return f"{name} {inert(source.description, 300)}".rstrip()


def _system(told: Told, tables: Sequence[str], examples: Sequence[str]) -> str:
    dialect = told.linked.source.schema.dialect
    parts = [
        told.instructions.replace("{dialect}", DIALECTS[dialect]),
        f"{data_text(told.language, 'today', today=told.today.isoformat())} {DIALECT_NOTES[dialect]}",
        _schema_line(told),
        "<schema>\n" + "\n".join(tables) + "\n</schema>",
    ]
    if missing := len(told.linked.tables) - len(tables):
        parts.append(data_text(told.language, "left_out", count=missing))
    if examples:
        parts.append(data_text(told.language, "examples"))
        parts.append("<examples>\n" + "\n\n".join(examples) + "\n</examples>")
    return "\n\n".join(parts)
