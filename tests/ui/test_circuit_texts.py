"""What Administration › Engines says of engines that are out of rotation: in both languages, for every reason."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from inference.breaker.circuit import Cause, Position
from inference.failover.outcomes import Outcome
from ui.texts import LANGUAGES, as_script
from ui.texts.circuits import CIRCUITS

ADMIN = Path(__file__).resolve().parents[2] / "ui" / "page" / "admin"
JUDGED_APART = (Outcome.RATE_LIMITED, Outcome.REJECTED)  # they are causes of their own


def test_every_sentence_has_its_places_in_both_languages_and_is_written() -> None:
    """After a change: `python -m ui.texts`."""
    for key, sentence in CIRCUITS.items():
        assert set(re.findall(r"{\w+}", sentence.es)) == set(re.findall(r"{\w+}", sentence.en)), key
    for language in LANGUAGES:
        assert (ADMIN / f"circuits_{language}.js").read_text(encoding="utf-8") == as_script(
            "circuits", language
        )


def test_every_sentence_is_used() -> None:
    """By the view's own scripts; those of reasons and changes by what is filled in there."""
    code = (ADMIN / "circuits.js").read_text(encoding="utf-8") + (ADMIN / "engines.js").read_text(
        encoding="utf-8"
    )
    for key in CIRCUITS:
        assert f'"{key}"' in code or key.startswith(("why.", "went.")), key


@pytest.mark.parametrize("cause", Cause)
@pytest.mark.parametrize("outcome", [one for one in Outcome if one.is_failure and one not in JUDGED_APART])
def test_every_reason_can_be_said(cause: Cause, outcome: Outcome) -> None:
    """By cause and outcome, or by the cause alone where the outcome adds nothing."""
    assert {f"why.{cause}.{outcome}", f"why.{cause}"} & set(CIRCUITS)


@pytest.mark.parametrize("position", Position)
def test_every_change_can_be_said(position: Position) -> None:
    """Of the history."""
    assert f"went.{position}" in CIRCUITS
