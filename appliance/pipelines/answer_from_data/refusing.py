"""What is said when no table fits, and what could be asked instead. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from appliance.domain.data import OfferedSource, SavedQuestion
from appliance.domain.people import Language
from appliance.pipelines.answer_from_data.formatting import escaped, number
from appliance.pipelines.answer_from_data.texts import data_text
from querying.types import Table

_MOST_TABLES = 12
_MOST_SOURCES = 4
_LONGEST = 100  # characters of a description


def askable(sources: Sequence[OfferedSource], language: Language) -> str:
    """What there is to be asked, in the words of whoever described it."""
    lines = []
    for source in sources[:_MOST_SOURCES]:
        tables = source.schema.tables
        named = [_table(table) for table in tables[:_MOST_TABLES]]
        if len(tables) > _MOST_TABLES:
            count = number(len(tables) - _MOST_TABLES, language)
            named.append(data_text(language, "and_more", count=count))
        lines.append(data_text(language, "tables_of", source=escaped(source.name), tables=", ".join(named)))
    return "\n\n".join(lines)


def suggestions(questions: Sequence[SavedQuestion], language: Language) -> str:
    """Saved questions to begin with; empty where there are none."""
    if not questions:
        return ""
    lines = [f"- {escaped(one_line(question.question))}" for question in questions]
    return "\n".join([data_text(language, "suggested"), "", *lines])


def one_line(text: str) -> str:
    """What people wrote, without its line breaks, and not longer than a glance."""
    line = " ".join(text.split())
    return line if len(line) <= 2 * _LONGEST else line[: 2 * _LONGEST - 1] + "…"


def _table(table: Table) -> str:
    described = " ".join(table.description.split())
    if not described:
        return escaped(table.name)
    short = described if len(described) <= _LONGEST else described[: _LONGEST - 1] + "…"
    return f"{escaped(table.name)} ({escaped(short)})"
