"""What was heard, as OpenAI's API writes it: JSON, text, SubRip and WebVTT subtitles, events of a stream. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson

from appliance.api.speech.form import SpeechForm
from inference.speech.languages import blank_between, language_name
from inference.speech.types import SpeechEnd, SpeechHeader, SpeechPart, SpeechSegment, SpeechTask

_TYPES = {"json": "application/json", "verbose_json": "application/json"}
_PLAIN = "text/plain; charset=utf-8"


@dataclass(slots=True)
class Transcript:
    """What has been heard so far. language "": nobody has spoken."""

    language: str = ""
    segments: list[SpeechSegment] = field(default_factory=list)
    duration_s: float = 0.0

    def take(self, part: SpeechPart) -> None:
        if isinstance(part, SpeechHeader):
            self.language = part.language
        elif isinstance(part, SpeechSegment):
            self.segments.append(part)
        elif isinstance(part, SpeechEnd):
            self.duration_s = part.duration_s

    @property
    def text(self) -> str:
        return blank_between(self.language).join(segment.text for segment in self.segments)

    def next_delta(self, segment: SpeechSegment) -> str:
        """What the segment adds to the text; called after it was taken."""
        return segment.text if len(self.segments) == 1 else blank_between(self.language) + segment.text


def whole_answer(transcript: Transcript, form: SpeechForm) -> tuple[str, bytes]:
    """(content type, body)."""
    return _TYPES.get(form.format, _PLAIN), _body(transcript, form)


def _body(transcript: Transcript, form: SpeechForm) -> bytes:
    match form.format:
        case "json":
            return orjson.dumps({"text": transcript.text, "usage": _usage(transcript)})
        case "verbose_json":
            return orjson.dumps(_verbose(transcript, form.wish.task, form))
        case "srt":
            return as_srt(transcript.segments).encode()
        case "vtt":
            return as_vtt(transcript.segments).encode()
        case "text":
            return f"{transcript.text}\n".encode()


def delta_event(delta: str) -> bytes:
    """As OpenAI streams it."""
    return b"data: %b\n\n" % orjson.dumps({"type": "transcript.text.delta", "delta": delta})


def done_event(transcript: Transcript) -> bytes:
    """The last event: the whole text."""
    told = {"type": "transcript.text.done", "text": transcript.text, "usage": _usage(transcript)}
    return b"data: %b\n\n" % orjson.dumps(told)


def as_srt(segments: Iterable[SpeechSegment]) -> str:
    """SubRip."""
    return "".join(
        f"{number}\n{_clock(one.start_s, ',')} --> {_clock(one.end_s, ',')}\n{_line(one.text)}\n\n"
        for number, one in enumerate(segments, 1)
    )


def as_vtt(segments: Iterable[SpeechSegment]) -> str:
    """WebVTT; a text cannot write marks of its own into it."""
    cues = (
        f"{_clock(one.start_s, '.')} --> {_clock(one.end_s, '.')}\n{_escaped(_line(one.text))}\n\n"
        for one in segments
    )
    return "WEBVTT\n\n" + "".join(cues)


def _verbose(transcript: Transcript, task: SpeechTask, form: SpeechForm) -> dict[str, Any]:
    told: dict[str, Any] = {
        "task": task,
        "language": language_name(transcript.language),
        "duration": round(transcript.duration_s, 3),
        "text": transcript.text,
    }
    if form.has_segments:
        told["segments"] = [_segment(number, one) for number, one in enumerate(transcript.segments)]
    if form.wish.words:
        told["words"] = [
            {"word": word.text.strip(), "start": word.start_s, "end": word.end_s}
            for segment in transcript.segments
            for word in segment.words
        ]
    return {**told, "usage": _usage(transcript)}


def _segment(number: int, one: SpeechSegment) -> dict[str, Any]:
    return {
        "id": number,
        "seek": round(one.start_s * 100),
        "start": one.start_s,
        "end": one.end_s,
        "text": one.text,
        "tokens": one.tokens,
        "temperature": one.temperature,
        "avg_logprob": one.avg_logprob,
        "compression_ratio": one.compression_ratio,
        "no_speech_prob": one.no_speech_prob,
    }


def _usage(transcript: Transcript) -> dict[str, Any]:
    return {"type": "duration", "seconds": math.ceil(transcript.duration_s)}


def _clock(moment_s: float, mark: str) -> str:
    milliseconds = round(moment_s * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}{mark}{rest % 1000:03}"


def _line(text: str) -> str:
    return " ".join(text.split()).replace("-->", "->")


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
