"""The speech process and its client: the contract of inference.ports.Transcriber, and what may go wrong around it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path

import numpy as np
import pytest

from inference.errors import AudioRefused, LanguageUnknown, SpeechNotInstalled, SpeechUnavailable
from inference.ports import Transcriber
from inference.speech.client import SpeechClient
from inference.speech.types import (
    SpeechEnd,
    SpeechHeader,
    SpeechPart,
    SpeechProgress,
    SpeechSegment,
    SpeechWish,
)
from tests.speech_process import (
    BY_NAME,
    NAME,
    RATE,
    SENTENCES,
    Samples,
    SpeechProcess,
    samples_of,
    silence,
    speech_process,
    write_audio,
)

ENGLISH = [sentence for sentence in SENTENCES if sentence.language == "en"]  # a recording has one language
DOOR, FACTURA = BY_NAME["door"], BY_NAME["factura"]
PAUSE_S = 4.0


@pytest.fixture(scope="module")
def speech() -> Iterator[SpeechProcess]:
    """The process with the tiny Whisper."""
    with speech_process() as running:
        yield running


async def parts_of(transcriber: Transcriber, audio: Path, wish: SpeechWish | None = None) -> list[SpeechPart]:
    """All of them."""
    return [part async for part in transcriber.transcribe(audio, wish or SpeechWish())]


def said(parts: list[SpeechPart]) -> list[str]:
    """The texts."""
    return [part.text for part in parts if isinstance(part, SpeechSegment)]


async def test_the_parts_come_in_the_order_of_the_port(speech: SpeechProcess, tmp_path: Path) -> None:
    """The language before the first sentence, sentences by time, progress that only grows, the end last."""
    audio = write_audio(
        tmp_path / "two.flac",
        [silence(PAUSE_S), samples_of(FACTURA), silence(PAUSE_S), samples_of(BY_NAME["luces"])],
    )

    parts = await parts_of(speech.client, audio, SpeechWish(words=True))
    first, second = (part for part in parts if isinstance(part, SpeechSegment))
    moments = [part.heard_s for part in parts if isinstance(part, SpeechProgress)]

    assert [type(part) for part in parts].index(SpeechHeader) < parts.index(first)
    assert next(part.language for part in parts if isinstance(part, SpeechHeader)) == "es"
    assert said(parts) == [FACTURA.text, BY_NAME["luces"].text]
    assert PAUSE_S - 0.5 < first.start_s < first.end_s < second.start_s
    assert all(first.start_s - 0.5 <= word.start_s <= word.end_s <= first.end_s + 0.5 for word in first.words)
    assert "".join(word.text for word in first.words).strip() == FACTURA.text
    assert moments and moments == sorted(moments)
    end = parts[-1]
    assert isinstance(end, SpeechEnd) and end.duration_s == pytest.approx(13, abs=2) and end.speech_s < 7


async def test_a_language_that_is_told_counts(speech: SpeechProcess) -> None:
    """And one that the model does not know is refused, before the file is opened."""
    parts = await parts_of(speech.client, DOOR.clip, SpeechWish(language="en"))

    assert said(parts) == [DOOR.text] and parts[0] == SpeechHeader("en")
    for unknown in ("fr", "xx", "klingon"):  # French is one of Whisper's, and none of this model's
        with pytest.raises(LanguageUnknown):
            await parts_of(speech.client, Path("/nowhere"), SpeechWish(language=unknown))


async def test_several_pieces_go_through_the_model_together(speech: SpeechProcess) -> None:
    """As on a GPU: the same sentences, at the same times."""
    with speech_process(batch=8) as together:
        audio = write_audio(together.socket.parent / "all.flac", _english(1))

        one = _segments(await parts_of(together.client, audio))
        other = _segments(await parts_of(speech.client, audio))

        assert (
            [part.text for part in one]
            == [part.text for part in other]
            == [sentence.text for sentence in ENGLISH]
        )
        for mine, theirs in zip(one, other, strict=True):
            assert mine.start_s == pytest.approx(theirs.start_s, abs=0.6)


async def test_noise_and_hum_are_no_speech(speech: SpeechProcess, tmp_path: Path) -> None:
    """Nothing is invented for hiss, hum, a tone and clicks; and nothing is called a language."""
    moments = np.arange(20 * RATE) / RATE
    noise = np.random.default_rng(0)
    clicks = np.zeros(20 * RATE, np.float32)
    clicks[:: RATE // 2] = 0.8
    sounds = {
        "hiss": noise.normal(0, 0.02, 20 * RATE),
        "loud hiss": noise.normal(0, 0.2, 20 * RATE),
        "hum": 0.2 * np.sin(2 * np.pi * 50 * moments) + 0.05 * np.sin(2 * np.pi * 150 * moments),
        "tone": 0.3 * np.sin(2 * np.pi * 440 * moments),
        "clicks": clicks,
    }
    for name, sound in sounds.items():
        parts = await parts_of(
            speech.client, write_audio(tmp_path / "noise.flac", [sound.astype(np.float32)])
        )
        assert {type(part) for part in parts} == {SpeechProgress, SpeechEnd}, name


async def test_a_decoder_that_breaks_takes_nobody_along(speech: SpeechProcess, tmp_path: Path) -> None:
    """A bad file is refused; the process hears the next one."""
    bad = tmp_path / "bad.mp3"
    bad.write_bytes(b"ID3" + bytes(range(256)) * 20)

    with pytest.raises(AudioRefused):
        await parts_of(speech.client, bad)
    assert said(await parts_of(speech.client, DOOR.clip)) == [DOOR.text]


async def test_the_iterator_may_be_closed_early(speech: SpeechProcess, tmp_path: Path) -> None:
    """The process is free for others then."""
    long = write_audio(tmp_path / "long.flac", _english(3))
    async with aclosing(speech.client.transcribe(long, SpeechWish())) as parts:  # type: ignore[type-var]
        async for part in parts:
            if isinstance(part, SpeechSegment):
                break

    assert said(await parts_of(speech.client, DOOR.clip)) == [DOOR.text]


async def test_a_long_recording_does_not_hold_up_a_short_one(speech: SpeechProcess, tmp_path: Path) -> None:
    """They take turns piece by piece: the short one is done while the long one is under way."""
    long = write_audio(tmp_path / "long.flac", _english(3))
    heard: list[SpeechPart] = []
    async for part in speech.client.transcribe(long, SpeechWish()):
        if not said(heard) and isinstance(part, SpeechSegment):
            assert said(await parts_of(speech.client, FACTURA.clip)) == [FACTURA.text]
        heard.append(part)

    assert said(heard) == [sentence.text for sentence in ENGLISH] * 3


async def test_hearing_goes_on_from_where_it_was(speech: SpeechProcess, tmp_path: Path) -> None:
    """start_s: what comes before is not heard again, and times stay the recording's."""
    audio = write_audio(tmp_path / "two.flac", [samples_of(DOOR), silence(PAUSE_S), samples_of(FACTURA)])

    parts = await parts_of(speech.client, audio, SpeechWish(start_s=3.0))
    [segment] = [part for part in parts if isinstance(part, SpeechSegment)]

    assert segment.text == FACTURA.text and segment.start_s > 4


async def test_a_model_that_is_none_says_so(tmp_path: Path) -> None:
    """The process lives, and every recording is told what to correct."""
    with speech_process(tmp_path / "nothing") as running:
        with pytest.raises(SpeechUnavailable, match=r"model\.bin"):
            await parts_of(running.client, DOOR.clip)
        assert (await running.client.measure(DOOR.clip)).codec == "flac"


async def test_a_process_that_dies_is_an_error_and_no_wait(tmp_path: Path) -> None:
    """Whoever was being heard is told to ask again."""
    long = write_audio(tmp_path / "long.flac", _english(3))
    with speech_process() as speech:
        with pytest.raises(SpeechUnavailable):
            async for part in speech.client.transcribe(long, SpeechWish()):
                if isinstance(part, SpeechSegment):
                    speech.process.kill()
        with pytest.raises(SpeechUnavailable):
            await SpeechClient(speech.socket, NAME, patience_s=0.2).measure(DOOR.clip)


async def test_without_speech_everything_says_what_to_install() -> None:
    """No process, no model: one clear refusal."""
    client = SpeechClient(None)

    with pytest.raises(SpeechNotInstalled, match="extra `speech`"):
        await client.measure(DOOR.clip)
    with pytest.raises(SpeechNotInstalled):
        await parts_of(client, DOOR.clip)
    with pytest.raises(SpeechNotInstalled):
        _ = client.model_id


@pytest.mark.parametrize(
    "minutes", [3, pytest.param(120, marks=pytest.mark.battery)], ids=["three_minutes", "two_hours"]
)
async def test_memory_does_not_grow_with_the_recording(
    speech: SpeechProcess, tmp_path: Path, minutes: int
) -> None:
    """Every sentence of a long, quiet recording is heard at its time, and memory stays what it was."""
    every_s = 30
    spoken = [ENGLISH[number % len(ENGLISH)] for number in range(minutes * 60 // every_s)]

    def sound() -> Iterator[Samples]:
        for sentence in spoken:
            samples = samples_of(sentence)
            yield samples
            yield silence(every_s - len(samples) / RATE)

    audio = await asyncio.to_thread(write_audio, tmp_path / "long.flac", sound)
    await parts_of(speech.client, write_audio(tmp_path / "warm.flac", _english(1)))
    before = _most_memory_mib(speech)
    segments = _segments(await parts_of(speech.client, audio))

    assert [part.text for part in segments] == [sentence.text for sentence in spoken]
    assert [round(part.start_s / every_s) for part in segments] == list(range(len(spoken)))
    # 150 MiB in two hours, as measured twice; their samples alone would be 440.
    assert _most_memory_mib(speech) - before < 220


def _english(times: int) -> list[Samples]:
    return [part for one in ENGLISH * times for part in (samples_of(one), silence(PAUSE_S))]


def _segments(parts: list[SpeechPart]) -> list[SpeechSegment]:
    return [part for part in parts if isinstance(part, SpeechSegment)]


def _most_memory_mib(speech: SpeechProcess) -> float:
    """The most that the process ever had in memory."""
    told = Path(f"/proc/{speech.process.pid}/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in told.splitlines() if line.startswith("VmHWM")) / 1024
