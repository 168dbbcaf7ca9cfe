"""Recordings in collections: heard piece by piece, found with their times, and never begun anew for nothing."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import pytest

from appliance.storage.database import Database
from inference.errors import AudioRefused, SpeechNotInstalled, SpeechUnavailable
from tests.ingestion_desk import Desk, ana, document
from tests.scripted_transcriber import WAV, ScriptedTranscriber, spoken

ANA = ana()
MEETING = (
    [spoken(1.0, "The budget is four thousand euros."), spoken(12.0, "Marta orders the shelves.")],
    [],
    [spoken(61.5, "The lease ends in October.")],
)


class Killed(BaseException):
    """The worker is gone, without a word to anybody."""


@pytest.fixture
def meeting() -> ScriptedTranscriber:
    """A minute and a half with three sentences."""
    return ScriptedTranscriber(MEETING, language="en")


@pytest.fixture
def desk(database: Database, worker_database: Database, tmp_path: Path, meeting: ScriptedTranscriber) -> Desk:
    """A worker that hears it."""
    return Desk(database, worker_database, tmp_path, transcriber=meeting)


async def test_a_recording_is_found_with_the_time_at_which_it_was_said(desk: Desk) -> None:
    """It is completed, with its length and language; a passage says from when to when."""
    shelf = await desk.collection(ANA)
    file = await desk.add(ANA, shelf, WAV + b"meeting", "meeting.wav")
    await desk.work()
    read = await desk.knowledge.attached(ANA, shelf, file)
    scope = desk.worker.scope(ANA.viewer, [shelf])
    [(chunk, _)] = await desk.store.lexical(scope, ["=october"], 5)
    [passage] = await desk.store.passages(scope, [chunk])

    assert (read.status, read.heard_s, read.spoken) == ("completed", 90.0, "en")
    assert passage.unit == "recording"
    assert "The lease ends in October." in passage.text
    assert passage.location.time_end_s == 64.0
    assert passage.location.page is None
    assert desk.spool.lines(read.sha256) == ()


async def test_a_worker_that_is_killed_goes_on_where_it_was(desk: Desk, meeting: ScriptedTranscriber) -> None:
    """No piece is heard twice, and nothing is missing from the text."""
    shelf = await desk.collection(ANA)

    def die(piece: int) -> None:
        if piece == 2 and len(meeting.wishes) == 1:
            raise Killed

    meeting.failing = die
    file = await desk.add(ANA, shelf, WAV, "meeting.wav")
    with pytest.raises(Killed):
        await desk.work()
    await desk.ingestion.ingest(_job(shelf, file))

    assert meeting.heard == [0, 1, 2]
    assert meeting.wishes[1].start_s == 60.0
    assert meeting.wishes[1].language == "en"
    text = await desk.page(ANA, shelf, file) or ""
    assert "four thousand" in text and "October" in text


async def test_a_long_recording_lets_others_go_first(
    database: Database, worker_database: Database, tmp_path: Path, meeting: ScriptedTranscriber
) -> None:
    """After its slice of time it waits in line, saying how far it is, and does not count that as a failed try."""
    desk = Desk(database, worker_database, tmp_path, transcriber=meeting, slice_s=0.0)
    shelf = await desk.collection(ANA)
    file = await desk.add(ANA, shelf, WAV, "meeting.wav")
    await desk.add(ANA, shelf, document("an apple"))
    await desk.work()
    waiting = await desk.knowledge.attached(ANA, shelf, file)
    for _ in range(6):
        await desk.work()

    assert (waiting.status, waiting.stage) == ("in_progress", "waiting")
    assert list(waiting.notes) == [
        "0:30 of 1:30 have been heard; the rest follows after what else is waiting."
    ]
    assert await desk.found(ANA, shelf, "apple") == ["a.json"]
    assert await desk.found(ANA, shelf, "october") == ["meeting.wav"]
    assert meeting.heard == [0, 1, 2]


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (SpeechUnavailable(), "It waits for the speech model"),
        (SpeechNotInstalled(), "It waits because no speech model is set up here."),
    ],
    ids=["away", "not_installed"],
)
async def test_a_recording_waits_for_the_speech_model_and_says_so(
    desk: Desk, meeting: ScriptedTranscriber, error: Exception, sentence: str
) -> None:
    """However long: once the model is there, it is heard."""
    away = [error] * 20

    def fail(_piece: int) -> None:
        if away:
            raise away.pop()

    meeting.failing = fail
    shelf = await desk.collection(ANA)
    file = await desk.add(ANA, shelf, WAV, "meeting.wav")
    await desk.work()
    waiting = await desk.knowledge.attached(ANA, shelf, file)
    for _ in range(20):
        await desk.work()

    assert waiting.status == "in_progress"
    assert str(waiting.notes[0]).startswith(sentence)
    assert (await desk.knowledge.attached(ANA, shelf, file)).status == "completed"


@pytest.mark.parametrize(
    ("reason", "code"),
    [("no_sound", "recording_refused"), ("damaged", "document_damaged"), ("too_long", "document_too_large")],
)
async def test_a_recording_that_cannot_be_heard_is_refused_by_its_reason(
    desk: Desk, meeting: ScriptedTranscriber, reason: str, code: str
) -> None:
    """At the first look, and not tried again."""

    def refuse(_piece: int) -> NoReturn:
        raise AudioRefused(reason)

    meeting.failing = refuse
    shelf = await desk.collection(ANA)
    file = await desk.add(ANA, shelf, WAV, "meeting.wav")
    await desk.work()
    refused = await desk.knowledge.attached(ANA, shelf, file)

    assert (refused.status, refused.error_code) == ("failed", code)
    assert len(refused.notes) == 1


async def test_silence_is_told_and_nothing_is_invented(
    database: Database, worker_database: Database, tmp_path: Path
) -> None:
    """A sentence of its own, not the one about scans."""
    desk = Desk(database, worker_database, tmp_path, transcriber=ScriptedTranscriber([[], []]))
    shelf = await desk.collection(ANA)
    file = await desk.add(ANA, shelf, WAV, "silence.wav")
    await desk.work()
    refused = await desk.knowledge.attached(ANA, shelf, file)

    assert (refused.status, refused.error_code) == ("failed", "recording_silent")
    assert desk.spool.lines(refused.sha256) == ()


async def test_what_was_heard_goes_with_the_recording(desk: Desk, meeting: ScriptedTranscriber) -> None:
    """A recording that is deleted while it is heard leaves no words behind."""
    shelf = await desk.collection(ANA)

    def die(piece: int) -> None:
        if piece == 1:
            raise SpeechUnavailable

    meeting.failing = die
    file = await desk.add(ANA, shelf, WAV, "meeting.wav")
    await desk.work()
    sha256 = (await desk.knowledge.attached(ANA, shelf, file)).sha256
    kept = desk.spool.lines(sha256)
    await desk.knowledge.remove_file(ANA, file)

    assert len(kept) == 1
    assert desk.spool.lines(sha256) == ()


async def test_a_second_collection_knows_how_long_the_recording_is(
    desk: Desk, meeting: ScriptedTranscriber
) -> None:
    """Without hearing it again; nor is an equal file heard a second time in the same collection."""
    shelf, other = await desk.collection(ANA), await desk.collection(ANA)
    file = await desk.add(ANA, shelf, WAV, "meeting.wav")
    await desk.work()
    await desk.knowledge.attach(ANA, other, file)
    twin = await desk.add(ANA, shelf, WAV, "again.wav")
    await desk.work()
    copied = await desk.knowledge.attached(ANA, other, file)
    equal = await desk.knowledge.attached(ANA, shelf, twin)

    assert (copied.status, copied.heard_s, copied.spoken) == ("completed", 90.0, "en")
    assert (equal.status, equal.heard_s, equal.spoken) == ("completed", 90.0, "en")
    assert len(meeting.wishes) == 1


async def test_half_a_line_of_what_was_heard_is_not_read(tmp_path: Path, desk: Desk) -> None:
    """A machine that lost its power in the middle of a word."""
    desk.spool.append(b"\1" * 32, {"heard_s": 30.0})
    [path] = (tmp_path / "transcripts").glob("*/*")
    path.write_bytes(path.read_bytes() + b'{"heard_s": 60')
    before = desk.spool.lines(b"\1" * 32)
    desk.spool.append(b"\1" * 32, {"heard_s": 60.0})

    assert [line["heard_s"] for line in before] == [30.0]
    assert [line["heard_s"] for line in desk.spool.lines(b"\1" * 32)] == [30.0, 60.0]


def _job(shelf: object, file: object) -> dict[str, object]:
    return {
        "collection_id": str(shelf),
        "file_id": str(file),
        "owner_id": str(ANA.user_id),
        "group_id": None,
        "is_public": False,
    }
