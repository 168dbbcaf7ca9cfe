"""Sentences, and which of them answer."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from rag import quoting
from rag.quoting import Candidate
from rag.sentences import split_sentences


def test_sentences_end_where_a_reader_says() -> None:
    """Abbreviations and decimals do not end a sentence; blank lines and list items do."""
    text = "El Sr. Pérez cobra 1.250 euros. ¿Cuándo? El 3 de mayo.\n\nPasos\n- Firmar.\n- Enviar."

    found = [text[start:end] for start, end in split_sentences(text, 0, len(text))]

    assert found == [
        "El Sr. Pérez cobra 1.250 euros.",
        "¿Cuándo?",
        "El 3 de mayo.",
        "Pasos",
        "- Firmar.",
        "- Enviar.",
    ]


@given(st.text(alphabet=st.sampled_from(list("ab. \n-A1¿?!")), max_size=200))
def test_sentences_cover_all_that_is_not_white_space(text: str) -> None:
    """Nothing is lost, nothing overlaps, order is kept."""
    spans = list(split_sentences(text, 0, len(text)))

    assert all(a[1] <= b[0] for a, b in itertools.pairwise(spans))
    assert "".join("".join(text[a:b] for a, b in spans).split()) == "".join(text.split())


def _candidate(rank: int, start: int, terms: str, cosine: float = 0.0) -> Candidate:
    return Candidate(rank, start, start + 10, frozenset(terms.split()), cosine)


def test_the_sentence_that_shares_the_rare_words_is_quoted() -> None:
    """A rare shared word counts more than a common one."""
    weights = {"holiday": 5.0, "day": 0.5}
    candidates = [_candidate(0, 0, "day"), _candidate(0, 20, "office"), _candidate(0, 40, "holiday day")]

    assert quoting.select(candidates, weights, max_sentences=1) == [candidates[2]]


def test_at_most_three_sentences_of_two_passages_in_reading_order() -> None:
    """A quote stays short, and reads in the document's own order."""
    candidates = [_candidate(rank, start, "x") for rank in range(4) for start in (0, 20, 40)]

    chosen = quoting.select(candidates, {"x": 1.0})

    assert len(chosen) == 3
    assert {candidate.rank for candidate in chosen} <= {0, 1}
    assert chosen == sorted(chosen, key=lambda c: (c.rank, c.start))


def test_without_candidates_nothing_is_quoted() -> None:
    """An empty search is not an error."""
    assert quoting.select([], {"x": 1.0}) == []
