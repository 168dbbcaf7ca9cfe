"""What a SQL Server database shows to the role, what the role could do beside reading, and who could not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from querying.connectors.granting import READER, parts_of, quoted_bracket
from querying.types import Column, ForeignKey, RoleReport, Schema, Table, ValueKind

Rows = Callable[[str], list[tuple[Any, ...]]]

_TABLES = """
SELECT o.object_id, s.name, o.name, o.type, CAST(p.value AS nvarchar(2000)),
  (SELECT SUM(r.rows) FROM sys.partitions r WHERE r.object_id = o.object_id AND r.index_id IN (0, 1))
FROM sys.objects o JOIN sys.schemas s ON s.schema_id = o.schema_id
LEFT JOIN sys.extended_properties p ON p.class = 1 AND p.major_id = o.object_id AND p.minor_id = 0
  AND p.name = 'MS_Description'
WHERE o.type IN ('U', 'V') AND o.is_ms_shipped = 0
  AND HAS_PERMS_BY_NAME(QUOTENAME(s.name) + '.' + QUOTENAME(o.name), 'OBJECT', 'SELECT') = 1
ORDER BY s.name, o.name
"""
_COLUMNS = """
SELECT c.object_id, c.name, t.name, c.max_length, c.precision, c.scale, c.is_nullable,
  CAST(p.value AS nvarchar(2000))
FROM sys.columns c JOIN sys.objects o ON o.object_id = c.object_id AND o.type IN ('U', 'V') AND o.is_ms_shipped = 0
JOIN sys.types t ON t.user_type_id = CASE WHEN c.system_type_id IN (240) THEN c.user_type_id ELSE c.system_type_id END
LEFT JOIN sys.extended_properties p ON p.class = 1 AND p.major_id = c.object_id AND p.minor_id = c.column_id
  AND p.name = 'MS_Description'
ORDER BY c.object_id, c.column_id
"""
_PRIMARY = """
SELECT k.parent_object_id, c.name FROM sys.key_constraints k
JOIN sys.index_columns i ON i.object_id = k.parent_object_id AND i.index_id = k.unique_index_id
JOIN sys.columns c ON c.object_id = i.object_id AND c.column_id = i.column_id
WHERE k.type = 'PK' ORDER BY k.parent_object_id, i.key_ordinal
"""
_FOREIGN = """
SELECT f.parent_object_id, f.object_id, c.name, s.name, o.name, r.name FROM sys.foreign_key_columns k
JOIN sys.foreign_keys f ON f.object_id = k.constraint_object_id
JOIN sys.columns c ON c.object_id = k.parent_object_id AND c.column_id = k.parent_column_id
JOIN sys.objects o ON o.object_id = k.referenced_object_id JOIN sys.schemas s ON s.schema_id = o.schema_id
JOIN sys.columns r ON r.object_id = k.referenced_object_id AND r.column_id = k.referenced_column_id
ORDER BY f.parent_object_id, f.object_id, k.constraint_column_id
"""
_KINDS: dict[str, ValueKind] = {
    **dict.fromkeys(("tinyint", "smallint", "int", "bigint"), "integer"),
    **dict.fromkeys(("decimal", "numeric", "money", "smallmoney"), "decimal"),
    **dict.fromkeys(("float", "real"), "float"),
    "bit": "boolean",
    "date": "date",
    "time": "time",
    **dict.fromkeys(("datetime", "datetime2", "smalldatetime", "datetimeoffset"), "timestamp"),
    **dict.fromkeys(
        ("char", "varchar", "nchar", "nvarchar", "text", "ntext", "uniqueidentifier", "sysname"), "text"
    ),
    **dict.fromkeys(("binary", "varbinary", "image", "timestamp", "rowversion"), "binary"),
}
_WHO = "SELECT SUSER_SNAME(), IS_SRVROLEMEMBER('sysadmin')"
_PERMISSIONS = "SELECT permission_name FROM fn_my_permissions(NULL, '{}')"
_HARMLESS_PERMISSIONS = {"CONNECT", "CONNECT SQL", "VIEW ANY DATABASE", "SHOWPLAN", "CONNECT ANY DATABASE"}
_TELLS = ("VIEW ", "SELECT")
_WRITABLE = """
SELECT TOP 20 s.name + '.' + o.name FROM sys.objects o JOIN sys.schemas s ON s.schema_id = o.schema_id
WHERE o.type IN ('U', 'V') AND o.is_ms_shipped = 0 AND (
  HAS_PERMS_BY_NAME(QUOTENAME(s.name) + '.' + QUOTENAME(o.name), 'OBJECT', 'INSERT') = 1
  OR HAS_PERMS_BY_NAME(QUOTENAME(s.name) + '.' + QUOTENAME(o.name), 'OBJECT', 'UPDATE') = 1
  OR HAS_PERMS_BY_NAME(QUOTENAME(s.name) + '.' + QUOTENAME(o.name), 'OBJECT', 'DELETE') = 1
  OR HAS_PERMS_BY_NAME(QUOTENAME(s.name) + '.' + QUOTENAME(o.name), 'OBJECT', 'ALTER') = 1)
ORDER BY 1
"""
_RUNNABLE = """
SELECT COUNT(*) FROM sys.objects o JOIN sys.schemas s ON s.schema_id = o.schema_id
WHERE o.type IN ('P', 'PC', 'X') AND o.is_ms_shipped = 0
  AND HAS_PERMS_BY_NAME(QUOTENAME(s.name) + '.' + QUOTENAME(o.name), 'OBJECT', 'EXECUTE') = 1
"""
_ROLES = (
    "db_owner",
    "db_datawriter",
    "db_ddladmin",
    "db_securityadmin",
    "db_accessadmin",
    "db_backupoperator",
)
_HARMLESS = ("reads_everything", "reads_server")


def read_schema(rows: Rows, namespaces: Sequence[str]) -> Schema:
    """namespaces: these schemas alone; none: all that the role can read."""
    columns: dict[int, list[Column]] = defaultdict(list)
    for number, name, kind, length, precision, scale, is_nullable, comment in rows(_COLUMNS):
        written = _written(kind, length, precision, scale)
        columns[number].append(
            Column(name, _KINDS.get(kind, "other"), written, bool(is_nullable), comment or "")
        )
    primary: dict[int, list[str]] = defaultdict(list)
    for number, name in rows(_PRIMARY):
        primary[number].append(name)
    foreign: dict[int, dict[int, list[tuple[Any, ...]]]] = defaultdict(lambda: defaultdict(list))
    for number, key, *parts in rows(_FOREIGN):
        foreign[number][key].append(tuple(parts))
    tables = tuple(
        Table(
            name,
            tuple(columns[number]),
            namespace,
            "view" if kind.strip() == "V" else "table",
            comment or "",
            None if count is None else int(count),
            tuple(primary[number]),
            tuple(_foreign_key(parts) for parts in foreign[number].values()),
        )
        for number, namespace, name, kind, comment, count in rows(_TABLES)
        if not namespaces or namespace in namespaces
    )
    return Schema("tsql", tables, default_namespace(namespaces))


def default_namespace(namespaces: Sequence[str]) -> str:
    """The one that may be left out."""
    return "dbo" if not namespaces or "dbo" in namespaces else namespaces[0]


def _foreign_key(parts: Sequence[tuple[Any, ...]]) -> ForeignKey:
    return ForeignKey(
        tuple(part[0] for part in parts), parts[0][2], tuple(part[3] for part in parts), parts[0][1]
    )


def _written(kind: str, length: int, precision: int, scale: int) -> str:
    if kind in ("decimal", "numeric"):
        return f"{kind}({precision},{scale})"
    if kind in ("char", "varchar", "binary", "varbinary"):
        return f"{kind}({'max' if length < 0 else length})"
    if kind in ("nchar", "nvarchar"):
        return f"{kind}({'max' if length < 0 else length // 2})"
    return kind


def read_role(rows: Rows, database: str, tables: Sequence[str]) -> RoleReport:
    """tables: full names of those that a reader should have."""
    name, is_sysadmin = rows(_WHO)[0]
    problems = ["superuser"] if is_sysadmin else []
    if not is_sysadmin:
        told = rows("SELECT " + ", ".join(f"IS_ROLEMEMBER('{role}')" for role in _ROLES))[0]
        problems += [f"member_of:{role}" for role, has in zip(_ROLES, told, strict=True) if has]
        for scope in ("SERVER", "DATABASE"):
            for (permission,) in rows(_PERMISSIONS.format(scope)):
                problems += _of_permission(str(permission).upper(), scope)
        problems += [f"writes:{one}" for (one,) in rows(_WRITABLE)]
        problems += ["executes"] if rows(_RUNNABLE)[0][0] else []
    can_write = any(not one.startswith(_HARMLESS) for one in problems)
    return RoleReport(
        str(name), can_write, bool(is_sysadmin), tuple(problems), sqlserver_grants(database, tables)
    )


def _of_permission(permission: str, scope: str) -> list[str]:
    if permission in _HARMLESS_PERMISSIONS or permission.startswith("VIEW ANY COLUMN"):
        return []
    if permission.startswith(_TELLS):
        return ["reads_everything" if permission.startswith("SELECT") else f"reads_server:{permission}"]
    return [f"privilege:{permission}"]


def sqlserver_grants(database: str, tables: Sequence[str]) -> tuple[str, ...]:
    """A login that can read these tables and do nothing else; the password is chosen by whoever runs this."""
    role = quoted_bracket(READER)
    made = [parts_of(table, "dbo") for table in tables]
    return (
        f"CREATE LOGIN {role} WITH PASSWORD = '<password>'",
        f"USE {quoted_bracket(database)}",
        f"CREATE USER {role} FOR LOGIN {role}",
        *(
            f"GRANT SELECT ON OBJECT::{quoted_bracket(one)}.{quoted_bracket(name)} TO {role}"
            for one, name in made
        ),
    )
