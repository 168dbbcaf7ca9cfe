"""A store tells the newest state, whichever process changed it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from appliance.domain.people import Viewer
from tests.library import MODEL, Library, vector_of

LEAVE = "staff have thirty days of paid leave"
LAPTOP = "a laptop is lent for three years"
COFFEE = "coffee is free for staff"


def elsewhere(library: Library) -> Library:
    """The same library in another process: a store of its own kind that knows nothing yet."""
    return replace(library, store=type(library.store)())


async def found(library: Library, viewer: Viewer, text: str, *collections: object) -> set[str]:
    """What the nearest passages say."""
    scope = library.scope(viewer, *collections)  # type: ignore[arg-type]
    hits = await library.store.dense(scope, MODEL, vector_of(text), 10)
    return {passage.text for passage in await library.store.passages(scope, [chunk for chunk, _ in hits])}


async def test_what_another_process_added_is_found_at_once(library: Library, ana: Viewer) -> None:
    """A search after the writer's commit finds the new document, and the older ones still."""
    collection = await library.collection(ana)
    other = elsewhere(library)
    await other.index(ana, await library.file(ana), collection, [LEAVE])
    before = await found(library, ana, LEAVE, collection)
    await other.index(ana, await library.file(ana), collection, [LAPTOP])

    assert before == {LEAVE}
    assert await found(library, ana, LAPTOP, collection) == {LEAVE, LAPTOP}


async def test_what_another_process_removed_is_never_found_again(library: Library, ana: Viewer) -> None:
    """Removing and replacing act on the next search of every process, and what stays is still found."""
    collection, gone = await library.collection(ana), await library.file(ana)
    replaced = await library.file(ana)
    other = elsewhere(library)
    await other.index(ana, gone, collection, [LEAVE])
    await other.index(ana, replaced, collection, [LAPTOP])
    assert await found(library, ana, LEAVE, collection) == {LEAVE, LAPTOP}

    await other.store.remove(other.worker.scope(ana, [collection]), gone, collection)
    await other.index(ana, replaced, collection, [COFFEE])

    assert await found(library, ana, LEAVE, collection) == {COFFEE}


async def test_many_changes_leave_both_processes_with_the_truth(library: Library, ana: Viewer) -> None:
    """Random additions, replacements and removals by two processes: each search equals a look at every vector."""
    collections = [await library.collection(ana) for _ in range(3)]
    files = [await library.file(ana) for _ in range(6)]
    processes = [library, elsewhere(library)]
    dice = np.random.default_rng(7)
    there: dict[tuple[int, int], list[str]] = {}
    for step in range(30):
        file, shelf = int(dice.integers(6)), int(dice.integers(3))
        writer, reader = processes[step % 2], processes[int(dice.integers(2))]
        if dice.random() < 0.3:
            there.pop((file, shelf), None)
            scope = writer.worker.scope(ana, [collections[shelf]])
            await writer.store.remove(scope, files[file], collections[shelf])
        else:
            there[file, shelf] = [f"words {step} of {number}" for number in range(int(dice.integers(1, 4)))]
            await writer.index(ana, files[file], collections[shelf], there[file, shelf])
        asked = [one for one in range(3) if dice.random() < 0.7] or [shelf]
        expected = {text for (_, where), texts in there.items() if where in asked for text in texts}
        question = f"words {step}"

        answer = await found(reader, ana, question, *(collections[one] for one in asked))

        nearest = sorted(expected, key=lambda text: -float(vector_of(text) @ vector_of(question)))[:10]
        assert answer == set(nearest), step
