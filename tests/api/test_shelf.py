"""A collection as a person looks at it: slices, children, places in line, trial searches, deletion; never another's."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.documents import pdf
from tests.knowledge_harness import STAFF, Room, data, embedder_home, make_box, open_room, person, working

__all__ = ["data", "embedder_home"]

PLAN = b"# Plan\n\nThe merger with Aurora is planned for the third of March.\n"


@pytest.fixture
async def idle(owner_url: str, embedder_home: Path, data: Path) -> AsyncIterator[Room]:
    """The doors without a worker, and people with accounts."""
    box = make_box(owner_url, embedder_home, data)
    with psycopg.connect(owner_url) as connection:
        for name in ("ana", "berta", "dora", "root"):
            connection.execute(
                "INSERT INTO users (id, email, email_key, name, role) VALUES (%s, %s, %s, %s, %s)",
                (
                    person(name).user_id,
                    f"{name}@example.com",
                    f"{name}@example.com",
                    name.title(),
                    "admin" if name == "root" else "user",
                ),
            )
        connection.execute("INSERT INTO groups (id, name, name_key) VALUES (%s, 'Staff', 'staff')", (STAFF,))
    async with open_room(box) as opened:
        yield opened


@pytest.fixture
async def room(idle: Room) -> AsyncIterator[Room]:
    """The same with a worker."""
    async with working(idle.box):
        yield idle


async def api(
    room: Room, method: str, path: str, name: str = "ana", json: object = None
) -> tuple[int, dict[str, Any]]:
    """(status, body) below /api."""
    headers = {"authorization": f"Bearer {name}"}
    async with room.session.request(method, f"{room.url}/api{path}", json=json, headers=headers) as answer:
        return answer.status, await answer.json()


async def names(room: Room, store: str, query: str = "") -> list[str]:
    """Of a slice of the collection, in its order."""
    status, body = await api(room, "GET", f"/collections/{store}/documents?{query}")
    assert status == 200, body
    return [one["filename"] for one in body["data"]]


async def test_what_waits_has_its_place_in_line_and_slices_follow_one_another(idle: Room) -> None:
    """By name, size and age, in slices; a part of the name finds a document whatever its accents and capitals."""
    store = await idle.store()
    for number, name in enumerate(("Política.md", "beta.md", "Alfa.md")):
        file = await idle.upload(b"words " * (number + 1), name)
        assert (await idle.call("POST", f"/vector_stores/{store}/files", json={"file_id": file}))[0] == 200

    _, body = await api(idle, "GET", f"/collections/{store}/documents?order=asc")
    assert [(one["filename"], one["place_in_line"]) for one in body["data"]] == [
        ("Política.md", 1),
        ("beta.md", 2),
        ("Alfa.md", 3),
    ]
    assert {one["is_own"] for one in body["data"]} == {True}
    assert body["counts"]["in_progress"] == body["total"] == 3
    assert await names(idle, store, "sort=name&order=asc") == ["Alfa.md", "beta.md", "Política.md"]
    assert await names(idle, store, "sort=size&limit=1") == ["Alfa.md"]
    assert await names(idle, store, "sort=size&limit=2&offset=1") == ["beta.md", "Política.md"]
    assert await names(idle, store, "q=POLITICA") == ["Política.md"]
    assert await names(idle, store, "status=failed") == []
    assert await names(idle, store, f"changed_since={body['as_of'].replace('+', '%2B')}") != []


async def test_what_was_committed_after_the_last_look_is_told_by_the_next(idle: Room, owner_url: str) -> None:
    """A row bears the time at which its transaction began: a little before the last look still counts as changed."""
    store = await idle.store()
    file = await idle.upload(PLAN)
    await idle.call("POST", f"/vector_stores/{store}/files", json={"file_id": file})
    as_of = (await api(idle, "GET", f"/collections/{store}/documents"))[1]["as_of"]

    async def told(seconds_before: int) -> list[str]:
        with psycopg.connect(owner_url) as connection:
            connection.execute(
                "UPDATE collection_files SET status = 'completed', "
                "updated_at = %s::timestamptz - %s * interval '1 second'",
                (as_of, seconds_before),
            )
        return await names(idle, store, f"changed_since={as_of.replace('+', '%2B')}")

    assert await told(3) == ["notes.md"]
    assert await told(30) == []


async def test_what_lies_inside_is_listed_below_its_parent_with_notes_by_code(room: Room) -> None:
    """An archive is one line; its members are asked for, counted by state, and found by name."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("plan.md", PLAN)
        archive.writestr("broken.pdf", b"%PDF-1.7 nothing")
    store = await room.store()
    outer = await room.added(packed.getvalue(), store, filename="folder.zip")
    for one in (await api(room, "GET", f"/collections/{store}/documents?parent={outer}"))[1]["data"]:
        await room.settled(store, one["id"])

    _, listed = await api(room, "GET", f"/collections/{store}/documents")
    _, inside = await api(room, "GET", f"/collections/{store}/documents?parent={outer}&sort=name&order=asc")

    (row,) = listed["data"]
    assert (row["inside"], row["inside_failed"], row["inside_in_progress"]) == (2, 1, 0)
    assert row["note_codes"] == [{"code": "inside", "values": {"count": "2"}}]
    assert row["notes"] == ["2 documents inside: each is read as a document of its own."]
    assert [one["filename"].rpartition("/")[2] for one in inside["data"]] == ["broken.pdf", "plan.md"]
    assert [one["parent_id"] for one in inside["data"]] == [outer, outer]
    assert await names(room, store, "status=failed") == [inside["data"][0]["filename"]]


async def test_a_refusal_keeps_its_reason_by_code(room: Room) -> None:
    """What is said beside the error's sentence has a code with values, for readers of another language."""
    store = await room.store()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w"):
        pass
    file = await room.upload(packed.getvalue(), "nothing.zip")
    await room.call("POST", f"/vector_stores/{store}/files", json={"file_id": file})

    read = await room.settled(store, file)

    assert read["last_error"]["reason"] == "document_empty"
    assert read["last_error"]["message"].endswith("There is no file in the archive.")
    assert read["note_codes"] == [{"code": "archive_empty", "values": {}}]


async def test_a_trial_search_tells_every_score_and_what_was_left_out(room: Room) -> None:
    """Over several collections at once, with the trace; each result opens at its page and span."""
    first, second = await room.store(), await room.store()
    await room.added(PLAN, first, filename="plan.md")
    await room.added(PLAN, second, filename="copy.md")
    await room.added(b"# Lunch\n\nThe canteen opens at noon.\n", second, filename="lunch.md")

    status, found = await api(
        room,
        "POST",
        "/search",
        json={
            "query": "When is the merger?",
            "vector_store_ids": [first, second],
            "max_num_results": 1,
        },
    )

    assert status == 200, found
    (best,) = found["data"]
    assert "Aurora" in best["content"][0]["text"]
    assert all(isinstance(score, float) for score in best["scores"].values()), best["scores"]
    assert [one["filename"] for one in best["also_in"]] == [
        name for name in ("plan.md", "copy.md") if name != best["filename"]
    ]
    reasons = {one["reason"] for one in found["trace"]["dropped"]}
    assert "the same words as a better one" in reasons
    page = f"/documents/{best['file_id']}/pages/{best['number']}"
    place = best["location"]
    _, opened = await api(room, "GET", f"{page}?start={place['start']}&end={place['end']}")
    assert "Aurora" in opened["text"][opened["start"] : opened["end"]]


async def test_deleting_a_collection_says_before_and_afterwards_what_goes(room: Room) -> None:
    """Files in other collections stay; those that are only here go with it where that was asked for."""
    store, other = await room.store(), await room.store()
    kept = await room.added(PLAN, store, filename="kept.md")
    await room.call("POST", f"/vector_stores/{other}/files", json={"file_id": kept})
    gone = await room.added(b"# Only here\n\nNothing else.\n", store, filename="gone.md")

    names_known = {"filenames": ["gone.md", "new.md"]}
    _, known = await api(room, "POST", f"/collections/{store}/known", json=names_known)
    _, before = await api(room, "GET", f"/collections/{store}/removal")
    _, after = await api(room, "DELETE", f"/collections/{store}?with_files=true")

    assert [(one["file_id"], one["filename"]) for one in known["named"]] == [(gone, "gone.md")]
    assert before == {"documents": 2, "passages": 2, "shares": 0, "own_files_only_here": 1}
    assert after["removed"]["files"] == 1
    assert after["removed"]["collections"] == 1
    assert after["removed"]["passages"] == 2
    assert (await room.call("GET", f"/files/{gone}"))[0] == 404
    assert (await room.call("GET", f"/files/{kept}"))[0] == 200
    assert (await room.call("GET", f"/vector_stores/{store}"))[0] == 404


async def test_what_is_there_already_is_known_by_its_bytes(idle: Room) -> None:
    """Before an upload: one's own collection tells, and nothing is told of content elsewhere."""
    store, empty = await idle.store(), await idle.store()
    file = await idle.upload(PLAN, "plan.md")
    await idle.call("POST", f"/vector_stores/{store}/files", json={"file_id": file})
    body = {"sha256": [hashlib.sha256(PLAN).hexdigest(), "0" * 64]}

    _, there = await api(idle, "POST", f"/collections/{store}/known", json=body)
    _, elsewhere = await api(idle, "POST", f"/collections/{empty}/known", json=body)

    assert [(one["file_id"], one["filename"]) for one in there["data"]] == [(file, "plan.md")]
    assert elsewhere["data"] == []


async def test_whoever_may_only_read_is_told_so_and_others_are_told_nothing(idle: Room) -> None:
    """can_write and can_manage by person; every verb of every route is closed to whom it does not belong."""
    store = await idle.store()
    file = await idle.upload(PLAN, "plan.md")
    await idle.call("POST", f"/vector_stores/{store}/files", json={"file_id": file})
    share = {"with": "dora@example.com", "access": "read"}
    assert (await api(idle, "PUT", f"/collections/{store}/shares", json=share))[0] == 200

    async def rights(name: str) -> tuple[Any, ...]:
        _, body = await idle.call("GET", f"/vector_stores/{store}", name)
        return body.get("can_write"), body.get("can_manage"), body.get("owner_name")

    known = {"sha256": ["0" * 64]}
    search = {"query": "merger", "vector_store_ids": [store]}
    routes: list[tuple[str, str, object, int, int]] = [  # method, path, body, for a reader, for a stranger
        ("GET", f"/collections/{store}/documents", None, 200, 404),
        ("POST", f"/collections/{store}/known", known, 200, 404),
        ("GET", f"/collections/{store}/removal", None, 403, 404),
        ("DELETE", f"/collections/{store}", None, 403, 404),
        ("GET", f"/collections/{store}/shares/candidates?q=an", None, 403, 404),
        ("POST", "/search", search, 200, 404),
        ("GET", f"/documents/{file}/original", None, 200, 404),
    ]
    assert await rights("ana") == (True, True, "ana@example.com")
    assert await rights("dora") == (False, False, "ana@example.com")
    for method, path, body, reader, stranger in routes:
        for name, expected in (("dora", reader), ("berta", stranger), ("root", stranger)):
            headers = {"authorization": f"Bearer {name}"}
            async with idle.session.request(
                method, f"{idle.url}/api{path}", json=body, headers=headers
            ) as answer:
                assert answer.status == expected, (name, method, path)


async def test_the_picker_offers_people_and_groups_that_have_no_share_yet(idle: Room) -> None:
    """By a part of a name or an address; neither oneself nor whoever has it already."""
    store = await idle.store()
    share = {"with": "dora@example.com", "access": "read"}
    await api(idle, "PUT", f"/collections/{store}/shares", json=share)

    async def offered(words: str) -> list[str]:
        _, body = await api(idle, "GET", f"/collections/{store}/shares/candidates?q={words}")
        return [one["label"] for one in body["data"]]

    assert await offered("example.com") == ["berta@example.com", "root@example.com"]
    assert await offered("STAF") == ["Staff"]
    assert await offered("Bert") == ["berta@example.com"]


async def test_the_original_comes_back_byte_by_byte_and_runs_nowhere(idle: Room, tmp_path: Path) -> None:
    """As an attachment under its own name, in a sandbox, kept by nobody on the way."""
    content = pdf(tmp_path / "scales.pdf", [["# Scales", "Hall 2 carries 600 kg at most."]]).read_bytes()
    file = await idle.upload(content, "Balanzas ñ.pdf")
    headers = {"authorization": "Bearer ana"}
    async with idle.session.get(f"{idle.url}/api/documents/{file}/original", headers=headers) as answer:
        assert await answer.read() == content
        assert answer.headers["content-disposition"].startswith("attachment; filename*=UTF-8''Balanzas")
        assert "sandbox" in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "private, no-store"


async def test_the_formats_are_those_of_the_parsers_table(idle: Room) -> None:
    """Whatever a parser is listed for is told, with the endings of its names."""
    from rag.parsers import PARSERS

    _, body = await api(idle, "GET", "/formats")

    told = {one["media_type"]: one for one in body["data"]}
    expected = {name for name in PARSERS if body["reads_scans"] or not name.startswith("image/")}
    assert set(told) == expected
    assert told["application/pdf"] == {
        "media_type": "application/pdf",
        "kind": "pdf",
        "suffixes": [".pdf"],
    }
    assert [name for name, one in told.items() if not one["suffixes"] or not one["kind"]] == []
