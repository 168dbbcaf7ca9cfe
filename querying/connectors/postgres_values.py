"""PostgreSQL's types as ours: which kind a column is, how its cells are asked for, and how their text is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection, DataError
from psycopg.abc import AdaptContext, Buffer
from psycopg.adapt import Loader
from psycopg.pq import Format
from psycopg.pq.abc import PGresult

from querying.connectors.bounding import CELL_CHARACTERS
from querying.types import Blob, ResultColumn, Value, ValueKind

# Numbers of the types that PostgreSQL brings; they never change (src/include/catalog/pg_type.dat).
_BOOL, _BYTEA, _CHAR, _NAME, _INT8, _INT2, _INT4, _TEXT, _OID = 16, 17, 18, 19, 20, 21, 23, 25, 26
_JSON, _FLOAT4, _FLOAT8, _MONEY, _BPCHAR, _VARCHAR, _DATE, _TIME = 114, 700, 701, 790, 1042, 1043, 1082, 1083
_TIMESTAMP, _TIMESTAMPTZ, _INTERVAL, _TIMETZ, _NUMERIC, _UUID, _JSONB = (
    1114,
    1184,
    1186,
    1266,
    1700,
    2950,
    3802,
)
_SHORT = {
    _UUID,
    _NAME,
    _CHAR,
    _INTERVAL,
    650,
    774,
    829,
    869,
    2205,
    2206,
}  # networks, names of tables and types
_VARHDRSZ = 4

KINDS: dict[int, ValueKind] = {
    _BOOL: "boolean",
    _BYTEA: "binary",
    **dict.fromkeys((_INT2, _INT4, _INT8, _OID), "integer"),
    **dict.fromkeys((_TEXT, _VARCHAR, _BPCHAR, _NAME, _CHAR, _UUID), "text"),
    **dict.fromkeys((_JSON, _JSONB), "json"),
    **dict.fromkeys((_FLOAT4, _FLOAT8), "float"),
    **dict.fromkeys((_NUMERIC, _MONEY), "decimal"),
    _DATE: "date",
    **dict.fromkeys((_TIME, _TIMETZ), "time"),
    **dict.fromkeys((_TIMESTAMP, _TIMESTAMPTZ), "timestamp"),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A column of a result, and what is asked for in its place; sql holds `{}` for it, empty: itself."""

    column: ResultColumn
    sql: str = ""
    is_blob: bool = False
    is_long: bool = False


def asked_columns(result: PGresult) -> list[Asked]:
    """Of a result whose rows were not fetched yet: no cell of any size is asked for, only its beginning or length."""
    return [_asked(result, number) for number in range(result.nfields)]


def _asked(result: PGresult, number: int) -> Asked:
    oid, modifier = result.ftype(number), result.fmod(number)
    name = (result.fname(number) or b"").decode("utf-8", "replace")
    column = ResultColumn(name, KINDS.get(oid, "other"))
    if oid == _BYTEA:
        return Asked(column, "octet_length({})", is_blob=True)
    if oid == _MONEY:  # its text depends on the server's language
        return Asked(column, "({})::numeric")
    if oid in (_VARCHAR, _BPCHAR) and 0 <= modifier - _VARHDRSZ <= CELL_CHARACTERS:
        return Asked(column)
    if oid in _SHORT or column.kind not in ("text", "json", "other"):
        return Asked(column)
    cell = "{}" if oid in (_TEXT, _VARCHAR) else "({})::text"
    return Asked(column, f"left({cell}, {CELL_CHARACTERS + 1})", is_long=True)


def bounded_sql(sql: str, asked: Sequence[Asked]) -> str:
    """sql around which every cell is made short enough; itself where all are."""
    if not any(one.sql for one in asked):
        return sql
    names = [f"c{number}" for number in range(len(asked))]
    cells = [(one.sql or "{}").format(name) for one, name in zip(asked, names, strict=True)]
    return f"SELECT {', '.join(cells)} FROM (\n{sql}\n) AS q({', '.join(names)})"  # noqa: S608 - checked SQL


def cells_of(row: Sequence[Any], asked: Sequence[Asked]) -> tuple[Value, ...]:
    """What psycopg read, with lengths in the place of bytes."""
    return tuple(
        Blob(cell) if one.is_blob and cell is not None else cell for cell, one in zip(row, asked, strict=True)
    )


def read_leniently(connection: AsyncConnection[Any]) -> None:
    """Dates that Python has no word for (infinity, before Christ, the year 10000) and broken letters come as text."""
    adapters = connection.adapters
    for oid in (_DATE, _TIME, _TIMETZ, _TIMESTAMP, _TIMESTAMPTZ):
        inner = adapters.get_loader(oid, Format.TEXT)
        if inner is not None:
            adapters.register_loader(oid, _lenient(inner))
    for oid in (_INTERVAL, _JSON, _JSONB, _UUID):
        adapters.register_loader(oid, _TextLoader)
    if connection.info.parameter_status("server_encoding") == "SQL_ASCII":
        for oid in (0, _TEXT, _VARCHAR, _BPCHAR, _NAME):
            adapters.register_loader(oid, _TextLoader)


class _TextLoader(Loader):
    def load(self, data: Buffer) -> str:
        return bytes(data).decode("utf-8", "replace")


def _lenient(inner: type[Any]) -> type[Loader]:
    class Lenient(Loader):
        def __init__(self, oid: int, context: AdaptContext | None = None) -> None:
            super().__init__(oid, context)
            self._load = inner(oid, context).load

        def load(self, data: Buffer) -> Any:  # noqa: ANN401 - what the type is read as
            try:
                return self._load(data)
            except (DataError, ValueError):
                return bytes(data).decode("utf-8", "replace")

    return Lenient
