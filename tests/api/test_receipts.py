"""A deletion removes everything that came of a document, and says what that was."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from appliance.domain.people import Role, Viewer
from appliance.services.canaries.paper import pdf_of
from appliance.storage.blobs import blobs_folder
from appliance.storage.database import Database
from appliance.storage.page_images import page_images_folder
from rag.stores.faiss import FaissStore
from tests.knowledge_harness import (
    Room,
    count_blobs,
    data,
    embedder_home,
    make_box,
    open_room,
    person,
    working,
)

__all__ = ["data", "embedder_home"]

TEXT = b"# Vault\n\nThe vault opens at nine.\n\n# Garden\n\nThe garden is open on Sundays only.\n"
TABLES = ("files", "collection_files", "pages", "chunks", "embeddings", "postings", "terms", "blobs")


@pytest.fixture
async def room(owner_url: str, embedder_home: Path, data: Path) -> AsyncIterator[Room]:
    """The doors and a worker."""
    box = make_box(owner_url, embedder_home, data)
    async with open_room(box) as opened, working(box):
        yield opened


def counted(owner_url: str) -> dict[str, int]:
    """Rows by table, as their owner has them."""
    with psycopg.connect(owner_url) as connection:
        return {
            table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # type: ignore[index]
            for table in TABLES
        }


async def receipts(room: Room, name: str = "ana") -> list[dict[str, Any]]:
    """What somebody is told."""
    headers = {"authorization": f"Bearer {name}"}
    async with room.session.get(f"{room.url}/api/receipts", headers=headers) as answer:
        assert answer.status == 200
        return list((await answer.json())["data"])


async def test_deleting_a_file_leaves_nothing_and_says_what_went(room: Room, owner_url: str) -> None:
    """The receipt's numbers are those of the rows that are gone, in every collection; bytes and rows are gone."""
    first, second = await room.store(), await room.store()
    file = await room.added(TEXT, first)
    await room.call("POST", f"/vector_stores/{second}/files", json={"file_id": file})
    await room.settled(second, file)
    before = counted(owner_url)

    status, body = await room.call("DELETE", f"/files/{file}")

    assert status == 200
    receipt = body["appliance"]["receipt"]
    assert (receipt["kind"], receipt["subject"]) == ("file", file)
    assert receipt["removed"] == {
        "files": 1,
        "places": 2,
        "pages": before["pages"],
        "passages": before["chunks"],
        "vectors": before["embeddings"],
        "words": before["postings"],
        "generations": 2,
        "vectors_in_memory": 0,
        "blobs": 1,
        "bytes": len(TEXT),
        "page_images": 0,
    }
    assert before["chunks"] > 0
    assert counted(owner_url) == dict.fromkeys(TABLES, 0)
    assert count_blobs(room.box) == 0
    assert await receipts(room) == [receipt]


async def test_bytes_that_another_file_has_stay_and_are_not_counted(room: Room) -> None:
    """Two people's files of the same content: the first deletion removes no bytes, the second does."""
    files = {name: await room.upload(TEXT, name=name) for name in ("ana", "berta")}

    removed = []
    for name, file in files.items():
        _, body = await room.call("DELETE", f"/files/{file}", name)
        removed.append(body["appliance"]["receipt"]["removed"])

    assert [(one["blobs"], one["bytes"]) for one in removed] == [(0, 0), (1, len(TEXT))]


async def test_deleting_a_collection_keeps_the_files(room: Room, owner_url: str) -> None:
    """Its rows of the index go; the file and its bytes are their owner's still."""
    store = await room.store()
    await room.added(TEXT, store)
    before = counted(owner_url)

    _, body = await room.call("DELETE", f"/vector_stores/{store}")

    removed = body["appliance"]["receipt"]["removed"]
    assert (removed["collections"], removed["places"], removed["vectors"]) == (1, 1, before["embeddings"])
    after = counted(owner_url)
    assert (after["files"], after["blobs"], after["chunks"], after["postings"]) == (1, 1, 0, 0)


async def test_pictures_of_pages_go_with_their_document(room: Room) -> None:
    """Drawn once and kept on the disk: the receipt counts them, and none is left."""
    file = await room.added(pdf_of(["The vault opens at nine."]), await room.store(), filename="vault.pdf")
    headers = {"authorization": "Bearer ana"}
    for width in (400, 900):
        path = f"{room.url}/api/documents/{file}/pages/1?format=image&width={width}"
        async with room.session.get(path, headers=headers) as answer:
            assert (answer.status, answer.content_type) == (200, "image/png")
    folder = page_images_folder(blobs_folder(room.box.data))
    kept = [path for path in folder.rglob("*") if path.is_file()]

    _, body = await room.call("DELETE", f"/files/{file}")

    assert body["appliance"]["receipt"]["removed"]["page_images"] == len(kept) == 2
    assert [path for path in folder.rglob("*") if path.is_file()] == []


@pytest.fixture
async def faiss_room(owner_url: str, embedder_home: Path, data: Path) -> AsyncIterator[Room]:
    """The same, with the vectors of what is searched in the gateway's memory."""
    pytest.importorskip("faiss", reason="the extra `faiss` is not installed")
    box = make_box(owner_url, embedder_home, data, '\n[retrieval]\nstore = "faiss"\n')
    async with open_room(box) as opened, working(box):
        yield opened


def held(room: Room) -> int:
    """How many vectors this process has in memory."""
    assert room.parts.follow_index is not None
    store: FaissStore = room.parts.follow_index.__self__  # type: ignore[attr-defined]
    return sum(one.count for model in list(store._caches) for one in store.held(model).values())


async def test_vectors_in_memory_go_at_once_and_are_counted(faiss_room: Room) -> None:
    """A document's with the document, a collection's with the collection, without waiting until the change is seen."""
    room = faiss_room
    store, other = await room.store(), await room.store()
    first = await room.added(TEXT, store)
    await room.added(b"# Pool\n\nThe pool is closed in winter.\n", store)
    await room.added(b"# Roof\n\nThe roof was painted green.\n", other)
    for one in (store, other):
        await room.found(one, "vault")
    before = held(room)

    _, body = await room.call("DELETE", f"/files/{first}")
    of_file = body["appliance"]["receipt"]["removed"]
    after_file = held(room)
    _, body = await room.call("DELETE", f"/vector_stores/{other}")
    of_collection = body["appliance"]["receipt"]["removed"]

    assert of_file["vectors_in_memory"] == of_file["vectors"] == before - after_file > 0
    assert of_collection["vectors_in_memory"] == of_collection["vectors"] == after_file - held(room) > 0
    assert of_file["generations"] == of_collection["generations"] == 1
    assert [one["filename"] for one in await room.found(store, "pool")] == ["notes.md"]


async def test_a_document_that_is_taken_out_leaves_the_memory(faiss_room: Room) -> None:
    """The file stays its owner's; nothing of it is held any more."""
    room = faiss_room
    store = await room.store()
    file = await room.added(TEXT, store)
    await room.found(store, "vault")
    assert held(room) > 0

    assert (await room.call("DELETE", f"/vector_stores/{store}/files/{file}"))[0] == 200

    assert held(room) == 0


async def test_a_receipt_is_for_who_deleted_and_for_auditors(room: Room, database: Database) -> None:
    """Nobody else is told, administrators included, and nobody changes one."""
    await room.call("DELETE", f"/files/{await room.upload(TEXT)}")

    assert len(await receipts(room)) == 1
    assert await receipts(room, "berta") == await receipts(room, "root") == []
    async with database.viewing(Viewer(person("berta").user_id, role=Role.AUDITOR)) as connection:
        told = await (await connection.execute("SELECT count(*) FROM receipts")).fetchone()
        assert told == (1,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await connection.execute("UPDATE receipts SET removed = '{}'")
