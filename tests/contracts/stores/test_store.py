"""What every store promises to retrieval and indexing."""

from __future__ import annotations

import asyncio
from uuid import UUID

import numpy as np
import pytest

from appliance.domain.people import Viewer
from rag.documents import Passage
from tests.library import MODEL, Library, vector_of

LEAVE = "staff have thirty days of paid leave"
LAPTOP = "a laptop is lent for three years"
COFFEE = "coffee is free for staff"


async def texts(
    library: Library, viewer: Viewer, ids: list[tuple[int, float]], *collections: UUID
) -> list[str]:
    """What the found passages say."""
    found = await library.store.passages(library.scope(viewer, *collections), [chunk for chunk, _ in ids])
    return [passage.text for passage in found]


async def test_a_passage_is_found_by_its_vector_first(library: Library, ana: Viewer) -> None:
    """dense() returns cosines, best first, the passage itself at 1."""
    collection, file = await library.collection(ana), await library.file(ana)
    await library.index(ana, file, collection, [LEAVE, LAPTOP, COFFEE])

    found = await library.store.dense(library.scope(ana, collection), MODEL, vector_of(LAPTOP), 3)

    assert (await texts(library, ana, found, collection))[0] == LAPTOP
    assert found[0][1] == pytest.approx(1, abs=1e-3)
    assert [score for _, score in found] == sorted((score for _, score in found), reverse=True)


async def test_words_are_scored_by_bm25(library: Library, ana: Viewer) -> None:
    """lexical() equals the formula reckoned by hand: k1 0.9, b 0.4, idf over the collection."""
    collection, file = await library.collection(ana), await library.file(ana)
    await library.index(ana, file, collection, [LEAVE, LAPTOP, COFFEE])

    found = await library.store.lexical(library.scope(ana, collection), ["staff", "coffee", "absent"], 10)

    lengths = [len(text.split()) for text in (LEAVE, LAPTOP, COFFEE)]
    norm = [1.9 / (1 + 0.9 * (0.6 + 0.4 * length / np.mean(lengths))) for length in lengths]
    idf = {df: np.log(1 + (3 - df + 0.5) / (df + 0.5)) for df in (1, 2)}
    assert await texts(library, ana, found, collection) == [COFFEE, LEAVE]
    assert [score for _, score in found] == pytest.approx([(idf[1] + idf[2]) * norm[2], idf[2] * norm[0]])


async def test_a_passage_says_where_it_stands(library: Library, ana: Viewer) -> None:
    """passages() returns name, page, offsets, headings and language, in the order asked for."""
    collection, file = await library.collection(ana), await library.file(ana, "Handbook 2026.pdf")
    await library.index(ana, file, collection, [LEAVE, LAPTOP])
    scope = library.scope(ana, collection)
    ids = [chunk for chunk, _ in await library.store.dense(scope, MODEL, vector_of(LEAVE), 2)]

    first, second = await library.store.passages(scope, [ids[1], ids[0]])

    assert (first.text, second.text) == (LAPTOP, LEAVE)
    expected = Passage(
        ids[0],
        file,
        "Handbook 2026.pdf",
        collection,
        LEAVE,
        1,
        0,
        len(LEAVE),
        ("Handbook", "Chapter 0"),
        "en",
    )
    assert second == expected


async def test_a_page_is_returned_as_it_was_read(library: Library, ana: Viewer) -> None:
    """page_text() is what quotes are checked against; a page that is not there is None."""
    collection, file = await library.collection(ana), await library.file(ana)
    await library.index(ana, file, collection, [LEAVE, LAPTOP])
    scope = library.scope(ana, collection)

    assert await library.store.page_text(scope, file, 2) == LAPTOP
    assert await library.store.page_text(scope, file, 3) is None


async def test_characters_the_database_cannot_hold_keep_their_places(library: Library, ana: Viewer) -> None:
    """NUL and lone surrogates become one U+FFFD each, in page and passage alike."""
    collection, file = await library.collection(ana), await library.file(ana)
    await library.index(ana, file, collection, ["a\x00b \ud800 c"])
    scope = library.scope(ana, collection)

    assert await library.store.page_text(scope, file, 1) == "a\ufffdb \ufffd c"


async def test_adding_again_replaces_what_was_there(library: Library, ana: Viewer) -> None:
    """A job that runs twice leaves one copy, and frequencies as if it had run once."""
    collection, file = await library.collection(ana), await library.file(ana)
    scope = library.scope(ana, collection)
    await library.index(ana, file, collection, [LEAVE, LAPTOP, COFFEE])
    await library.index(ana, file, collection, [LEAVE, LAPTOP])

    assert await library.store.frequencies(scope, ["staff", "coffee", "a"]) == (2, {"staff": 1, "a": 1})
    assert len(await library.store.dense(scope, MODEL, vector_of(LEAVE), 10)) == 2


async def test_removing_leaves_nothing_behind(library: Library, ana: Viewer) -> None:
    """remove() says how many passages went; a second call removes none."""
    collection, file = await library.collection(ana), await library.file(ana)
    await library.index(ana, file, collection, [LEAVE, LAPTOP])
    scope = library.scope(ana, collection)
    writing = library.worker.scope(ana, [collection])

    assert await library.store.remove(writing, file, collection) == 2
    assert await library.store.remove(writing, file, collection) == 0
    assert await library.store.lexical(scope, ["staff"], 10) == []
    assert await library.store.dense(scope, MODEL, vector_of(LEAVE), 10) == []
    assert await library.store.frequencies(scope, ["staff"]) == (0, {})
    assert await library.store.page_text(scope, file, 1) is None


async def test_a_copy_is_found_like_the_original(library: Library, ana: Viewer) -> None:
    """copy() makes a document searchable in a second collection with the same scores, and survives the first."""
    first, second = await library.collection(ana), await library.collection(ana)
    file = await library.file(ana)
    await library.index(ana, file, first, [LEAVE, LAPTOP, COFFEE])
    writing = library.worker.scope(ana, [first, second])
    original = await library.store.lexical(library.scope(ana, first), ["staff", "laptop"], 10)

    assert await library.store.copy(writing, file, first, second) == 3
    assert await library.store.copy(writing, file, first, second) == 3
    await library.store.remove(writing, file, first)

    scope = library.scope(ana, second)
    copied = await library.store.lexical(scope, ["staff", "laptop"], 10)
    assert [score for _, score in copied] == pytest.approx([score for _, score in original])
    assert len(await library.store.dense(scope, MODEL, vector_of(LEAVE), 10)) == 3
    assert await library.store.page_text(scope, file, 2) == LAPTOP


async def test_vectors_of_two_models_do_not_meet(library: Library, ana: Viewer) -> None:
    """A search with another build of the model finds nothing rather than nonsense."""
    collection, file = await library.collection(ana), await library.file(ana)
    await library.index(ana, file, collection, [LEAVE])

    assert (
        await library.store.dense(library.scope(ana, collection), "test-model@2", vector_of(LEAVE), 5) == []
    )


async def test_frequencies_are_summed_over_the_collections_asked_for(library: Library, ana: Viewer) -> None:
    """What other collections hold changes no score."""
    first, second = await library.collection(ana), await library.collection(ana)
    for collection, said in ((first, [LEAVE, LAPTOP]), (second, [COFFEE, LEAVE])):
        await library.index(ana, await library.file(ana), collection, said)

    assert await library.store.frequencies(library.scope(ana, first), ["staff"]) == (2, {"staff": 1})
    assert await library.store.frequencies(library.scope(ana, first, second), ["staff"]) == (4, {"staff": 3})


async def test_writers_of_one_collection_do_not_lose_counts(library: Library, ana: Viewer) -> None:
    """Documents indexed side by side add up, whatever the order of their words."""
    collection = await library.collection(ana)
    files = [await library.file(ana) for _ in range(6)]

    await asyncio.gather(
        *(
            library.index(ana, file, collection, [" ".join(LEAVE.split()[:: (-1) ** i]), LAPTOP])
            for i, file in enumerate(files)
        )
    )

    scope = library.scope(ana, collection)
    assert await library.store.frequencies(scope, ["staff", "laptop"]) == (12, {"staff": 6, "laptop": 6})


async def test_a_cancelled_writer_leaves_the_document_as_it_was(library: Library, ana: Viewer) -> None:
    """Nothing is ever half visible: what was indexed before stays whole until the new text is."""
    collection, file = await library.collection(ana), await library.file(ana)
    scope = library.scope(ana, collection)
    await library.index(ana, file, collection, [LEAVE, LAPTOP])

    for steps in range(0, 40, 3):
        writer = asyncio.create_task(library.index(ana, file, collection, [COFFEE] * 5))
        for _ in range(steps):
            await asyncio.sleep(0)
        writer.cancel()
        await asyncio.gather(writer, return_exceptions=True)
        count, frequencies = await library.store.frequencies(scope, ["coffee", "laptop"])
        assert (count, frequencies) in [(2, {"laptop": 1}), (5, {"coffee": 5})]
