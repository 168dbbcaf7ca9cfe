"""A saved question begun from a result: its SQL with the values in it offered as gaps."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING
from uuid import UUID

from appliance.domain.data import OfferedSource
from appliance.domain.data_results import KeptResult
from appliance.domain.people import Caller, Language
from appliance.errors import InvalidRequest, NotFound
from appliance.ports.data import DataDesk
from appliance.services.data.periods import fold
from appliance.services.data.results import KeptResults
from querying.types import Dialect

if TYPE_CHECKING:
    from querying.literals import FoundLiteral

_NOT_IN_NAMES = re.compile(r"[^a-z0-9]+")
_OF_DATES: Mapping[Language, Mapping[str, str]] = {
    "en": {"gte": "from", "gt": "from", "lte": "to", "lt": "before"},
    "es": {"gte": "desde", "gt": "desde", "lte": "hasta", "lt": "antes"},
}
_MOST_OFFERED = 10


@dataclass(frozen=True, slots=True)
class Gap:
    """A value that may become a parameter, and what it would be called."""

    literal: FoundLiteral
    name: str


@dataclass(frozen=True, slots=True)
class Draft:
    """What the dialog begins with."""

    result: KeptResult
    source: OfferedSource
    gaps: tuple[Gap, ...]


class Drafting:
    """Raises NotFound where the result or the right to its source is gone."""

    def __init__(self, results: KeptResults, desk: DataDesk) -> None:
        self._results = results
        self._desk = desk

    async def draft(self, caller: Caller, result_id: UUID, language: Language) -> Draft:
        """The SQL of a result, and what in it somebody may want to change."""
        from querying.literals import literals  # takes SQL apart: not for every gateway

        result = await self._results.head(caller, result_id)
        source = await self._source(caller, result.source_id)
        found = await asyncio.to_thread(literals, result.sql, source.schema.dialect)
        return Draft(result, source, _named(found[:_MOST_OFFERED], language))

    async def filled(self, caller: Caller, source_id: UUID, sql: str, names: Mapping[int, str]) -> str:
        """The SQL with names in place of some of its values."""
        from querying.literals import literals, with_parameters  # takes SQL apart: not for every gateway

        source = await self._source(caller, source_id)
        dialect: Dialect = source.schema.dialect
        known = await asyncio.to_thread(literals, sql, dialect)
        if not names.keys() <= {one.number for one in known}:
            raise InvalidRequest("There is no such value in the SQL.", param="gaps")
        return await asyncio.to_thread(with_parameters, sql, dialect, names)

    async def _source(self, caller: Caller, source_id: UUID) -> OfferedSource:
        offered = await self._desk.offered(caller)
        source = next((one for one in offered if one.id == source_id), None)
        if source is None:
            raise NotFound(f"There is no data source {source_id}.")
        return source


def _named(found: Sequence[FoundLiteral], language: Language) -> tuple[Gap, ...]:
    names: set[str] = set()
    gaps = []
    for one in found:
        if one.comparison == "limit":
            name = "n"
        elif isinstance(one.value, date):
            name = _OF_DATES[language].get(one.comparison, "day" if language == "en" else "dia")
        else:
            name = _NOT_IN_NAMES.sub("_", fold(one.column)).strip("_")[:30] or "value"
        if name[0].isdigit():
            name = f"v_{name}"
        unique = next(
            tried
            for number in range(1, 99)
            if (tried := name if number == 1 else f"{name}_{number}") not in names
        )
        names.add(unique)
        gaps.append(Gap(one, unique))
    return tuple(gaps)
