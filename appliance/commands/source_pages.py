"""What `appliance source …` prints for people. Pure; names that a database gave are shown without control signs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console

from appliance.commands.plain_table import plain_table

Json = Mapping[str, Any]

REMEDIES = {
    "paused": "It is paused; nobody may ask it.",
    "unanswered": "It did not answer last time: {problem}",
    "no_tables": "No tables are chosen: appliance source tables {name}, then appliance source choose {name} TABLE…",
    "nobody": "Nobody may ask it: appliance source share {name} --group NAME",
    "drifted": "It has changed since its tables were chosen: appliance source refresh {name}",
    "role_can_write": "Its role can do more than read; accepted because: {because}",
}
_CHANGES = {
    "table_gone": "{table} is gone; who asks for it is told so.",
    "column_gone": "{table}.{column} is gone (was {was}).",
    "type_changed": "{table}.{column} was {was} and is {becomes} now.",
    "column_new": "{table}.{column} is new ({becomes}); it is not offered.",
}


def list_page(found: Json) -> str:
    """All sources, one below the other."""
    lines = []
    for one in found["data"]:
        lines.append(f"{_plain(one['name'])}  {one['kind']}  {one['table_count']} tables  {one['id']}")
        lines += [f"  {line}" for line in remedies(one)]
    return "\n".join(lines) or (
        f"There are no data sources. Put the password into a file in {found['password_folder']} (mode 600), then: "
        "appliance source add NAME postgres --host … --database … --user … --password-file FILE"
    )


def remedies(one: Json) -> list[str]:
    """What it lacks, each with what to do."""
    problem = (one.get("problem") or {}).get("detail") or ""
    values = {"name": one["name"], "problem": problem, "because": one.get("writable_because") or ""}
    return [_plain(REMEDIES[code].format(**values)) for code in one["states"]]


def added_page(made: Json) -> str:
    """A source that was connected, and what comes next."""
    return "\n".join([f"Connected {_plain(made['name'])}.", *_role(made), *remedies(made)])


def source_page(one: Json) -> str:
    """Everything of one."""
    told = ", ".join(f"{name} {value}" for name, value in one["settings"].items())
    caps = ", ".join(f"{name} {value}" for name, value in one["caps"].items() if value is not None)
    shares = ", ".join(entry["name"] or "everybody" for entry in one["shares"])
    lines = [
        f"{_plain(one['name'])} ({one['kind']}): {_plain(told)}",
        *([_plain(one["description"])] if one["description"] else []),
        f"Bounds of its own: {caps or 'none'}. Read: {one['read_at'] or 'never'}.",
        f"May ask it: {_plain(shares) or 'nobody'}.",
        *remedies(one),
        *_role(one),
        *drift_lines(one["drift"]),
    ]
    offered = [{**table, "is_chosen": True} for table in one["tables"]]
    return "\n".join(lines) + (f"\n\n{tables_page(offered)}" if offered else "")


def tables_page(tables: Sequence[Json]) -> str:
    """Tables with their columns: * chosen, + offered, ! about people."""
    lines = []
    for table in tables:
        mark = "*" if table["is_chosen"] else " "
        rows = "" if table["rows"] is None else f"  about {table['rows']} rows"
        lines.append(f"{mark} {_plain(table['name'])}{rows}  {_plain(table['description'])}".rstrip())
        for column in table["columns"]:
            marks = ("+" if column["is_offered"] else " ") + ("!" if column["is_personal"] else " ")
            said = _plain("  ".join(filter(None, [column["description"], ", ".join(column["samples"])])))
            lines.append(
                f"    {marks} {_plain(column['name'])} {column['type'] or column['kind']}  {said}".rstrip()
            )
    return "\n".join(lines) or "The role can read no table. Grant it SELECT on those to be asked."


def drift_lines(drift: Sequence[Json]) -> list[str]:
    """What is not as it was, a line each."""
    return [_plain(_CHANGES[one["change"]].format(**one)) for one in drift]


def result_page(found: Json) -> str:
    """Rows as a table, and what ran."""
    numbers = {"integer", "decimal", "float"}
    heads = [_plain(one["name"]) + (">" if one["kind"] in numbers else "") for one in found["columns"]]
    table = plain_table(*heads)
    for row in found["rows"]:
        table.add_row(*(_cell(value) for value in row))
    console = Console(width=200, color_system=None, highlight=False, markup=False, emoji=False)
    with console.capture() as captured:
        console.print(table)
    count = found["row_count"]
    more = f", the first {len(found['rows'])} shown" if count > len(found["rows"]) else ""
    cut = " There may be more: the bound was reached." if found["cut"] else ""
    return f"{captured.get().rstrip()}\n\n{count} rows{more}, {found['elapsed_ms']:.0f} ms.{cut}"


def _role(one: Json) -> list[str]:
    role = one.get("role")
    if role is None:
        return []
    lines = [f"Role {_plain(role['name'])}: {'can write' if role['can_write'] else 'can only read'}."]
    if role["problems"]:
        lines.append(f"  It could: {_plain(', '.join(role['problems']))}")
        lines += [f"  {_plain(statement)};" for statement in role["grants"]]
    return lines


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value['bytes']} bytes" if isinstance(value, Mapping) else _plain(str(value))


def _plain(text: str) -> str:
    """Escape sequences of a hostile database do not reach the terminal."""
    return "".join(sign if sign.isprintable() else " " for sign in text)
