"""Quotes are where they are said to be."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rag import citations

PAGE = "Employees have 23 working days of holi-\nday a year.  Unused days expire on 31 March “without excep\u00adtion”."


def test_a_quote_is_found_across_line_ends_and_typesetting() -> None:
    """A hyphen at a line's end, soft hyphens, curly quotes and white space do not hide a quote."""
    found = citations.find_quote(
        '23 working days of holiday a year. Unused days expire on 31 March "without exception"', PAGE
    )

    assert found is not None
    assert PAGE[found[0] : found[1]].startswith("23 working") and PAGE[found[0] : found[1]].endswith("tion”")


def test_a_changed_number_is_not_nearly_right() -> None:
    """One digit makes a different rule, however alike the sentences are."""
    assert citations.find_quote("Employees have 25 working days of holiday a year.", PAGE) is None


def test_a_small_slip_of_the_pen_is_forgiven() -> None:
    """A missing article does not lose the citation."""
    page = "The warehouse manager must sign the form before the goods leave the building."

    found = citations.find_quote(
        "The warehouse manager must sign form before the goods leave the building.", page
    )

    assert found == (0, len(page)) or (found is not None and "sign the form" in page[found[0] : found[1]])


def test_what_is_not_there_is_not_found() -> None:
    """An invented sentence has no place on the page."""
    assert citations.find_quote("Dogs may be brought to the office on Fridays.", PAGE) is None


@given(st.text(max_size=300), st.data())
def test_every_piece_of_a_page_is_found_on_it(page: str, data: st.DataObject) -> None:
    """Whatever is cut out of a page is found there, and the place holds the same folded text."""
    start = data.draw(st.integers(0, len(page)))
    quote = page[start : data.draw(st.integers(start, len(page)))]
    wanted = citations.fold(quote).text.strip()

    found = citations.find_quote(quote, page)

    if wanted and wanted in citations.fold(page).text:
        assert found is not None
        assert citations.fold(page[found[0] : found[1]]).text.strip().startswith(wanted[:1])


def test_a_claim_with_a_number_of_its_own_is_not_backed() -> None:
    """Evidence that lacks the claim's number does not support it."""
    assert citations.is_backed("Within 30 days", "must be returned within 30 days")
    assert not citations.is_backed("Within 14 days", "must be returned within 30 days")
