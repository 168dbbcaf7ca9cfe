"""`/api/documents` end to end: a page with its passage marked, as a picture or as text, for whoever may see it."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from PIL import Image

from tests.documents import docx, pdf
from tests.knowledge_harness import STAFF, Room, data, embedder_home, make_box, open_room, working

__all__ = ["data", "embedder_home"]

MARKED = (255, 226, 92)
LINES = [
    ["# Scales", "Hall 2 carries 600 kg at most.", "The calibration of a scale is done by an outside com-"],
    ["# Annex", "pany every twelve months.", "Nobody else may open it."],
]


@pytest.fixture
async def room(owner_url: str, embedder_home: Path, data: Path) -> AsyncIterator[Room]:
    """The doors and a worker."""
    box = make_box(owner_url, embedder_home, data)
    async with open_room(box) as opened, working(box):
        yield opened


@pytest.fixture
def two_pages(tmp_path: Path) -> bytes:
    """A PDF whose last sentence begins on the first page and ends on the second."""
    return pdf(tmp_path / "scales.pdf", LINES).read_bytes()


async def _get(room: Room, path: str, name: str = "ana", **headers: str) -> tuple[int, Any, Any]:
    """(status, headers, body) of a GET below /api/documents/."""
    asked = {"authorization": f"Bearer {name}", **headers}
    async with room.session.get(f"{room.url}/api/documents/{path}", headers=asked) as answer:
        is_json = answer.content_type == "application/json"
        return answer.status, answer.headers, await (answer.json() if is_json else answer.read())


def _colours(png: bytes) -> dict[tuple[int, ...], int]:
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    return {colour: count for count, colour in picture.getcolors(2**24) or []}  # type: ignore[misc]


async def test_a_page_is_shown_with_the_quote_marked_where_it_stands(room: Room, two_pages: bytes) -> None:
    """The picture by default, the mark over the line of the quote and nowhere else; the text with the same span."""
    file = await room.added(two_pages, await room.store(), filename="scales.pdf")

    status, headers, png = await _get(room, f"{file}/pages/1?quote=carries 600 kg&width=800")
    _, _, plain = await _get(room, f"{file}/pages/1?width=800")
    _, _, text = await _get(room, f"{file}/pages/1?quote=carries 600 kg&format=text")

    assert status == 200 and headers["content-type"] == "image/png"
    assert headers["x-passage-marked"] == "true" and headers["cache-control"] == "private, no-cache"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert _colours(png)[MARKED] > 500 and MARKED not in _colours(plain)
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    rows = [y for y in range(1130) for x in (120, 150, 180) if picture.getpixel((x, y)) == MARKED]
    top, bottom = text["boxes"][0][1], text["boxes"][0][3]
    assert rows and top - 0.01 < min(rows) / 1131 and max(rows) / 1131 < bottom + 0.01
    assert text["text"][text["start"] : text["end"]] == "carries 600 kg"
    assert text["location"]["page"] == 1 and text["is_found"] and text["image"].endswith("format=image")


async def test_a_quote_that_runs_on_is_marked_on_both_pages(room: Room, two_pages: bytes) -> None:
    """The first page tells where on the next one it goes on."""
    file = await room.added(two_pages, await room.store(), filename="scales.pdf")
    quote = "calibration of a scale is done by an outside company every twelve months"

    _, _, first = await _get(room, f"{file}/pages/1?quote={quote}&format=text")
    start, end = first["runs_on"]
    _, _, second = await _get(room, f"{file}/pages/2?start={start}&end={end}&format=text")

    assert first["text"][first["start"] : first["end"]].startswith("calibration of a scale")
    assert second["text"][second["start"] : second["end"]] == "pany every twelve months"
    assert len(second["boxes"]) == 1


async def test_what_is_not_on_the_page_is_not_marked(room: Room, two_pages: bytes) -> None:
    """An invented quote shows the page as it is and says so."""
    file = await room.added(two_pages, await room.store(), filename="scales.pdf")

    _, headers, png = await _get(room, f"{file}/pages/1?quote=Hall 2 carries 900 kg at most.")
    _, _, text = await _get(room, f"{file}/pages/1?quote=Hall 2 carries 900 kg at most.&format=text")

    assert headers["x-passage-marked"] == "false" and MARKED not in _colours(png)
    assert (text["is_found"], text["start"], text["boxes"]) == (False, None, [])


async def test_a_document_without_pages_is_shown_as_text(room: Room, tmp_path: Path) -> None:
    """Its one page is the first; the passage stands in it with its heading."""
    content = docx(tmp_path / "scales.docx").read_bytes()
    store = await room.store()
    file = await room.added(content, store, filename="scales.docx")
    chunk = (await room.found(store, "weighed twice"))[0]

    status, headers, page = await _get(room, f"{file}/pages/1?quote=weighed twice")

    assert status == 200 and headers["content-type"] == "application/json"
    assert page["text"][page["start"] : page["end"]] == "weighed twice"
    assert page["image"] is None and page["location"]["heading"] == "Scales"
    assert chunk["file_id"] == file


async def test_nobody_else_sees_a_page_in_any_form(room: Room, two_pages: bytes) -> None:
    """Not the picture, not the text, not the card, though it was drawn for its owner a moment ago; no key: 401."""
    file = await room.added(two_pages, await room.store(), filename="scales.pdf")
    await _get(room, f"{file}/pages/1")

    for path in ("/pages/1", "/pages/1?format=text", "/pages/1?format=image", "/pages/1?chunk=1", ""):
        for name in ("berta", "root"):
            status, _, body = await _get(room, file + path, name)
            assert status == 404 and body["error"]["code"] == "not_found", (path, name)
        assert (await _get(room, file + path, ""))[0] == 401
    assert (await _get(room, f"{file}/pages/3"))[0] == 404
    assert (await _get(room, f"file-{'0' * 32}/pages/1"))[0] == 404


async def test_a_group_sees_what_is_shared_and_no_more_once_it_is_not(room: Room, two_pages: bytes) -> None:
    """A browser asks again each time: what has not changed is not sent twice, what was taken away is gone."""
    store = await room.store("berta", owner=f"group:{STAFF}")
    file = await room.added(two_pages, store, "berta", "scales.pdf")
    _, headers, _ = await _get(room, f"{file}/pages/1", "carlos")

    again = await _get(room, f"{file}/pages/1", "carlos", **{"if-none-match": headers["etag"]})
    await room.call("DELETE", f"/vector_stores/{store}/files/{file}", "berta")
    after = await _get(room, f"{file}/pages/1", "carlos", **{"if-none-match": headers["etag"]})

    assert (again[0], again[2]) == (304, b"")
    assert after[0] == 404


async def test_pictures_go_with_the_file(room: Room, two_pages: bytes) -> None:
    """What was drawn is kept below the data folder until the file is deleted."""
    file = await room.added(two_pages, await room.store(), filename="scales.pdf")
    await _get(room, f"{file}/pages/1")
    folder = room.box.data / "page-images"
    kept = len(list(folder.rglob("*.png")))

    await room.call("DELETE", f"/files/{file}")

    assert kept == 1 and not list(folder.rglob("*.png"))


async def test_a_document_tells_what_it_is(room: Room, two_pages: bytes) -> None:
    """Name, pages, and its state in each collection that the asker sees."""
    mine, ours = await room.store("berta"), await room.store("berta", owner=f"group:{STAFF}")
    file = await room.added(two_pages, mine, "berta", "scales.pdf")
    await room.call("POST", f"/vector_stores/{ours}/files", "berta", {"file_id": file})
    await room.settled(ours, file, "berta")

    _, _, hers = await _get(room, file, "berta")
    _, _, his = await _get(room, file, "carlos")

    assert (hers["filename"], hers["media_type"]) == ("scales.pdf", "application/pdf")
    assert hers["pages"] == {"count": 2, "unit": "page", "labels": {}}
    assert {one["vector_store_id"] for one in hers["collections"]} == {mine, ours}
    assert [one["vector_store_id"] for one in his["collections"]] == [ours]
    assert all(one["status"] == "completed" for one in hers["collections"])


async def test_bad_questions_are_refused_by_name(room: Room, two_pages: bytes) -> None:
    """Widths out of bounds, spans the wrong way round, ids of another kind, numbers that are none."""
    file = await room.added(two_pages, await room.store(), filename="scales.pdf")

    for query in ("width=99999", "width=1", "start=9&end=3", "format=svg", "start=-1", "quote=" + "x" * 9000):
        status, _, body = await _get(room, f"{file}/pages/1?{query}")
        assert (status, body["error"]["type"]) == (400, "invalid_request_error"), query
    for path in ("vs_1/pages/1", f"{file}/pages/0", f"{file}/pages/-1", f"{file}/pages/99999999999999999999"):
        assert (await _get(room, path))[0] == 404, path
    assert (await _get(room, f"{file}/pages/x"))[0] == 400


async def test_a_superseded_version_still_opens_and_names_the_others(
    room: Room, two_pages: bytes, owner_url: str, tmp_path: Path
) -> None:
    """An old citation leads to the page as it was; the card of either version tells of the other."""
    store = await room.store()
    old = await room.added(two_pages, store, filename="scales.pdf")
    new = await room.added(pdf(tmp_path / "new.pdf", [["Hall 2 carries 900 kg."]]).read_bytes(), store)
    with psycopg.connect(owner_url) as connection:
        connection.execute("SET row_security = off")
        source = "UPDATE collection_files SET source = 'scales.pdf', superseded_by = %s, superseded_at = %s"
        values = [(UUID(new.removeprefix("file-")), datetime.now(UTC), old), (None, None, new)]
        for newer, moment, file in values:
            connection.execute(
                f"{source} WHERE file_id = %s", (newer, moment, UUID(file.removeprefix("file-")))
            )

    _, _, page = await _get(room, f"{old}/pages/1?quote=carries 600 kg&format=text")
    _, _, before = await _get(room, old)
    _, _, now = await _get(room, new)

    assert page["text"][page["start"] : page["end"]] == "carries 600 kg"
    assert before["collections"][0]["superseded_by"] == new
    assert [one["file_id"] for one in before["versions"]] == [new]
    assert [(one["file_id"], one["superseded_at"] is None) for one in now["versions"]] == [(old, False)]
