"""A recording's sound, second by second, from a child that may break or be killed without harm."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference.errors import AudioRefused
from inference.speech import wire
from inference.speech.decoding_limits import DecodingLimits
from inference.speech.types import SpeechFile

_SILENT_S = 60.0  # a child that says nothing for so long while it is listened to hangs
_SIGXCPU = 24

Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Sound:
    """told: what the file says of itself. pieces: 16 kHz, one channel, -1 to 1, some seconds each."""

    told: SpeechFile
    pieces: AsyncIterator[Samples]


@asynccontextmanager
async def decoding(audio: Path, limits: DecodingLimits, max_bytes: int) -> AsyncIterator[Sound]:
    """Read `audio`; leaving the context ends the child. Raises AudioRefused, then and while pieces are read."""
    descriptor = _opened(audio, max_bytes)
    try:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "inference.speech.decoding_child", json.dumps(asdict(limits))),
            stdin=descriptor,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=2**20,
        )
    finally:
        os.close(descriptor)
    try:
        kind, payload = await _frame(child)
        if kind != wire.HEADER:
            raise AudioRefused("damaged")
        yield Sound(SpeechFile(**json.loads(payload)), _pieces(child))
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()


async def measured(audio: Path, limits: DecodingLimits, max_bytes: int) -> SpeechFile:
    """Its header only. Raises AudioRefused."""
    async with decoding(audio, replace(limits, is_header_only=True), max_bytes) as sound:
        return sound.told


def _opened(audio: Path, max_bytes: int) -> int:
    try:
        descriptor = os.open(audio, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise AudioRefused("damaged", f"It cannot be opened: {error.strerror}.") from error
    size_bytes = os.fstat(descriptor).st_size
    if 0 < size_bytes <= max_bytes:
        return descriptor
    os.close(descriptor)
    if size_bytes:
        raise AudioRefused("too_large", f"{max_bytes // 2**20} MiB are the most ([speech] max_file_mb).")
    raise AudioRefused("empty")


async def _pieces(child: asyncio.subprocess.Process) -> AsyncIterator[Samples]:
    while True:
        kind, payload = await _frame(child)
        if kind == wire.END:
            return
        if kind != wire.SOUND:
            raise AudioRefused("damaged")
        yield np.frombuffer(payload, "<i2").astype(np.float32) / np.float32(32768)


async def _frame(child: asyncio.subprocess.Process) -> tuple[bytes, bytes]:
    assert child.stdout is not None
    try:
        async with asyncio.timeout(_SILENT_S):
            kind, payload = await wire.read_frame(child.stdout)
    except TimeoutError as error:
        raise AudioRefused("took_too_long") from error
    except (asyncio.IncompleteReadError, wire.FrameTooLarge) as error:
        status = await child.wait() if isinstance(error, asyncio.IncompleteReadError) else None
        raise AudioRefused("took_too_long" if status in (-_SIGXCPU, -9) else "damaged") from error
    if kind == wire.REFUSED:
        told = json.loads(payload)
        raise AudioRefused(told["reason"], told["detail"])
    return kind, payload
