"""How well a saved question answers what somebody asks: what both mean, and what in either the other lacks. Pure.

A number is worth less than no number when it answers another question. So whatever changes the answer (a period, a
name or a number that has no gap to go into, the other end of a list, an average instead of a sum, a thing that the
saved question knows nothing of) refuses it, however many words are shared.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from math import log
from types import MappingProxyType
from typing import Final

from appliance.domain.data import SavedQuestion
from appliance.services.data.gaps import Filled, Said, Span, filled, role_of, said_in
from appliance.services.data.meaning import Class, Meaning, Meanings
from appliance.services.data.periods import fold

_WEIGHTS: Final[Mapping[Class, float]] = {
    "measure": 1.4,
    "entity": 1.4,
    "time": 1.6,
    "act": 1.6,
    "op": 0.4,
    "pole": 1.2,
    "bound": 1.2,
    "not": 1.0,
    "ratio": 3.0,
    "word": 1.1,
}
_OWN_WEIGHT: Final[Mapping[str, float]] = {
    "money": 0.4,
    "quantity": 0.6,
    "product": 0.9,
    "average": 2.0,
    "median": 2.0,
}
_ALIKE: Final[Mapping[frozenset[str], float]] = {
    frozenset(pair.split()): share
    for pair, share in {
        "sale purchase": 0.7,
        "sale revenue": 0.85,
        "revenue purchase": 0.6,
        "revenue invoice": 0.6,
        "sale invoice": 0.5,
        "revenue money": 0.7,
        "duration day": 0.7,
        "cost money": 0.5,
        "sale money": 0.6,
        "purchase money": 0.6,
        "price money": 0.5,
        "price cost": 0.3,
        "margin money": 0.4,
        "stock quantity": 0.6,
        "stock warehouse": 0.45,
        "how_many quantity": 0.8,
        "how_many how_much": 0.5,
        "ship deliver": 0.7,
        "ship pending": 0.6,
        "pending not": 0.7,
        "unshipped ship": 1.0,
        "unshipped pending": 0.9,
        "unshipped not": 1.0,
        "soldout stock": 0.8,
        "soldout not": 0.9,
        "launch new": 0.6,
        "purchase order": 0.7,
        "launch sequence_first": 0.3,
    }.items()
}
# What goes without saying beside something else.
_IMPLIED: Final[Mapping[str, frozenset[str]]] = {
    "product": frozenset(
        {"category", "sale", "revenue", "stock", "soldout", "discontinue", "price", "margin", "launch"}
    ),
    "customer": frozenset({"segment", "city", "region", "purchase", "not"}),
    "order": frozenset({"ship", "unshipped", "return", "pending", "status", "deliver"}),
    "quantity": frozenset({"stock", "sale"}),
    "stock": frozenset({"warehouse", "soldout"}),
    "sale": frozenset({"channel"}),
}
_NEGATIVE: Final = frozenset({"not", "unshipped", "soldout", "pending", "discontinue", "unpaid"})
_OPPOSITE: Final[Mapping[str, str]] = {"most": "least", "least": "most"}
_EXACT_OPS: Final = frozenset({"average", "median", "standard"})
_TELLING: Final[frozenset[Class]] = frozenset({"entity", "time", "act", "measure"})
_IN_MONEY: Final = frozenset({"money", "revenue", "price", "cost", "margin", "discount"})
_IN_PIECES: Final = frozenset({"quantity", "stock", "how_many"})
_VAGUE: Final = frozenset({"money", "quantity"})
_RANKED: Final = re.compile(r"\border\s+by\s+[^()]*\bdesc\b[^()]*\Z", re.IGNORECASE)
_ALIAS: Final = re.compile(r"\bas\s+[\"`\[]?(\w+)", re.IGNORECASE)
_UNASKED: Final = 0.85
_WORD: Final = re.compile(r"\w+")
_GAP: Final = re.compile(r"\{[^{}]*\}")
_LITTLE: Final = frozenset({"de", "del", "en", "of", "in", "for", "durante", "during", "the", "el", "la"})
WORD_FOR_WORD: Final = 0.1
"""Whoever asks in its very words means it, and not one that only means the same."""
_HALF: Final = 0.5


@dataclass(frozen=True, slots=True)
class Likeness:
    """score: 0 to 1. refused: why it cannot be the answer, however alike; empty: nothing speaks against it."""

    saved: SavedQuestion
    score: float
    told: Filled
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """A saved question taken apart: the meanings of each wording. is_ranked: its rows begin with the largest.

    results: what its columns are called, as meanings.
    """

    saved: SavedQuestion
    wordings: tuple[tuple[Meaning, ...], ...]
    said: tuple[Said, ...]
    is_ranked: bool = False
    results: frozenset[str] = frozenset()


def known(saved: SavedQuestion, meanings: Meanings, today: date) -> Known:
    """Looked at once for many questions."""
    texts = (saved.question, *saved.wordings)
    said = tuple(said_in(text, today) for text in texts)
    wordings = tuple(tuple(meanings.of(text, _all_spans(one))) for text, one in zip(texts, said, strict=True))
    aliases = " ".join(_ALIAS.findall(saved.sql)).replace("_", " ")
    results = frozenset(one.name for one in meanings.of(aliases))
    return Known(saved, wordings, said, _RANKED.search(saved.sql) is not None, results)


def rarities(pool: Sequence[Known]) -> Mapping[str, float]:
    """By meaning: 1 where few saved questions have it, towards one half where most do."""
    count = Counter(name for one in pool for name in {m.name for wording in one.wordings for m in wording})
    most = log(1 + len(pool))
    return {name: _HALF + _HALF * (most - log(seen)) / most for name, seen in count.items()} if most else {}


Alike = Callable[[Meaning, Meaning], float]
Nearness = Mapping[tuple[str, str], float]
"""How near two words are that the list lacks, 0 to 1, by their glosses; what is not in it is not near."""


def likeness(
    question: str,
    said: Said,
    one: Known,
    meanings: Meanings,
    rarity: Mapping[str, float],
    nearness: Nearness = MappingProxyType({}),
    named: frozenset[str] = frozenset(),
) -> Likeness:
    """Of a question to a saved one. named: stems of what tables and columns are called."""
    alike = partial(_alike, nearness)
    told = filled(one.saved.parameters, said, meanings.is_known)
    left = _left_over(said, told, one, meanings)
    asked = meanings.of(question, [*told.used, *_all_spans(said)] if not left else told.used)
    union = {meaning for wording in one.wordings for meaning in wording}
    refused = left or _contradiction(asked, union, one, alike) or _other_table(asked, union, named)
    score = max((_shared(asked, wording, union, rarity, alike) for wording in one.wordings), default=0.0)
    if any(_words(question, told.used) == _words(text) for text in (one.saved.question, *one.saved.wordings)):
        score, refused = max(score, 1.0) + WORD_FOR_WORD, left
    return Likeness(one.saved, score * _untold(told), told, refused)


def _words(text: str, without: Sequence[Span] = ()) -> list[str]:
    """As they stand, without gaps and what fills them."""
    for start, end in without:
        text = text[:start] + " " * (end - start) + text[end:]
    return [word for word in _WORD.findall(_GAP.sub(" ", fold(text))) if word not in _LITTLE]


def _shared(
    asked: Sequence[Meaning],
    wording: Sequence[Meaning],
    union: Iterable[Meaning],
    rarity: Mapping[str, float],
    alike: Alike,
) -> float:
    """How much of the question the saved one knows, and how much of that wording was asked."""
    asked_names = {one.name for one in asked}
    whole = [one for one in wording if not _is_implied(one, asked_names)]
    knows = _covered(asked, list(union), rarity, {one.name for one in union}, alike)
    was_asked = _covered(whole, asked, rarity, asked_names, alike)
    unasked = any(
        one.kind in _TELLING
        and one.name not in _VAGUE
        and not _is_implied(one, asked_names)
        and max((alike(one, other) for other in asked), default=0.0) < _HALF
        for one in wording
    )
    return float(knows**0.6 * was_asked**0.4) * (_UNASKED if unasked else 1.0)


def _covered(
    these: Sequence[Meaning],
    by: Sequence[Meaning],
    rarity: Mapping[str, float],
    others: set[str],
    alike: Alike,
) -> float:
    weights = [(_weight(one) * rarity.get(one.name, 1.0), one) for one in dict.fromkeys(these)]
    whole = sum(weight for weight, _ in weights)
    if not whole:
        return 0.0
    got = sum(
        weight * (1.0 if _is_implied(one, others) else max((alike(one, other) for other in by), default=0.0))
        for weight, one in weights
    )
    return got / whole


def _weight(one: Meaning) -> float:
    return _OWN_WEIGHT.get(one.name, _WEIGHTS[one.kind])


def _alike(nearness: Nearness, one: Meaning, other: Meaning) -> float:
    if one.name == other.name or (one.keys & other.keys):
        return 1.0
    if one.gloss and other.gloss:
        return nearness.get((one.gloss, other.gloss), 0.0)
    return _ALIKE.get(frozenset((one.name, other.name)), 0.0)


def _is_implied(one: Meaning, others: set[str]) -> bool:
    return not _IMPLIED.get(one.name, frozenset()).isdisjoint(others)


def _contradiction(asked: Sequence[Meaning], union: Iterable[Meaning], saved: Known, alike: Alike) -> str:
    """What makes it another question."""
    known_ones = list(union)
    theirs, ours = {one.name for one in asked}, {one.name for one in known_ones}
    kinds = {one.name: one.kind for one in (*asked, *known_ones)}
    for name in theirs ^ ours:
        if kinds[name] in ("ratio", "bound") or name in _EXACT_OPS:
            return f"other reckoning: {name}"
        if kinds[name] == "pole" and (
            _OPPOSITE[name] in (ours if name in theirs else theirs)
            or (name in theirs and not (saved.is_ranked and name == "most"))
        ):
            return f"other end: {name}"
    if bool(_NEGATIVE & theirs) != bool(_NEGATIVE & ours):
        return "not"
    if "money" in theirs and "quantity" in ours and not ours & _IN_MONEY:
        return "pieces, not money"
    if "quantity" in theirs and not (ours | saved.results) & _IN_PIECES:
        return "money, not pieces"
    for one in asked:
        if one.kind in _TELLING and one.name not in _VAGUE and not _is_implied(one, ours):
            best = max((alike(one, other) for other in known_ones), default=0.0)
            if best < _HALF:
                return f"unknown: {one.name}"
    return ""


def _other_table(asked: Sequence[Meaning], union: Iterable[Meaning], named: frozenset[str]) -> str:
    """A table or a column that the saved question does not speak of."""
    theirs = frozenset(key for one in union for key in one.keys)
    return next(
        (
            f"unknown: {one.name}"
            for one in asked
            if not named.isdisjoint(one.keys) and theirs.isdisjoint(one.keys)
        ),
        "",
    )


def _left_over(said: Said, told: Filled, one: Known, meanings: Meanings) -> str:
    """A period, a number or a name that went into no gap, and does not stand in a wording either."""
    for period in said.periods:
        if not _is_used((period.start, period.end), told) and not any(
            (period.first, period.last) == (other.first, other.last)
            for text in one.said
            for other in text.periods
        ):
            return "period"
    for start, end, number in said.numbers:
        if not _is_used((start, end), told) and not any(
            number == other for text in one.said for _, _, other in text.numbers
        ):
            return "number"
    for start, end, name in (*said.quoted, *said.names):
        if not _is_used((start, end), told) and not all(meanings.is_known(word) for word in name.split()):
            return "name"
    return ""


def _untold(told: Filled) -> float:
    """Gaps that nobody spoke of have their default: likely meant for a number, hardly for a name."""
    factor = 1.0
    periods = 0
    for one in told.untold:
        role = role_of(one)
        if role in ("choice", "text"):
            factor *= 0.6
        elif role not in ("count", "number", "flag"):
            periods += 1
    return factor * (0.85 if periods else 1.0)


def _is_used(span: tuple[int, int], told: Filled) -> bool:
    return any(span[0] < end and start < span[1] for start, end in told.used)


def _all_spans(said: Said) -> list[tuple[int, int]]:
    return [(one.start, one.end) for one in said.periods] + [(start, end) for start, end, _ in said.numbers]
