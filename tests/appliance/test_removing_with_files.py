"""A collection deleted with its files: what goes, and that the receipts say what deleting them one by one says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

import pytest

from appliance.domain.documents import PageRequest
from appliance.storage.database import Database
from appliance.storage.receipts import PostgresReceipts
from tests.ingestion_desk import Desk, ana, document

ANA = ana()
# Of a collection that goes as a whole its state and what memory holds of it are counted once, with the collection.
Receipts = Counter[tuple[str, tuple[tuple[str, int], ...]]]
OF_THE_COLLECTION = ("generations", "vectors_in_memory")


@pytest.fixture
def desk(database: Database, worker_database: Database, tmp_path: Path) -> Desk:
    """Nothing in it."""
    return Desk(database, worker_database, tmp_path)


async def furnished(desk: Desk, name: str) -> tuple[UUID, UUID]:
    """A collection with what makes a deletion difficult, all read; and a second one that shares a file with it.

    An archive in an archive, one content twice, one that failed, one that is not read yet, and the shared one.
    """
    shelf, other = await desk.collection(ANA), await desk.collection(ANA)
    inner = {"pages": [f"inner {name} " * 30], "inside": {"leaf.json": f"leaf {name}"}, "notes": []}
    await desk.add(ANA, shelf, document(f"outer {name}", inside={"inner.zip": inner}), "outer.zip")
    for copy in ("first.json", "second.json"):
        await desk.add(ANA, shelf, document(f"twin {name} " * 40, f"page {name}"), copy)
    await desk.add(ANA, shelf, f"broken {name}".encode(), "broken.json")
    shared = await desk.add(ANA, shelf, document(f"shared {name} " * 20), "shared.json")
    await desk.knowledge.attach(ANA, other, shared)
    await desk.work()
    await desk.add(ANA, shelf, document(f"waiting {name}"), "waiting.json")
    return shelf, other


async def told(desk: Desk, database: Database) -> Receipts:
    """Every receipt so far as its kind and its numbers."""
    receipts = await PostgresReceipts(database).receipts(ANA.viewer, None, 100)
    return Counter((one.kind, numbers(one.removed)) for one in receipts)


def numbers(removed: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    """What was removed, without zeros and what is counted for the collection alone."""
    return tuple(
        sorted((kind, count) for kind, count in removed.items() if count and kind not in OF_THE_COLLECTION)
    )


async def test_receipts_say_what_deleting_one_by_one_says(desk: Desk, database: Database) -> None:
    """The same numbers file by file, and for the collection the rest; twins leave with the second of them."""
    one_by_one, _ = await furnished(desk, "abc")
    listed = await desk.listed(ANA, one_by_one)
    for name in ("outer.zip", "first.json", "second.json", "broken.json", "waiting.json"):
        await desk.knowledge.remove_file(ANA, listed[name].file_id)
    await desk.knowledge.remove_collection(ANA, one_by_one)
    expected = await told(desk, database)

    together, _ = await furnished(desk, "xyz")
    receipt, removed = await desk.knowledge.remove_collection_with_files(ANA, together)

    receipts = await told(desk, database) - expected
    assert _sum(receipts) == _sum(expected) == dict(numbers(removed))
    assert receipts[("collection", numbers(receipt.removed))] == 1
    assert _without_passages(receipts) == _without_passages(expected)


async def test_only_what_is_nowhere_else_goes(desk: Desk, database: Database) -> None:
    """The shared file stays found in the other collection; of the others neither row nor byte is left."""
    shelf, other = await furnished(desk, "abc")

    _, removed = await desk.knowledge.remove_collection_with_files(ANA, shelf)

    files, _ = await desk.knowledge.files(ANA, PageRequest(100))
    assert [file.filename for file in files] == ["shared.json"]
    assert await desk.found(ANA, other, "shared") == ["shared.json"]
    assert removed["files"] == 7 and removed["collections"] == 1
    assert await desk.work() == 0  # the one that waited is not read any more
    kept = [path for path in (desk.blobs.path(files[0].sha256).parents[1]).rglob("*") if path.is_file()]
    assert kept == [desk.blobs.path(files[0].sha256)]


async def test_an_archive_with_a_document_elsewhere_stays(desk: Desk) -> None:
    """What lies in it is part of it: the preview does not count it, and the deletion leaves all of it."""
    shelf, other = await desk.collection(ANA), await desk.collection(ANA)
    await desk.add(ANA, shelf, document("outer", inside={"leaf.json": "leaf"}), "outer.zip")
    await desk.work()
    (leaf,) = [one for name, one in (await desk.listed(ANA, shelf)).items() if "leaf" in name]
    await desk.knowledge.attach(ANA, other, leaf.file_id)
    await desk.work()

    _, removed = await desk.knowledge.remove_collection_with_files(ANA, shelf)

    assert removed["collections"] == 1 and not removed.get("files")
    assert len((await desk.knowledge.files(ANA, PageRequest(100)))[0]) == 2


def _sum(receipts: Receipts) -> dict[str, int]:
    total: Counter[str] = Counter()
    for (_, removed), times in receipts.items():
        total.update({kind: count * times for kind, count in removed})
    return dict(sorted(total.items()))


def _without_passages(
    receipts: Receipts,
) -> Receipts:
    """One by one, the first twin hands its passages to the second; together, each is counted where it stands."""
    moved = ("passages", "vectors", "words")
    kept: Receipts = Counter()
    for (kind, removed), times in receipts.items():
        kept[kind, tuple(one for one in removed if one[0] not in moved)] += times
    return kept
