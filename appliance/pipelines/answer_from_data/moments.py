"""Days, months, quarters and times of day as people write them, in Spanish and English. Pure.

Read from text as `folding.folded` gives it; a day written with figures alone is read as its language does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from appliance.domain.people import Language

_NAMES = (
    "january enero jan ene|february febrero feb|march marzo mar|april abril apr abr|may mayo|june junio jun|"
    "july julio jul|august agosto aug ago|september septiembre setiembre sep sept|october octubre oct|"
    "november noviembre nov|december diciembre dec dic"
)
MONTH_NUMBERS: Final = {
    name: number for number, names in enumerate(_NAMES.split("|"), start=1) for name in names.split()
}
_DOUBTFUL = frozenset(
    {"may", "march", "mar", "jan", "jun", "jul", "sep", "dec", "ago", "ene", "abr", "set", "dic"}
)
_MONTH = "|".join(sorted(MONTH_NUMBERS, key=len, reverse=True))
_ORDINALS = {
    "first": 1, "second": 2, "third": 3, "fourth": 4, "primer": 1, "primero": 1, "segundo": 2, "tercer": 3,
    "tercero": 3, "cuarto": 4, "1st": 1, "2nd": 2, "3rd": 3, "4th": 4, "1er": 1,
}  # fmt: skip
_ORDINAL = "|".join(sorted(_ORDINALS, key=len, reverse=True))

_ISO = re.compile(r"\b(?P<y>\d{4})-(?P<m>\d{1,2})(?:-(?P<d>\d{1,2}))?\b(?:t(?=\d))?")
_SLASHED = re.compile(r"\b(?P<a>\d{1,2})[/.](?P<b>\d{1,2})[/.](?P<y>\d{4})\b")
_DAY_MONTH = re.compile(
    rf"\b(?P<d>\d{{1,2}})(?:st|nd|rd|th|o|º)?(?: de| of)? (?P<m>{_MONTH})\b\.?(?:,? (?:de |del )?(?P<y>\d{{4}})\b)?"
)
_MONTH_DAY = re.compile(
    rf"\b(?P<m>{_MONTH})\b\.? (?P<d>\d{{1,2}})(?:st|nd|rd|th)?\b(?!\d|[.,]\d)(?:,? (?P<y>\d{{4}})\b)?"
)
_MONTH_YEAR = re.compile(rf"\b(?P<m>{_MONTH})\b\.?,?(?: de| del| of|-|/)? ?(?P<y>\d{{4}})\b")
_QUARTER = re.compile(
    rf"\b(?:(?:q|t)(?P<q1>[1-4])|(?P<q2>[1-4])(?:q|t)|(?P<q3>{_ORDINAL}) (?:quarter|trimestre))\b"
    r"(?:(?: de| del| of|/|-)? ?(?P<y>\d{4})\b)?"
)
_YEAR_QUARTER = re.compile(r"\b(?P<y>\d{4})[ -]?(?:q|t)(?P<q1>[1-4])\b")
_MONTH_ALONE = re.compile(rf"\b(?P<m>{_MONTH})\b")
_CLOCK = re.compile(r"\b(?P<h>\d{1,2}):(?P<min>\d{2})(?::\d{2}(?:\.\d+)?)?(?: ?(?P<half>[ap])\.? ?m\b\.?)?")


@dataclass(frozen=True, slots=True)
class Moment:
    """What is not said is None. is_possible: there is such a day."""

    start: int
    end: int
    year: int | None = None
    month: int | None = None
    day: int | None = None
    quarter: int | None = None
    clock: tuple[int, int] | None = None


def moments(text: str, language: Language) -> Iterator[Moment]:
    """Those in the text that do not overlap, the most telling way of reading first."""
    taken: list[tuple[int, int]] = []
    for pattern in (
        _ISO, _SLASHED, _DAY_MONTH, _MONTH_DAY, _MONTH_YEAR, _YEAR_QUARTER, _QUARTER, _CLOCK, _MONTH_ALONE,
    ):  # fmt: skip
        for match in pattern.finditer(text):
            if any(start < match.end() and match.start() < end for start, end in taken):
                continue
            found = _read(pattern, match, language)
            if found is not None:
                taken.append(match.span())
                yield found


def _read(pattern: re.Pattern[str], match: re.Match[str], language: Language) -> Moment | None:
    said = match.groupdict()
    start, end = match.span()
    year = int(said["y"]) if said.get("y") else None
    if pattern is _CLOCK:
        hour = int(said["h"]) % 12 + (12 if said["half"] == "p" else 0) if said["half"] else int(said["h"])
        return Moment(start, end, clock=(hour, int(said["min"])))
    if pattern in (_QUARTER, _YEAR_QUARTER):
        told = said["q1"] or said.get("q2") or str(_ORDINALS[said["q3"]])
        return Moment(start, end, year, quarter=int(told))
    if pattern is _SLASHED:
        first, second = int(said["a"]), int(said["b"])
        day, month = (first, second) if language == "es" or first > 12 else (second, first)
        return Moment(start, end, year, month, day)
    if pattern is _ISO:
        return Moment(start, end, year, int(said["m"]), int(said["d"]) if said["d"] else None)
    if pattern is _MONTH_ALONE and match[0] in _DOUBTFUL:
        return None
    day_said = said.get("d")
    return Moment(start, end, year, MONTH_NUMBERS[said["m"]], int(day_said) if day_said else None)
