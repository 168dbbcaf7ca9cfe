"""Every sentence of the page in both languages, and every one of them used."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter
from typing import get_args

import pytest

from appliance.domain.refusals import SENTENCES as REFUSED
from appliance.errors import ApplianceError
from appliance.services.doctor.sentences import SENTENCES as FOUND
from inference.errors import InferenceError
from inference.placement.words import GIVEN_UP, STEPS, VERDICTS
from inference.watchdog.findings import Finding, Kind, Remedy
from querying.errors import QueryingError
from rag.errors import RagError
from rag.notes import SENTENCES, places
from ui.texts import LANGUAGES, TEXTS, as_json, as_script
from ui.texts.cloud import CLOUD
from ui.texts.data_page import DATA
from ui.texts.findings import FINDINGS
from ui.texts.models import MODELS, PLANS
from ui.texts.tools import TOOLS

UI = Path(__file__).resolve().parents[2] / "ui"
DOORS = UI.parent / "appliance" / "api"


def _codes(error: type[Exception]) -> Iterator[str]:
    yield error.code  # type: ignore[attr-defined]
    for child in error.__subclasses__():
        yield from _codes(child)


def _places(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name}


@pytest.mark.parametrize("tree", [ApplianceError, InferenceError, QueryingError, RagError])
def test_every_refusal_can_be_said_in_both_languages(tree: type[Exception]) -> None:
    """Whatever goes wrong, a person reads why in their own language."""
    assert {f"error.{code}" for code in _codes(tree)} <= set(TEXTS)


def test_every_note_of_a_reading_can_be_said_in_both_languages() -> None:
    """What is told by code fills the same places here as in the reader's own sentence, which is the English one."""
    assert {key.removeprefix("told.") for key in TEXTS if key.startswith("told.")} == set(SENTENCES)
    for code, sentence in SENTENCES.items():
        assert places(sentence) == _places(TEXTS[f"told.{code}"].es) | ({"count"} & places(sentence)), code


def test_what_says_more_of_a_refusal_can_be_said_in_both_languages() -> None:
    """The codes of the server's answers, each with the same places."""
    assert {key.removeprefix("refused.") for key in TEXTS if key.startswith("refused.")} == set(REFUSED)
    for code, sentence in REFUSED.items():
        assert _places(sentence) == _places(TEXTS[f"refused.{code}"].es), code


def test_every_finding_of_the_doctor_can_be_said_in_both_languages() -> None:
    """In English with the command's own words; in Spanish with the same places."""
    told = dict(FINDINGS)
    for code, words in FOUND.items():
        assert told.pop(f"finding.{code}").en == words.sentence
        assert not words.remedy or told.pop(f"remedy.{code}").en == words.remedy
        assert f"check_{code.partition('.')[0]}" in TEXTS
    assert told == {}
    for key, sentence in FINDINGS.items():
        assert _places(sentence.en) == _places(sentence.es), key


def test_both_languages_say_something_and_fill_the_same_places() -> None:
    """No sentence is missing, and none loses a number or a name in translation."""
    for key, sentence in TEXTS.items():
        assert sentence.en.strip(), key
        assert sentence.es.strip(), key
        assert _places(sentence.en) == _places(sentence.es), key


def test_the_browser_gets_the_sentences_as_they_stand_here() -> None:
    """After a change: `python -m ui.texts`."""
    for language in LANGUAGES:
        written = (UI / "page" / f"texts.{language}.json").read_text(encoding="utf-8")
        assert written == as_json(language)
        script = (UI / "page" / "admin" / f"findings_{language}.js").read_text(encoding="utf-8")
        assert script == as_script("findings", language)


def test_no_sentence_is_asked_for_that_does_not_exist_and_none_waits_in_vain() -> None:
    """The scripts' t("key"), the tabs' text("key") and the templates' $key are the keys there are."""
    scripts = "\n".join(path.read_text(encoding="utf-8") for path in (UI / "page").rglob("*.js"))
    python = "\n".join(
        path.read_text(encoding="utf-8")
        for path in [*UI.rglob("*.py"), *DOORS.glob("page_*.py")]
        if path.parent.name != "texts"
    )
    asked = set(re.findall(r"\bt\(\"([\w.]+)\"", scripts)) | set(
        re.findall(r"\bt\([^)]*\? \"([\w.]+)\" :", scripts)
    )

    assert asked <= set(TEXTS)
    computed = (
        "error.",
        "note.",
        "kind_",
        "part_",
        "ref_",
        "trace_",
        "reason_",
        "trace.",
        "told.",
        "refused.",
        "format.",
        "receipt_",
        "role_",
        "limits_of_",
        "budget_",
        "action.",
        "insights_",
        "check_",
        "severity_",
        "backups_step_",
        "dictate_no_",
        "slow.",
        "seen.",
        "remedy_of.",
        "limited_by.",
        "stay.",
        "trying_",
        "rung_",
        "consent_",
    )
    mentioned = set(re.findall(r"[\w.]+", scripts + python))
    assert {key for key in TEXTS if key not in mentioned and not key.startswith(computed)} == set()


def test_what_the_view_of_models_says_is_used_and_the_same_in_both_languages() -> None:
    """After a change: `python -m ui.texts`. Each place is filled in both; no sentence is left over."""
    code = "".join(path.read_text(encoding="utf-8") for path in (UI / "page" / "admin").glob("models*.js"))
    built = ("kind_", "state_", "verdict.", "given.", "step.")
    for key, sentence in (MODELS | PLANS).items():
        assert _places(sentence.en) == _places(sentence.es), key
        assert f'"{key}"' in code.replace("`", '"') or key.startswith(built), key
    for language in LANGUAGES:
        written = (UI / "page" / "admin" / f"models_{language}.js").read_text(encoding="utf-8")
        assert written == as_script("models", language)


def test_what_the_view_of_tools_says_is_used_and_the_same_in_both_languages() -> None:
    """The same for the servers of others."""
    code = "".join(path.read_text(encoding="utf-8") for path in (UI / "page" / "admin").glob("tools*.js"))
    for key, sentence in TOOLS.items():
        assert _places(sentence.en) == _places(sentence.es), key
        assert f'"{key}"' in code or key.startswith(("state_", "outcome_")), key
    for language in LANGUAGES:
        written = (UI / "page" / "admin" / f"tools_{language}.js").read_text(encoding="utf-8")
        assert written == as_script("tools", language)


def test_what_the_view_of_the_cloud_says_is_used_and_the_same_in_both_languages() -> None:
    """After a change: `python -m ui.texts`. Each place is filled in both; no sentence is left over."""
    scripts = {
        path.stem: path.read_text(encoding="utf-8") for path in (UI / "page" / "admin").glob("cloud*.js")
    }
    code = "".join(script for name, script in scripts.items() if name not in ("cloud_en", "cloud_es"))
    built = ("when.", "personal.", "kind.", "decision.", "reason.")
    for key, sentence in CLOUD.items():
        assert _places(sentence.en) == _places(sentence.es), key
        assert f'"{key}"' in code or key.startswith(built), key
    for language in LANGUAGES:
        written = (UI / "page" / "admin" / f"cloud_{language}.js").read_text(encoding="utf-8")
        assert written == as_script("cloud", language)


def test_what_the_view_of_data_sources_says_is_used_and_the_same_in_both_languages() -> None:
    """After a change: `python -m ui.texts`. Each place is filled in both; no sentence is left over."""
    scripts = {
        path.stem: path.read_text(encoding="utf-8") for path in (UI / "page" / "admin").glob("data*.js")
    }
    code = "".join(script for name, script in scripts.items() if name not in ("data_en", "data_es"))
    built = ("kind.", "state.", "tls.", "because.", "drift.", "problem.")
    for key, sentence in DATA.items():
        assert _places(sentence.en) == _places(sentence.es), key
        assert f'"{key}"' in code or key.startswith(built), key
    for language in LANGUAGES:
        written = (UI / "page" / "admin" / f"data_{language}.js").read_text(encoding="utf-8")
        assert written == as_script("data", language)


def test_every_line_of_a_plan_can_be_said_in_both_languages() -> None:
    """In English with the planner's own figures; a new code without a sentence of the page is noticed here."""
    for kind, sentences in (("verdict", VERDICTS), ("given", GIVEN_UP), ("step", STEPS)):
        for code, sentence in sentences.items():
            assert _places(sentence) == _places(PLANS[f"{kind}.{code}"].es), code


def test_whatever_the_watchdog_finds_can_be_said() -> None:
    """Each kind with its evidence, each remedy, and a line for everybody where answers are slowed."""
    for kind in get_args(Kind):
        assert any(key == f"seen.{kind}" or key.startswith(f"seen.{kind}.") for key in TEXTS), kind
        if Finding(kind, "x", "error", Remedy.LOOK, 0.0, {"engine": "x"}).slows_answers:
            assert f"slow.{kind}" in TEXTS
    assert {key.removeprefix("remedy_of.") for key in TEXTS if key.startswith("remedy_of.")} == set(Remedy)
