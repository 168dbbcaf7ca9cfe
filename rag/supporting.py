"""Which sentence of a passage supports which sentence of an answer, and which sentences nothing supports.

Works on the finished answer: deterministic, no model. A claim is supported when half of its content terms stand in one
or two neighbouring sentences of a passage and every number of the claim does too. What a claim puts in quotation marks
must stand in a passage to the letter, and its other numbers beside it. A marker that names the wrong passage is
repaired. Says nothing about whether a supported claim is *true*, only that its words and numbers stand there.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rag import citations
from rag.documents import Passage
from rag.sentences import split_sentences

MIN_COVERAGE = 0.5
MIN_TERMS_TO_DOUBT = 3
_LIST_NUMBER = re.compile(r"\s*\d{1,2}[.)]\s+")
MARKER = re.compile(r"\[(\d{1,2}(?:\s*,\s*\d{1,2})*)\]")

Terms = Callable[[str, str | None], frozenset[str]]


@dataclass(frozen=True, slots=True)
class Support:
    """answer[start:end] is backed by passages[passage].text[quote_start:quote_end]; marker: the number it was given."""

    start: int
    end: int
    passage: int
    quote_start: int
    quote_end: int
    marker: int


@dataclass(frozen=True, slots=True)
class Checked:
    """An answer's supports in order, and the spans of it that nothing supports."""

    supports: tuple[Support, ...]
    unsupported: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class _Claim:
    start: int
    end: int
    text: str
    markers: tuple[int, ...]


def check(answer: str, passages: Sequence[Passage], terms: Terms) -> Checked:
    """Find the support of each sentence. terms(text, language) -> its content stems."""
    evidence = [_Evidence(passage, terms) for passage in passages]
    supports: list[Support] = []
    unsupported: list[tuple[int, int]] = []
    for claim in _claims(answer):
        support = _support(claim, evidence, terms)
        if support is not None:
            supports.append(support)
        elif _wants_support(claim, terms):
            unsupported.append((claim.start, claim.end))
    return Checked(tuple(supports), tuple(unsupported))


def _claims(answer: str) -> list[_Claim]:
    """The answer's sentences, each with the markers in it or right behind it."""
    claims: list[_Claim] = []
    for start, end in split_sentences(answer, 0, len(answer)):
        text = answer[start:end]
        leading = re.match(r"(?:\s*\[\d{1,2}(?:\s*,\s*\d{1,2})*\])+", text)
        if leading and claims:
            last = claims[-1]
            claims[-1] = _Claim(last.start, last.end, last.text, last.markers + _markers(leading.group()))
            text = text[leading.end() :].lstrip()
            start = end - len(text)
        bare = MARKER.sub(" ", text).strip(" \n-*•.")
        if listed := _LIST_NUMBER.match(bare):
            bare = bare[listed.end() :]
        if bare:
            claims.append(_Claim(start, end, bare, _markers(text)))
    return claims


def _markers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for group in MARKER.findall(text) for number in group.split(","))


class _Evidence:
    """A passage's sentence windows with their terms, made once."""

    def __init__(self, passage: Passage, terms: Terms) -> None:
        self.language = passage.language
        self.text = passage.text
        self.folded = citations.fold(passage.text)
        spans = list(split_sentences(passage.text, 0, len(passage.text)))
        windows = spans + [(a[0], b[1]) for a, b in itertools.pairwise(spans)]
        self.windows = [
            (start, end, terms(passage.text[start:end], passage.language), passage.text[start:end])
            for start, end in windows
        ]


def _support(claim: _Claim, evidence: Sequence[_Evidence], terms: Terms) -> Support | None:
    marked = [number - 1 for number in claim.markers if 0 < number <= len(evidence)]
    others = [index for index in range(len(evidence)) if index not in marked]
    for group in (marked, others):
        found = _quoted(claim, group, evidence) or _covered(claim, group, evidence, terms)
        if found is not None:
            passage, start, end = found
            marker = claim.markers[0] if claim.markers else passage + 1
            return Support(claim.start, claim.end, passage, start, end, marker)
    return None


def _quoted(
    claim: _Claim, group: Sequence[int], evidence: Sequence[_Evidence]
) -> tuple[int, int, int] | None:
    """What the answer itself puts in quotation marks, where it stands word for word."""
    for start, end in citations.quoted_phrases(claim.text):
        for index in group:
            span = citations.find_quote(claim.text[start:end], evidence[index].folded)
            if span is not None and (backed := _backed(claim, span, evidence[index])) is not None:
                return index, *backed
    return None


def _backed(claim: _Claim, span: tuple[int, int], evidence: _Evidence) -> tuple[int, int] | None:
    """The quote itself or, where a number of the claim is not in it, the fewest sentences around it that hold it."""
    around = sorted(
        (end - start, start, end)
        for start, end, _, _ in evidence.windows
        if start <= span[0] and span[1] <= end
    )
    for start, end in (span, *((start, end) for _, start, end in around)):
        if citations.is_backed(claim.text, evidence.text[start:end]):
            return start, end
    return None


def _covered(
    claim: _Claim, group: Sequence[int], evidence: Sequence[_Evidence], terms: Terms
) -> tuple[int, int, int] | None:
    if citations.quoted_phrases(claim.text):
        return None  # it claims to quote, and the quote stands nowhere
    best: tuple[float, int, tuple[int, int, int]] | None = None
    for index in group:
        wanted = terms(claim.text, evidence[index].language)
        if not wanted:
            continue
        for start, end, held, text in evidence[index].windows:
            coverage = len(wanted & held) / len(wanted)
            if coverage < MIN_COVERAGE or not citations.is_backed(claim.text, text):
                continue
            key = (coverage, start - end, (index, start, end))  # the shorter window wins a tie
            if best is None or key[:2] > best[:2]:
                best = key
    return best[2] if best else None


def _wants_support(claim: _Claim, terms: Terms) -> bool:
    return (
        bool(claim.markers or citations.numbers(claim.text))
        or len(terms(claim.text, None)) >= MIN_TERMS_TO_DOUBT
    )
