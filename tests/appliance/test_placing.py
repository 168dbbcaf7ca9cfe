"""Where a quote stands: to the letter, on the page it names or the one it should have named."""

from __future__ import annotations

from uuid import UUID, uuid4

from appliance.domain.answers import Citation
from appliance.domain.people import Caller
from appliance.pipelines.checking import Checking
from appliance.pipelines.placing import Placing
from rag.analysis import Analyzer
from rag.documents import Anchor, Location, Page, Passage
from tests.gateway_harness import NoDocuments

CALLER = Caller(uuid4(), "ana@example.com")
BOOK, TABLE = uuid4(), uuid4()
PAGES = {
    (BOOK, 1): Page(
        1,
        "Holidays\nEvery employee has 23 working days of holiday a year. Whoever has been with us for infor-\n\n- 1 -",
    ),
    (BOOK, 2): Page(
        2,
        "Handbook\n\nmation technology longer than ten years has 25 days. Dogs stay at home.",
        anchors=(Anchor(10, 40, "", (0.1, 0.1, 0.9, 0.12)),),
    ),
    (BOOK, 3): Page(3, "Travel expenses are paid within 30 days."),
    (TABLE, 1): Page(
        1,
        "Name | Days\nAna | 23\nBen | 25",
        unit="sheet",
        label="Staff",
        anchors=(Anchor(0, 11, "A1:B1"), Anchor(12, 20, "A2:B2"), Anchor(21, 29, "A3:B3")),
    ),
}


class Shelf(NoDocuments):
    """Two documents; remembers which pages were asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[UUID, int | None]] = []

    async def page(self, caller: Caller, file_id: UUID, number: int | None) -> Page | None:
        self.asked.append((file_id, number))
        return PAGES.get((file_id, number))


def _passage(file_id: UUID, number: int, heading: str = "") -> Passage:
    page = PAGES[file_id, number]
    headings = (heading,) if heading else ()
    return Passage(number, file_id, "book.pdf", uuid4(), page.text, number, 0, len(page.text), headings, "en")


def _citation(file_id: UUID, page: int, quote: str, **more: int) -> Citation:
    return Citation(1, file_id, "book.pdf", quote, page, ("Holidays",), **more)


async def test_a_quote_keeps_the_place_it_was_cut_from() -> None:
    """The exact span of the page, where the same words stand twice."""
    text = PAGES[BOOK, 1].text
    at = text.rindex("has")

    placed = await Placing(CALLER, Shelf(), ()).placed(
        _citation(BOOK, 1, "has", page_start=at, page_end=at + 3)
    )

    assert placed is not None and (placed.page_start, placed.page_end) == (at, at + 3)


async def test_a_citation_of_the_wrong_page_is_put_right() -> None:
    """The page beside it, and the page of another passage, with that passage's heading."""
    shelf = Shelf()
    placing = Placing(CALLER, shelf, [_passage(BOOK, 3, "Expenses")])

    beside = await placing.placed(_citation(BOOK, 1, "Dogs stay at home."))
    elsewhere = await placing.placed(_citation(BOOK, 1, "paid within 30 days"))

    assert beside is not None and (beside.page, beside.headings) == (2, ())
    assert elsewhere is not None and (elsewhere.page, elsewhere.headings) == (3, ("Expenses",))
    assert len(shelf.asked) == len(set(shelf.asked))


async def test_a_quote_over_the_border_is_given_as_it_stands_on_both_pages() -> None:
    """It begins on the page it names and runs on to the next."""
    wanted = "Whoever has been with us for information technology longer than ten years has 25 days."

    placed = await Placing(CALLER, Shelf(), ()).placed(_citation(BOOK, 1, wanted))

    assert placed is not None and (placed.page, placed.next_page) == (1, 2)
    assert (
        placed.quote
        == "Whoever has been with us for infor mation technology longer than ten years has 25 days."
    )
    assert PAGES[BOOK, 1].text[placed.page_start : placed.page_end].endswith("infor")


async def test_a_quote_of_a_table_knows_its_cells() -> None:
    """Sheet and cells of the very row, not of the passage around it."""
    placed = await Placing(CALLER, Shelf(), ()).placed(_citation(TABLE, 1, "Ben | 25"))

    assert placed is not None and placed.location == Location(
        heading="Holidays", sheet="Staff", cells="A3:B3"
    )


async def test_what_stands_nowhere_has_no_place() -> None:
    """An invented quote is not given a page."""
    placing = Placing(CALLER, Shelf(), [_passage(BOOK, 1), _passage(BOOK, 3)])

    assert (
        await placing.placed(_citation(BOOK, 1, "Cats have 99 days of holiday, the handbook says.")) is None
    )


async def test_a_quotation_that_runs_over_two_pages_supports_its_claim() -> None:
    """No passage holds it whole; the numbers of the claim stand in it. With another number it supports nothing."""
    checking, passages = Checking(Analyzer(("en", "es"))), [_passage(BOOK, 3), _passage(BOOK, 1)]
    claim = '"with us for information technology longer than ten years has 25 days", it says [2].'
    wrong = 'In 2031, "with us for information technology longer than ten years has 25 days" [2].'

    cited = await checking.checked(CALLER, claim, passages, Shelf())
    marked = await checking.checked(CALLER, wrong, passages, Shelf())

    assert [(one.index, one.page, one.next_page) for one in cited.citations] == [(2, 1, 2)]
    assert cited.unsupported == ()
    assert marked.citations == () and marked.unsupported == ((0, len(wrong)),)
