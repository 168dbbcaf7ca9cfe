"""`/v1/audio/*` on a real gateway before the real speech process: what is said comes back, in every shape."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
import pytest

from appliance.commands.entry import run
from appliance.domain.people import Scopes
from appliance.storage.roles import DatabaseRole, url_as
from tests.conftest import ROLE_SECRET, Servers
from tests.gateway_harness import Gateway, person, running_gateway, until
from tests.speech_process import (
    BY_NAME,
    NAME,
    SENTENCES,
    SpeechProcess,
    samples_of,
    silence,
    speech_process,
    write_audio,
)

DOOR, FACTURA = BY_NAME["door"], BY_NAME["factura"]
WORDS = "timestamp_granularities[]"


@pytest.fixture(scope="module")
def speech() -> Iterator[SpeechProcess]:
    """The process with the tiny Whisper."""
    with speech_process() as running:
        yield running


@pytest.fixture
async def gateway(
    speech: SpeechProcess, servers: Servers, valkey: Any, owner_url: str
) -> AsyncIterator[Gateway]:
    """A gateway that hears by it, and knows it as whisper-1 too."""
    async with running_gateway(
        {},
        valkey_url=servers.valkey.url,
        database_url=url_as(owner_url, DatabaseRole.API, ROLE_SECRET),
        aliases={"whisper-1": NAME},
        transcriber=speech.client,
    ) as running:
        yield running


async def ask(
    gateway: Gateway,
    audio: Path | bytes,
    *fields: tuple[str, str],
    route: str = "transcriptions",
    key: str = "ana",
) -> tuple[int, str, str]:
    """(status, content type, body)."""
    form = aiohttp.FormData()
    told = dict(fields)
    form.add_field("model", told.pop("model", NAME))
    for name, value in fields:
        if name != "model":
            form.add_field(name, value)
    content = audio if isinstance(audio, bytes) else audio.read_bytes()  # noqa: ASYNC240 - a test's own
    form.add_field("file", content, filename="recording.flac", content_type="audio/flac")
    headers = {"authorization": f"Bearer {key}"}
    async with gateway.session.post(
        f"{gateway.base_url}/v1/audio/{route}", data=form, headers=headers
    ) as answer:
        return answer.status, answer.content_type, await answer.text()


def asked(owner_url: str, query: str) -> list[Any]:
    """Rows of the test's own database."""
    with psycopg.connect(owner_url) as connection:
        return connection.execute(query.encode()).fetchall()


async def test_every_sentence_comes_back_as_it_was_said(gateway: Gateway) -> None:
    """All ten, half of them Spanish, without being told the language."""
    for sentence in SENTENCES:
        status, kind, body = await ask(gateway, sentence.clip)
        assert (status, kind) == (200, "application/json"), body
        assert json.loads(body)["text"] == sentence.text


async def test_the_answer_has_the_shape_that_was_asked_for(gateway: Gateway) -> None:
    """Plain text, both kinds of subtitles, and the long form with times of segments and words."""
    _, kind, text = await ask(gateway, FACTURA.clip, ("response_format", "text"))
    _, _, srt = await ask(gateway, FACTURA.clip, ("response_format", "srt"))
    _, _, vtt = await ask(gateway, FACTURA.clip, ("response_format", "vtt"))
    _, _, body = await ask(
        gateway, FACTURA.clip, ("response_format", "verbose_json"), (WORDS, "word"), (WORDS, "segment")
    )
    verbose = json.loads(body)
    [segment] = verbose["segments"]

    assert (kind, text) == ("text/plain", f"{FACTURA.text}\n")
    assert srt.startswith("1\n00:00:00,") and srt.endswith(f"\n{FACTURA.text}\n\n") and " --> 00:00:0" in srt
    assert vtt.startswith("WEBVTT\n\n00:00:00.") and vtt.endswith(f"\n{FACTURA.text}\n\n")
    assert (verbose["task"], verbose["language"], verbose["text"]) == ("transcribe", "spanish", FACTURA.text)
    assert verbose["duration"] == pytest.approx(len(samples_of(FACTURA)) / 16000, abs=0.05)
    assert segment["text"] == FACTURA.text and 0 <= segment["start"] < segment["end"] <= verbose["duration"]
    assert [word["word"] for word in verbose["words"]] == FACTURA.text.split()
    assert all(one["start"] <= other["start"] for one, other in pairwise(verbose["words"]))


async def test_words_alone_come_without_segments(gateway: Gateway) -> None:
    """As OpenAI's API answers when only `word` was asked for."""
    _, _, body = await ask(gateway, DOOR.clip, ("response_format", "verbose_json"), (WORDS, "word"))

    assert "segments" not in json.loads(body) and len(json.loads(body)["words"]) == len(DOOR.text.split())


async def test_a_translation_is_english(gateway: Gateway) -> None:
    """`/v1/audio/translations`."""
    said = BY_NAME["luces"]

    status, _, body = await ask(gateway, said.clip, ("response_format", "verbose_json"), route="translations")

    assert (
        status == 200 and json.loads(body)["text"] == said.english and json.loads(body)["task"] == "translate"
    )


async def test_nobody_speaks_and_nothing_is_invented(gateway: Gateway, tmp_path: Path) -> None:
    """Silence is an empty text in every shape, and no error."""
    quiet = write_audio(tmp_path / "quiet.flac", [silence(3)])

    answers = {
        shape: (await ask(gateway, quiet, ("response_format", shape)))[2]
        for shape in ("json", "text", "srt", "vtt")
    }

    assert json.loads(answers["json"])["text"] == ""
    assert (answers["text"], answers["srt"], answers["vtt"]) == ("\n", "", "WEBVTT\n\n")


async def test_a_stream_says_each_sentence_as_it_is_heard(gateway: Gateway, tmp_path: Path) -> None:
    """OpenAI's events: a delta for each, joined they are the whole."""
    said = [DOOR, FACTURA]
    audio = write_audio(tmp_path / "two.flac", [samples_of(DOOR), silence(4), samples_of(FACTURA)])
    status, kind, body = await ask(gateway, audio, ("stream", "true"))
    events = [
        json.loads(line.removeprefix("data: ")) for line in body.splitlines() if line.startswith("data: ")
    ]

    assert (status, kind) == (200, "text/event-stream")
    assert [event["type"] for event in events] == ["transcript.text.delta"] * len(said) + [
        "transcript.text.done"
    ]
    assert "".join(event["delta"] for event in events[:-1]) == events[-1]["text"]
    assert events[-1]["text"].startswith(DOOR.text) and events[-1]["usage"] == {
        "type": "duration",
        "seconds": 9,
    }


async def test_what_cannot_be_done_is_refused_by_name(gateway: Gateway) -> None:
    """400 that names the field, before anything is heard."""
    wrong = {
        "response_format": "diarized_json",
        "language": "klingon",
        "temperature": "2",
        "stream": "perhaps",
        "include[]": "logprobs",
        "timestamp_granularities[]": "word",
    }
    for name, value in wrong.items():
        status, _, body = await ask(gateway, DOOR.clip, (name, value))
        assert status == 400, (name, body)
        if name != "language":
            assert json.loads(body)["error"]["param"] == name.removesuffix("[]")
    status, _, body = await ask(gateway, DOOR.clip, ("model", "nobody"))
    assert status == 404 and "whisper-1" in json.loads(body)["error"]["message"]


async def test_a_file_that_is_no_recording_is_refused_with_the_reason(gateway: Gateway) -> None:
    """400, whatever its name says; and nothing of it is left on the disk."""
    status, _, body = await ask(gateway, b"Dear diary, " * 100)
    empty, _, told = await ask(gateway, b"")

    assert (status, json.loads(body)["error"]["code"]) == (400, "audio_refused") and "no format" in body
    assert empty == 400 and "no bytes" in told


async def test_it_is_listed_and_its_aliases_are(gateway: Gateway) -> None:
    """`/v1/models`, of the kind transcription; a key that is not for it does not hear with it."""
    async with gateway.session.get(
        f"{gateway.base_url}/v1/models", headers={"authorization": "Bearer ana"}
    ) as answer:
        kinds = {model["id"]: model["kind"] for model in (await answer.json())["data"]}
    gateway.identity.callers["bea"] = person("bea", Scopes(models=frozenset({"other"})))

    assert kinds[NAME] == kinds["whisper-1"] == "transcription"
    assert (await ask(gateway, DOOR.clip, ("model", "whisper-1")))[0] == 200
    assert (await ask(gateway, DOOR.clip, key="bea"))[0] == 403


async def test_two_callers_are_heard_side_by_side(gateway: Gateway) -> None:
    """Each gets its own."""
    one, other = await asyncio.gather(ask(gateway, DOOR.clip), ask(gateway, FACTURA.clip, key="bea"))

    assert (json.loads(one[2])["text"], json.loads(other[2])["text"]) == (DOOR.text, FACTURA.text)


async def test_the_ledger_knows_the_seconds(gateway: Gateway, owner_url: str) -> None:
    """One row with the recording's length, and the hour adds it up."""
    await ask(gateway, DOOR.clip)
    seconds = len(samples_of(DOOR)) / 16000
    ended = "SELECT audio_seconds, status, engine, route FROM requests WHERE status <> 'started'"

    await until(lambda: bool(asked(owner_url, ended)))
    [row] = asked(owner_url, ended)
    [hour] = asked(owner_url, "SELECT audio_seconds FROM usage_hours")

    assert row[0] == pytest.approx(seconds, abs=0.05) and hour[0] == pytest.approx(seconds, abs=0.05)
    assert row[1:] == ("completed", "speech", "/v1/audio/transcriptions")


async def test_whoever_leaves_is_heard_no_further(gateway: Gateway, owner_url: str, tmp_path: Path) -> None:
    """The connection is closed after the first words: the row says so, and the next caller is served."""
    long = write_audio(
        tmp_path / "long.flac", [part for _ in range(12) for part in (samples_of(DOOR), silence(4))]
    )
    form = aiohttp.FormData([("model", NAME), ("stream", "true")])
    form.add_field("file", long.read_bytes(), filename="long.flac")
    headers = {"authorization": "Bearer ana"}
    async with gateway.session.post(
        f"{gateway.base_url}/v1/audio/transcriptions", data=form, headers=headers
    ) as answer:
        assert b"delta" in await answer.content.readline()
        answer.close()

    await until(lambda: asked(owner_url, "SELECT status FROM requests") == [("client_gone",)])
    assert (await ask(gateway, FACTURA.clip))[0] == 200


async def test_the_command_writes_it_down(
    gateway: Gateway, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`appliance transcribe`: text to the terminal, subtitles to a file, JSON for programs, a refusal as a sentence."""
    words = ["transcribe", str(FACTURA.clip), "--url", gateway.base_url, "--key", "ana"]
    subtitles = tmp_path / "said.srt"

    assert await asyncio.to_thread(run, words) == 0
    plain = capsys.readouterr().out
    assert await asyncio.to_thread(run, [*words, "--format", "srt", "-o", str(subtitles)]) == 0
    capsys.readouterr()
    assert await asyncio.to_thread(run, [*words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    wrong = await asyncio.to_thread(run, [*words, "--language", "klingon"])

    assert plain == f"{FACTURA.text}\n" and FACTURA.text in subtitles.read_text(encoding="utf-8")
    assert told["text"] == FACTURA.text and len(told["words"]) == len(FACTURA.text.split())
    assert wrong != 0 and "does not know that language" in capsys.readouterr().err
