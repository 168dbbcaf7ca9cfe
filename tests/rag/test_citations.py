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


FIRST = (
    "4 Holidays\nEvery employee has 23 working days of holiday a year, and whoever has been with us for infor-\n\n"
    "Handbook 12"
)
SECOND = "Staff rules\n\nmation technology more than ten years has 25 working days."


def test_a_quote_is_found_over_the_border_of_two_pages() -> None:
    """Footer, header and a word broken between the pages do not hide it; both halves are told to the letter."""
    quote = "whoever has been with us for information technology more than ten years has 25 working days"

    spot = citations.find_across(quote, FIRST, SECOND)

    assert spot is not None and spot.runs_on
    assert FIRST[spot.start : spot.end] == "whoever has been with us for infor"
    assert SECOND[spot.next_start : spot.next_end].startswith("mation technology more than")
    assert SECOND[spot.next_start : spot.next_end].endswith("25 working days")


def test_two_sentences_of_neighbouring_pages_are_no_quote_unless_they_follow_each_other() -> None:
    """The beginning of one page and the end of the next do not make a sentence."""
    far = "Every employee has 23 working days" + " more words" * 80
    assert citations.find_across("23 working days of holiday more than ten", FIRST, SECOND) is None
    assert (
        citations.find_across("Every employee has 23 working days technology more than ten", far, SECOND)
        is None
    )
    assert citations.find_across("has 23 working days", FIRST, SECOND) is None


@given(st.lists(st.text("abcdefgh", min_size=2, max_size=9), min_size=6, max_size=40), st.data())
def test_wherever_a_text_is_parted_into_pages_its_sentences_are_found(
    words: list[str], data: st.DataObject
) -> None:
    """A text of which one half stands on each page is found again whole."""
    parted = data.draw(st.integers(3, len(words) - 3))
    first, second = " ".join(words[:parted]), " ".join(words[parted:])

    spot = citations.find_across(" ".join(words), first, second)

    assert spot is not None
    assert first[spot.start : spot.end] + " " + second[spot.next_start : spot.next_end] == " ".join(words)


def test_a_long_page_is_searched_without_comparing_all_of_it() -> None:
    """The nearly right quote is looked for on pages of a book's size only as far as that takes a second."""
    page = "Every employee has working days of holiday. " * 40_000

    assert citations.find_quote("Every employee has a working day of holidays and more. " * 30, page) is None


def test_thousands_are_the_same_number_however_they_are_parted() -> None:
    """Spanish and English write them the other way round; decimals stay what they are."""
    assert citations.numbers("1.500 euros y 2,5 %") == citations.numbers("1,500 euros, 2,5 %")
    assert citations.numbers("1500") == citations.numbers("1,500")
    assert citations.numbers("1.5") != citations.numbers("15")


def test_a_quote_is_found_in_a_workbook_of_millions_of_characters() -> None:
    """Across line ends, and not with another number; without folding all of it."""
    page = "".join(f"Invoice {number} | paid | {number % 97} €\n" for number in range(120_000))

    found = citations.find_quote("Invoice 99999 | paid | 89 €\nInvoice 100000", page)

    assert found is not None and page[found[0] : found[1]].startswith("Invoice 99999 | paid")
    assert citations.find_quote("Invoice 99999 | paid | 88 €", page) is None
    assert citations.find_quote("Invoice 99999 – paid", page) is None
