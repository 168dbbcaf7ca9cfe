"""`/v1/files` and `/v1/vector_stores` end to end: upload, read, search, and who sees what."""

from __future__ import annotations

from collections.abc import AsyncIterator
from json import dumps, loads
from pathlib import Path
from uuid import UUID

import pytest
from psycopg.errors import ForeignKeyViolation, InsufficientPrivilege

from appliance.storage.database import Database
from tests.knowledge_harness import (
    STAFF,
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

HOLIDAYS = (
    b"# Holidays\n\nEverybody has 23 days of holiday a year.\n\n# Parking\n\nThe car park closes at nine.\n"
)


@pytest.fixture
async def room(owner_url: str, embedder_home: Path, data: Path) -> AsyncIterator[Room]:
    """The doors and a worker."""
    box = make_box(owner_url, embedder_home, data)
    async with open_room(box) as opened, working(box):
        yield opened


async def test_a_document_that_was_added_is_found_with_its_place(room: Room) -> None:
    """Upload, attach, search: the passage comes back verbatim with its heading, and all counts are true."""
    store = await room.store()
    file = await room.added(HOLIDAYS, store)

    best = (await room.found(store, "How many days of holiday do I have?"))[0]
    _, shelf = await room.call("GET", f"/vector_stores/{store}")

    assert best["file_id"] == file and best["filename"] == "notes.md"
    assert "23 days of holiday" in best["content"][0]["text"]
    assert best["location"]["heading"] == "Holidays"
    assert shelf["file_counts"] == {"in_progress": 0, "completed": 1, "failed": 0, "cancelled": 0, "total": 1}
    assert (shelf["usage_bytes"], shelf["status"], shelf["owner"]) == (len(HOLIDAYS), "completed", "user")


async def test_a_damaged_file_fails_with_a_reason_and_can_be_tried_again(room: Room) -> None:
    """The owner reads why, in a sentence; counts tell it; adding it again reads it again."""
    store, file = await room.store(), await room.upload(b"%PDF-1.7\nnothing more", "broken.pdf")
    await room.call("POST", f"/vector_stores/{store}/files", json={"file_id": file})

    read = await room.settled(store, file)
    _, shelf = await room.call("GET", f"/vector_stores/{store}")
    status, again = await room.call("POST", f"/vector_stores/{store}/files", json={"file_id": file})

    assert read["status"] == "failed"
    assert read["last_error"]["code"] == "invalid_file"
    assert read["last_error"]["reason"] == "document_damaged"
    assert "damaged" in read["last_error"]["message"]
    assert shelf["file_counts"]["failed"] == 1 and shelf["usage_bytes"] == 0
    assert (status, again["status"]) == (200, "in_progress")


async def test_a_batch_is_read_counted_and_listed(room: Room) -> None:
    """A batch of good and bad files ends with true counts, and its list can be filtered and paged."""
    store = await room.store()
    good = [
        await room.upload(b"# Rule %d\n\nThe rule number %d is kept." % (n, n), f"{n}.md") for n in range(5)
    ]
    bad = await room.upload(b"", "empty.txt")

    _, batch = await room.call(
        "POST",
        f"/vector_stores/{store}/file_batches",
        json={"files": [{"file_id": f, "attributes": {"year": 2026}} for f in [*good, bad]]},
    )
    for file in [*good, bad]:
        await room.settled(store, file)
    path = f"/vector_stores/{store}/file_batches/{batch['id']}"
    _, done = await room.call("GET", path)
    _, failed = await room.call("GET", f"{path}/files?filter=failed")
    _, first = await room.call("GET", f"{path}/files?limit=4&order=asc")
    _, rest = await room.call("GET", f"{path}/files?limit=4&order=asc&after={first['last_id']}")
    _, back = await room.call("GET", f"{path}/files?limit=2&order=asc&before={rest['first_id']}")

    assert (batch["object"], batch["file_counts"]["total"]) == ("vector_store.files_batch", 6)
    assert done["status"] == "completed"
    assert done["file_counts"] == {"in_progress": 0, "completed": 5, "failed": 1, "cancelled": 0, "total": 6}
    assert [file["id"] for file in failed["data"]] == [bad]
    assert (first["has_more"], rest["has_more"]) == (True, False)
    assert {f["id"] for f in first["data"]} | {f["id"] for f in rest["data"]} == {*good, bad}
    assert [f["id"] for f in back["data"]] == [f["id"] for f in first["data"]][-2:]
    assert first["data"][0]["attributes"] == {"year": 2026}


async def test_a_deleted_file_is_gone_from_every_search_and_from_the_disk(room: Room) -> None:
    """Deleting a file takes its passages, its row and its bytes at once, in every vector store."""
    one, two = await room.store(), await room.store()
    file = await room.added(HOLIDAYS, one)
    await room.call("POST", f"/vector_stores/{two}/files", json={"file_id": file})
    assert (await room.settled(two, file))["status"] == "completed"
    assert await room.found(two, "days of holiday")

    status, body = await room.call("DELETE", f"/files/{file}")

    assert (status, body | {"appliance": None}) == (
        200,
        {"id": file, "object": "file", "deleted": True, "appliance": None},
    )
    assert body["appliance"]["receipt"]["removed"]["passages"] == 4
    assert await room.found(one, "days of holiday") == await room.found(two, "days of holiday") == []
    assert (await room.call("GET", f"/files/{file}"))[0] == 404
    assert (await room.call("GET", f"/vector_stores/{one}"))[1]["file_counts"]["total"] == 0
    assert count_blobs(room.box) == 0


async def test_taking_a_file_out_of_one_vector_store_leaves_the_other(room: Room) -> None:
    """Detaching forgets the passages here and nowhere else; the file stays."""
    one, two = await room.store(), await room.store()
    file = await room.added(HOLIDAYS, one)
    await room.call("POST", f"/vector_stores/{two}/files", json={"file_id": file})
    await room.settled(two, file)

    status, body = await room.call("DELETE", f"/vector_stores/{one}/files/{file}")

    assert (status, body["object"]) == (200, "vector_store.file.deleted")
    assert await room.found(one, "days of holiday") == []
    assert await room.found(two, "days of holiday")
    assert (await room.call("GET", f"/files/{file}"))[0] == 200


async def test_a_second_collection_gets_the_passages_without_embedding_again(
    room: Room, maintenance_database: Database
) -> None:
    """The same file in a second collection is a copy of rows, with the same vectors."""
    one, two = await room.store(), await room.store()
    file = await room.added(HOLIDAYS, one)
    await room.call("POST", f"/vector_stores/{two}/files", json={"file_id": file})

    read = await room.settled(two, file)

    async with maintenance_database.connection() as connection:
        rows = await (
            await connection.execute("SELECT count(DISTINCT embedding::text), count(*) FROM embeddings")
        ).fetchone()
    assert read["chunks"] == 2
    assert rows == (2, 4)


async def test_renaming_and_deleting_a_vector_store(room: Room) -> None:
    """Name and metadata change; deleting takes the passages along and leaves the files."""
    store = await room.store(metadata={"team": "hr"})
    file = await room.added(HOLIDAYS, store)

    _, renamed = await room.call("POST", f"/vector_stores/{store}", json={"name": "handbook"})
    status, deleted = await room.call("DELETE", f"/vector_stores/{store}")

    assert (renamed["name"], renamed["metadata"]) == ("handbook", {"team": "hr"})
    assert (status, deleted | {"appliance": None}) == (
        200,
        {"id": store, "object": "vector_store.deleted", "deleted": True, "appliance": None},
    )
    assert deleted["appliance"]["receipt"]["removed"]["passages"] == 2
    assert (await room.call("GET", f"/vector_stores/{store}"))[0] == 404
    assert (await room.call("GET", f"/files/{file}"))[0] == 200


async def test_files_created_with_the_store_are_read(room: Room) -> None:
    """`file_ids` at creation does what attaching does."""
    file = await room.upload(HOLIDAYS)
    store = await room.store(file_ids=[file])

    assert (await room.settled(store, file))["status"] == "completed"


async def test_the_list_of_vector_stores_pages_both_ways(room: Room) -> None:
    """Nothing repeats and nothing is left out, in both orders."""
    made = [await room.store() for _ in range(5)]

    _, newest = await room.call("GET", "/vector_stores?limit=2")
    _, older = await room.call("GET", f"/vector_stores?limit=10&after={newest['last_id']}")
    _, rising = await room.call("GET", "/vector_stores?order=asc")
    _, before = await room.call("GET", f"/vector_stores?limit=2&before={older['first_id']}")

    assert [s["id"] for s in newest["data"] + older["data"]] == made[::-1]
    assert [s["id"] for s in rising["data"]] == made
    assert before["data"] == newest["data"]
    assert (newest["has_more"], older["has_more"]) == (True, False)


async def test_a_search_can_be_narrowed(room: Room) -> None:
    """The number of results, a threshold and several questions at once."""
    store = await room.store()
    await room.added(HOLIDAYS, store)

    both = await room.found(store, "holiday car park")
    one = await room.found(store, "holiday car park", max_num_results=1)
    none = await room.found(store, "holiday car park", ranking_options={"score_threshold": 1.0})
    _, several = await room.call(
        "POST",
        f"/vector_stores/{store}/search",
        json={"query": ["days of holiday", "when does the car park close"]},
    )

    assert (len(both), len(one), len(none)) == (2, 1, 0)
    assert one == both[:1]
    assert {r["location"]["heading"] for r in several["data"]} == {"Holidays", "Parking"}
    assert several["search_query"] == ["days of holiday", "when does the car park close"]


VERBS = [
    ("GET", "/files/{file}", None),
    ("GET", "/files/{file}/content", None),
    ("DELETE", "/files/{file}", None),
    ("GET", "/vector_stores/{store}", None),
    ("POST", "/vector_stores/{store}", {"name": "mine now"}),
    ("DELETE", "/vector_stores/{store}", None),
    ("GET", "/vector_stores/{store}/files", None),
    ("POST", "/vector_stores/{store}/files", {"file_id": "{own}"}),
    ("GET", "/vector_stores/{store}/files/{file}", None),
    ("POST", "/vector_stores/{store}/files/{file}", {"attributes": {"a": 1}}),
    ("DELETE", "/vector_stores/{store}/files/{file}", None),
    ("POST", "/vector_stores/{store}/file_batches", {"file_ids": ["{own}"]}),
    ("GET", "/vector_stores/{store}/file_batches/{batch}", None),
    ("POST", "/vector_stores/{store}/file_batches/{batch}/cancel", {}),
    ("GET", "/vector_stores/{store}/file_batches/{batch}/files", None),
    ("POST", "/vector_stores/{store}/search", {"query": "holiday"}),
    ("POST", "/vector_stores/{own_store}/files", {"file_id": "{file}"}),
    ("POST", "/vector_stores/{own_store}/file_batches", {"file_ids": ["{file}"]}),
    ("POST", "/vector_stores", {"name": "x", "file_ids": ["{file}"]}),
]


async def test_what_is_somebody_elses_is_a_404_on_every_verb(room: Room) -> None:
    """Nobody can tell a foreign id from one that does not exist: file, vector store, batch, search."""
    store = await room.store("ana")
    file = await room.added(HOLIDAYS, store, "ana")
    _, batch = await room.call("POST", f"/vector_stores/{store}/file_batches", "ana", {"file_ids": [file]})
    names = {"store": store, "file": file, "batch": batch["id"]}
    names |= {"own": await room.upload(b"mine", "own.txt", "berta"), "own_store": await room.store("berta")}
    for stranger in ("berta", "root"):
        for method, path, body in VERBS:
            if stranger == "root" and "{own_store}" in path:
                continue
            filled = (
                None
                if body is None
                else loads(dumps(body).replace("{own}", names["own"]).replace("{file}", file))
            )
            status, answer = await room.call(method, path.format(**names), stranger, filled)
            assert (status, answer["error"]["code"]) == (404, "not_found"), (stranger, method, path, answer)
        assert store not in dumps((await room.call("GET", "/vector_stores", stranger))[1])
        assert file not in dumps((await room.call("GET", "/files", stranger))[1])
    assert (await room.call("GET", f"/files/{file}", "ana"))[0] == 200
    assert await room.found(store, "days of holiday", "ana")


async def test_a_group_reads_and_writes_its_collection_together(room: Room) -> None:
    """Members see each other's files there, search them, add and take out; nobody else does."""
    store = await room.store("berta", owner=f"group:{STAFF}")
    file = await room.added(HOLIDAYS, store, "berta")
    own = await room.added(b"# Canteen\n\nSoup is served at noon.", store, "carlos", "canteen.md")

    assert (await room.call("GET", f"/vector_stores/{store}", "carlos"))[1]["owner"] == f"group:{STAFF}"
    assert {r["file_id"] for r in await room.found(store, "holiday soup", "carlos")} == {file, own}
    assert (await room.call("GET", f"/files/{file}", "carlos"))[0] == 200
    assert (await room.call("DELETE", f"/files/{file}", "carlos"))[0] == 403
    assert (await room.call("DELETE", f"/vector_stores/{store}/files/{file}", "carlos"))[0] == 200
    assert (await room.call("GET", f"/files/{file}", "carlos"))[0] == 404
    assert (await room.call("GET", f"/vector_stores/{store}", "ana"))[0] == 404
    status, body = await room.call("POST", "/vector_stores", "ana", {"name": "x", "owner": f"group:{STAFF}"})
    assert (status, body["error"]["param"]) == (404, "owner")


async def test_everybody_reads_a_public_collection_and_administrators_write_it(room: Room) -> None:
    """Public means readable; changing it is refused with a reason, not hidden."""
    status, body = await room.call("POST", "/vector_stores", "ana", {"name": "x", "owner": "everybody"})
    assert (status, body["error"]["code"]) == (403, "not_permitted")
    store = await room.store("root", owner="everybody")
    file = await room.added(HOLIDAYS, store, "root")
    own = await room.upload(b"mine", "own.txt", "ana")

    assert (await room.found(store, "days of holiday", "ana"))[0]["file_id"] == file
    for method, path, body in (
        ("POST", f"/vector_stores/{store}", {"name": "mine"}),
        ("DELETE", f"/vector_stores/{store}", None),
        ("POST", f"/vector_stores/{store}/files", {"file_id": own}),
        ("DELETE", f"/vector_stores/{store}/files/{file}", None),
        ("DELETE", f"/files/{file}", None),
    ):
        status, answer = await room.call(method, path, "ana", body)
        assert (status, answer["error"]["code"]) == (403, "not_permitted"), (method, path)


async def test_row_level_security_hides_rows_from_a_query_without_a_condition(
    room: Room, database: Database, worker_database: Database
) -> None:
    """Below every query stands the net: a stranger who asks for everything gets nothing, and nobody sees nothing."""
    await room.added(HOLIDAYS, await room.store("ana"), "ana")
    tables = [
        "collections",
        "files",
        "collection_files",
        "pages",
        "chunks",
        "embeddings",
        "postings",
        "terms",
    ]

    for table in tables:
        query = f"SELECT count(*) FROM {table}"
        for eyes in (database, worker_database):
            async with eyes.viewing(person("ana").viewer) as connection:
                own = await (await connection.execute(query)).fetchone()
            async with eyes.viewing(person("root").viewer) as connection:
                strange = await (await connection.execute(query)).fetchone()
            async with eyes.connection() as connection:
                nobodys = await (await connection.execute(query)).fetchone()
            assert own is not None and own[0] > 0, table
            assert (strange, nobodys) == ((0,), (0,)), table


async def test_nobody_can_smuggle_a_foreign_file_into_their_own_collection(
    room: Room, database: Database
) -> None:
    """Not even with SQL: the row must name the file's true owner, and that must be the viewer."""
    file = UUID((await room.upload(HOLIDAYS, "a.md", "ana")).removeprefix("file-"))
    store = UUID((await room.store("berta")).removeprefix("vs_"))
    insert = (
        "INSERT INTO collection_files (collection_id, file_id, owner_id, size_bytes) VALUES (%s, %s, %s, 1)"
    )

    for claimed, error in ((person("ana"), InsufficientPrivilege), (person("berta"), ForeignKeyViolation)):
        with pytest.raises(error):
            async with database.viewing(person("berta").viewer) as connection:
                await connection.execute(insert, (store, file, claimed.user_id))


BAD = [
    ("POST", "/vector_stores", {"name": "a\0b"}, "name"),
    ("POST", "/vector_stores", {"name": 7}, "name"),
    ("POST", "/vector_stores", {"nmae": "x"}, "nmae"),
    ("POST", "/vector_stores", {"metadata": {str(n): "x" for n in range(17)}}, "metadata"),
    ("POST", "/vector_stores", {"owner": "group:nobody"}, "owner"),
    ("POST", "/vector_stores", {"expires_after": {"anchor": "last_active_at", "days": 1}}, "expires_after"),
    ("POST", "/vector_stores", {"chunking_strategy": {"type": "static"}}, "chunking_strategy.type"),
    ("POST", "/vector_stores/{store}/search", {"query": ""}, "query"),
    ("POST", "/vector_stores/{store}/search", {"query": "x", "max_num_results": 10**30}, "max_num_results"),
    ("POST", "/vector_stores/{store}/search", {"query": "x", "filters": {"type": "eq"}}, "filters"),
    ("POST", "/vector_stores/{store}/file_batches", {}, "file_ids"),
    ("GET", "/vector_stores?limit=0", None, "limit"),
    ("GET", "/vector_stores?limit=101", None, "limit"),
    ("GET", "/vector_stores?order=up", None, "order"),
    ("GET", "/files?purpose=a%00b", None, "purpose"),
    ("GET", "/files?limit=99999999999999999999999", None, "limit"),
    ("GET", "/vector_stores/{store}/files?filter=done", None, "filter"),
]


async def test_bad_requests_name_the_field(room: Room) -> None:
    """A 400 in OpenAI's body with `param`; nothing reaches the database."""
    store = await room.store()
    for method, path, body, param in BAD:
        status, answer = await room.call(method, path.format(store=store), json=body)
        assert status == 400, (path, body, answer)
        assert (answer["error"]["param"] or "").startswith(param), (path, body, answer)
        assert answer["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"name":', "invalid_json"),
        (b'{"name":"a","name":"b"}', "duplicate_key"),
        (b'{"name":' + b"[" * 10_000 + b"]" * 10_000 + b"}", "nested_too_deep"),
        (b'{"metadata":{"a":NaN}}', "invalid_json"),
        (b'{"name":"\xff"}', "invalid_json"),
        (b'{"name":"\\ud800"}', "invalid_json"),
        (b'{"name":"\\u0000"}', "invalid_request"),
        (b"[1]", "invalid_json"),
        (b'{"name":1' + b"0" * 5000 + b"}", "invalid_json"),
        (b"", "invalid_request"),
    ],
    ids=["cut", "duplicate", "deep", "nan", "not utf-8", "surrogate", "nul", "list", "huge number", "empty"],
)
async def test_bodies_that_are_no_good_json_are_refused(room: Room, body: bytes, code: str) -> None:
    """A 400 with a stable code, whatever was sent."""
    headers = {"content-type": "application/json"}

    status, answer = await room.call("POST", "/vector_stores", data=body, headers=headers)

    assert (status, answer["error"]["code"]) == (400, code), answer


async def test_ids_have_one_spelling(room: Room) -> None:
    """Anything but the id as it was given out is a 404, never a 500."""
    store = await room.store()
    digits = store.removeprefix("vs_")
    for wrong in (
        digits,
        f"vs_{digits.upper()}",
        f"vs_{digits}0",
        "vs_",
        "vs_%00",
        f"file-{digits}",
        "vs_../../x",
    ):
        status, answer = await room.call("GET", f"/vector_stores/{wrong}")
        assert status == 404, (wrong, answer)


async def test_a_batch_can_be_cancelled(owner_url: str, embedder_home: Path, data: Path) -> None:
    """What was not read yet never will be, and says so; what waits in the queue leaves it."""
    async with open_room(make_box(owner_url, embedder_home, data)) as room:  # no worker: everything waits
        store = await room.store()
        files = [await room.upload(b"text %d" % n, f"{n}.txt") for n in range(3)]
        _, batch = await room.call("POST", f"/vector_stores/{store}/file_batches", json={"file_ids": files})

        _, cancelled = await room.call("POST", f"/vector_stores/{store}/file_batches/{batch['id']}/cancel")

        assert (batch["status"], cancelled["status"]) == ("in_progress", "cancelled")
        assert cancelled["file_counts"] == {
            "in_progress": 0,
            "completed": 0,
            "failed": 0,
            "cancelled": 3,
            "total": 3,
        }
        assert await room.parts.jobs.depth() == {"todo": 0, "doing": 0}


async def test_one_persons_pile_does_not_stand_before_anothers_document(
    owner_url: str, embedder_home: Path, data: Path, maintenance_database: Database
) -> None:
    """The queue takes turns: the first document of a second person goes before the pile of the first."""
    async with open_room(make_box(owner_url, embedder_home, data)) as room:
        pile = [await room.upload(b"text %d" % n, f"{n}.txt", "ana") for n in range(20)]
        await room.call(
            "POST", f"/vector_stores/{await room.store('ana')}/file_batches", "ana", {"file_ids": pile}
        )
        single = await room.upload(b"one", "one.txt", "berta")
        await room.call(
            "POST", f"/vector_stores/{await room.store('berta')}/files", "berta", {"file_id": single}
        )

    async with maintenance_database.connection() as connection:
        rows = await (
            await connection.execute(
                "SELECT args->>'owner_id' FROM procrastinate_jobs ORDER BY priority DESC, id"
            )
        ).fetchall()
    assert [str(row[0]) for row in rows].index(str(person("berta").user_id)) <= 1
