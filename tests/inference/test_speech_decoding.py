"""Recordings in every format a phone makes, and files that only say that they are recordings."""

from __future__ import annotations

import asyncio
import io
import os
import struct
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from inference.errors import AudioRefused
from inference.speech.decoding import decoding, measured
from inference.speech.decoding_limits import DecodingLimits
from tests.speech_process import BY_NAME, RATE, Samples, samples_of, write_audio

pytest.importorskip("av")

LIMITS = DecodingLimits(max_s=600, cpu_s=60)
MOST_BYTES = 64 * 2**20
SPOKEN = BY_NAME["door"]
REAL = Path(__file__).parents[3] / "shared" / "data" / "audio"

# ending, codec, rate, container where the ending does not tell it
FORMATS = [
    ("m4a", "aac", 44_100, None),
    ("mp4", "aac", 48_000, None),
    ("aac", "aac", 44_100, None),
    ("mp3", "libmp3lame", 44_100, None),
    ("ogg", "libopus", 48_000, None),
    ("webm", "libopus", 48_000, None),
    ("wav", "pcm_s16le", 8_000, None),
    ("wav", "pcm_mulaw", 8_000, None),
    ("flac", "flac", 96_000, None),
    ("aiff", "pcm_s16be", 44_100, None),
    ("caf", "alac", 44_100, None),
    ("amr", "libopencore_amrnb", 8_000, None),
    ("3gp", "libopencore_amrnb", 8_000, "3gp"),
    ("mkv", "ac3", 48_000, None),
]


async def heard(path: Path, limits: DecodingLimits = LIMITS) -> Samples:
    """All of it."""
    async with decoding(path, limits, MOST_BYTES) as sound:
        return np.concatenate([piece async for piece in sound.pieces])


async def reason(path: Path, limits: DecodingLimits = LIMITS) -> str:
    """Why it is refused."""
    with pytest.raises(AudioRefused) as refused:
        await heard(path, limits)
    return refused.value.reason


@pytest.mark.parametrize(("ending", "codec", "rate", "container"), FORMATS, ids=lambda value: str(value))
async def test_every_format_of_a_phone_sounds_alike(
    tmp_path: Path, ending: str, codec: str, rate: int, container: str | None
) -> None:
    """As long as it was, and as loud where it was loud, whatever it was packed in."""
    spoken = samples_of(SPOKEN)
    path = write_audio(tmp_path / f"a.{ending}", [spoken], codec, rate=rate, container=container)

    sound = await heard(path)

    assert len(sound) / RATE == pytest.approx(len(spoken) / RATE, abs=0.15)
    assert _likeness(sound, spoken) > 0.9


async def test_the_sound_of_a_video_is_heard(tmp_path: Path) -> None:
    """Its pictures are left alone."""
    path = _video(tmp_path / "film.mp4", samples_of(SPOKEN))

    told = await measured(path, LIMITS, MOST_BYTES)
    sound = await heard(path)

    assert (told.codec, told.container) == ("aac", "mov")
    assert _likeness(sound, samples_of(SPOKEN)) > 0.9


@pytest.mark.parametrize("name", ["jfk.flac", "french.aiff", "english_123.wav", "silent_1s.wav"])
async def test_real_recordings_are_read(name: str) -> None:
    """As long as their headers say."""
    if not (REAL / name).is_file():
        pytest.skip("the folder of real recordings is not on this machine")

    told, sound = await measured(REAL / name, LIMITS, MOST_BYTES), await heard(REAL / name)

    assert told.duration_s is not None and len(sound) / RATE == pytest.approx(told.duration_s, abs=0.05)


async def test_what_is_no_recording_says_why(tmp_path: Path) -> None:
    """Each by the reason that is stable, and never by the file's name."""
    files = {
        "text.mp3": (b"Dear diary, today nothing was recorded.\n" * 50, "not_audio"),
        "empty.m4a": (b"", "empty"),
        "noise.ogg": (bytes(np.random.default_rng(1).integers(0, 256, 4000, np.uint8)), "not_audio"),
        "list.m3u8": (b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n", "not_audio"),
        "locked.zip": (_locked_zip(), "not_audio"),
        "cut.m4a": (
            write_audio(tmp_path / "w.m4a", [samples_of(SPOKEN)], "aac").read_bytes()[:600],
            "damaged",
        ),
        "cut.flac": (SPOKEN.clip.read_bytes()[:30], "damaged"),
        "crowd.wav": (_wav(channels=200), "too_many_channels"),
        "fast.wav": (_wav(rate=3_000_000), "odd_sample_rate"),
        "codec.wav": (_wav(tag=0x7A21), "unknown_codec"),
    }
    for name, (content, why) in files.items():
        (tmp_path / name).write_bytes(content)
        assert await reason(tmp_path / name) == why, name
    assert await reason(_video(tmp_path / "mute.mp4", None)) == "no_sound"
    assert await reason(tmp_path / "missing.wav") == "damaged"


async def test_a_file_that_broke_off_is_heard_as_far_as_it_goes(tmp_path: Path) -> None:
    """A phone whose battery died; the beginning is there."""
    whole = write_audio(tmp_path / "whole.mp3", [samples_of(SPOKEN)] * 3, "libmp3lame")
    cut = tmp_path / "cut.mp3"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])

    assert 0.4 < len(await heard(cut)) / len(await heard(whole)) < 0.6


async def test_a_small_file_that_claims_years_costs_nothing(tmp_path: Path) -> None:
    """By its header at once; one whose header lies low is stopped where the limit is."""
    claims = tmp_path / "claims.flac"
    claims.write_bytes(_flac_of(SPOKEN.clip, 2**36 - 1))
    long = write_audio(tmp_path / "long.flac", [np.zeros(60 * RATE, np.float32)] * 20)
    hidden = tmp_path / "hidden.flac"
    hidden.write_bytes(_flac_of(long, 0))

    assert await reason(claims, DecodingLimits(max_s=60, cpu_s=60)) == "too_long"
    assert await reason(long) == "too_long"
    assert hidden.stat().st_size < 2**20 and await reason(hidden) == "too_long"


async def test_a_file_may_be_too_large(tmp_path: Path) -> None:
    """Before anything of it is read."""
    with pytest.raises(AudioRefused) as refused:
        await measured(SPOKEN.clip, LIMITS, max_bytes=1000)

    assert refused.value.reason == "too_large" and "max_file_mb" in str(refused.value)


async def test_reading_may_not_take_for_ever(tmp_path: Path) -> None:
    """The processor's seconds are counted by the kernel, which ends the child."""
    minute = write_audio(tmp_path / "minute.mp3", [samples_of(SPOKEN)] * 30, "libmp3lame", rate=44_100)
    hour = tmp_path / "hour.mp3"
    hour.write_bytes(minute.read_bytes() * 90)

    assert await reason(hour, DecodingLimits(max_s=36_000, cpu_s=1)) == "took_too_long"


async def test_leaving_ends_the_child(tmp_path: Path) -> None:
    """No decoder outlives who asked for it."""
    async with decoding(SPOKEN.clip, LIMITS, MOST_BYTES):
        [child] = _children()
    assert child not in _children()


async def test_the_decoder_sees_no_network_and_no_other_file() -> None:
    """What it gives up before it reads the first byte."""
    code = (
        "import socket, sys; from inference.speech.decoding_child import confine;"
        "from inference.speech.decoding_limits import DecodingLimits;"
        "confine(DecodingLimits(60, 60)); told = []\n"
        "acts = (lambda: socket.socket(socket.AF_INET), lambda: open('/etc/passwd'), lambda: open('/tmp/x', 'w'))\n"
        "for act in acts:\n"
        "    try: act(); told.append('may')\n"
        "    except OSError: told.append('may not')\n"
        "print(told)"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    from inference import landlock

    if not landlock.abi():
        pytest.skip("this kernel has no Landlock")
    assert out.decode().strip() == "['may not', 'may not', 'may not']"


def _children() -> set[int]:
    found = set()
    for entry in Path("/proc").iterdir():
        try:
            told = (entry / "stat").read_text() if entry.name.isdigit() else ""
            words = (entry / "cmdline").read_text() if told else ""
        except OSError:
            continue
        if told and int(told.rpartition(")")[2].split()[1]) == os.getpid() and "decoding_child" in words:
            found.add(int(entry.name))
    return found


def _likeness(one: Samples, other: Samples) -> float:
    """How alike the loudness goes up and down in both, 1: the same. Codecs shift a little, so 100 ms at once."""

    def loudness(sound: Samples) -> Samples:
        frames = sound[: len(sound) // 1600 * 1600].reshape(-1, 1600)
        told: Samples = np.sqrt((frames**2).mean(axis=1))
        return told

    a, b = loudness(one), loudness(other)
    most = min(len(a), len(b))
    return float(np.corrcoef(a[:most], b[:most])[0, 1])


def _wav(*, channels: int = 1, rate: int = RATE, tag: int = 1) -> bytes:
    """RIFF by hand, for what no encoder writes."""
    data = b"\0\0" * 3200
    form = struct.pack("<HHIIHH", tag, channels, rate, rate * channels * 2, channels * 2, 16)
    chunks = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(chunks)) + chunks


def _flac_of(path: Path, samples: int) -> bytes:
    """The file with another number of samples in its header (STREAMINFO); 0: not told."""
    content = bytearray(path.read_bytes())
    told = int.from_bytes(content[21:26]) & ~(2**36 - 1) | samples
    content[21:26] = told.to_bytes(5)
    return bytes(content)


def _locked_zip() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("secret.wav", _wav())
    content = bytearray(packed.getvalue())
    content[6] |= 1  # the first entry's flag: encrypted
    return bytes(content)


def _video(path: Path, sound: Samples | None) -> Path:
    import av

    with av.open(str(path), "w") as out:
        pictures = out.add_stream("mpeg4", rate=10)
        pictures.width, pictures.height, pictures.pix_fmt = 64, 48, "yuv420p"
        audio = None if sound is None else out.add_stream("aac", rate=RATE, layout="mono")
        for _ in range(10):
            out.mux(
                pictures.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24"))
            )
        out.mux(pictures.encode(None))
        if audio is not None and sound is not None:
            for place in range(0, len(sound), 1024):
                piece = np.ascontiguousarray(sound[np.newaxis, place : place + 1024])
                frame = av.AudioFrame.from_ndarray(piece, "fltp", "mono")
                frame.sample_rate, frame.pts = RATE, place
                out.mux(audio.encode(frame))
            out.mux(audio.encode(None))
    return path
