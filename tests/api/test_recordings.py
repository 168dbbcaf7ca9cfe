"""Recordings through the doors: parts of a file for a player, transcripts in four forms, for whoever may see them."""

from __future__ import annotations

import io
import wave
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import numpy as np
import pytest

from appliance.storage.database import Database
from appliance.storage.roles import DatabaseRole
from tests.ingestion_desk import Desk
from tests.knowledge_harness import Room, count_blobs, data, embedder_home, make_box, open_room
from tests.scripted_transcriber import ScriptedTranscriber, spoken

__all__ = ["data", "embedder_home"]

ANA = {"authorization": "Bearer ana"}
SAID = (
    [spoken(1.25, "The budget is four thousand euros."), spoken(12.0, "Marta orders shelves & lamps.")],
    *[[] for _ in range(123)],
    [spoken(3725.5, "The lease ends in October.")],
)


def sound(seconds: float = 4.0) -> bytes:
    """A WAV file."""
    written = io.BytesIO()
    with wave.open(written, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8_000)
        file.writeframes(np.arange(int(seconds * 8_000), dtype="<i2").tobytes())
    return written.getvalue()


@pytest.fixture
async def idle(owner_url: str, embedder_home: Path, data: Path) -> AsyncIterator[Room]:
    """The doors; the tests hear what is uploaded."""
    async with open_room(make_box(owner_url, embedder_home, data)) as opened:
        yield opened


async def _waiting(room: Room, store: str, content: bytes, filename: str) -> str:
    """In the collection, and not heard yet."""
    file = await room.upload(content, filename)
    status, _ = await room.call("POST", f"/vector_stores/{store}/files", json={"file_id": file})
    assert status == 200
    return file


async def heard(room: Room, store: str, content: bytes, filename: str = "meeting.wav") -> str:
    """Uploaded, and heard by somebody who knows what is said; returns its id."""
    file = await _waiting(room, store, content, filename)
    databases = [Database(room.box.database_url(role)) for role in (DatabaseRole.API, DatabaseRole.WORKER)]
    for one in databases:
        await one.open()
    try:
        desk = Desk(*databases, room.box.data, transcriber=ScriptedTranscriber(SAID, language="en"))
        await desk.work()
    finally:
        for one in databases:
            await one.close()
    return file


async def _asked(
    room: Room, path: str, headers: dict[str, str] = ANA
) -> tuple[int, Mapping[str, str], bytes]:
    async with room.session.get(f"{room.url}{path}", headers=headers) as answer:
        return answer.status, answer.headers.copy(), await answer.read()


@pytest.mark.parametrize("address", ["/v1/files/{}/content", "/api/documents/{}/original"])
async def test_a_player_gets_the_part_it_asks_for(idle: Room, address: str) -> None:
    """From the middle, the end, or all; what lies behind the end is refused, and what is no range is ignored."""
    content = sound()
    path = address.format(await idle.upload(content, "meeting.wav"))
    size = len(content)
    whole, headers, body = await _asked(idle, path)
    cases = {
        "bytes=0-99": (206, f"bytes 0-99/{size}", content[:100]),
        "bytes=60000-": (206, f"bytes 60000-{size - 1}/{size}", content[60000:]),
        "bytes=-44": (206, f"bytes {size - 44}-{size - 1}/{size}", content[-44:]),
        f"bytes=100-{size * 2}": (206, f"bytes 100-{size - 1}/{size}", content[100:]),
        f"bytes={size}-": (416, f"bytes */{size}", b""),
        "bytes=-0": (416, f"bytes */{size}", b""),
        "bytes=9-2": (200, None, content),
        "bytes=0-1,5-9": (200, None, content),
        "pages=1-2": (200, None, content),
    }

    assert (whole, body, headers["Accept-Ranges"]) == (200, content, "bytes")
    for wanted, (status, told, part) in cases.items():
        got = await _asked(idle, path, ANA | {"range": wanted})
        assert (got[0], got[1].get("Content-Range"), got[2]) == (status, told, part), wanted
    tag = headers["ETag"]
    same = await _asked(idle, path, ANA | {"range": "bytes=0-9", "if-range": tag})
    other = await _asked(idle, path, ANA | {"range": "bytes=0-9", "if-range": '"another"'})
    assert (same[0], other[0]) == (206, 200)


async def test_a_transcript_comes_in_four_forms(idle: Room) -> None:
    """For the page, for reading, and for two kinds of players; each sentence where the citation finds it."""
    store = await idle.store()
    file = await heard(idle, store, sound())
    path = f"/api/documents/{file}/transcript"
    async with idle.session.get(f"{idle.url}{path}", headers=ANA) as answer:
        told = await answer.json()
    _, headers, text = await _asked(idle, f"{path}?format=text")
    _, _, srt = await _asked(idle, f"{path}?format=srt")
    _, _, vtt = await _asked(idle, f"{path}?format=vtt")
    async with idle.session.get(f"{idle.url}/api/documents/{file}/pages/2", headers=ANA) as answer:
        page = await answer.json()

    assert (told["duration_s"], told["language"], told["media_type"]) == (3750.0, "en", "audio/wav")
    assert [(one["start_s"], one["page"]) for one in told["sentences"]] == [(1.25, 1), (12.0, 1), (3725.5, 2)]
    last = told["sentences"][-1]
    assert page["text"][last["start"] : last["end"]] == last["text"] == "The lease ends in October."
    assert page["unit"] == "recording"
    assert text.decode() == (
        "[0:01] The budget is four thousand euros.\n\n[0:12] Marta orders shelves & lamps.\n\n"
        "[1:02:05] The lease ends in October.\n"
    )
    assert headers["Content-Disposition"] == "attachment; filename*=UTF-8''meeting.wav.txt"
    assert srt.decode().startswith("1\n00:00:01,250 --> 00:00:04,250\nThe budget is four thousand euros.\n")
    assert "01:02:05.500 --> 01:02:08.000\nThe lease ends in October." in vtt.decode()
    assert "shelves &amp; lamps" in vtt.decode()


async def test_only_who_may_see_a_recording_hears_it_or_reads_what_was_said(idle: Room) -> None:
    """Neither its bytes nor a part of them, nor one sentence; and afterwards it is gone for everybody."""
    store = await idle.store()
    file = await heard(idle, store, sound())
    addresses = [
        f"/v1/files/{file}/content",
        f"/api/documents/{file}/original",
        f"/api/documents/{file}/transcript",
        f"/api/documents/{file}/transcript?format=srt",
    ]

    for address in addresses:
        for name in ("berta", "root"):
            strange = {"authorization": f"Bearer {name}", "range": "bytes=0-9"}
            assert (await _asked(idle, address, strange))[0] == 404, (name, address)
        assert (await _asked(idle, address, {"range": "bytes=0-9"}))[0] == 401
    status, receipt = await idle.call("DELETE", f"/files/{file}")
    assert status == 200
    assert receipt["appliance"]["receipt"]["removed"]["blobs"] == 1
    assert receipt["appliance"]["receipt"]["removed"]["pages"] == 2
    for address in addresses:
        assert (await _asked(idle, address))[0] == 404
    assert count_blobs(idle.box) == 0
    assert not list((idle.box.data / "transcripts").glob("*/*"))


async def test_the_shelf_and_a_search_tell_times(idle: Room) -> None:
    """Its length and language where documents are listed; from when to when where a passage is found."""
    store = await idle.store()
    file = await heard(idle, store, sound())
    _, row = await idle.call("GET", f"/vector_stores/{store}/files/{file}")
    async with idle.session.get(f"{idle.url}/api/documents/{file}", headers=ANA) as answer:
        card = await answer.json()
    async with idle.session.get(
        f"{idle.url}/api/documents/{file}/pages/2?quote=ends in October", headers=ANA
    ) as answer:
        page = await answer.json()

    assert row["recording"] == {"duration_s": 3750.0, "language": "en"}
    assert card["collections"][0]["recording"] == row["recording"]
    assert card["pages"]["unit"] == "recording"
    assert page["location"] == {"time": "1:02:05–1:02:08", "time_s": 3725.5, "time_end_s": 3728.0}


async def test_what_is_no_recording_has_no_transcript(idle: Room) -> None:
    """Also one that was not heard yet."""
    store = await idle.store()
    waiting = await _waiting(idle, store, sound(), "meeting.wav")

    assert (await _asked(idle, f"/api/documents/{waiting}/transcript"))[0] == 404
