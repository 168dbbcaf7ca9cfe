"""The form of a transcription: its file goes to the disk in pieces, its fields are checked. Knows no model."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from starlette.types import Receive, Scope

from appliance.api.json_bodies import ClientGone
from appliance.api.multipart import PartBegin, PartData, read_parts
from appliance.api.openai_files import require_size
from appliance.domain.refusals import Told
from appliance.errors import InvalidRequest, TooLarge
from inference.speech.languages import language_code
from inference.speech.types import SpeechTask, SpeechWish

Format = Literal["json", "text", "srt", "vtt", "verbose_json"]
FORMATS: tuple[Format, ...] = ("json", "text", "srt", "vtt", "verbose_json")

_MAX_FIELD_BYTES = 64 * 1024
_MAX_PARTS = 64
_LONGEST_PROMPT = 4_000  # characters; the model reads its last 224 tokens
_WRITTEN_AT_ONCE = 1024 * 1024
_LEFT_S = 24 * 3600.0  # no recording is heard for so long


@dataclass(frozen=True, slots=True)
class SpeechForm:
    """What was asked. fields: as sent, for an engine that serves the model itself."""

    model: str
    wish: SpeechWish
    format: Format = "json"
    is_stream: bool = False
    has_segments: bool = True
    fields: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class Received:
    """A form on the disk: its file and the fields as they came."""

    audio: Path
    filename: str
    media_type: str
    fields: list[tuple[str, str]] = field(default_factory=list)


@asynccontextmanager
async def received(scope: Scope, receive: Receive, folder: Path, max_bytes: int) -> AsyncIterator[Received]:
    """The form; its file is gone when the context is left. Raises InvalidRequest, TooLarge and ClientGone."""
    headers = dict(scope["headers"])
    require_size(headers.get(b"content-length", b"0").decode("latin-1"), max_bytes)
    descriptor, name = await asyncio.to_thread(_new_file, folder)
    try:
        try:
            events = read_parts(headers.get(b"content-type", b"").decode("latin-1"), _pieces(receive))
            form = await _written(events, descriptor, Path(name), max_bytes)
        finally:
            os.close(descriptor)
        yield form
    finally:
        Path(name).unlink(missing_ok=True)  # noqa: ASYNC240 - one system call


def _new_file(folder: Path) -> tuple[int, str]:
    """An empty file; on the way, what a process that was killed left here goes."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for left in folder.glob("heard-*"):
        with suppress(FileNotFoundError):
            if time.time() - left.stat().st_mtime > _LEFT_S:
                left.unlink()
    return tempfile.mkstemp(dir=folder, prefix="heard-")


async def _pieces(receive: Receive) -> AsyncIterator[bytes]:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        yield message.get("body", b"")
        if not message.get("more_body", False):
            return


async def _written(events: AsyncIterator[object], descriptor: int, audio: Path, max_bytes: int) -> Received:
    form: Received | None = None
    fields: list[tuple[str, bytearray]] = []
    is_file, size, parts = False, 0, 0
    waiting = bytearray()
    async with aclosing(events):  # type: ignore[type-var]
        async for event in events:
            if isinstance(event, PartBegin):
                parts += 1
                is_file = event.filename is not None
                if parts > _MAX_PARTS or (is_file and (form is not None or event.name != "file")):
                    raise InvalidRequest("Send one recording, as the field `file`.", param="file")
                if is_file:
                    form = Received(audio, event.filename or "", event.media_type)
                else:
                    fields.append((event.name, bytearray()))
            elif isinstance(event, PartData) and is_file:
                size += len(event.data)
                if size > max_bytes:
                    raise TooLarge(Told("file_most", most=max_bytes // 2**20), param="file")
                waiting += event.data
                if len(waiting) >= _WRITTEN_AT_ONCE:
                    await asyncio.to_thread(_write, descriptor, bytes(waiting))
                    waiting.clear()
            elif isinstance(event, PartData):
                fields[-1][1].extend(event.data)
                if len(fields[-1][1]) > _MAX_FIELD_BYTES:
                    raise InvalidRequest("The field is too long.", param=fields[-1][0][:64])
    if form is None:
        raise InvalidRequest(
            "There is no recording in the request. Send it as the field `file`.", param="file"
        )
    await asyncio.to_thread(_write, descriptor, bytes(waiting))
    form.fields = [(name, bytes(value).decode("utf-8", "replace")) for name, value in fields]
    return form


def _write(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def check_form(form: Received, task: SpeechTask) -> SpeechForm:
    """Raises InvalidRequest that names the field."""
    told = {name.removesuffix("[]"): value for name, value in form.fields}
    granularities = {
        value for name, value in form.fields if name.removesuffix("[]") == "timestamp_granularities"
    }
    if not told.get("model"):
        raise InvalidRequest(
            "Name the model; `/v1/models` lists those of the kind `transcription`.", param="model"
        )
    format_ = _format(told.get("response_format", "json"))
    is_stream = _is_true(told.get("stream", "false"))
    if is_stream and format_ not in ("json", "text"):
        raise InvalidRequest("A stream is text as it is heard: ask with `json`.", param="response_format")
    if granularities - {"word", "segment"}:
        raise InvalidRequest("Times are told of `word` and `segment`.", param="timestamp_granularities")
    if granularities and format_ != "verbose_json":
        raise InvalidRequest(
            "Times of words and segments come with the response_format `verbose_json`.",
            param="timestamp_granularities",
        )
    if told.get("include"):
        raise InvalidRequest(
            "Nothing can be included: probabilities stand in `verbose_json`.", param="include"
        )
    prompt = told.get("prompt", "")
    if len(prompt) > _LONGEST_PROMPT:
        raise InvalidRequest(f"At most {_LONGEST_PROMPT} characters.", param="prompt")
    wish = SpeechWish(
        language=_language(told.get("language", "")) if task == "transcribe" else None,
        task=task,
        words="word" in granularities,
        prompt=prompt,
        temperature=_temperature(told.get("temperature", "")),
    )
    return SpeechForm(
        told["model"],
        wish,
        format_,
        is_stream,
        not granularities or "segment" in granularities,
        tuple(form.fields),
    )


def _format(told: str) -> Format:
    for known in FORMATS:
        if told == known:
            return known
    raise InvalidRequest(f"Use one of {', '.join(FORMATS)}.", param="response_format")


def _language(told: str) -> str | None:
    return language_code(told) if told.strip() else None


def _temperature(told: str) -> float:
    if not told.strip():
        return 0.0
    try:
        value = float(told)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise InvalidRequest("A number from 0 to 1.", param="temperature")
    return value


def _is_true(told: str) -> bool:
    if told.lower() in ("true", "1"):
        return True
    if told.lower() in ("false", "0", ""):
        return False
    raise InvalidRequest("`true` or `false`.", param="stream")
