"""A result in a model's sentences, each held against the rows; what does not hold is said in our own words instead."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.domain.people import Language
from appliance.pipelines.answer_from_data.describing import inert
from appliance.pipelines.answer_from_data.evidence import Evidence
from appliance.pipelines.answer_from_data.formatting import escaped
from appliance.pipelines.answer_from_data.stating import is_supported
from appliance.pipelines.answer_from_data.wording import Worded
from appliance.pipelines.data_texts import data_text
from inference.types import ChatMessage
from querying.types import Rows
from rag.analysis import Analyzer
from rag.sentences import split_sentences

MOST_ROWS, MOST_COLUMNS = 20, 8  # of a result that a model is shown
_LONGEST_CELL = 80
MOST_TOKENS = 200
_MOST_SENTENCES = 3


@dataclass(frozen=True, slots=True)
class Told:
    """text: what stands in the answer, as Markdown. left_out: sentences of the model that do not."""

    text: str
    left_out: int = 0


def is_small(rows: Rows) -> bool:
    """Whether a model may tell it: all of it, and at a glance."""
    return 0 < len(rows.rows) <= MOST_ROWS and len(rows.columns) <= MOST_COLUMNS and rows.cut is None


def sentence_prompt(
    instructions: str, question: str, worded: Worded, language: Language
) -> tuple[ChatMessage, ChatMessage]:
    """The result as a table, its values written as the answer is to write them."""
    rows = worded.rows
    head = " | ".join(inert(column.name, _LONGEST_CELL) for column in rows.columns)
    lines = [
        " | ".join(
            inert(worded.cell(value, n).replace("\\", ""), _LONGEST_CELL) for n, value in enumerate(row)
        )
        for row in rows.rows
    ]
    asked = data_text(
        language, "result", question=question, rows=len(rows.rows), table="\n".join([head, *lines])
    )
    return ChatMessage("system", instructions), ChatMessage("user", asked)


def told(written: str, worded: Worded, evidence: Evidence, analyzer: Analyzer) -> Told:
    """written: what a model wrote; empty where none did. One value is told once, rows are told beside it."""
    language, template = worded.language, worded.text()
    kept, left_out = _checked(written, evidence, language, analyzer)
    if not kept:
        return Told(template, left_out)
    is_one = len(worded.rows.rows) == 1 and len(worded.rows.columns) == 1
    said = " ".join(kept)
    return Told(said if is_one and not left_out else f"{said}\n\n{template}", left_out)


def _checked(
    written: str, evidence: Evidence, language: Language, analyzer: Analyzer
) -> tuple[list[str], int]:
    text = " ".join(written.split())
    if analyzer.language(text) not in (None, language):
        return [], 0
    sentences = [text[start:end] for start, end in split_sentences(text, 0, len(text))][:_MOST_SENTENCES]
    kept = [_plain(one) for one in sentences if is_supported(one, evidence, language)]
    return kept, len(sentences) - len(kept)


def _plain(sentence: str) -> str:
    """A model's Markdown is not wanted here, nor what a value made it write."""
    return escaped(sentence.replace("**", ""))
