"""Data sources on the wire: what administrators send and are told, and what people may ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from appliance.api.account_bodies import Body, Json
from appliance.api.turn_shapes import Writable
from appliance.domain.data import OfferedSource
from appliance.domain.data_sources import (
    ChosenTable,
    DatabaseKind,
    DataSource,
    Drift,
    Grant,
    SourceCaps,
    WholeSource,
)
from appliance.services.data.chosen_tables import ColumnChanges
from appliance.services.data.schema_shape import as_schema_table
from appliance.services.data.source_tables import ReadableTable
from appliance.services.data.sources import EVERYBODY
from querying.types import RoleReport

Text = Annotated[Writable, StringConstraints(max_length=4000)]
Name = Annotated[Writable, StringConstraints(min_length=1, max_length=200)]
TableName = Annotated[Writable, StringConstraints(min_length=1, max_length=600)]
ColumnName = Annotated[Writable, StringConstraints(min_length=1, max_length=300)]
Sample = Annotated[Writable, StringConstraints(max_length=200)]
ConnectionSettings = dict[str, bool | int | Writable | list[Writable] | None]


class CapsBody(Body):
    """Narrower than `[data]`; null or absent: as there."""

    rows: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    mib: Annotated[int, Field(ge=1, le=1024)] | None = None
    timeout_s: Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)] | None = None
    cost: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None

    def caps(self) -> SourceCaps:
        """As the use case takes them."""
        return SourceCaps(self.rows, self.mib, self.timeout_s, self.cost)


class TrialBody(Body):
    """POST /api/data/sources/test. settings: as the kind of database wants them, without a password."""

    kind: DatabaseKind
    settings: ConnectionSettings = Field(max_length=40)


class NewSourceBody(TrialBody):
    """POST /api/data/sources. writable_because: why a role that can write is accepted."""

    name: Name
    description: Text = ""
    caps: CapsBody = Field(default_factory=CapsBody)
    writable_because: Text = ""


class SourceChangesBody(Body):
    """PATCH; absent fields stay as they are."""

    name: Name | None = None
    settings: Annotated[ConnectionSettings, Field(max_length=40)] | None = None
    description: Text | None = None
    caps: CapsBody | None = None
    is_paused: bool | None = None
    writable_because: Text | None = None


class WantedTable(Body):
    """columns null or absent: all that hold nothing of people; of a chosen table those that are offered already."""

    name: TableName
    columns: list[ColumnName] | None = Field(None, max_length=2000)


class ChoiceBody(Body):
    """PUT …/tables: exactly these are chosen."""

    tables: list[WantedTable] = Field(max_length=500)


class ColumnBody(Body):
    """Absent fields stay as they are."""

    name: ColumnName
    description: Text | None = None
    samples: list[Sample] | None = Field(None, max_length=20)
    is_offered: bool | None = None
    is_personal: bool | None = None

    def changes(self) -> ColumnChanges:
        """As the use case takes them."""
        samples = None if self.samples is None else tuple(self.samples)
        return ColumnChanges(self.name, self.description, samples, self.is_offered, self.is_personal)


class DescriptionBody(Body):
    """PATCH …/tables: what people wrote about one chosen table."""

    table: TableName
    description: Text | None = None
    columns: list[ColumnBody] = Field(default_factory=list, max_length=2000)


class GrantBody(Body):
    """PUT …/shares. with: `user:ADDRESS`, `group:NAME`, an id of them, or `everybody`."""

    subject: Annotated[Writable, StringConstraints(min_length=1, max_length=400)] = Field(alias="with")


class QueryBody(Body):
    """POST …/query. values: for each `:name`. is_trial: an administrator tries it, granted or not."""

    sql: Annotated[Writable, StringConstraints(min_length=1, max_length=100_000)]
    values: dict[str, bool | int | float | Writable | None] = Field(default_factory=dict, max_length=100)
    is_trial: bool = False


def source_json(source: DataSource) -> Json:
    """How it is reached, without its secret, and how it is."""
    caps = source.caps
    return {
        "id": str(source.id),
        "name": source.name,
        "kind": source.kind,
        "settings": dict(source.settings),
        "description": source.description,
        "caps": {"rows": caps.rows, "mib": caps.mib, "timeout_s": caps.seconds, "cost": caps.cost},
        "is_paused": source.is_paused,
        "writable_because": source.writable_because or None,
        "problem": {"code": source.problem, "detail": source.problem_detail} if source.problem else None,
        "checked_at": _moment(source.checked_at),
        "read_at": _moment(source.read_at),
        "created_at": _moment(source.created_at),
        "created_by": source.created_by or None,
    }


def states(source: DataSource, tables: int, grants: int, drift: int) -> list[str]:
    """Codes of what keeps it from being asked, or should be looked at; empty: it is as it should be."""
    told: Mapping[str, bool] = {
        "paused": source.is_paused,
        "unanswered": bool(source.problem),
        "no_tables": not tables,
        "nobody": not grants,
        "drifted": bool(drift),
        "role_can_write": bool(source.writable_because),
    }
    return [code for code, holds in told.items() if holds]


def whole_json(whole: WholeSource) -> Json:
    """Everything that an administrator decides about it."""
    source = whole.source
    return {
        **source_json(source),
        "states": states(source, len(whole.tables), len(whole.grants), len(whole.drift)),
        "role": None if source.role is None else role_json(source.role),
        "tables": [chosen_json(table) for table in whole.tables],
        "shares": [grant_json(grant) for grant in whole.grants],
        "drift": [drift_json(one) for one in whole.drift],
    }


def role_json(role: RoleReport) -> Json:
    """What the role could do, and the statements for one that can only read."""
    return {
        "name": role.name,
        "can_write": role.can_write,
        "is_superuser": role.is_superuser,
        "problems": list(role.problems),
        "grants": list(role.grants),
    }


def chosen_json(chosen: ChosenTable) -> Json:
    """A chosen table with all of its columns, offered or not."""
    personal = {one.column.name: one for one in chosen.columns}
    table = as_schema_table(chosen.table)
    for column in table["columns"]:
        one = personal[column["name"]]
        column |= {"is_offered": one.is_offered, "is_personal": bool(one.personal), "because": one.personal}
    return table


def readable_json(readable: ReadableTable) -> Json:
    """A table that the role can read; of a chosen one, what was chosen."""
    table = as_schema_table(readable.table)
    chosen = {} if readable.chosen is None else {one.column.name: one for one in readable.chosen.columns}
    for column in table["columns"]:
        name = column["name"]
        one = chosen.get(name)
        column |= {
            "is_known": readable.chosen is None or one is not None,
            "is_offered": one is not None and one.is_offered,
            "is_personal": bool(one.personal) if one is not None else name in readable.personal,
            "because": one.personal if one is not None else "name" if name in readable.personal else "",
            "description": one.column.description if one is not None else column["description"],
            "samples": list(one.column.samples) if one is not None else [],
        }
    if readable.chosen is not None:
        table["description"] = readable.chosen.table.description
    return {**table, "is_chosen": readable.chosen is not None}


def drift_json(drift: Drift) -> Json:
    """What is not as it was."""
    return {
        "change": drift.change,
        "table": drift.table,
        "column": drift.column or None,
        "was": drift.was or None,
        "becomes": drift.becomes or None,
        "found_at": _moment(drift.found_at),
    }


def grant_json(grant: Grant) -> Json:
    """Who may ask, by id and as people call them."""
    if grant.user_id is not None:
        return {"with": f"user:{grant.user_id}", "kind": "user", "name": grant.name}
    if grant.group_id is not None:
        return {"with": f"group:{grant.group_id}", "kind": "group", "name": grant.name}
    return {"with": EVERYBODY, "kind": EVERYBODY, "name": ""}


def offered_json(offered: Sequence[OfferedSource]) -> list[Json]:
    """What somebody may ask."""
    return [
        {
            "id": str(one.id),
            "name": one.name,
            "kind": one.kind,
            "description": one.description,
            "collection_id": None if one.collection_id is None else f"vs_{one.collection_id.hex}",
            "file_id": None if one.file_id is None else f"file-{one.file_id.hex}",
            "dialect": one.schema.dialect,
            "default_namespace": one.schema.default_namespace,
            "tables": [as_schema_table(table) for table in one.schema.tables],
        }
        for one in offered
    ]


def _moment(moment: datetime | None) -> Any:  # noqa: ANN401 - a string or null
    return None if moment is None else moment.isoformat()
