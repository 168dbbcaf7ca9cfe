"""What models are asked for here, and the words that the appliance ships for it. A new one is one line."""

from __future__ import annotations

from collections.abc import Mapping

from appliance.domain.people import Language
from appliance.domain.prompts import PromptWords, Purpose
from appliance.pipelines.data_texts import TEXTS as DATA_TEXTS
from appliance.pipelines.summary_texts import SUMMARY_TEXTS
from appliance.pipelines.texts import TEXTS
from appliance.ports.prompts import PromptInForce

_LANGUAGES: tuple[Language, ...] = ("en", "es")


def _words(texts: Mapping[Language, Mapping[str, str]], name: str, temperature: float | None) -> PromptWords:
    return PromptWords({language: texts[language][name] for language in _LANGUAGES}, temperature=temperature)


_ALL = (
    Purpose(
        "answer-with-sources",
        _words(TEXTS, "system", 0.2),
        must_hold=("[1]",),
        takes_examples=True,
        takes_model=True,
    ),
    Purpose(
        "answer-from-data",
        _words(DATA_TEXTS, "sql", 0.0),
        must_hold=("NO_TABLE_FITS",),
        takes_examples=True,
        takes_model=True,
    ),
    Purpose("answer-from-rows", _words(DATA_TEXTS, "sentence", 0.0), takes_examples=True),
    Purpose("follow-up", _words(TEXTS, "rewrite", 0.0), takes_examples=True),
    Purpose("answer-from-file", _words(SUMMARY_TEXTS, "whole", 0.2), must_hold=("[1]",), takes_examples=True),
    Purpose(
        "summarise",
        _words(SUMMARY_TEXTS, "whole_summary", 0.2),
        must_hold=("[1]",),
        takes_examples=True,
        takes_model=True,
    ),
    Purpose("summarise-part", _words(SUMMARY_TEXTS, "part", 0.2)),
    Purpose("summarise-notes", _words(SUMMARY_TEXTS, "reduce", 0.2), must_hold=("[3]",), takes_examples=True),
    Purpose(
        "responses-with-files",
        _words(SUMMARY_TEXTS, "grounded", None),
        must_hold=("[1]",),
        takes_temperature=False,
    ),
)
PURPOSES: Mapping[str, Purpose] = {purpose.name: purpose for purpose in _ALL}


class ShippedPrompts:
    """Fulfils ports.prompts.Prompts with what is shipped; where no catalogue is kept."""

    async def in_force(self, purpose: str, language: Language) -> PromptInForce:
        words = PURPOSES[purpose].shipped
        return PromptInForce(purpose, language, words.texts[language], temperature=words.temperature)
