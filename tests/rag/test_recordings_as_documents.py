"""What was said becomes a document: sentences with times, parts, passages cut where a sentence ends, subtitles."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import chunking, spoken_time, transcripts
from rag.anchors import reference
from rag.documents import locate
from rag.recording_types import recognise
from rag.recordings import Said, Word, as_document
from rag.settings import ChunkingSettings
from rag.spoken_time import Span


def said(start_s: float, text: str, word_s: float = 0.5) -> Said:
    """Every word takes as long."""
    words = [word if at == 0 else f" {word}" for at, word in enumerate(text.split(" "))]
    timed = [Word(start_s + at * word_s, start_s + (at + 1) * word_s, word) for at, word in enumerate(words)]
    return Said(start_s, start_s + len(words) * word_s, text, tuple(timed))


@given(st.floats(0, 100_000), st.floats(0, 3_600))
def test_a_time_is_read_back_as_it_was_written(start_s: float, length_s: float) -> None:
    """To the hundredth of a second, for recordings of any length."""
    span = spoken_time.read(spoken_time.spelled(Span(start_s, start_s + length_s)))

    assert span is not None
    assert span.start_s == pytest.approx(start_s, abs=0.0051)
    assert span.end_s == pytest.approx(start_s + length_s, abs=0.0051)


@pytest.mark.parametrize("ref", ["B2:F14", "row 7", "¶ 12", "12:34", "12:34–12:58 – 13:00–13:05", ""])
def test_other_references_are_no_times(ref: str) -> None:
    """A sheet's cells stay cells."""
    assert spoken_time.read(ref) is None


def test_a_segment_of_several_sentences_is_timed_sentence_by_sentence() -> None:
    """By its words; and a quote of the second has the second's time."""
    document = as_document([said(10.0, "The lease ends in May. Marta asks for more.")], "audio/mpeg")
    [page] = document.pages
    at = page.text.index("Marta asks")
    where = locate("recording", 1, page.label, reference(page.anchors, at, at + 10), ())

    assert page.text == "The lease ends in May. Marta asks for more."
    assert (where.time, where.time_s, where.time_end_s) == ("0:12–0:14", 12.5, 14.5)
    assert where.page is None


def test_words_that_do_not_add_up_to_the_text_time_the_whole_segment() -> None:
    """Rather than a wrong sentence."""
    one = Said(3.0, 9.0, "One thing. Another.", (Word(3.0, 4.0, "Something"), Word(4.0, 5.0, " else")))
    [page] = as_document([one], "audio/mpeg").pages

    assert [anchor.ref for anchor in page.anchors] == ["0:03.00–0:09.00"]


def test_a_long_recording_has_parts_of_ten_minutes_and_paragraphs_at_pauses() -> None:
    """Each part is named by its time; a silence of two seconds begins a paragraph."""
    talk = [said(minute * 60.0, f"Sentence number {minute}.") for minute in range(25)]
    talk.insert(1, said(2.0, "It follows at once."))
    document = as_document(talk, "audio/mpeg")

    assert [page.label for page in document.pages] == ["0:00–9:01", "10:00–19:01", "20:00–24:01"]
    assert [page.number for page in document.pages] == [1, 2, 3]
    assert document.pages[0].text.startswith(
        "Sentence number 0. It follows at once.\n\nSentence number 1.\n\n"
    )


def test_passages_are_cut_where_a_sentence_ends() -> None:
    """And say from when to when they were spoken."""
    words = " ".join(f"Point {number} was agreed by all of us without a vote." for number in range(60))
    document = as_document([said(0.0, words, 0.3)], "audio/mpeg")
    passages = chunking.split(document, ChunkingSettings())

    assert len(passages) > 2
    assert all(re.fullmatch(r"Point.*vote\.", one.text, re.DOTALL) for one in passages)
    spans = [spoken_time.read(one.ref) for one in passages]
    assert [span.start_s for span in spans if span] == sorted(span.start_s for span in spans if span)
    assert None not in spans


@given(st.lists(st.tuples(st.floats(0, 5), st.text("ab .<&\n", min_size=1, max_size=200)), max_size=8))
def test_subtitles_never_run_into_each_other(talk: list[tuple[float, str]]) -> None:
    """Whatever is said, however fast: every cue ends before the next begins, and no sentence is lost."""
    at, segments = 0.0, []
    for pause, text in talk:
        segments.append(Said(at + pause, at + pause + 1, text))
        at += pause + 1
    told = list(transcripts.sentences(as_document(segments, "audio/mpeg").pages))
    stamps = re.findall(r"(\d\d):(\d\d):(\d\d),(\d{3})", transcripts.as_srt(told))
    seconds = [int(h) * 3600 + int(m) * 60 + int(s) + int(ms) / 1000 for h, m, s, ms in stamps]

    assert len(told) == sum(bool(text.split()) for _, text in talk)
    assert all(first < last for first, last in zip(seconds[::2], seconds[1::2], strict=True))
    assert all(last <= first + 0.0011 for last, first in zip(seconds[1:-1:2], seconds[2::2], strict=True))


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"RIFF\x24\0\0\0WAVEfmt ", "WAV"),
        (b"ID3\4\0", "MP3"),
        (b"\xff\xfb\x90\x64" + bytes(413) + b"\xff\xfb\x90\x64", "MP3"),
        (b"OggS\0\2", "Ogg"),
        (b"\0\0\0\x20ftypM4A ", "M4A"),
        (b"\0\0\0\x20ftypisom", "MP4"),
        (b"\x1aE\xdf\xa3\x9fB\x86\x81\1B\xf7\x81\1B\xf2\x81\4B\xf3\x81\x08B\x82\x84webm", "WebM"),
        (b"#!AMR\n", "AMR"),
        (b"FORM\0\0\0\0AIFF", "AIFF"),
        (b"\0\0\0\x20ftypheic", None),
        ("\ufefftext".encode("utf-16-le"), None),
        (b"\xff\xfb\x90\x64" + bytes(500), None),
        (b"%PDF-1.7", None),
        (b"#!/bin/sh\n", None),
        (b"", None),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_recording_is_known_by_its_first_bytes(head: bytes, kind: str | None) -> None:
    """What only looks like one is left to the parsers."""
    found = recognise(head)

    assert (found.kind if found else None) == kind
