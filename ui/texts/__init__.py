"""Every sentence that the page shows, in English and Spanish, in one sitting.

`python -m ui.texts` writes them as JSON beside the page's scripts, from where the gateway hands them to the browser;
a test compares the two. `{name}` marks what is filled in.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from ui.texts.admin import ADMIN
from ui.texts.budgets import BUDGET_ERRORS, BUDGET_REFUSALS, BUDGETS
from ui.texts.chat import CHAT
from ui.texts.circuits import CIRCUITS
from ui.texts.cloud import CLOUD, CLOUD_MENU
from ui.texts.connected import CONNECTED
from ui.texts.conversations import CONVERSATIONS
from ui.texts.data import DATA_ERRORS, DATA_REFUSALS
from ui.texts.data_answers import DATA_ANSWERS, DATA_ANSWERS_MENU
from ui.texts.data_page import DATA, DATA_MENU
from ui.texts.data_refusals import QUERY_REFUSALS
from ui.texts.document_notes import DOCUMENT_NOTES
from ui.texts.document_refusals import DOCUMENT_REFUSALS
from ui.texts.documents import DOCUMENTS
from ui.texts.egress import EGRESS, EGRESS_MENU
from ui.texts.errors import ERRORS, NOTES
from ui.texts.findings import FINDINGS
from ui.texts.frame import FRAME
from ui.texts.health import HEALTH
from ui.texts.insights import INSIGHTS
from ui.texts.ladder import LADDER, LADDER_ERRORS, LADDER_REFUSALS
from ui.texts.leaving import LEAVING
from ui.texts.me import ME
from ui.texts.model_errors import MODEL_ERRORS
from ui.texts.models import MODELS, PLANS
from ui.texts.pipelines import PIPELINE_ERRORS, PIPELINES, PIPELINES_MENU
from ui.texts.prompts import PROMPT_REFUSALS, PROMPTS, PROMPTS_MENU
from ui.texts.recordings import RECORDING_ERRORS, RECORDING_NOTES, RECORDINGS
from ui.texts.refusals import REFUSALS
from ui.texts.sentence import Sentence
from ui.texts.source_refusals import SOURCE_REFUSALS
from ui.texts.table_notes import BOOK_TABLES, TABLE_NOTES
from ui.texts.tools import TOOL_CHAT, TOOL_ERRORS, TOOLS
from ui.texts.watchdog import WATCHDOG

Language = Literal["en", "es"]
LANGUAGES: tuple[Language, ...] = ("en", "es")


# What programs compare is the code; these are the same refusals in the words of the page.
TEXTS: Mapping[str, Sentence] = {
    **FRAME,
    **CHAT,
    **CONVERSATIONS,
    **DOCUMENTS,
    **CONNECTED,
    **ME,
    **ADMIN,
    **HEALTH,
    **WATCHDOG,
    **LADDER,
    **LEAVING,
    **CLOUD_MENU,
    **DATA_MENU,
    **DATA_ANSWERS_MENU,
    **EGRESS_MENU,
    **INSIGHTS,
    **RECORDINGS,
    **BOOK_TABLES,
    **BUDGETS,
    **TOOL_CHAT,
    **PROMPTS_MENU,
    **PIPELINES_MENU,
    **{
        f"error.{code}": sentence
        for code, sentence in (
            ERRORS
            | MODEL_ERRORS
            | RECORDING_ERRORS
            | BUDGET_ERRORS
            | LADDER_ERRORS
            | DATA_ERRORS
            | PIPELINE_ERRORS
            | TOOL_ERRORS
        ).items()
    },
    **{
        f"refused.{code}": sentence
        for code, sentence in (
            REFUSALS
            | BUDGET_REFUSALS
            | LADDER_REFUSALS
            | DATA_REFUSALS
            | QUERY_REFUSALS
            | SOURCE_REFUSALS
            | PROMPT_REFUSALS
        ).items()
    },
    **{f"note.{code}": sentence for code, sentence in NOTES.items()},
    **{
        f"told.{code}": sentence
        for code, sentence in (DOCUMENT_NOTES | DOCUMENT_REFUSALS | RECORDING_NOTES | TABLE_NOTES).items()
    },
}


def text(key: str, language: Language, **values: object) -> str:
    """One sentence with its places filled. Raises KeyError for a key that is not here."""
    sentence: str = getattr(TEXTS[key], language)
    return sentence.format_map(values) if values else sentence


def in_language(language: Language) -> dict[str, str]:
    """All sentences of one language by key."""
    return {key: getattr(sentence, language) for key, sentence in TEXTS.items()}


def as_json(language: Language) -> str:
    """The file that the gateway reads."""
    return json.dumps(in_language(language), ensure_ascii=False, indent=1, sort_keys=True) + "\n"


SCRIPTS: Mapping[str, Mapping[str, Sentence]] = {
    "findings": FINDINGS,
    "models": MODELS | PLANS,
    "circuits": CIRCUITS,
    "egress": EGRESS,
    "cloud": CLOUD,
    "prompts": PROMPTS,
    "data": DATA,
    "answers_from_data": DATA_ANSWERS,
    "pipelines": PIPELINES,
    "tools": TOOLS,
}
"""Views whose sentences are loaded with them, and not with every page; most are of Administration."""
_ROOMS = {"answers_from_data": "chat"}


def as_script(name: str, language: Language) -> str:
    """What such a view says."""
    told = {key: getattr(sentence, language) for key, sentence in SCRIPTS[name].items()}
    return f"// Made by `python -m ui.texts`.\nexport default {json.dumps(told, ensure_ascii=False, indent=1)};\n"


def write_files(folder: Path) -> None:
    """Write the sentences of each language into the folder of the page's scripts."""
    for language in LANGUAGES:
        (folder / f"texts.{language}.json").write_text(as_json(language), encoding="utf-8")
        for name in SCRIPTS:
            (folder / _ROOMS.get(name, "admin") / f"{name}_{language}.js").write_text(
                as_script(name, language), encoding="utf-8"
            )
