"""What a rule is: a pattern that proposes, a judge that scores, and words near it that name the kind.

Patterns are linear by their make: a repetition is bounded, or possessive and begun only where its run begins.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

from inference.personal_data.detector import Finding, Kind

LEFT = r"(?<!\w)(?<!\b[0-9][.,])(?<!\b[0-9]{2}[.,])(?<!\b[0-9]{3}[.,])(?<![0-9a-fA-F]{4}-)"
"""Where a number may begin: not inside of a word, a decimal fraction or a UUID."""
RIGHT = r"(?!\w)(?![.,][1-9][0-9]?(?![0-9]))"
"""Where it may end: not before decimals."""
GAP = r"(?:[ \t]?[.\-/·][ \t]?|[ \t]{1,2}|[ \t]?\r?\n[ \t]?)?+"
"""What may stand between two groups of digits, or nothing."""

_ONE_BY_ONE = re.compile(r"(?:[0-9][^0-9A-Za-z]{1,3}+){4,64}+")
_BEFORE, _AFTER, _NEXT_IN_LIST = 64, 24, 12  # characters


@dataclass(frozen=True, slots=True)
class Judged:
    """score: 0 to 1, 0 for no. end: where the value ends, at the match's end or before."""

    score: float
    end: int


NO = Judged(0.0, 0)
Named = Callable[[], bool]
Judge = Callable[[re.Match[str], Named], Judged]


@dataclass(frozen=True, slots=True)
class Rule:
    """judge: gets a match and may ask whether a word near it, or the finding before it in a list, names its kind.

    words: what names the kind, in Spanish and English. also_after: they may stand behind the value too.
    """

    kind: Kind
    pattern: re.Pattern[str]
    judge: Judge
    words: re.Pattern[str] | None = None
    also_after: bool = False

    def findings(self, text: str, begin: int, stop: int, least: float) -> Iterator[Finding]:
        """Those that begin in [begin, stop) and score least or more."""
        at, listed, reach = begin, -_NEXT_IN_LIST - 1, min(len(text), stop + MOST_LENGTH)
        near = _Near(self.words, text, max(0, begin - _BEFORE), min(len(text), stop + _BEFORE))
        while (match := self.pattern.search(text, at, reach)) and match.start() < stop:
            is_listed = match.start() - listed <= _NEXT_IN_LIST
            judged = self.judge(match, partial(near.names, match, is_listed, self.also_after))
            if judged.score >= least:
                yield Finding(self.kind, match.start(), judged.end, judged.score)
                at = listed = judged.end
            elif row := _ONE_BY_ONE.match(text, match.start(), match.end()):
                at = row.end()  # no number begins in the middle of digits that stand alone
            else:
                at = match.start() + 1


class _Near:
    """Where the words of a kind stand in a piece of text; looked for when somebody asks."""

    def __init__(self, words: re.Pattern[str] | None, text: str, begin: int, stop: int) -> None:
        self._words, self._text, self._begin, self._stop = words, text, begin, stop

    @cached_property
    def _spans(self) -> tuple[list[int], list[int]]:
        found = self._words.finditer(self._text, self._begin, self._stop) if self._words else ()
        spans = [one.span() for one in found]
        return [start for start, _ in spans], [end for _, end in spans]

    def names(self, match: re.Match[str], is_listed: bool, also_after: bool) -> bool:
        """Whether one stands shortly before the match, or shortly behind it, or it is the next in a named list."""
        if self._words is None or is_listed:
            return self._words is not None
        starts, ends = self._spans
        last = bisect_right(ends, match.start()) - 1
        if last >= 0 and starts[last] >= match.start() - _BEFORE:
            return True
        following = bisect_left(starts, match.end())
        return also_after and following < len(ends) and ends[following] <= match.end() + _AFTER


MOST_LENGTH = 20_000
"""Characters of the longest value: a private key."""


def words(*those: str) -> re.Pattern[str]:
    """Any of them as a whole word, in any case."""
    return re.compile(rf"(?<!\w)(?:{'|'.join(those)})(?!\w)", re.IGNORECASE)


def bare(value: str) -> str:
    """Letters and digits alone, in upper case."""
    return "".join(sign for sign in value if sign.isalnum()).upper()


def group_ends(value: str) -> Sequence[tuple[int, str]]:
    """(end, all digits up to it) of each group of digits in value, in order."""
    ends, digits = [], ""
    for group in re.finditer(r"[0-9]{1,32}+", value):
        digits += group[0]
        ends.append((group.end(), digits))
    return ends
