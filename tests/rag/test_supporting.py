"""An answer's sentences and what supports them."""

from __future__ import annotations

import re
from uuid import uuid4

from rag import supporting
from rag.documents import Passage


def _terms(text: str, language: str | None) -> frozenset[str]:
    return frozenset(
        word for word in re.findall(r"\w+", text.lower()) if len(word) > 3 and not word.isdigit()
    )


def _passage(text: str) -> Passage:
    return Passage(1, uuid4(), "handbook.pdf", uuid4(), text, page=3, language="en")


PASSAGES = [
    _passage("Every employee has 23 working days of holiday a year. Unused days expire on 31 March."),
    _passage("Travel expenses are paid within 30 days. Receipts are needed above 15 euros."),
]


def test_a_supported_claim_quotes_the_very_sentence() -> None:
    """The quote is the sentence that holds the claim's words and numbers."""
    answer = "Every employee gets 23 working days of holiday. [1]"

    checked = supporting.check(answer, PASSAGES, _terms)

    (support,) = checked.supports
    text = PASSAGES[support.passage].text[support.quote_start : support.quote_end]
    assert text == "Every employee has 23 working days of holiday a year."
    assert checked.unsupported == ()


def test_a_wrong_marker_is_repaired() -> None:
    """A claim that names the wrong passage is led to the right one."""
    checked = supporting.check("Travel expenses are paid within 30 days [1].", PASSAGES, _terms)

    assert [support.passage for support in checked.supports] == [1]


def test_a_number_of_its_own_making_is_not_supported() -> None:
    """The same words with another number are marked."""
    answer = "Every employee has 30 working days of holiday a year [1]."

    checked = supporting.check(answer, PASSAGES, _terms)

    assert checked.supports == ()
    assert [answer[a:b] for a, b in checked.unsupported] == [answer]


def test_an_invented_quotation_is_not_supported() -> None:
    """What stands in quotation marks must stand in a passage word for word."""
    answer = 'The handbook says "holiday days never expire for any employee" [1].'

    checked = supporting.check(answer, PASSAGES, _terms)

    assert checked.supports == () and len(checked.unsupported) == 1


def test_a_courtesy_needs_no_support() -> None:
    """Small talk is not marked as doubtful."""
    assert supporting.check("Hello!", PASSAGES, _terms) == supporting.Checked((), ())


def test_a_number_beside_a_quotation_must_stand_beside_it_in_the_passage() -> None:
    """A right quotation does not lend its support to a number of the answer's own."""
    right = 'Of the 23 days, "unused days expire on 31 March" [1].'
    wrong = 'Since 2019, "unused days expire on 31 March" [1].'

    (support,) = supporting.check(right, PASSAGES, _terms).supports
    assert "23 working days" in PASSAGES[0].text[support.quote_start : support.quote_end]
    assert supporting.check(wrong, PASSAGES, _terms).supports == ()


def test_the_number_of_a_list_is_no_claim() -> None:
    """ "2." before a sentence counts the list and asks for no support."""
    answer = "2. Travel expenses are paid within 30 days [2]."

    assert len(supporting.check(answer, PASSAGES, _terms).supports) == 1
