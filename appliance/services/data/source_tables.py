"""Which tables and columns of a database may be asked, what people wrote about them, and what drifted away.

Columns about people are left out when a table is chosen; an administrator may take one in by name, and that stands in
the audit. What comes into a table later is told, and never offered by itself.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from appliance.domain.data_sources import ChosenTable, Drift, SchemaRead, WholeSource
from appliance.domain.people import AccountEvent, Caller
from appliance.domain.refusals import Told
from appliance.errors import InvalidRequest, NotFound
from appliance.services.data.chosen_tables import (
    MOST_SAMPLES,
    ColumnChanges,
    chosen_again,
    described,
    newly_chosen,
    personal_offered,
)
from appliance.services.data.looking import Looking
from appliance.services.data.personal_columns import personal_by_name
from appliance.services.data.source_ports import SourceRepository
from appliance.services.data.sources import Sources, problem_of
from querying.errors import QueryingError
from querying.types import Table

_MOST_TABLES = 500
_MOST_TEXT = 2_000
_LONGEST_SAMPLE = 60


@dataclass(frozen=True, slots=True)
class ReadableTable:
    """A table that the role can read. personal: columns that would be left out by their names."""

    table: Table
    chosen: ChosenTable | None
    personal: frozenset[str]


class SourceTables:
    """The use cases behind `/api/data/sources/ID/tables`. All raise NotPermitted and NotFound as `Sources` does."""

    def __init__(self, sources: Sources, repository: SourceRepository, looking: Looking) -> None:
        self._sources = sources
        self._repository = repository
        self._looking = looking

    async def readable(self, caller: Caller, source_id: UUID) -> Sequence[ReadableTable]:
        """As the schema was read last."""
        found = await self._sources.whole(caller, source_id)
        read = await self._repository.read_tables(caller.viewer, source_id)
        chosen = {one.table.full_name: one for one in found.tables}
        return [
            ReadableTable(table, chosen.get(table.full_name), personal_by_name(table))
            for table in (() if read is None else read.tables)
        ]

    async def choose(
        self, caller: Caller, source_id: UUID, wanted: Mapping[str, Collection[str] | None]
    ) -> WholeSource:
        """Exactly these tables, by full name. Columns None: of a new table all that hold nothing of people, of another
        those that are offered already.

        The database is read anew first. Raises InvalidRequest for one that is not there, QueryingError.
        """
        found = await self._sources.whole(caller, source_id)
        if len(wanted) > _MOST_TABLES:
            raise InvalidRequest(Told("source_tables_most", most=_MOST_TABLES), param="tables")
        read = await self._read(caller, found, found.tables)
        here = {table.full_name: table for table in read.tables}
        before = {one.table.full_name: one for one in found.tables}
        _require_known(wanted, here)
        new = {name: _new_columns(here[name], before.get(name)) for name in wanted}
        looked = await self._looking.through(found.source, [(here[name], new[name]) for name in wanted])
        chosen = [
            newly_chosen(here[name], looked[name], columns)
            if name not in before
            else chosen_again(here[name], before[name], looked[name], columns)
            for name, columns in wanted.items()
        ]
        event = _event("data.source.chosen", caller, found, before.values(), chosen)
        await self._repository.choose(caller.viewer, source_id, chosen, event)
        read = await self._looking.read(found.source, chosen)
        await self._repository.note_read(caller.viewer, source_id, read, None)
        return await self._sources.whole(caller, source_id)

    async def describe(
        self,
        caller: Caller,
        source_id: UUID,
        name: str,
        description: str | None,
        columns: Sequence[ColumnChanges],
    ) -> ChosenTable:
        """name: of a chosen table, in full. Raises NotFound, InvalidRequest."""
        found = await self._sources.whole(caller, source_id)
        chosen = {one.table.full_name: one for one in found.tables}
        if name not in chosen:
            raise NotFound(f"{name} is not among the chosen tables. Choose it first.", param="table")
        try:
            changed = described(
                chosen[name],
                None if description is None else description[:_MOST_TEXT],
                list(map(_bounded, columns)),
            )
        except KeyError as error:
            raise NotFound(f"{name} has no column {error.args[0]!r}.", param="columns") from error
        _require_no_samples_of_people(changed, columns)
        tables = [changed if one.table.full_name == name else one for one in found.tables]
        event = _event("data.source.described", caller, found, found.tables, tables, table=name)
        await self._repository.choose(caller.viewer, source_id, tables, event)
        return changed

    async def refresh(self, caller: Caller, source_id: UUID) -> WholeSource:
        """Read the database anew, and say what drifted. Raises QueryingError, which the source keeps."""
        found = await self._sources.whole(caller, source_id)
        read = await self._read(caller, found, found.tables)
        detail = {
            "source": str(source_id),
            "name": found.source.name,
            "drift": [[one.change, one.table, one.column] for one in read.drift][:100],
        }
        event = AccountEvent("data.source.refreshed", caller.user_id, detail=detail)
        await self._repository.note_read(caller.viewer, source_id, read, event)
        return await self._sources.whole(caller, source_id)

    async def drift(self, caller: Caller, source_id: UUID) -> Sequence[Drift]:
        """What was found when the schema was read last."""
        return (await self._sources.whole(caller, source_id)).drift

    async def _read(self, caller: Caller, found: WholeSource, chosen: Sequence[ChosenTable]) -> SchemaRead:
        try:
            return await self._looking.read(found.source, chosen)
        except QueryingError as error:
            await self._repository.note_problem(caller.viewer, found.source.id, *problem_of(error))
            raise


def _require_known(wanted: Mapping[str, Collection[str] | None], here: Mapping[str, Table]) -> None:
    for name, columns in wanted.items():
        if name not in here:
            raise InvalidRequest(Told("source_table_unknown", table=name), param="tables")
        known = {column.name for column in here[name].columns}
        for column in columns or ():
            if column not in known:
                raise InvalidRequest(Told("source_column_unknown", table=name, column=column), param="tables")


def _new_columns(table: Table, before: ChosenTable | None) -> frozenset[str]:
    known = frozenset[str]() if before is None else {one.column.name for one in before.columns}
    return frozenset(column.name for column in table.columns) - known


def _bounded(change: ColumnChanges) -> ColumnChanges:
    samples = change.samples
    return ColumnChanges(
        change.name,
        None if change.description is None else change.description[:_MOST_TEXT],
        None if samples is None else tuple(one[:_LONGEST_SAMPLE] for one in samples[:MOST_SAMPLES] if one),
        change.is_offered,
        change.is_personal,
    )


def _require_no_samples_of_people(changed: ChosenTable, columns: Sequence[ColumnChanges]) -> None:
    personal = {one.column.name for one in changed.columns if one.personal}
    for one in columns:
        if one.samples and one.name in personal:
            raise InvalidRequest(Told("source_samples_personal", column=one.name), param="samples")


def _event(
    action: str,
    caller: Caller,
    found: WholeSource,
    before: Collection[ChosenTable],
    after: Sequence[ChosenTable],
    **more: Any,  # noqa: ANN401 - any JSON
) -> AccountEvent:
    """What is offered from now on; columns about people by name, because somebody decided that."""
    detail: dict[str, Any] = {"source": str(found.source.id), "name": found.source.name, **more}
    if action == "data.source.chosen":
        detail["tables"] = [one.table.full_name for one in after]
    if taken_in := personal_offered(after) - personal_offered(list(before)):
        detail["personal_offered"] = sorted(taken_in)
    return AccountEvent(action, caller.user_id, detail=detail)
