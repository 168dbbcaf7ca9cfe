"""What a MySQL or MariaDB user could do beside reading, as SHOW GRANTS tells, and the statements for one who cannot."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from querying.connectors.granting import READER, parts_of, quoted_back
from querying.types import RoleReport

_NAME = r"(?:`(?:[^`]|``)*`|'(?:[^']|'')*'|\S+?)"
_WHO = rf"{_NAME}(?:@{_NAME})?"
_PRIVILEGES = re.compile(rf"GRANT (?P<what>.+?) ON (?P<where>.+?) TO {_WHO}(?P<more>\s.*)?$", re.S)
_ROLE = re.compile(rf"GRANT (?P<role>{_WHO}) TO ", re.S)
_COLUMNS = re.compile(r"\s*\([^)]*\)")
_READS = {"SELECT", "SHOW VIEW", "USAGE", "SHOW DATABASES"}
_TELLS_OF_THE_SERVER = {"PROCESS", "REPLICATION CLIENT", "BINLOG MONITOR", "SLAVE MONITOR", "REPLICA MONITOR"}
_HARMLESS = ("reads_everything", "reads_server")
_MOST = 20

Rows = Callable[[str], list[tuple[Any, ...]]]


def read_role(rows: Rows, failed: type[Exception], database: str, tables: Sequence[str]) -> RoleReport:
    """rows: runs a query. failed: what it raises where the server refuses one."""
    name = str(rows("SELECT CURRENT_USER()")[0][0])
    problems: list[str] = []
    seen: set[str] = set()
    waiting = ["SHOW GRANTS"]
    if _tells(rows, failed, "SHOW GRANTS FOR PUBLIC"):  # MariaDB from 10.11 on
        waiting.append("SHOW GRANTS FOR PUBLIC")
    while waiting:
        asked = waiting.pop(0)
        lines = _tells(rows, failed, asked)
        if lines is None:
            problems.append(f"unknown_role:{asked.removeprefix('SHOW GRANTS FOR ')}")
            continue
        told, roles = problems_of(lines)
        problems += told
        fresh = [one for one in roles if one not in seen]
        seen.update(fresh)
        waiting += [f"SHOW GRANTS FOR {one}" for one in fresh]
    found = tuple(dict.fromkeys(problems))
    can_write = any(not one.startswith(_HARMLESS) for one in found)
    return RoleReport(name, can_write, "superuser" in found, found[:_MOST], mysql_grants(database, tables))


def _tells(rows: Rows, failed: type[Exception], query: str) -> list[str] | None:
    try:
        return [str(row[0]) for row in rows(query)]
    except failed:
        return None


def problems_of(lines: Sequence[str]) -> tuple[list[str], list[str]]:
    """Of the lines that SHOW GRANTS brings: problem codes, and roles whose grants are to be looked at as well."""
    problems: list[str] = []
    roles: list[str] = []
    for line in lines:
        if found := _PRIVILEGES.match(line):
            problems += _of_privileges(found["what"], found["where"], found["more"] or "")
        elif found := _ROLE.match(line):
            roles.append(found["role"])
        elif not line.startswith("SET DEFAULT ROLE"):
            problems.append("unknown_grant")
    return problems, roles


def _of_privileges(what: str, where: str, more: str) -> list[str]:
    if what.upper() == "PROXY":
        return ["proxy"]
    is_everywhere = where.replace("`", "") == "*.*"
    problems = ["grants_others"] if "WITH GRANT OPTION" in more.upper() else []
    for one in (part.strip().upper() for part in _COLUMNS.sub("", what).split(",")):
        if one in ("ALL PRIVILEGES", "ALL", "SUPER"):
            problems.append("superuser" if is_everywhere else f"writes:{where}")
        elif one == "SELECT" and is_everywhere:
            problems.append("reads_everything")
        elif one in _TELLS_OF_THE_SERVER:
            problems.append(f"reads_server:{one}")
        elif one not in _READS:
            problems.append(f"privilege:{one}" if is_everywhere else f"writes:{where}")
    return problems


def mysql_grants(database: str, tables: Sequence[str]) -> tuple[str, ...]:
    """A user who can read these tables and do nothing else; the password is chosen by whoever runs this."""
    made = [parts_of(table, database) for table in tables]
    return (
        f"CREATE USER '{READER}'@'%' IDENTIFIED BY '<password>' WITH MAX_USER_CONNECTIONS 8",
        *(f"GRANT SELECT ON {quoted_back(one)}.{quoted_back(name)} TO '{READER}'@'%'" for one, name in made),
    )
