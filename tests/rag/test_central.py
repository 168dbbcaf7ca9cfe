"""The most central sentences of a text."""

from __future__ import annotations

import numpy as np

from rag.central import candidates, central, choose

TEXT = (
    "The lease of the warehouse begins in May. The warehouse lease names the tenant and the owner of the warehouse. "
    "Somebody once saw a heron near the old canal bridge. 28 U.S.C. § 586(b), 28 C.F.R. § 58.4(b), 58.3(b).\n"
    "The owner repairs the roof of the warehouse when the tenant reports a leak in writing."
)


def words(sentence: str) -> list[str]:
    """Longer words only."""
    return [word.strip(".,").lower() for word in sentence.split() if len(word) > 3]


def test_what_a_text_is_about_is_chosen_in_its_order() -> None:
    """Sentences that share the section's words, not the one that stands apart, nor a string of references."""
    (spans,) = central([TEXT], words, 2)

    chosen = [TEXT[start:end] for start, end in spans]
    assert len(chosen) == 2 and spans == sorted(spans)
    assert all("warehouse" in one for one in chosen)


def test_every_section_speaks_and_none_says_the_same_twice() -> None:
    """One sentence of each; a repeated sentence is taken once."""
    repeated = " ".join(["The tenant pays the rent of the warehouse every month."] * 3)

    found = central([TEXT, repeated], words, 3)

    assert [len(spans) for spans in found][1] == 1 and len(found[0]) >= 2


def test_what_has_no_sentences_has_none() -> None:
    """Headings, numbers, nothing."""
    assert central(["Contents", "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17.", ""], words, 2) == [[], [], []]


def test_a_sentence_that_means_what_a_chosen_one_means_is_passed_over() -> None:
    """However other its words are; without vectors words alone can tell."""
    text = (
        "Rotterdam receives frozen cargo every morning. Valencia exports sweet oranges during December. "
        "Zaragoza repairs forklifts behind second gates."
    )
    (found,) = candidates([text], words)

    chosen = choose(found, 3, np.array([[1, 0, 0], [0.9, 0.43, 0], [0, 1, 0]], np.float32))

    assert [text[slice(*span)].split()[0] for span in chosen] == ["Rotterdam", "Zaragoza"]
    assert len(choose(found, 3)) == 3
