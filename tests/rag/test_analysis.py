"""Language and index terms of a text."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.analysis import MAX_TERM_CHARACTERS, STEMMERS, Analyzer

ANALYZER = Analyzer()
EVERY = Analyzer(tuple(STEMMERS))


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "How many days of leave do I have?"),
        ("es", "Cuántos días de vacaciones tengo"),
        ("fr", "Combien de jours de congé est-ce que j'ai dans l'année ?"),
        ("de", "Wie viele Urlaubstage habe ich im Jahr?"),
        ("pt", "Quantos dias de férias eu tenho por ano?"),
        ("it", "Quanti giorni di ferie ho all'anno?"),
    ],
)
def test_a_question_tells_its_language(language: str, text: str) -> None:
    """By its small words, among all six candidates."""
    assert EVERY.language(text) == language


@pytest.mark.parametrize("text", ["", "laptop charger", "X-2000", "¡", "1234 5678", "   "])
def test_a_text_without_small_words_has_no_language_or_says_it_by_a_mark(text: str) -> None:
    """Unknown is an answer that the search can bear; only Spanish opens an exclamation."""
    assert ANALYZER.language(text) == ("es" if text == "¡" else None)


def test_words_meet_in_their_stem_and_as_themselves() -> None:
    """A plural finds the singular by the stem; the word itself is marked; accents do not matter."""
    singular, plural = (set(ANALYZER.terms(t, "es")) for t in ("la reclamación", "las reclamaciones"))

    assert {term for term in singular & plural if not term.startswith("=")}
    assert "=reclamacion" in singular
    assert "=reclamaciones" in plural
    assert set(ANALYZER.terms("RECLAMACIÓN", "es")) == set(ANALYZER.terms("reclamación", "es"))


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("es", "cuál es el"),
        ("es", "cual es el"),
        ("es", "cuántos quién dónde"),
        ("en", "what is the"),
        (None, "what el"),
    ],
)
def test_small_words_are_no_terms_with_or_without_accents(language: str | None, text: str) -> None:
    """Of the text's language, or of any where that is unknown: `what` is rare among Spanish passages."""
    assert set(ANALYZER.terms(f"{text} parking", language)) == set(ANALYZER.terms("parking", language))


def test_a_small_word_of_another_language_keeps_its_stem_only() -> None:
    """`sea` is a verb form in Spanish and water in English: found by its stem, not by the shared field of words."""
    assert ANALYZER.terms("sea", "en") == ["sea", "=sea"]
    assert ANALYZER.terms("sea port", "en") == ["sea", "port", "=port"]


def test_an_unknown_language_is_asked_with_every_stemmer() -> None:
    """Whatever the passage's language was, its stems are among the question's."""
    for language, word in (("en", "returned"), ("es", "devueltas")):
        stored = ANALYZER.terms(word, language)
        assert set(stored) <= set(ANALYZER.terms(word, None))


def test_a_question_of_small_words_only_keeps_them() -> None:
    """`To be or not to be` is searched for as it stands."""
    assert "=not" in ANALYZER.terms("to be or not to be", "en")


def test_torn_and_decorated_words_are_one_word() -> None:
    """Soft hyphens, combining accents and ligatures, as PDFs have them, do not split a word."""
    for text in ("vaca\u00adciones", "vacaciónes".replace("ó", "o\u0301").replace("o\u0301nes", "ones")):
        assert "=vacaciones" in ANALYZER.terms(text, "es")
    assert "=oficina" in ANALYZER.terms("o\ufb01cina", "es")


@settings(deadline=None)
@given(st.text(max_size=200), st.sampled_from(["en", "es", "xx", None]))
def test_terms_fit_the_index(text: str, language: str | None) -> None:
    """No text makes a term that the database cannot hold, nor one without letters."""
    for term in ANALYZER.terms(text, language):
        assert term.encode()
        assert "\x00" not in term
        assert len(term) <= MAX_TERM_CHARACTERS + 1


@settings(deadline=None)
@given(st.text(alphabet="aeo bcdñ¿?\u0301\u00ad-1_.", max_size=80), st.sampled_from(["en", "es", None]))
def test_content_words_stand_where_they_say(text: str, language: str | None) -> None:
    """Offsets are in the text, in order, and the terms are those under which the word is indexed."""
    words = list(ANALYZER.content_words(text, language))
    indexed = set(ANALYZER.terms(text, language))

    assert all(0 <= word.start < word.end <= len(text) for word in words)
    assert all(a.end <= b.start for a, b in itertools.pairwise(words))
    assert all(word.terms & indexed for word in words)


def test_real_passages_and_questions_tell_their_language(test_data: Path) -> None:
    """At least 99 of 100 passages and questions, these without their ¿."""
    for file, field in (("corpus.jsonl", "text"), ("questions.jsonl", "question")):
        rows = [json.loads(line) for line in (test_data / "qa" / file).read_text().splitlines()]
        for language in ("en", "es"):
            texts = [row[field].replace("¿", "") for row in rows if row["lang"] == language]
            right = sum(ANALYZER.language(text) == language for text in texts)
            assert right / len(texts) >= 0.99
