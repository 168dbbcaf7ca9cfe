"""Names written into statements that a database administrator will run: whatever they hold, they stay names."""

from __future__ import annotations

READER = "appliance_reader"


def quoted_double(name: str) -> str:
    """As the standard, PostgreSQL and SQLite want it."""
    return '"' + name.replace("\0", "").replace('"', '""') + '"'


def quoted_back(name: str) -> str:
    """As MySQL and MariaDB want it."""
    return "`" + name.replace("\0", "").replace("`", "``") + "`"


def quoted_bracket(name: str) -> str:
    """As SQL Server wants it."""
    return "[" + name.replace("\0", "").replace("]", "]]") + "]"


def parts_of(table: str, namespace: str) -> tuple[str, str]:
    """Namespace and name of a full name; namespace: where it has none."""
    before, dot, name = table.partition(".")
    return (before, name) if dot else (namespace, table)
