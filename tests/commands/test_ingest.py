"""`appliance ingest` against running doors and a worker."""

from __future__ import annotations

import asyncio
import json
import os
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from appliance.commands.entry import run
from tests.knowledge_harness import Room, data, embedder_home, make_box, open_room, working

__all__ = ["data", "embedder_home"]


@pytest.fixture
async def room(owner_url: str, embedder_home: Path, data: Path) -> AsyncIterator[Room]:
    """The doors and a worker."""
    box = make_box(owner_url, embedder_home, data)
    async with open_room(box) as opened, working(box):
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two good documents, one of them deeper; one broken; one of no known kind; one hidden."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "a.md").write_text(
        "# Holidays\n\nEverybody has 23 days of holiday a year.\n", encoding="utf-8"
    )
    (tmp_path / "deep" / "año nuevo.txt").write_text(
        "The office is closed on the first of January.", encoding="utf-8"
    )
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.7\nnothing more")
    (tmp_path / "tune.mid").write_bytes(b"MThd")
    (tmp_path / ".secret.md").write_text("hidden", encoding="utf-8")
    return tmp_path


async def ingest(room: Room, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """(exit code, output, errors) of the command as ana."""
    words = ["ingest", *arguments, "--url", room.url, "--key", "ana"]
    capsys.readouterr()
    code = await asyncio.to_thread(run, words)
    told = capsys.readouterr()
    return code, told.out, told.err


async def test_a_folder_is_read_and_each_file_accounted_for(
    room: Room, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was read, what was refused and why, what was left out; the exit code says that not all went well."""
    code, out, _ = await ingest(room, capsys, str(folder), "--collection", "handbook", "--json")
    told = json.loads(out)
    by_name = {Path(file["path"]).name: file for file in told["files"]}
    passages = await room.found(told["collection"]["id"], "When is the office closed?")

    assert code == 1
    assert told["counts"] == {"completed": 2, "failed": 1, "skipped": 1}
    assert "damaged" in by_name["broken.pdf"]["error"]
    assert by_name["a.md"]["chunks"] == 1
    assert passages[0]["filename"] == "año nuevo.txt"


async def test_a_recording_waits_for_a_speech_model_and_nobody_waits_for_it(
    room: Room, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command ends and says what is missing; the recording stays and is heard once that is there."""
    with wave.open(str(tmp_path / "meeting.wav"), "wb") as recording:
        recording.setparams((1, 2, 16_000, 0, "NONE", ""))
        recording.writeframes(bytes(32_000))

    code, out, err = await ingest(room, capsys, str(tmp_path), "--collection", "meetings")

    assert code == 0
    assert "1 waiting" in out
    assert "speech" in err


async def test_what_is_there_already_is_not_sent_again(
    room: Room, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A second run reads only what is new."""
    (folder / "broken.pdf").unlink()
    first = await ingest(room, capsys, str(folder), "--collection", "handbook")
    (folder / "b.md").write_text("# Parking\n\nThe car park closes at nine.\n", encoding="utf-8")
    code, out, _ = await ingest(room, capsys, str(folder), "--collection", "handbook", "--json")
    told = json.loads(out)

    assert first[0] == 0 and "2 completed" in first[1]
    assert (code, told["counts"]) == (0, {"completed": 1, "skipped": 1, "unchanged": 2})


async def test_a_path_that_is_not_there_is_named(
    room: Room, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is sent, and the sentence names the path."""
    code, _, err = await ingest(room, capsys, str(tmp_path / "nowhere"), "--collection", "handbook")

    assert code == 1
    assert "nowhere" in err and "does not exist" in err
    assert (await room.call("GET", "/vector_stores"))[1]["data"] == []


async def test_a_folder_is_kept_in_step(room: Room, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A changed file replaces its old version, a renamed one stays found, a deleted one is gone with --delete."""
    (folder / "broken.pdf").unlink()
    words = (str(folder), "--collection", "handbook", "--delete", "--json")
    store = json.loads((await ingest(room, capsys, *words))[1])["collection"]["id"]
    (folder / "a.md").write_text("# Holidays\n\nEverybody has 25 days of holiday a year.\n", encoding="utf-8")
    (folder / "deep" / "año nuevo.txt").rename(folder / "renamed.txt")
    (folder / "tune.mid").unlink()
    told = json.loads((await ingest(room, capsys, *words))[1])

    assert told["counts"] == {"completed": 2, "removed": 1}
    answers = [one["content"][0]["text"] for one in await room.found(store, "days of holiday")]
    assert any("25 days" in text for text in answers) and not any("23 days" in text for text in answers)
    names = [one["filename"] for one in await room.found(store, "office closed January")]
    assert sorted(names) == ["a.md", "renamed.txt"] and names[0] == "renamed.txt"

    (folder / "renamed.txt").unlink()
    (folder / "a.md").unlink()
    code, _, err = await ingest(room, capsys, *words)
    assert code == 1 and "mounted" in err
    assert len((await room.call("GET", f"/vector_stores/{store}/files"))[1]["data"]) == 2


async def test_names_that_cannot_be_sent_are_told_and_lose_nothing(
    room: Room, folder: Path, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    """No UTF-8, control characters, links out of the folder: a reason each, and the others are read."""
    outside = tmp_path_factory.mktemp("outside") / "secret.md"
    outside.write_text("The secret is forty-two.", encoding="utf-8")
    (folder / "link.md").symlink_to(outside)
    (folder / "linked").symlink_to(outside.parent)
    (folder / os.fsdecode(b"caf\xe9.md")).write_text("latin", encoding="utf-8")
    (folder / "two\nlines.md").write_text("control", encoding="utf-8")
    told = json.loads((await ingest(room, capsys, str(folder), "--collection", "odd", "--json"))[1])
    reasons = {Path(file["path"]).name: file["error"] for file in told["files"] if file["error"]}

    assert told["counts"] == {"completed": 2, "failed": 3, "skipped": 3}
    assert "links are not followed" in reasons["link.md"] and "links are not followed" in reasons["linked"]
    assert "UTF-8" in reasons["caf\\xe9.md"] and "control characters" in reasons["two\\nlines.md"]
    found = await room.found(told["collection"]["id"], "secret forty-two")
    assert all("forty-two" not in one["content"][0]["text"] for one in found)


async def test_what_failed_is_listed_with_reasons_and_tried_again(
    room: Room, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The dead letters of all collections, each with its path and its reason."""
    await ingest(room, capsys, str(folder), "--collection", "handbook")
    code, out, _ = await ingest(room, capsys, "--failed")
    assert code == 0 and "broken.pdf" in out and "damaged" in out and "1 document could not be read" in out

    _, out, _ = await ingest(room, capsys, "--failed", "--retry", "--json")
    told = json.loads(out)
    assert told["retried"] and [row["status"] for row in told["failed"]] == ["failed"]
    await room.settled(told["failed"][0]["vector_store_id"], told["failed"][0]["id"])
