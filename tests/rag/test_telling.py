"""Which sentences of a passage speak of a question."""

from __future__ import annotations

from uuid import uuid4

from rag import telling
from rag.analysis import Analyzer
from rag.documents import Passage
from rag.overlap import weigh

ANALYZER = Analyzer()
TEXT = (
    "The desk is in the hall. It is staffed all day. Laptops are lent by the desk. They stay ours. "
    "Bring them back in time. Keep the box. Nobody else may use them. A fee is due for each laptop that is lost."
)
PASSAGE = Passage(1, uuid4(), "guide.md", uuid4(), TEXT, language="en")


def _shares(question: str) -> list[tuple[str, float]]:
    words = weigh(ANALYZER.content_words(question, "en"), 100, {})
    return telling.shares(words, PASSAGE, ANALYZER)


def test_the_best_sentence_holds_most_of_the_question() -> None:
    """The first of equals, with the share that it holds; of no sentences there is none."""
    assert telling.best(_shares("Who lends laptops?")) == ("Laptops are lent by the desk.", 0.5)
    assert telling.best(_shares("a lost laptop fee"))[0].startswith("A fee is due")
    assert telling.best([]) == ("", 0.0)


def test_an_answer_may_stand_two_sentences_away() -> None:
    """Beside what speaks of the question its neighbours count, and nothing farther off."""
    near = telling.around(_shares("hall"))

    assert near.splitlines() == [
        "The desk is in the hall.",
        "It is staffed all day.",
        "Laptops are lent by the desk.",
    ]


def test_where_nothing_speaks_of_the_question_everything_counts() -> None:
    """Its words may have been others."""
    assert len(telling.around(_shares("Mongolia")).splitlines()) == 8
