"""What of a table is offered: no columns about people, samples of few values, nothing that came later. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from appliance.domain.data_sources import Because, ChosenColumn, ChosenTable
from querying.types import Column, Table

MOST_SAMPLES = 20
"""Different values of a column that counts as one of few; with more of them none is shown to anybody."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What looking through a table found. values: frequent ones, by column. unseen: columns that nobody could look
    through.
    """

    personal: Mapping[str, Because]
    values: Mapping[str, tuple[str, ...]]
    unseen: frozenset[str] = frozenset()


def newly_chosen(table: Table, looked: Looked, wanted: Collection[str] | None) -> ChosenTable:
    """wanted: exactly these columns are offered, personal or not; None: all that hold nothing of people."""
    return ChosenTable(table, tuple(_column(column, looked, wanted) for column in table.columns))


def chosen_again(
    table: Table, before: ChosenTable, looked: Looked, wanted: Collection[str] | None
) -> ChosenTable:
    """A table that was chosen before, as it is now. What people wrote stays; what is new is known, and not offered
    unless it is wanted by name. looked: of the new columns.
    """
    known = {one.column.name: one for one in before.columns}
    columns = []
    for column in table.columns:
        one = known.get(column.name)
        if one is None:
            made = _column(column, looked, wanted or ())
        else:
            kept = replace(
                column,
                description=one.column.description,
                samples=one.column.samples,
                is_personal=one.column.is_personal,
            )
            is_offered = one.is_offered if wanted is None else column.name in wanted
            made = ChosenColumn(kept, is_offered, one.personal)
        columns.append(made)
    described = replace(table, description=before.table.description)
    return ChosenTable(described, tuple(columns))


@dataclass(frozen=True, slots=True)
class ColumnChanges:
    """None: as it is. is_personal True takes the column out, unless is_offered says otherwise in the same breath."""

    name: str
    description: str | None = None
    samples: tuple[str, ...] | None = None
    is_offered: bool | None = None
    is_personal: bool | None = None


def described(chosen: ChosenTable, description: str | None, changes: Sequence[ColumnChanges]) -> ChosenTable:
    """With what somebody wrote about it. Raises KeyError for a column it does not have."""
    columns = {one.column.name: one for one in chosen.columns}
    for change in changes:
        columns[change.name] = _changed(columns[change.name], change)
    table = chosen.table if description is None else replace(chosen.table, description=description)
    return ChosenTable(table, tuple(columns[one.column.name] for one in chosen.columns))


def personal_offered(tables: Sequence[ChosenTable]) -> frozenset[str]:
    """`table.column` of those that hold something of people and are offered all the same."""
    return frozenset(
        f"{table.table.full_name}.{one.column.name}"
        for table in tables
        for one in table.columns
        if one.is_offered and one.personal
    )


def _column(column: Column, looked: Looked, wanted: Collection[str] | None) -> ChosenColumn:
    personal = looked.personal.get(column.name, "")
    values = looked.values.get(column.name, ())
    samples = values if not personal and 0 < len(values) <= MOST_SAMPLES else ()
    usual = not personal and column.name not in looked.unseen
    return ChosenColumn(
        replace(column, samples=samples, is_personal=bool(personal)),
        usual if wanted is None else column.name in wanted,
        personal,
    )


def _changed(one: ChosenColumn, change: ColumnChanges) -> ChosenColumn:
    column, personal, is_offered = one.column, one.personal, one.is_offered
    if change.is_personal is not None and change.is_personal != bool(personal):
        personal = "hand" if change.is_personal else ""
        is_offered = not change.is_personal and is_offered
    if change.is_offered is not None:
        is_offered = change.is_offered
    if change.description is not None:
        column = replace(column, description=change.description)
    if change.samples is not None:
        column = replace(column, samples=change.samples)
    if personal:
        column = replace(column, samples=())
    return ChosenColumn(replace(column, is_personal=bool(personal)), is_offered, personal)
