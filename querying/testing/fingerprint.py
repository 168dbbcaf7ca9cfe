"""A hash over everything a database has: tables, rows, views, functions, roles, settings.

What was written anywhere in it changes it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

Fetch = Callable[[str], Sequence[Sequence[Any]]]
"""Runs a statement as an owner and returns all rows."""

_POSTGRES_CATALOGS = (
    "SELECT c.oid::bigint, n.nspname, c.relname, c.relkind, c.relacl::text, pg_get_viewdef(c.oid) FROM pg_class c "
    "JOIN pg_namespace n ON n.oid = relnamespace WHERE n.nspname NOT LIKE 'pg_toast%' AND n.nspname <> 'pg_catalog' "
    "ORDER BY 1",
    "SELECT attrelid::bigint, attname, atttypid::bigint, attnotnull FROM pg_attribute WHERE attrelid >= 16384 "
    "ORDER BY 1, 2",
    "SELECT oid::bigint, proname, prosrc, proacl::text FROM pg_proc WHERE oid >= 16384 ORDER BY 1",
    "SELECT rolname, rolsuper, rolcanlogin, rolpassword FROM pg_authid ORDER BY 1",
    "SELECT setdatabase::bigint, setrole::bigint, setconfig::text FROM pg_db_role_setting ORDER BY 1, 2",
    "SELECT datname FROM pg_database ORDER BY 1",
    "SELECT nspname, nspacl::text FROM pg_namespace WHERE nspname NOT LIKE 'pg_temp%' AND nspname NOT LIKE 'pg_toast%' "
    "ORDER BY 1",
    "SELECT oid::bigint FROM pg_largeobject_metadata ORDER BY 1",
    "SELECT extname, extversion FROM pg_extension ORDER BY 1",
    "SELECT tgname, tgrelid::bigint FROM pg_trigger ORDER BY 1, 2",
    "SELECT schemaname, sequencename, last_value FROM pg_sequences ORDER BY 1, 2",
    "SELECT classid, objid, objsubid, locktype FROM pg_locks WHERE locktype = 'advisory' ORDER BY 1, 2, 3",
)
_POSTGRES_TABLES = (
    "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace "
    "WHERE relkind IN ('r', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') ORDER BY 1"
)
_MYSQL_CATALOGS = (
    "SELECT table_schema, table_name, table_type FROM information_schema.tables WHERE table_schema NOT IN "
    "('information_schema', 'performance_schema', 'sys', 'mysql') ORDER BY 1, 2",
    "SELECT table_schema, table_name, column_name, column_type, is_nullable FROM information_schema.columns "
    "WHERE table_schema NOT IN ('information_schema', 'performance_schema', 'sys', 'mysql') ORDER BY 1, 2, 3",
    "SELECT routine_schema, routine_name FROM information_schema.routines WHERE routine_schema <> 'sys' ORDER BY 1, 2",
    "SELECT grantee, privilege_type FROM information_schema.user_privileges ORDER BY 1, 2",
    "SELECT schema_name FROM information_schema.schemata ORDER BY 1",
)
_MYSQL_TABLES = (
    "SELECT concat('`', table_schema, '`.`', table_name, '`') FROM information_schema.tables WHERE table_type = "
    "'BASE TABLE' AND table_schema NOT IN ('information_schema', 'performance_schema', 'sys', 'mysql') ORDER BY 1"
)


def postgres_fingerprint(fetch: Fetch) -> str:
    """fetch: as a superuser, outside the transaction that is looked at."""
    tables = [str(row[0]) for row in fetch(_POSTGRES_TABLES)]
    rows = [f"SELECT t::text FROM {table} t ORDER BY 1" for table in tables]  # noqa: S608 - of the catalog
    return _hashed(fetch, [*_POSTGRES_CATALOGS, *rows])


def mysql_fingerprint(fetch: Fetch) -> str:
    """Of MySQL or MariaDB."""
    rows = [f"SELECT * FROM {row[0]} ORDER BY 1, 2" for row in fetch(_MYSQL_TABLES)]  # noqa: S608 - of the catalog
    return _hashed(fetch, [*_MYSQL_CATALOGS, *rows])


def sqlite_fingerprint(fetch: Fetch) -> str:
    """Of a SQLite file."""
    tables = [str(row[0]) for row in fetch("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1")]
    catalogs = [
        "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY 1, 2",
        "PRAGMA user_version",
        "PRAGMA application_id",
        "PRAGMA schema_version",
        "PRAGMA database_list",
    ]
    rows = [f'SELECT rowid, * FROM "{table}" ORDER BY 1' for table in tables]  # noqa: S608 - of the catalog
    return _hashed(fetch, [*catalogs, *rows])


def _hashed(fetch: Fetch, statements: Sequence[str]) -> str:
    digest = hashlib.sha256()
    for part in _parts(fetch, statements):
        digest.update(part)
    return digest.hexdigest()


def _parts(fetch: Fetch, statements: Sequence[str]) -> Iterator[bytes]:
    for statement in statements:
        yield statement.encode()
        for row in fetch(statement):
            yield repr(tuple(row)).encode()
