"""The detector that is built in: rules of patterns, check digits and words, over folded text.

Its work grows with the text's length and with nothing else. It looks through long texts piece by piece, so that a
thread that does it lets the others run in between.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence

from inference.personal_data.contact import CONTACT
from inference.personal_data.credentials import CREDENTIALS
from inference.personal_data.detector import Finding
from inference.personal_data.folding import folded
from inference.personal_data.identity import IDENTITY
from inference.personal_data.payment import PAYMENT
from inference.personal_data.rules import Rule

RULES: Sequence[Rule] = (*CREDENTIALS, *PAYMENT, *IDENTITY, *CONTACT)
_PIECE = 32_768  # characters
_SURE = 0.7


class PatternDetector:
    """least_score: findings below it are not told; at 0.5 a number needs a check digit, a shape or a word for it."""

    def __init__(self, least_score: float = 0.5, rules: Sequence[Rule] = RULES) -> None:
        self._least, self._rules = least_score, rules

    def find(self, text: str) -> Sequence[Finding]:
        """As the port says. Of findings that overlap a sure one wins over a guess; equals become one."""
        plain = folded(text)
        found = sorted(self._all(plain.text), key=lambda one: (one.start, -one.end))
        sure = list(_merged([one for one in found if one.score >= _SURE]))
        guessed = _apart(_merged([one for one in found if one.score < _SURE]), sure)
        told = []
        for finding in heapq.merge(sure, guessed, key=lambda one: one.start):
            start, end = plain.span(finding.start, finding.end)
            told.append(Finding(finding.kind, start, end, finding.score))
        return told

    def _all(self, text: str) -> Iterator[Finding]:
        for begin in range(0, len(text), _PIECE):
            for rule in self._rules:
                yield from rule.findings(text, begin, min(len(text), begin + _PIECE), self._least)


def _merged(findings: Sequence[Finding]) -> Iterator[Finding]:
    """Nothing of an overlap stays readable: the whole of both is covered."""
    last: Finding | None = None
    for one in findings:
        if last is None or one.start >= last.end:
            if last is not None:
                yield last
            last = one
            continue
        surest = max(last, one, key=lambda each: (each.score, each.end - each.start))
        last = Finding(surest.kind, last.start, max(last.end, one.end), surest.score)
    if last is not None:
        yield last


def _apart(guessed: Iterable[Finding], sure: Sequence[Finding]) -> Iterator[Finding]:
    """Those that touch nothing that is sure: what was a card is no mistyped account."""
    ends = [one.end for one in sure]
    for one in guessed:
        following = bisect_right(ends, one.start)
        if following == len(sure) or sure[following].start >= one.end:
            yield one
