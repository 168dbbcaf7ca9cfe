"""Reading documents: what is told of it, what lies inside of them, versions, and the same content twice."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from appliance.errors import NotFound, StorageFull
from appliance.storage.database import Database
from tests.ingestion_desk import Desk, ana, document
from tests.waiting import until

ANA = ana()


@pytest.fixture
def desk(database: Database, worker_database: Database, tmp_path: Path) -> Desk:
    """Nothing in it; what lies inside of one document is at most five files."""
    return Desk(database, worker_database, tmp_path, max_inside=5)


async def test_a_document_tells_how_far_it_is_and_what_was_repaired(desk: Desk) -> None:
    """It waits; when it is read it is done, with pages, pages a second and the parser's notes."""
    shelf = await desk.collection(ANA)
    file = await desk.add(ANA, shelf, document("one apple", "two pears", notes=["Page 3 was left out."]))
    waiting = await desk.knowledge.attached(ANA, shelf, file)
    await desk.work()
    read = await desk.knowledge.attached(ANA, shelf, file)

    assert (waiting.status, waiting.stage, waiting.pages_per_s) == ("in_progress", "waiting", None)
    assert (read.status, read.stage, read.progress, read.pages_done) == ("completed", "done", 1.0, 2)
    assert list(read.notes) == ["Page 3 was left out."]
    assert read.pages_per_s is not None and read.pages_per_s > 0


async def test_what_failed_is_tried_again_one_by_one_or_all_together(desk: Desk) -> None:
    """Each failure has a reason; retry reads it again, and leaves what was read alone."""
    shelf = await desk.collection(ANA)
    bad = [await desk.add(ANA, shelf, f"no JSON {n}".encode(), f"{n}.json") for n in range(3)]
    good = await desk.add(ANA, shelf, document("fine"), "good.json")
    await desk.work()

    assert (await desk.knowledge.attached(ANA, shelf, bad[0])).error_code == "document_damaged"
    assert (await desk.knowledge.retry(ANA, shelf, bad[0])).status == "in_progress"
    assert (await desk.knowledge.retry(ANA, shelf, good)).status == "completed"
    assert await desk.knowledge.retry_failed(ANA, shelf) == 2
    assert await desk.work() == 3


async def test_a_cancelled_document_is_not_read_and_can_be_taken_up_again(desk: Desk) -> None:
    """Its job does nothing any more; retry reads it after all."""
    shelf = await desk.collection(ANA)
    file = await desk.add(ANA, shelf, document("an apple"))

    assert (await desk.knowledge.cancel(ANA, shelf, file)).status == "cancelled"
    await desk.work()
    assert await desk.found(ANA, shelf, "apple") == []
    await desk.knowledge.retry(ANA, shelf, file)
    await desk.work()
    assert await desk.found(ANA, shelf, "apple") == ["a.json"]


async def test_what_lies_inside_becomes_documents_of_its_own(desk: Desk) -> None:
    """Under harmless names, as deep as three, found and cited by themselves; the archive says how many."""
    shelf = await desk.collection(ANA)
    mail = {
        "pages": ["a letter"],
        "inside": {"../../offer.json": {"pages": ["ten euros"], "inside": {}, "notes": []}},
    }
    inside = {"post/mail.json": mail | {"notes": []}, "x\u202egnp.exe": "no document"}
    file = await desk.add(ANA, shelf, document(inside=inside), "box.zip")
    await desk.work()
    listed = await desk.listed(ANA, shelf)

    assert {name: one.status for name, one in listed.items()} == {
        "box.zip": "completed",
        "box.zip/post/mail.json": "completed",
        "box.zip/post/mail.json/offer.json": "completed",
        "box.zip/xgnp.exe": "failed",
    }
    assert (listed["box.zip"].inside, listed["box.zip"].pages) == (2, 0)
    assert list(listed["box.zip"].notes) == ["2 documents inside: each is read as a document of its own."]
    assert listed["box.zip/post/mail.json"].parent_id == file
    assert await desk.found(ANA, shelf, "euros") == ["box.zip/post/mail.json/offer.json"]


async def test_reading_an_archive_again_registers_nothing_twice(desk: Desk) -> None:
    """A job that runs a second time, in this collection or another, finds the same children."""
    shelf, second = await desk.collection(ANA), await desk.collection(ANA)
    inside = {f"{n}.json": {"pages": [f"fruit{n}"], "inside": {}, "notes": []} for n in range(3)}
    file = await desk.add(ANA, shelf, document(inside=inside), "box.zip")
    await desk.work(most=1)
    async with desk.worker.viewing(ANA.viewer) as connection:
        await connection.execute(
            "UPDATE collection_files SET status = 'in_progress' WHERE file_id = %s", (file,)
        )
    await desk.ingestion.ingest(
        {"collection_id": str(shelf), "file_id": str(file), "owner_id": str(ANA.user_id), "group_id": None}
        | {"is_public": False}
    )
    await desk.work()
    await desk.knowledge.attach(ANA, second, file)
    await desk.work()

    assert sorted(await desk.listed(ANA, shelf)) == ["box.zip", *(f"box.zip/{n}.json" for n in range(3))]
    assert sorted(await desk.listed(ANA, second)) == ["box.zip", *(f"box.zip/{n}.json" for n in range(3))]
    assert await desk.found(ANA, second, "fruit1") == ["box.zip/1.json"]


async def test_what_is_too_much_or_too_deep_is_told(desk: Desk) -> None:
    """The bounds hold for all depths together, and the owner reads what was left out."""
    shelf = await desk.collection(ANA)
    deepest = {"pages": ["deep"], "inside": {"5.json": "x"}, "notes": []}
    for depth in (3, 2, 1):
        deepest = {"pages": [f"level{depth}"], "inside": {f"{depth}.json": deepest}, "notes": []}
    many = {f"{n}.json": {"pages": [f"n{n}"], "inside": {}, "notes": []} for n in range(7)}
    await desk.add(ANA, shelf, document("top", inside=deepest["inside"]), "deep.zip")
    await desk.add(ANA, shelf, document(inside=many), "many.zip")
    await desk.work()
    listed = await desk.listed(ANA, shelf)

    assert (
        listed["many.zip"].notes[1]
        == "2 inside were left out: one document may hold 5 documents or 1,024 MiB."
    )
    assert list(listed["deep.zip/1.json/2.json/3.json"].notes) == [
        "1 inside was left out: it lies more than 3 documents deep."
    ]


async def test_removing_an_archive_removes_all_that_lay_in_it(desk: Desk) -> None:
    """Rows, passages and bytes, in every collection; detaching takes them out of one collection only."""
    shelf, second = await desk.collection(ANA), await desk.collection(ANA)
    inner = {
        "pages": ["a plum"],
        "inside": {"b.json": {"pages": ["a fig"], "inside": {}, "notes": []}},
        "notes": [],
    }
    file = await desk.add(ANA, shelf, document(inside={"a.json": inner}), "box.zip")
    await desk.knowledge.attach(ANA, second, file)
    await desk.work()
    assert await desk.found(ANA, second, "fig") == ["box.zip/a.json/b.json"]

    await desk.knowledge.detach(ANA, second, file)
    assert (await desk.listed(ANA, second), await desk.found(ANA, second, "fig")) == ({}, [])
    assert await desk.found(ANA, shelf, "fig") == ["box.zip/a.json/b.json"]

    await desk.knowledge.remove_file(ANA, file)
    assert (await desk.listed(ANA, shelf), await desk.found(ANA, shelf, "fig")) == ({}, [])
    assert [path for path in (desk.blobs.path(b"\0" * 32).parents[1]).rglob("*") if path.is_file()] == []


async def test_only_new_passages_are_embedded(desk: Desk) -> None:
    """A changed document asks the embedder for what changed, and has the right vectors for all."""
    shelf = await desk.collection(ANA)
    await desk.add(ANA, shelf, document("one apple", "two pears"), source="/f/a.json")
    await desk.work()
    desk.embedder.asked.clear()
    await desk.add(ANA, shelf, document("one apple", "two pears", "three figs"), source="/f/a.json")
    await desk.work()

    assert desk.embedder.asked == ["three figs"]
    assert await desk.found(ANA, shelf, "pears") == ["a.json"]


async def test_a_new_version_takes_the_old_ones_place_when_it_is_read(desk: Desk) -> None:
    """Until then the old one is found; after it only the new one, while old citations still open."""
    shelf = await desk.collection(ANA)
    old = await desk.add(ANA, shelf, document("the price is ten"), source="/f/a.json")
    await desk.work()
    new = await desk.add(ANA, shelf, document("the price is twelve"), source="/f/a.json")
    assert await desk.found(ANA, shelf, "ten") == ["a.json"]
    await desk.work()

    assert (await desk.found(ANA, shelf, "ten"), await desk.found(ANA, shelf, "twelve")) == ([], ["a.json"])
    assert await desk.page(ANA, shelf, old) == "the price is ten"
    assert (await desk.knowledge.attached(ANA, shelf, old)).superseded_by == new
    assert [one.file_id for one in (await desk.listed(ANA, shelf)).values()] == [new]
    assert (await desk.knowledge.collection(ANA, shelf)).counts.total == 1


async def test_a_version_that_cannot_be_read_leaves_the_old_one_in_place(desk: Desk) -> None:
    """It is listed as failed; the old one is found. A newer good one replaces both."""
    shelf = await desk.collection(ANA)
    old = await desk.add(ANA, shelf, document("the price is ten"))
    await desk.work()
    await desk.add(ANA, shelf, b"broken", "b.json", replaces=old)
    await desk.work()
    assert await desk.found(ANA, shelf, "ten") == ["a.json"]
    await desk.add(ANA, shelf, document("the price is twelve"), "c.json", replaces=old)
    await desk.work()

    assert sorted(await desk.listed(ANA, shelf)) == ["c.json"]
    with pytest.raises(NotFound):
        await desk.add(ANA, shelf, document("x"), replaces=shelf)


async def test_versions_of_an_archive_replace_each_other_member_by_member(desk: Desk) -> None:
    """A changed member is replaced, one that is gone is not found any more, one that stayed is found once."""
    shelf = await desk.collection(ANA)

    def member(text: str) -> dict[str, object]:
        return {"pages": [text], "inside": {}, "notes": []}

    first = {"a.json": member("apple red"), "b.json": member("pear"), "c.json": member("fig")}
    second = {"a.json": member("apple green"), "b.json": member("pear")}
    await desk.add(ANA, shelf, document(inside=first), "box.zip", source="/f/box.zip")
    await desk.work()
    await desk.add(ANA, shelf, document(inside=second), "box.zip", source="/f/box.zip")
    await desk.work()

    assert await desk.found(ANA, shelf, "red") == await desk.found(ANA, shelf, "fig") == []
    assert await desk.found(ANA, shelf, "green") == ["box.zip/a.json"]
    assert await desk.found(ANA, shelf, "pear") == ["box.zip/b.json"]
    assert sorted(await desk.listed(ANA, shelf)) == ["box.zip", "box.zip/a.json", "box.zip/b.json"]


async def test_the_same_content_is_found_once(desk: Desk) -> None:
    """Two files of equal bytes answer as one; when the first goes, the second is found at once."""
    shelf = await desk.collection(ANA)
    first = await desk.add(ANA, shelf, document("an apple"), "first.json")
    second = await desk.add(ANA, shelf, document("an apple"), "second.json")
    third = await desk.add(ANA, shelf, document("an apple"), "third.json")
    await desk.work()
    assert await desk.found(ANA, shelf, "apple") == ["first.json"]
    assert (await desk.knowledge.attached(ANA, shelf, second)).duplicate_of == first
    assert await desk.page(ANA, shelf, second) == "an apple"

    await desk.knowledge.remove_file(ANA, first)
    assert await desk.found(ANA, shelf, "apple") == ["second.json"]
    assert (await desk.knowledge.attached(ANA, shelf, third)).duplicate_of == second
    await desk.add(ANA, shelf, document("a pear"), "new.json", replaces=second)
    await desk.work()
    assert await desk.found(ANA, shelf, "apple") == ["third.json"]
    assert await desk.page(ANA, shelf, second) == "an apple"


async def test_what_ends_while_its_twin_is_removed_is_found(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second file counts on the first one's passages at the moment those are to go: it gets them."""
    shelf = await desk.collection(ANA)
    first = await desk.add(ANA, shelf, document("an apple"), "first.json")
    await desk.work()
    await desk.add(ANA, shelf, document("an apple"), "second.json")
    share, removing = desk.store.share_pages, []

    async def remove_meanwhile(*given: Any) -> int:
        removing.append(asyncio.create_task(desk.knowledge.remove_file(ANA, first)))
        await until(lambda: removing[0].done() or _somebody_waits(desk.worker))
        return await share(*given)

    monkeypatch.setattr(desk.store, "share_pages", remove_meanwhile)
    await desk.work()
    await removing[0]

    assert await desk.found(ANA, shelf, "apple") == ["second.json"]


async def _somebody_waits(database: Database) -> bool:
    async with database.connection() as connection:
        waiting = (
            "SELECT 1 FROM pg_locks JOIN pg_database d ON d.oid = database AND d.datname = current_database()"
        )
        return (await connection.execute(f"{waiting} WHERE NOT granted LIMIT 1")).rowcount == 1


async def test_a_full_disk_leaves_nothing_half(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """An archive's member finds no room: the archive waits with nothing searchable, and is read once there is room."""
    shelf = await desk.collection(ANA)
    inside = {"a.json": {"pages": ["apple"], "inside": {}, "notes": []}}
    file = await desk.add(ANA, shelf, document("cover", inside=inside), "box.zip")

    def full(_: int) -> object:
        raise StorageFull

    with monkeypatch.context() as patched:
        patched.setattr(desk.blobs, "writer", full)
        await desk.work()
    waiting = await desk.knowledge.attached(ANA, shelf, file)
    assert (waiting.status, waiting.stage) == ("in_progress", "waiting")
    assert await desk.found(ANA, shelf, "cover") == []
    await desk.work()

    assert await desk.found(ANA, shelf, "apple") == ["box.zip/a.json"]
    assert await desk.found(ANA, shelf, "cover") == ["box.zip"]
