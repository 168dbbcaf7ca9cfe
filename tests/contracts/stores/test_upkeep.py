"""What every store promises to ingestion: nothing is embedded twice, old versions still open, equal files are one."""

from __future__ import annotations

import numpy as np

from appliance.domain.people import Viewer
from rag.documents import Chunk, content_hash
from tests.library import MODEL, Library, vector_of

LEAVE = "staff have thirty days of paid leave"
LAPTOP = "a laptop is lent for three years"


def hash_of(text: str, place: int = 0) -> bytes:
    """Of the passage that the library makes of a text."""
    return content_hash(Chunk(place, text, place + 1, 0, len(text), ("Handbook", f"Chapter {place}"), "en"))


async def test_vectors_of_the_same_content_are_known(library: Library, ana: Viewer) -> None:
    """By content and model, as precisely as they are kept; what is new, or of another model, is absent."""
    collection, file = await library.collection(ana), await library.file(ana)
    await library.index(ana, file, collection, [LEAVE, LAPTOP])
    writing = library.worker.scope(ana, [collection])
    wanted = [hash_of(LEAVE), hash_of("new", 5)]

    known = await library.store.known_vectors(writing, MODEL, wanted)

    assert set(known) == {hash_of(LEAVE)}
    assert np.allclose(known[hash_of(LEAVE)], vector_of(LEAVE), atol=1e-3)
    assert await library.store.known_vectors(writing, "another@2", wanted) == {}


async def test_vectors_of_other_collections_are_not_told(library: Library, ana: Viewer, ben: Viewer) -> None:
    """What somebody else keeps private is embedded again: not even its presence is learned."""
    theirs, mine = await library.collection(ben), await library.collection(ana)
    await library.index(ben, await library.file(ben), theirs, [LEAVE])

    for scope in (library.worker.scope(ana, [mine]), library.worker.scope(ana, [theirs])):
        assert await library.store.known_vectors(scope, MODEL, [hash_of(LEAVE)]) == {}


async def test_a_retired_document_is_not_found_but_opens(library: Library, ana: Viewer) -> None:
    """Passages, words and vectors go, with their counts; the page that an old answer cites is still there."""
    collection, file = await library.collection(ana), await library.file(ana)
    await library.link(ana, file, collection)
    await library.index(ana, file, collection, [LEAVE, LAPTOP])
    scope, writing = library.scope(ana, collection), library.worker.scope(ana, [collection])

    assert await library.store.retire(writing, file, collection) == 2

    assert await library.store.dense(scope, MODEL, vector_of(LEAVE), 10) == []
    assert await library.store.lexical(scope, ["staff"], 10) == []
    assert await library.store.frequencies(scope, ["staff"]) == (0, {})
    assert await library.store.page_text(scope, file, 1) == LEAVE


async def test_an_equal_document_takes_the_passages_over(library: Library, ana: Viewer) -> None:
    """It has its own pages; when the first one goes, the same passages are found under its name."""
    collection = await library.collection(ana)
    first, second = await library.file(ana, "first.pdf"), await library.file(ana, "second.pdf")
    await library.index(ana, first, collection, [LEAVE, LAPTOP])
    scope, writing = library.scope(ana, collection), library.worker.scope(ana, [collection])
    before = await library.store.lexical(scope, ["staff", "laptop"], 10)

    assert await library.store.share_pages(writing, second, collection, first) == 2
    assert await library.store.hand_over(writing, first, collection, second) == 2
    await library.store.remove(writing, first, collection)

    assert await library.store.lexical(scope, ["staff", "laptop"], 10) == before
    found = await library.store.passages(scope, [chunk for chunk, _ in before])
    assert {passage.filename for passage in found} == {"second.pdf"}
    assert await library.store.page_text(scope, second, 2) == LAPTOP
    assert await library.store.page_text(scope, first, 2) is None
