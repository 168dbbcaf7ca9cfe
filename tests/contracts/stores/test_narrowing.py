"""Searches narrowed by what the owner wrote about a file, and strings looked up to the letter, in every store."""

from __future__ import annotations

from itertools import product
from uuid import UUID

import numpy as np
import pytest
from psycopg.types.json import Jsonb

from appliance.domain.people import Viewer
from rag.analysis import Analyzer
from rag.documents import Chunk, Page
from rag.exact import exact_strings
from rag.filters import Comparison, Compound, Filter, Value, matches
from rag.stores.pgvector import PgvectorStore
from tests.library import MODEL, Library, vector_of

ATTRIBUTES: dict[str, dict[str, Value]] = {
    "alpha report": {"year": 2024, "team": "sales", "final": True},
    "beta report": {"year": 2025.5, "team": "Sales", "final": False, "day": "2025-03-01"},
    "gamma report": {"year": "2025", "team": "", "day": "2024-12-31"},
    "delta report": {},
}
VALUES: tuple[Value, ...] = (
    2024,
    2025.5,
    "2025",
    "sales",
    "",
    True,
    False,
    "2025-01-01",
    "'; DROP TABLE chunks; --",
)
KEYS = ("year", "team", "final", "day", "absent", "') OR true --")
ALL: list[Filter] = [
    Comparison(type_, key, value)  # type: ignore[arg-type]
    for type_, key, value in product(("eq", "ne", "gt", "gte", "lt", "lte"), KEYS, VALUES)
]
ALL += [Comparison(type_, key, VALUES[:3]) for type_, key in product(("in", "nin"), KEYS)]  # type: ignore[arg-type]
ALL += [
    Compound("and", (ALL[0], ALL[9])),
    Compound(
        "or", (ALL[0], Compound("and", (Comparison("eq", "team", "Sales"), Comparison("gt", "year", 2025))))
    ),
    Compound("and", ()),
    Compound("or", ()),
]


@pytest.fixture
async def described(library: Library, ana: Viewer) -> UUID:
    """One collection of four files with attributes."""
    collection = await library.collection(ana)
    for text, attributes in ATTRIBUTES.items():
        file = await library.file(ana, f"{text}.pdf")
        await library.link(ana, file, collection)
        await library.index(ana, file, collection, [text])
        async with library.api.viewing(ana) as connection:
            await connection.execute(
                "UPDATE collection_files SET attributes = %s, chunks = 1 WHERE file_id = %s",
                (Jsonb(attributes), file),
            )
    return collection


async def _texts(library: Library, ana: Viewer, collection: UUID, found: list[tuple[int, float]]) -> set[str]:
    passages = await library.store.passages(library.scope(ana, collection), [chunk for chunk, _ in found])
    return {passage.text for passage in passages}


async def test_every_condition_means_in_sql_what_it_says(
    library: Library, ana: Viewer, described: UUID
) -> None:
    """By words, for all comparators, kinds of values, missing keys and text that looks like SQL."""
    scope = library.scope(ana, described)
    for condition in ALL:
        found = await library.store.lexical(scope, ["report"], 10, condition)

        expected = {text for text, attributes in ATTRIBUTES.items() if matches(condition, attributes)}
        assert await _texts(library, ana, described, found) == expected, condition


@pytest.mark.parametrize("exact_below", [0, 20_000])
async def test_meaning_is_narrowed_before_it_is_ranked(
    library: Library, ana: Viewer, described: UUID, exact_below: int
) -> None:
    """The only file that fulfils it is found with a limit of one, however far it is; by graph and exactly."""
    if isinstance(library.store, PgvectorStore):
        library.store._exact_below = exact_below
    scope = library.scope(ana, described)

    found = await library.store.dense(
        scope, MODEL, vector_of("alpha report"), 1, Comparison("eq", "team", "Sales")
    )

    assert await _texts(library, ana, described, found) == {"beta report"}


async def test_strings_are_found_to_the_letter(library: Library, ana: Viewer, ben: Viewer) -> None:
    """The code itself, not one that goes on; in any case and any white space; nothing of somebody else's."""
    texts = [
        "Contract AB-1234/7 ends in May.",
        "Contract AB-1234/77 goes on.",
        "ab-1234/7 again",
        "The  night\nporter",
    ]
    collection = await _indexed(library, ana, texts)
    other = await _indexed(library, ben, ["AB-1234/7 is Ben's."])
    strings = exact_strings('What of AB-1234/7, "the night porter" and ZZ-9/1?', Analyzer())

    found = await library.store.holding(library.scope(ana, collection, other), strings, 10)

    held = [await _texts(library, ana, collection, [(chunk, 0.0) for chunk in chunks]) for chunks in found]
    assert [string.text for string in strings] == ["the night porter", "AB-1234/7", "ZZ-9/1"]
    assert held == [{texts[3]}, {texts[0], texts[2]}, set()]


async def test_a_passage_grows_within_its_section(library: Library, ana: Viewer) -> None:
    """Neighbours under the same heading of the same page come with it, verbatim as on the page."""
    collection, file = await library.collection(ana), await library.file(ana)
    text = "First. Second. Third. Fourth."
    spans = [(0, 6), (7, 14), (15, 21), (22, 29)]
    headings = [("A",), ("A",), ("A",), ("B",)]
    chunks = [
        Chunk(n, text[start:end], 1, start, end, headings[n], "en") for n, (start, end) in enumerate(spans)
    ]
    vectors = [vector_of(chunk.text) for chunk in chunks]
    await library.store.add(
        library.worker.scope(ana, [collection]), file, collection, MODEL, [Page(1, text)], chunks,
        [{f"word{n}": 1} for n in range(4)], np.array(vectors),
    )  # fmt: skip
    scope = library.scope(ana, collection)
    (third,) = [chunk for chunk, _ in await library.store.lexical(scope, ["word2"], 1)]

    (grown,) = await library.store.surroundings(scope, [third], 1)

    assert (grown.text, grown.start, grown.end) == ("Second. Third.", 7, 21)
    assert (await library.store.surroundings(scope, [third], 5))[0].text == "First. Second. Third."


async def test_common_words_change_no_order(library: Library, ana: Viewer) -> None:
    """Looked up for the best alone, they score as they do when all is read."""
    texts = [f"common words everywhere {'rare' if n % 7 == 0 else 'other'}{n % 11} end" for n in range(60)]
    collection = await _indexed(library, ana, texts)
    scope, terms = library.scope(ana, collection), ["common", "everywhere", "rare7", "rare3", "other4"]

    full = await PgvectorStore(rare_postings=10**9).lexical(scope, terms, 5)
    short = await PgvectorStore(rare_postings=5, completed=6).lexical(scope, terms, 5)

    assert [chunk for chunk, _ in short] == [chunk for chunk, _ in full]
    assert [score for _, score in short] == pytest.approx([score for _, score in full])


async def _indexed(library: Library, viewer: Viewer, texts: list[str]) -> UUID:
    """A collection with one page a text, under the terms that the analyzer gives it."""
    analyzer, collection = Analyzer(), await library.collection(viewer)
    file = await library.file(viewer)
    pages = [Page(number, text) for number, text in enumerate(texts, start=1)]
    chunks = [Chunk(n, text, n + 1, 0, len(text), (), "en") for n, text in enumerate(texts)]
    vectors = np.array([vector_of(text) for text in texts])
    terms = [analyzer.counts(text, "en") for text in texts]
    await library.store.add(
        library.worker.scope(viewer, [collection]), file, collection, MODEL, pages, chunks, terms, vectors
    )
    return collection
