"""The handbook's chapter of findings, made from their words: `appliance doctor --markdown`."""

from __future__ import annotations

from collections.abc import Iterator

from appliance.bootstrap.doctor.table import CHECKS
from appliance.services.doctor.sentences import SENTENCES
from appliance.services.doctor.words import Words


def findings_chapter() -> str:
    """A list by check, in the order of the table: id, what it says, what is to be done."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    known = [*CHECKS, *sorted({one.partition(".")[0] for one in SENTENCES} - set(CHECKS))]
    for check in known:
        yield f"- **`{check}`**"
        for code, words in SENTENCES.items():
            if code.partition(".")[0] == check:
                yield f"  - `{code}`: {_told(words)}"


def _told(words: Words) -> str:
    """Places stand as … there: what fills them is the box's."""
    said = f"{words.sentence} → {words.remedy}" if words.remedy else words.sentence
    return "".join(_without_places(said))


def _without_places(sentence: str) -> Iterator[str]:
    for part in sentence.split("{"):
        _, brace, rest = part.partition("}")
        yield f"…{rest}" if brace else part
