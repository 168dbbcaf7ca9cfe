"""The process that opens one recording: `python -m inference.speech.decoding_child LIMITS`, the file on descriptor 0.

Files come from strangers and FFmpeg is large: before it sees the first byte, this process has given up the network,
new processes, every file but the one it was handed, and all but a measure of memory and time. It writes frames
(inference.speech.wire) to descriptor 1 as fast as they are read there, and holds a few seconds of sound at most.
Where the kernel offers no seccomp or Landlock, the limits of memory and time hold alone.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys
import sysconfig
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np

from inference import landlock, seccomp
from inference.errors import AudioRefused
from inference.speech import wire
from inference.speech.decoding_limits import DecodingLimits
from inference.speech.types import SpeechFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av import AudioResampler, Packet
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from numpy.typing import NDArray

_FILE, _OUT = 0, 1
_PR_SET_PDEATHSIG = 1
_OPEN_FILES = 32
_MOST_CHANNELS = 16
_SAMPLE_RATES = (4_000, 384_000)
_PIECE_SAMPLES = 5 * wire.RATE
_PROBED_BYTES = 5 * 2**20
# Containers that hold a recording. None of them names other files, as playlists do.
_CONTAINERS = (
    "aac,ac3,aiff,amr,amrnb,amrwb,ape,asf,au,avi,caf,eac3,flac,flv,gsm,matroska,mov,mp3,mpeg,mpegts,oga,ogg,tta,"
    "w64,wav,wv"
)
_LOCKED = frozenset({"drms", "enca", "encv", "p608"})
_MAGIC = (
    b"RIFF",
    b"OggS",
    b"fLaC",
    b"ID3",
    b"\x1aE\xdf\xa3",
    b"FORM",
    b"caff",
    b"#!AMR",
    b"\xff\xfb",
    b"\xff\xf1",
)


def confine(limits: DecodingLimits) -> None:
    """Give up what reading one open file does not need; there is no way back."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    for kind, most in (
        (resource.RLIMIT_AS, mapped + limits.memory_bytes),
        (resource.RLIMIT_CPU, limits.cpu_s),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (most, most))
    with suppress(OSError):
        seccomp.forbid_new_privileges()
        if version := landlock.abi():
            landlock.restrict(version, _library_folders(), ())
        seccomp.install(os.getpid())


def _library_folders() -> set[Path]:
    """Of Python and its packages, which load more of themselves on the way; never a data folder."""
    paths = sysconfig.get_paths()
    return {Path(paths[name]).resolve() for name in ("stdlib", "platstdlib", "purelib", "platlib")}


def decode(limits: DecodingLimits) -> None:
    """Write the file's frames. Raises AudioRefused."""
    try:
        container = av.open(
            "fd:",
            options={
                "fd": str(_FILE),
                "protocol_whitelist": "fd",
                "format_whitelist": _CONTAINERS,
                "probesize": str(_PROBED_BYTES),
            },
            metadata_errors="ignore",
        )
    except (av.error.FFmpegError, ValueError, UnicodeDecodeError) as error:
        raise AudioRefused(_why_unopened()) from error
    with container:
        stream = _sound_of(container)
        _write(wire.HEADER, json.dumps(asdict(_told(container, stream, limits))).encode())
        if not limits.is_header_only:
            _write_sound(container, stream, limits)


def _why_unopened() -> str:
    head = os.pread(_FILE, 16, 0)
    if not head:
        return "empty"
    return "damaged" if head.startswith(_MAGIC) or head[4:8] == b"ftyp" else "not_audio"


def _sound_of(container: InputContainer) -> AudioStream:
    if not container.streams.audio:
        raise AudioRefused("no_sound")
    stream: AudioStream = container.streams.audio[0]
    # A recording whose codec is not known has no context to decode it with.
    if stream.codec_context is None:
        raise AudioRefused("unknown_codec")
    if stream.codec_context.codec_tag in _LOCKED:
        raise AudioRefused("protected")
    return stream


def _told(container: InputContainer, stream: AudioStream, limits: DecodingLimits) -> SpeechFile:
    context = stream.codec_context
    claimed_s = container.duration / av.time_base if container.duration else None
    told = SpeechFile(
        container.format.name.split(",")[0], context.name, context.sample_rate, context.channels, claimed_s
    )
    if told.channels > _MOST_CHANNELS:
        raise AudioRefused("too_many_channels", f"It has {told.channels}; {_MOST_CHANNELS} are the most.")
    if told.sample_rate and not _SAMPLE_RATES[0] <= told.sample_rate <= _SAMPLE_RATES[1]:
        raise AudioRefused("odd_sample_rate", f"It is {told.sample_rate} Hz.")
    if claimed_s is not None and claimed_s > limits.max_s:
        raise _too_long(limits)
    return told


def _write_sound(container: InputContainer, stream: AudioStream, limits: DecodingLimits) -> None:
    context = stream.codec_context
    context.thread_count = 1
    resampler = av.AudioResampler(format="s16", layout="mono", rate=wire.RATE)
    waiting, waits, heard = [], 0, 0
    for samples in _resampled(container, stream, resampler):
        waiting.append(samples)
        waits += len(samples)
        heard += len(samples)
        if heard > limits.max_s * wire.RATE:
            raise _too_long(limits)
        if waits >= _PIECE_SAMPLES:
            _write(wire.SOUND, np.concatenate(waiting).astype("<i2").tobytes())
            waiting, waits = [], 0
    if not heard:
        raise AudioRefused("damaged")
    if waiting:
        _write(wire.SOUND, np.concatenate(waiting).astype("<i2").tobytes())
    _write(wire.END, b"")


def _resampled(
    container: InputContainer, stream: AudioStream, resampler: AudioResampler
) -> Iterator[NDArray[np.int16]]:
    """int16 arrays. What cannot be read in the middle is left out: a phone's file that broke off is heard so far."""
    for packet in _packets(container, stream):
        try:
            frames = packet.decode()
        except (av.error.FFmpegError, ValueError):
            continue
        for frame in frames:
            frame.pts = None  # gaps and jumps of a recorder's clock are none of ours
            for resampled in resampler.resample(frame):
                yield resampled.to_ndarray().reshape(-1).astype(np.int16, copy=False)
    for resampled in resampler.resample(None):
        yield resampled.to_ndarray().reshape(-1).astype(np.int16, copy=False)


def _packets(container: InputContainer, stream: AudioStream) -> Iterator[Packet[AudioStream]]:
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except av.error.FFmpegError:
            return
        if packet is None:
            return
        yield packet


def _too_long(limits: DecodingLimits) -> AudioRefused:
    return AudioRefused("too_long", f"{limits.max_s / 60:g} minutes are the most ([speech] max_minutes).")


def _write(kind: bytes, payload: bytes) -> None:
    view = memoryview(wire.frame(kind, payload))
    while view:
        view = view[os.write(_OUT, view) :]


def main(argv: list[str]) -> int:
    """0 also for a file that is refused: the frame says so."""
    limits = DecodingLimits(**json.loads(argv[0]))
    ctypes.CDLL(None).prctl(ctypes.c_int(_PR_SET_PDEATHSIG), ctypes.c_ulong(signal.SIGKILL), 0, 0, 0)
    av.logging.set_level(av.logging.PANIC)
    confine(limits)
    try:
        decode(limits)
    except AudioRefused as refusal:
        _write(wire.REFUSED, json.dumps({"reason": refusal.reason, "detail": refusal.more}).encode())
    except BrokenPipeError:
        return 0  # nobody listens any more
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
