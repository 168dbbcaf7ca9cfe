"""Tables, queries and their rows, as every connector tells and takes them. Values only."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from typing import Literal

Dialect = Literal["postgres", "mysql", "sqlite", "tsql", "duckdb"]
"""As sqlglot names them; MariaDB is asked as `mysql`, SQL Server as `tsql`."""

ValueKind = Literal[
    "text", "integer", "decimal", "float", "boolean", "date", "time", "timestamp", "json", "binary", "other"
]


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes that were not fetched, or not kept: only how many there are."""

    size_bytes: int


Value = None | bool | int | float | Decimal | str | date | datetime | time | Blob
"""json and other kinds come as text; an array as its text in the database's own form."""


@dataclass(frozen=True, slots=True)
class Column:
    """database_type: as the database writes it. samples: some values, as text, never of a personal column.

    is_personal: holds data about people; it is not offered, and a query that names it is refused.
    """

    name: str
    kind: ValueKind
    database_type: str = ""
    is_nullable: bool = True
    description: str = ""
    samples: tuple[str, ...] = ()
    is_personal: bool = False


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """columns of this table, in the order of the other table's columns that they point at."""

    columns: tuple[str, ...]
    table: str
    other_columns: tuple[str, ...]
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table or a view. namespace: the database's schema (PostgreSQL, SQL Server) or database (MySQL); else empty.

    rows: roughly, as the database estimates; None where it does not tell.
    """

    name: str
    columns: tuple[Column, ...]
    namespace: str = ""
    kind: Literal["table", "view"] = "table"
    description: str = ""
    rows: int | None = None
    primary_key: tuple[str, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()

    @property
    def full_name(self) -> str:
        """`namespace.name`, or the name alone."""
        return f"{self.namespace}.{self.name}" if self.namespace else self.name


@dataclass(frozen=True, slots=True)
class Schema:
    """What may be asked of one database: only these tables exist. default_namespace: may be left out."""

    dialect: Dialect
    tables: tuple[Table, ...]
    default_namespace: str = ""


@dataclass(frozen=True, slots=True)
class Caps:
    """Bounds of one query. cost: in the planner's own unit, None where it has none or nobody set it."""

    rows: int = 10_000
    bytes: int = 16 * 2**20
    seconds: float = 30.0
    cost: float | None = None


@dataclass(frozen=True, slots=True)
class CheckedQuery:
    """A query that was taken apart, found to read only what may be read, and written anew from the tree.

    sql: as it runs, bounded to caps.rows + 1 rows. shown: the same without the bound, laid out for people.
    tables: full names. columns: (full table name, column). Values of parameters stand in it as literals.
    Only `querying.guard` makes these.
    """

    sql: str
    shown: str
    dialect: Dialect
    tables: frozenset[str]
    columns: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True, slots=True)
class ResultColumn:
    """A column of a result, under the name that the query gave it."""

    name: str
    kind: ValueKind


@dataclass(frozen=True, slots=True)
class Rows:
    """What a query brought. cut: why there may be more than this; None: it is all.

    elapsed_ms: as whoever asked measured it. cost: what the planner had expected, where it says.
    """

    columns: tuple[ResultColumn, ...]
    rows: tuple[tuple[Value, ...], ...]
    cut: Literal["rows", "bytes"] | None = None
    elapsed_ms: float = 0.0
    cost: float | None = None


@dataclass(frozen=True, slots=True)
class RoleReport:
    """What the role that a connector signs in with could do. can_write: anything but reading. problems: codes.

    grants: statements that a database administrator would run for a role that can read the chosen tables only.
    """

    name: str
    can_write: bool
    is_superuser: bool = False
    problems: tuple[str, ...] = ()
    grants: tuple[str, ...] = field(default_factory=tuple)
