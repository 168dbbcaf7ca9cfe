"""A recording's parts, as they are kept, back to sentences with times; and those as text, SRT and WebVTT. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from textwrap import wrap

from rag import spoken_time
from rag.documents import Page
from rag.spoken_time import clock

_LINE_CHARACTERS = 42  # of a subtitle, as broadcasters set it
_LINES = 2
_SHORTEST_S = 0.5  # that anybody could read


@dataclass(frozen=True, slots=True)
class TimedSentence:
    """When it was said, and where it stands: page.text[start:end]. begins: a paragraph."""

    start_s: float
    end_s: float
    text: str
    page: int | None
    start: int
    end: int
    begins: bool = False


def sentences(pages: Iterable[Page]) -> Iterator[TimedSentence]:
    """Every sentence whose time is known, in order."""
    for page in pages:
        before = None
        for anchor in page.anchors:
            span = spoken_time.read(anchor.ref)
            if span is None:
                continue
            begins = before is None or "\n" in page.text[before : anchor.start]
            text = page.text[anchor.start : anchor.end]
            yield TimedSentence(span.start_s, span.end_s, text, page.number, anchor.start, anchor.end, begins)
            before = anchor.end


def as_text(told: Sequence[TimedSentence]) -> str:
    """Paragraphs, each under the time at which it begins."""
    lines: list[str] = []
    for sentence in told:
        if sentence.begins:
            lines.append(f"[{clock(sentence.start_s)}] {sentence.text}")
        else:
            lines[-1] += f" {sentence.text}"
    return "\n\n".join(lines) + "\n" if lines else ""


def as_srt(told: Sequence[TimedSentence]) -> str:
    """SubRip, as nearly every player reads it."""
    cues = (
        f"{number}\n{_stamp(start, ',')} --> {_stamp(end, ',')}\n{text}\n"
        for number, (start, end, text) in enumerate(_cues(told), start=1)
    )
    return "\n".join(cues)


def as_vtt(told: Sequence[TimedSentence]) -> str:
    """WebVTT, as browsers read it."""
    cues = (
        f"{_stamp(start, '.')} --> {_stamp(end, '.')}\n{_escaped(text)}\n" for start, end, text in _cues(told)
    )
    return "\n".join(("WEBVTT\n", *cues))


def _cues(told: Sequence[TimedSentence]) -> Iterator[tuple[float, float, str]]:
    """Two lines at a time; what a sentence takes is shared out by its letters. No cue reaches into the next."""
    cues = [cue for sentence in told for cue in _shared(sentence)]
    for (start, end, text), (after, _, _) in pairwise([*cues, (float("inf"), 0.0, "")]):
        yield start, max(start + 0.001, min(max(end, start + _SHORTEST_S), after)), text


def _shared(sentence: TimedSentence) -> Iterator[tuple[float, float, str]]:
    lines = wrap(sentence.text, _LINE_CHARACTERS) or [sentence.text]
    shown = ["\n".join(lines[at : at + _LINES]) for at in range(0, len(lines), _LINES)]
    whole, begun = sum(map(len, shown)) or 1, 0
    for text in shown:
        start = sentence.start_s + (sentence.end_s - sentence.start_s) * begun / whole
        begun += len(text)
        yield start, sentence.start_s + (sentence.end_s - sentence.start_s) * begun / whole, text


def _stamp(seconds: float, mark: str) -> str:
    whole, milliseconds = divmod(max(0, round(seconds * 1000)), 1000)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}{mark}{milliseconds:03}"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
