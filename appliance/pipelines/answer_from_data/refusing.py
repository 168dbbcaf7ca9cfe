"""What is said when no table fits, and what could be asked instead. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from appliance.domain.data import OfferedSource, SavedQuestion
from appliance.domain.people import Language
from appliance.pipelines.answer_from_data.evidence import evidence
from appliance.pipelines.answer_from_data.formatting import escaped, number
from appliance.pipelines.answer_from_data.generating import Outcome
from appliance.pipelines.answer_from_data.stating import is_supported
from appliance.pipelines.data_texts import data_text
from querying.errors import QueryFailed
from querying.types import Rows, Table
from rag.analysis import Analyzer

_MOST_TABLES = 12
_MOST_SOURCES = 4
_LONGEST_SQL = 2_000
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


def reason(said: str, language: Language, analyzer: Analyzer) -> str:
    """Why no table answers, as a model put it; in our own words where it speaks of numbers, or another language."""
    line = one_line(said)
    nothing = evidence(Rows((), ()), "", "sqlite")
    if line and analyzer.language(line) in (None, language) and is_supported(line, nothing, language):
        return data_text(language, "not_in_tables", reason=escaped(line))
    return data_text(language, "not_in_tables_plain")


def gave_up(outcome: Outcome, language: Language) -> str:
    """What went wrong, with every query that was tried."""
    if not outcome.tried:
        return data_text(language, "gave_up_empty")
    error = outcome.error
    why = data_text(language, "no_sql" if error is None else error.code)
    if isinstance(error, QueryFailed) and error.detail:
        why += " " + data_text(language, "database_said", words=escaped(one_line(error.detail)))
    return "\n\n".join(
        [data_text(language, "gave_up", why=why), *(_fenced(sql) for sql in dict.fromkeys(outcome.tried))]
    )


def _fenced(sql: str) -> str:
    """As code, whatever stands in it."""
    shown = sql[:_LONGEST_SQL]
    marks = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", shown)), default=0))
    return f"{marks}sql\n{shown}\n{marks}"


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
