"""A recording as a document: what was said, each sentence with its time. Pure.

A page is a part of about ten minutes, so that a meeting of hours is opened, quoted and checked in pieces; a passage is
cut where a sentence ends. A sentence's time stands in its anchor's reference ("12:34.20–12:58.90"), which travels
with a passage as cells do with a sheet's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag.documents import Anchor, Block, Page, ParsedDocument
from rag.sentences import split_sentences
from rag.spoken_time import Span, clock, spelled

_PART_S = 600.0  # of a recording on one page
_PARAGRAPH_S = 45.0  # longest run of speech that is kept together
_PAUSE_S = 2.0  # a silence that begins a new paragraph


@dataclass(frozen=True, slots=True)
class Word:
    """One word with the blank before it; seconds from the recording's start."""

    start_s: float
    end_s: float
    text: str


@dataclass(frozen=True, slots=True)
class Said:
    """What was said without a break. words: none where only the whole has a time."""

    start_s: float
    end_s: float
    text: str
    words: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence and when it was said."""

    start_s: float
    end_s: float
    text: str


def as_document(said: Sequence[Said], media_type: str) -> ParsedDocument:
    """said: in order of time. A recording in which nobody speaks has no pages."""
    sentences = [sentence for one in said for sentence in sentences_of(one)]
    pages = tuple(_page(number, part) for number, part in enumerate(_parts(sentences), start=1))
    return ParsedDocument(media_type, pages)


def sentences_of(said: Said) -> Iterator[Sentence]:
    """The sentences of a segment, timed by its words where it has them; else the segment is one sentence."""
    text, ends = _written(said)
    if not ends:
        if text:
            yield Sentence(said.start_s, max(said.start_s, said.end_s), " ".join(text.split()))
        return
    for start, end in split_sentences(text, 0, len(text)):
        spoken = [
            word for word, (first, last) in zip(said.words, ends, strict=True) if last > start and first < end
        ]
        if spoken:
            yield Sentence(
                spoken[0].start_s, max(word.end_s for word in spoken), " ".join(text[start:end].split())
            )


def _written(said: Said) -> tuple[str, list[tuple[int, int]]]:
    """The text, and where in it each word stands; no places where the words do not add up to the text."""
    joined, places = "", []
    for word in said.words:
        begin = len(joined) + len(word.text) - len(word.text.lstrip())
        joined += word.text
        places.append((begin, len(joined)))
    if "".join(joined.split()) != "".join(said.text.split()):
        return said.text.strip(), []
    return joined, places


def _parts(sentences: Sequence[Sentence]) -> Iterator[list[Sentence]]:
    """Cut where a sentence begins once ten minutes are full."""
    part: list[Sentence] = []
    for sentence in sentences:
        if part and sentence.start_s - part[0].start_s >= _PART_S:
            yield part
            part = []
        part.append(sentence)
    if part:
        yield part


def _paragraphs(part: Sequence[Sentence]) -> Iterator[list[Sentence]]:
    paragraph: list[Sentence] = []
    for sentence in part:
        if paragraph and (
            sentence.start_s - paragraph[-1].end_s >= _PAUSE_S
            or sentence.end_s - paragraph[0].start_s > _PARAGRAPH_S
        ):
            yield paragraph
            paragraph = []
        paragraph.append(sentence)
    if paragraph:
        yield paragraph


def _page(number: int, part: Sequence[Sentence]) -> Page:
    text = ""
    blocks: list[Block] = []
    anchors: list[Anchor] = []
    for paragraph in _paragraphs(part):
        text += "\n\n" if text else ""
        begin = len(text)
        for at, sentence in enumerate(paragraph):
            text += " " if at else ""
            anchors.append(
                Anchor(
                    len(text), len(text) + len(sentence.text), spelled(Span(sentence.start_s, sentence.end_s))
                )
            )
            text += sentence.text
        blocks.append(Block("paragraph", begin, len(text)))
    label = f"{clock(part[0].start_s)}–{clock(part[-1].end_s)}"
    return Page(number, text, tuple(blocks), "recording", label, tuple(anchors))
