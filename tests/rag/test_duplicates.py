"""What counts as the same text, what as a version of it, and that no number is ever lost to likeness."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.documents import Passage
from rag.duplicates import collapse, versions

PRICES = (
    "Price list of the warehouse services. Storage of a pallet costs {storage} euros a month, picking 0.42 euros a "
    "line, labelling 0.11 euros a piece, and returns are charged with 4.80 euros a parcel."
)


def _passage(number: int, text: str, heading: str = "", file: UUID | None = None) -> Passage:
    headings = (heading,) if heading else ()
    return Passage(number, file or uuid4(), f"{number}.pdf", UUID(int=1), text, headings=headings)


def _kept(*texts: str) -> list[str]:
    kept, left_out = collapse([_passage(number, text) for number, text in enumerate(texts)])
    assert len(kept) + len(left_out) == len(texts)
    return [passage.text for passage in kept]


@pytest.mark.parametrize(
    "copy",
    [
        "THE OFFICE plants are watered on Mondays - by the contract partner of the second floor.",
        "Office plants are watered on Mondays by the con-\ntract partner of a second floor",
        "…plants are watered on Mondays by the contract partner of the second floor",
    ],
)
def test_the_same_said_again_is_one_passage(copy: str) -> None:
    """Case, articles, hyphens at line ends, and where it was cut do not make another text of it."""
    text = "The office plants are watered on Mondays by the contract partner of the second floor. Page 3 of 9"

    assert _kept(text, copy) == [text]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (PRICES.format(storage="6.90"), PRICES.format(storage="7.10")),
        (PRICES.format(storage="1.5"), PRICES.format(storage="15")),
        (
            "Work at -18 degrees is allowed for two hours a day.",
            "Work at 18 degrees is allowed for two hours a day.",
        ),
        (
            "The discount is 5 % of the price for all customers.",
            "The discount is 5 € of the price for all customers.",
        ),
        ("Partners may give notice within thirty days.", "Partners may not give notice within thirty days."),
        (
            "La empresa pago el alquiler del almacén de Vigo.",
            "La empresa pagó el alquiler del almacén de Vigo.",
        ),
        ("Fee: 50", "Fee: 60"),
    ],
)
def test_a_number_a_unit_or_a_not_keeps_two_texts_apart(one: str, other: str) -> None:
    """Whichever of them is better: neither is lost."""
    assert _kept(one, other) == [one, other]
    assert _kept(other, one) == [other, one]


def test_a_longer_text_is_not_lost_to_a_shorter_one() -> None:
    """What it says beside would be gone."""
    short = "Storage of a pallet costs 6.90 euros a month and picking 0.42 euros a line."
    longer = f"{short} From May on it is 7.10 euros."

    assert _kept(short, longer) == [short, longer]
    assert _kept(longer, short) == [longer]


def test_the_same_words_below_another_heading_say_something_else() -> None:
    """A fee of the silver card is not that of the golden one; a copy without headings is a copy."""
    words = "The fee is 50 euros a year, paid in January by direct debit."
    cards = [_passage(1, words, "Gold card"), _passage(2, words, "Silver card"), _passage(3, words)]

    kept, left_out = collapse(cards)

    assert [passage.chunk_id for passage in kept] == [1, 2]
    assert [passage.chunk_id for passage in left_out] == [3]
    assert [twin.chunk_id for twin in kept[0].also_in] == [3]


def test_versions_that_differ_are_told() -> None:
    """Two price lists with one other price are a pair; the same list twice and other texts are not."""
    old, new = PRICES.format(storage="6.90"), PRICES.format(storage="7.10")
    file = uuid4()
    passages = [
        _passage(1, new, file=file),
        _passage(2, old),
        _passage(3, new.upper()),
        _passage(4, "The canteen opens at noon and closes at three, on Fridays at two, and serves soup."),
        _passage(5, PRICES.format(storage="8.00"), file=file),
    ]

    pairs = {(one.chunk_id, other.chunk_id) for one, other in versions(passages)}

    assert pairs == {(1, 2), (2, 3), (2, 5), (3, 5)}


@settings(deadline=None)
@given(st.lists(st.text("ab 1", max_size=12), max_size=8))
def test_nothing_vanishes(texts: list[str]) -> None:
    """Every passage is kept or named by one that is; all words of it stand there."""
    passages = [_passage(number, text) for number, text in enumerate(texts)]
    kept, left_out = collapse(passages)

    named = {twin.chunk_id for passage in kept for twin in passage.also_in}
    assert {passage.chunk_id for passage in left_out} == named
    assert {passage.chunk_id for passage in kept} | named == set(range(len(texts)))
