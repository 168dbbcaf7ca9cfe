"""Tables as a model reads them: CREATE TABLE with descriptions, example values and keys. Pure.

Whatever comes out of a database is data: one line, cut, without the marks that end the block it stands in.
"""

from __future__ import annotations

import re

from appliance.domain.data import SavedQuestion
from appliance.pipelines.answer_from_data.linking import LinkedTable
from querying.types import Column, Dialect, Schema, Table

_MOST_COLUMNS = 60
_LONGEST_TEXT = 160  # characters of a description
_LONGEST_SAMPLE = 40
_MOST_SAMPLES = 4
_RESERVED_WORDS = (
    "all and any as asc between by case check column constraint create cross current default delete desc distinct drop "
    "else end except exists false for foreign from full grant group having in index inner insert into is join key left "
    "like limit natural not null offset on or order outer primary references right row rows select session set some "
    "table then to top true union unique update user using value values view when where with"
)
_RESERVED = frozenset(_RESERVED_WORDS.split())
"""In one database or another; quotes where they are not needed do no harm."""
_SIMPLE = re.compile(r"[a-z_][a-z0-9_]*")
_SIMPLE_ANY_CASE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def described(linked: LinkedTable, schema: Schema) -> str:
    """One table. Its keys and what the question is about stay where it has too many columns."""
    table = linked.table
    keys = {*table.primary_key, *(name for key in table.foreign_keys for name in key.columns)}
    columns = [one for one in table.columns if not one.is_personal]
    wanted = sorted(range(len(columns)), key=lambda n: (columns[n].name not in keys | linked.columns, n))[
        :_MOST_COLUMNS
    ]
    lines = [_column(columns[n], table, schema.dialect) for n in sorted(wanted)]
    if len(table.primary_key) > 1:
        named = ", ".join(identifier(one, schema.dialect) for one in table.primary_key)
        lines.append(f"  PRIMARY KEY ({named})")
    told = [f"{table.rows} rows"] if table.rows is not None else []
    told += [inert(table.description, _LONGEST_TEXT)] if table.description.strip() else []
    comment = f" -- {'; '.join(told)}" if told else ""
    if len(columns) > len(wanted):
        lines.append(f"  -- {len(columns) - len(wanted)} more columns")
    name = table_name(table, schema)
    return f"CREATE {table.kind.upper()} {name} ({comment}\n" + "\n".join(lines) + "\n);"


def table_name(table: Table, schema: Schema) -> str:
    """As it is to be written; the default namespace is left out."""
    name = identifier(table.name, schema.dialect)
    if not table.namespace or table.namespace == schema.default_namespace:
        return name
    return f"{identifier(table.namespace, schema.dialect)}.{name}"


def identifier(name: str, dialect: Dialect) -> str:
    """A name in quotes where the database would not read it otherwise."""
    pattern = _SIMPLE if dialect == "postgres" else _SIMPLE_ANY_CASE
    is_plain = pattern.fullmatch(name) is not None and name.casefold() not in _RESERVED
    if is_plain:
        return name
    from sqlglot import exp  # here: not every gateway takes SQL apart

    return exp.to_identifier(name, quoted=True).sql(dialect=dialect)


def shown_example(example: SavedQuestion) -> str:
    """A question that people checked, with its SQL."""
    return f"-- {inert(example.question, 2 * _LONGEST_TEXT)}\n{example.sql.strip()}"


def inert(text: str, most: int) -> str:
    """Text of a database as one line that ends nothing and begins nothing."""
    line = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    line = line.replace("<", "‹").replace(">", "›").replace("`", "'")
    return line if len(line) <= most else line[: most - 1] + "…"


def _column(column: Column, table: Table, dialect: Dialect) -> str:
    words = [identifier(column.name, dialect), inert(column.database_type, 40) or column.kind]
    if table.primary_key == (column.name,):
        words.append("PRIMARY KEY")
    told = []
    for key in table.foreign_keys:
        if len(key.columns) == 1 and key.columns[0] == column.name:
            other = identifier(key.table, dialect)
            told.append(f"references {other}.{identifier(key.other_columns[0], dialect)}")
    if column.description.strip():
        told.append(inert(column.description, _LONGEST_TEXT))
    is_key = column.name in table.primary_key or any(column.name in key.columns for key in table.foreign_keys)
    if not is_key and (samples := _samples(column)):
        told.append(f"e.g. {samples}")
    return f"  {' '.join(words)}," + (f" -- {'; '.join(told)}" if told else "")


def _samples(column: Column) -> str:
    mark = "" if column.kind in ("integer", "decimal", "float", "boolean") else "'"
    return ", ".join(f"{mark}{inert(one, _LONGEST_SAMPLE)}{mark}" for one in column.samples[:_MOST_SAMPLES])
