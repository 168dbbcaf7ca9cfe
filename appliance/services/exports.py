"""A conversation as a file to take away: Markdown of what is shown, JSON of all there is. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

import orjson

from appliance.domain.answers import Conversation, Figures, ShownTurn
from appliance.domain.people import Language
from appliance.services.turns import as_state

TEXTS: Final[dict[Language, dict[str, str]]] = {
    "en": {
        "untitled": "Conversation",
        "sources": "Sources",
        "rows": "{shown} of {rows} rows of {source}, read at {moment}",
        "cut": "the query was cut off, so there may be more",
        "page": "page {number}",
        "answered_by": "Answered by {model}, {moment}",
        "unfinished": "The answer is not complete.",
        "unverified": "not found on its page",
        "cloud": "Answered by a cloud: {name}.",
        "smaller": "Answered by a smaller model: {name}.",
        "elsewhere": "Answered on a second engine; the first one failed.",
        "quoted": "Quoted from the documents; no language model answered.",
    },
    "es": {
        "untitled": "Conversación",
        "sources": "Fuentes",
        "rows": "{shown} de {rows} filas de {source}, leídas el {moment}",
        "cut": "la consulta se cortó y puede haber más",
        "page": "página {number}",
        "answered_by": "Respondido por {model}, {moment}",
        "unfinished": "La respuesta no está completa.",
        "unverified": "no está en su página",
        "cloud": "Respondió una nube: {name}.",
        "smaller": "Respondió un modelo más pequeño: {name}.",
        "elsewhere": "Respondió un segundo motor; el primero falló.",
        "quoted": "Citas de los documentos; ningún modelo de lenguaje respondió.",
    },
}
_LONGEST_NAME = 80
_MARKDOWN = re.compile(r"([\\`*_\[\]<>|~])")
_NOT_IN_NAMES = re.compile(r'[\\/:*?"<>|\x00-\x1f\x7f]+')


def file_name(conversation: Conversation, suffix: str) -> str:
    """The title as any system takes it, and the day."""
    title = _NOT_IN_NAMES.sub(" ", conversation.title)
    title = " ".join(title.split())[:_LONGEST_NAME].strip(" .") or "conversation"
    return f"{title} {conversation.created_at:%Y-%m-%d}.{suffix}"


def as_markdown(conversation: Conversation, turns: Sequence[ShownTurn], language: Language) -> str:
    """The path that is shown, each question a heading, each answer with its sources."""
    said = TEXTS[language]
    parts = [f"# {_one_line(conversation.title) or said['untitled']}\n"]
    for shown in shown_path(conversation, turns):
        turn = shown.turn
        parts.append(f"## {_one_line(turn.question[:200])}\n")
        if turn.question != _one_line(turn.question[:200]):
            parts.append("\n".join(f"> {line}" for line in turn.question.splitlines()) + "\n")
        if turn.answer.strip():
            parts.append(f"{turn.answer.strip()}\n")
        if turn.status != "done":
            parts.append(f"_{said['unfinished']}_\n")
        state = as_state(shown.events)
        parts += [_table(one, said) for one in state["tables"]]
        sources = [_source(one, said) for one in state["citations"]]
        if sources:
            parts.append(f"**{said['sources']}**\n\n" + "\n".join(sources) + "\n")
        by = said["answered_by"].format(model=turn.model, moment=f"{turn.created_at:%Y-%m-%d %H:%M %Z}")
        parts.append(f"_{' '.join([by, *_way(turn.figures, said)])}_\n")
    return "\n".join(parts)


def as_json(conversation: Conversation, turns: Sequence[ShownTurn]) -> bytes:
    """Every version of every turn; `current_turn_id` and `previous_id` say which path is shown."""
    exported = {
        "object": "conversation.export",
        "id": str(conversation.id),
        "title": conversation.title,
        "created_at": conversation.created_at.isoformat(),
        "updated_at": conversation.updated_at.isoformat(),
        "current_turn_id": conversation.current_turn_id,
        "turns": [_turn(one) for one in turns],
    }
    return orjson.dumps(exported, option=orjson.OPT_INDENT_2)


def shown_path(conversation: Conversation, turns: Sequence[ShownTurn]) -> list[ShownTurn]:
    """From the first question to where the conversation stands."""
    by_id = {shown.turn.id: shown for shown in turns}
    path: list[ShownTurn] = []
    at = conversation.current_turn_id
    while at is not None and at in by_id:
        path.append(by_id[at])
        at = path[-1].turn.previous_id
    return path[::-1]


def _turn(shown: ShownTurn) -> dict[str, Any]:
    turn, figures, state = shown.turn, shown.turn.figures, as_state(shown.events)
    return {
        "id": turn.id,
        "previous_id": turn.previous_id,
        "continues_id": turn.continues_id,
        "question": turn.question,
        "answer": turn.answer,
        "model": turn.model,
        "status": turn.status,
        "created_at": turn.created_at,
        "finished_at": turn.finished_at,
        "citations": [
            {
                name: one.get(name)
                for name in ("index", "filename", "file_id", "page", "location", "quote", "is_verified")
            }
            for one in state["citations"]
        ],
        "tables": state["tables"],
        "feedback": shown.feedback,
        "figures": figures,
    }


def _way(figures: Figures, said: dict[str, str]) -> list[str]:
    """Who answered, where that was not the model that was asked for."""
    sentence = said.get(figures.rung)
    name = figures.answered_as or (figures.served_by or "").partition(":")[2]
    return [] if sentence is None else [sentence.format(name=name)]


def _source(citation: dict[str, Any], said: dict[str, str]) -> str:
    where = f", {said['page'].format(number=citation['page'])}" if citation.get("page") is not None else ""
    doubt = "" if citation.get("is_verified", True) else f" ({said['unverified']})"
    return f"{citation['index']}. {citation['filename']}{where}: “{_one_line(citation['quote'])}”{doubt}"


def _table(table: dict[str, Any], said: dict[str, str]) -> str:
    """A result with the SQL that brought it: its rows as far as the answer carries them, exactly as they are."""
    columns = [_table_cell(column["name"]) for column in table["columns"]]
    lines = [columns, ["---"] * len(columns), *([_table_cell(cell) for cell in row] for row in table["rows"])]
    drawn = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    told = said["rows"].format(
        shown=len(table["rows"]),
        rows=table["row_count"],
        source=_one_line(table["source"]["name"]),
        moment=table["ran_at"][:16].replace("T", " "),
    )
    cut = f"; {said['cut']}" if table["cut"] else ""
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", table["sql"])), default=0))
    return f"{drawn}\n\n_{told}{cut}_\n\n{fence}sql\n{table['sql'].strip()}\n{fence}\n"


def _table_cell(cell: object) -> str:
    if isinstance(cell, dict):
        return f"({cell['bytes']} bytes)"
    text = "" if cell is None else str(cell).lower() if isinstance(cell, bool) else str(cell)
    return _MARKDOWN.sub(r"\\\1", _one_line(text))  # a value is no formatting, and no link


def _one_line(text: str) -> str:
    return " ".join(text.split())
