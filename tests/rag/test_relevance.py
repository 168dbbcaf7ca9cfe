"""How much of a question a passage speaks of, and whether that is enough to answer from."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.analysis import Analyzer
from rag.overlap import WeighedWord, coverage, idf, unknown, weigh
from rag.relevance import Evidence, is_relevant, strength

shares = st.floats(0, 1)
ANALYZER = Analyzer()


def _words(question: str, frequencies: dict[str, int]) -> tuple[WeighedWord, ...]:
    return weigh(ANALYZER.content_words(question, "en"), 100, frequencies)


def test_rare_words_count_more() -> None:
    """Holding the word that few passages have covers more than holding the one that most have."""
    words = _words("parking rules", {"park": 2, "=parking": 1, "rule": 60, "=rules": 50})

    assert coverage(words, {"park"}) > 0.6 > 0.4 > coverage(words, {"=rules"})


def test_a_word_counts_once_however_it_is_found() -> None:
    """By its stem, by itself or by both; asked twice it is still one word."""
    words = _words("parking parking rules", {"park": 2, "rule": 2})

    assert len(words) == 2
    assert coverage(words, {"park"}) == coverage(words, {"=parking"}) == coverage(words, {"park", "=parking"})
    assert coverage(words, {"park", "rule"}) == 1


def test_nothing_asked_is_not_covered() -> None:
    """A question without words has coverage 0, and no division by zero."""
    assert coverage((), {"park"}) == 0


@settings(deadline=None)
@given(st.integers(1, 10**6), st.integers(0, 10**6))
def test_rarer_is_never_lighter(chunks: int, df: int) -> None:
    """idf falls with the frequency and stays at or above 0."""
    df = min(df, chunks)
    assert 0 <= idf(chunks, df) <= idf(chunks, 0)


@settings(deadline=None)
@given(shares, shares, st.floats(-1, 1), st.booleans(), st.booleans())
def test_more_evidence_never_turns_an_answer_into_a_refusal(
    less: float, more: float, cosine: float, is_model_language: bool, is_other_language: bool
) -> None:
    """Monotone in coverage and in cosine, of the passage and of its best sentence."""
    less, more = sorted((less, more))
    weak = Evidence(less, cosine, is_model_language, is_other_language)

    for strong in (
        Evidence(more, cosine, is_model_language, is_other_language),
        Evidence(less, min(1.0, cosine + more), is_model_language, is_other_language),
        Evidence(less, cosine, is_model_language, is_other_language, sentence=more),
        Evidence(less, cosine, is_model_language, is_other_language, sentence_cosine=more),
    ):
        assert is_relevant(strong) or not is_relevant(weak)
        assert strength(strong) >= strength(weak)


@pytest.mark.parametrize("evidence", [Evidence(0.0, 0.15), Evidence(0.2, 0.2), Evidence(0.1, None)])
def test_a_passage_on_something_else_is_refused(evidence: Evidence) -> None:
    """A common word or two and no likeness in meaning: there is nothing to answer from."""
    assert not is_relevant(evidence)


@pytest.mark.parametrize(
    "evidence",
    [
        Evidence(0.1, 0.6, sentence=0.1, sentence_cosine=0.6),
        Evidence(0.8, 0.3, sentence=0.6, sentence_cosine=0.3),
        Evidence(0.9, None),
    ],
)
def test_meaning_or_words_are_enough_each_by_itself(evidence: Evidence) -> None:
    """A paraphrase without common words is answered, and so is a question in the document's words."""
    assert is_relevant(evidence)


def test_strength_needs_a_cosine() -> None:
    """By words alone there is another rule."""
    with pytest.raises(ValueError, match="cosine"):
        strength(Evidence(1.0, None))


def test_scattered_words_weigh_less_than_one_sentence() -> None:
    """The same words and the same nearness: what is said in one breath is more likely the answer."""
    assert strength(Evidence(0.5, 0.5, sentence=0.5)) > strength(Evidence(0.5, 0.5, sentence=0.2))
    assert strength(Evidence(0.5, 0.5, sentence_cosine=0.5)) > strength(
        Evidence(0.5, 0.5, sentence_cosine=0.2)
    )


def test_words_that_nothing_has_speak_against_an_answer() -> None:
    """The more of the question nobody ever wrote of, the less is found; in a handful of passages it says little."""
    words = _words("parking rules Mars", {"park": 2, "rule": 60})

    assert 0.3 < unknown(words, 1000) < 0.9
    assert unknown(words, 10) == pytest.approx(unknown(words, 1000) / 10)
    assert unknown(_words("parking rules", {"park": 2, "rule": 60}), 1000) == 0
    assert strength(Evidence(0.5, 0.5, unknown=0.5)) < strength(Evidence(0.5, 0.5))


@pytest.mark.parametrize("cosine", [0.9, None])
def test_without_the_kind_of_thing_asked_for_there_is_no_answer(cosine: float | None) -> None:
    """However near the passage is, by words and by meaning."""
    assert is_relevant(Evidence(1.0, cosine, sentence=1.0, sentence_cosine=0.9))
    assert not is_relevant(Evidence(1.0, cosine, sentence=1.0, sentence_cosine=0.9, lacks_kind=True))
