"""Checking that what is quoted really stands where it is said to stand. Pure text work, no model.

Texts are compared after folding what typesetting changes and meaning does not: Unicode forms, case, quotation marks,
dashes, soft hyphens, hyphens at line ends and white space. Every folded character remembers where it came from, so a
hit is returned as offsets in the original page. A quote may begin on one page and end on the next, past the footer of
the one and the header of the other. The idea of checking after the stream, repairing a wrong reference and
marking what nothing supports follows CiteFix (arXiv 2504.15629).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from difflib import SequenceMatcher

MIN_SIMILARITY = 0.9
MARGIN_CHARACTERS = 300  # what header and footer may put between the two halves of a sentence
_MIN_HALF = 4  # characters on either page
_BREAKS_TRIED = 6
_MOST_FOLDED = 500_000  # characters; 0.3 s
_EDGES = " \"'.,;:!?()[]-|"
_MOST_COMPARED = 20_000_000  # characters of page times characters of quote; about a second
_DROPPED = {"\u00ad", "\u200b", "\u200c", "\u200d", "\ufeff"}
_SAME = str.maketrans(
    {
        "“": '"',
        "”": '"',
        "„": '"',
        "«": '"',
        "»": '"',
        "‘": "'",
        "’": "'",
        "‚": "'",
        "–": "-",
        "—": "-",
        "−": "-",
        "‐": "-",
    }
)
_NUMBER = re.compile(r"\d+(?:[.,:/]\d+)*")
_THOUSANDS = re.compile(r"\d{1,3}(?:[.,]\d{3})+\Z")
_QUOTED = re.compile(r"[\"“«]([^\"“”«»]{12,}?)[\"”»]")


@dataclass(frozen=True, slots=True)
class Folded:
    """Text as it is compared; origin[i] is the offset in the source of folded character i."""

    text: str
    origin: tuple[int, ...]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Folded offsets to (start, end) in the source."""
        return self.origin[start], self.origin[end - 1] + 1


def fold(source: str) -> Folded:
    """Fold a text, remembering origins. Linear in its length."""
    characters: list[str] = []
    origin: list[int] = []
    position = 0
    while position < len(source):
        character = source[position]
        if character in _DROPPED:
            position += 1
            continue
        if character == "-" and (skip := _hyphen_at_line_end(source, position)):
            position = skip
            continue
        if character.isspace():
            if characters and characters[-1] != " ":
                characters.append(" ")
                origin.append(position)
            position += 1
            continue
        for folded in unicodedata.normalize("NFKC", character).translate(_SAME).casefold():
            characters.append(folded)
            origin.append(position)
        position += 1
    return Folded("".join(characters), tuple(origin))


def _hyphen_at_line_end(source: str, position: int) -> int:
    """The offset of the word's other half when this hyphen only breaks it over two lines, else 0."""
    if position == 0 or not source[position - 1].isalpha():
        return 0
    after = position + 1
    while after < len(source) and source[after] in " \t\r":
        after += 1
    if after >= len(source) or source[after] != "\n":
        return 0
    while after < len(source) and source[after].isspace():
        after += 1
    return after if after < len(source) and source[after].islower() else 0


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a quote stands: page[start:end] and, if it runs on, the following page's [next_start:next_end]."""

    start: int
    end: int
    next_start: int = 0
    next_end: int = 0

    @property
    def runs_on(self) -> bool:
        return self.next_end > 0


def find_across(quote: str, page: str, following: str) -> Spot | None:
    """Where a quote stands that begins near the end of a page and ends near the beginning of the following one.

    Both halves must be there to the letter (after folding); a word may be broken between them. Only whole lines may lie
    between the halves: footers and headers, never the rest of a sentence.
    """
    wanted = fold(quote).text.strip()
    first = max(0, len(page) - MARGIN_CHARACTERS - 2 * len(quote))
    there, after = fold(page[first:]), fold(following[: MARGIN_CHARACTERS + 2 * len(quote)])
    for cut in _breaks(wanted, there.text):
        head, tail = wanted[:cut].rstrip(), wanted[cut:].lstrip()
        if min(len(head), len(tail)) < _MIN_HALF:
            continue
        at, begin = there.text.rfind(head), after.text.find(tail)
        if at < 0 or begin < 0:
            continue
        start, end = (first + offset for offset in there.span(at, at + len(head)))
        next_start, next_end = after.span(begin, begin + len(tail))
        if _are_margins(page[end:], following[:next_start]):
            return Spot(start, end, next_start, next_end)
    return None


def _are_margins(below: str, above: str) -> bool:
    """Whether what follows on a page and what stands above on the next can be footer and header: whole lines."""
    ends_a_line = not below.lstrip("-\u00ad \t").strip() or below.lstrip("-\u00ad \t\r").startswith("\n")
    begins_a_line = not above.strip() or above.rstrip(" \t").endswith("\n")
    return ends_a_line and begins_a_line and max(len(below), len(above)) <= MARGIN_CHARACTERS


def _breaks(wanted: str, there: str) -> list[int]:
    """Where the quote may pass to the next page: as late as its end allows, at a hyphen there or between words."""
    low, high = 0, len(wanted) - 1
    while low < high:  # whatever begins a part that is there is there too
        middle = (low + high + 1) // 2
        low, high = (middle, high) if wanted[:middle] in there else (low, middle - 1)
    found = []
    at = there.rfind(wanted[:low])
    if low and there[at + low : at + low + 1] == "-" and wanted[low - 1 : low + 1].isalpha():
        found.append(low)
    spaces = [index for index in range(low + 1) if wanted[index : index + 1] == " "]
    return found + spaces[: -_BREAKS_TRIED - 1 : -1]


def find_quote(quote: str, page: str | Folded) -> tuple[int, int] | None:
    """Where the quote stands on the page, as offsets in the page's own text, or None.

    First to the letter (after folding), else the closest run of the page when it is alike to MIN_SIMILARITY.
    """
    wanted = fold(quote).text.strip()
    if not wanted:
        return None
    if isinstance(page, str) and len(page) > _MOST_FOLDED:
        return _in_long_text(quote, wanted, page)
    there = page if isinstance(page, Folded) else fold(page)
    at = there.text.find(wanted)
    if at >= 0:
        return there.span(at, at + len(wanted))
    return _nearly(wanted, there)


def _in_long_text(quote: str, wanted: str, page: str) -> tuple[int, int] | None:
    """The same to the letter, word by word in compiled code: folding millions of characters takes long."""
    words = [re.escape(word) for word in re.findall(r"\w+", quote)]
    if not words:
        return None
    for found in re.finditer(r"\W{1,40}".join(words), page, re.IGNORECASE):
        around = page[max(0, found.start() - 4) : found.end() + 4]
        if wanted.strip(_EDGES) in fold(around).text:
            return found.span()
    return None


def _nearly(wanted: str, there: Folded) -> tuple[int, int] | None:
    if len(wanted) < 20 or len(wanted) > 2_000 or len(there.text) * len(wanted) > _MOST_COMPARED:
        return None
    matcher = SequenceMatcher(None, there.text, wanted, autojunk=False)
    anchor = matcher.find_longest_match()
    if anchor.size < len(wanted) * 0.2:
        return None
    start = max(0, anchor.a - anchor.b)
    end = min(len(there.text), start + len(wanted))
    window = there.text[start:end]
    if SequenceMatcher(None, window, wanted, autojunk=False).ratio() < MIN_SIMILARITY:
        return None
    if numbers(window) != numbers(wanted):  # "30 days" is not nearly "90 days"
        return None
    return there.span(start, end)


def numbers(text: str) -> frozenset[str]:
    """The numbers, dates and times in a text, without trailing marks; 1,000 and 1.000 are 1000."""
    return frozenset(
        re.sub("[.,]", "", number) if _THOUSANDS.match(number) else number for number in _NUMBER.findall(text)
    )


def quoted_phrases(text: str) -> list[tuple[int, int]]:
    """Offsets of what a text itself puts in quotation marks, from twelve characters on."""
    return [match.span(1) for match in _QUOTED.finditer(text)]


def is_backed(claim: str, evidence: str) -> bool:
    """False when the claim names a number that its evidence does not hold: those are what people act on."""
    return numbers(claim) <= numbers(evidence)
