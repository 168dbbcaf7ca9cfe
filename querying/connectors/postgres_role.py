"""What a PostgreSQL role could do beside reading, and the statements that make one which cannot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg import AsyncConnection

from querying.connectors.granting import READER, parts_of, quoted_double
from querying.types import RoleReport

_ATTRIBUTES = """
SELECT r.rolname, r.rolsuper, r.rolcreatedb, r.rolcreaterole, r.rolreplication, r.rolbypassrls
FROM pg_catalog.pg_roles r WHERE r.rolname = current_user
"""
# What every role is a member of, by any way; some of these can write or run programs without a grant on any table.
_MEMBERSHIPS = """
SELECT r.rolname FROM pg_catalog.pg_roles r
WHERE r.rolname LIKE 'pg\\_%' AND pg_has_role(current_user, r.oid, 'MEMBER') AND NOT
  (SELECT s.rolsuper FROM pg_catalog.pg_roles s WHERE s.rolname = current_user)
ORDER BY 1
"""
_TABLES = """
SELECT n.nspname || '.' || c.relname FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
AND (has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
     OR has_any_column_privilege(c.oid, 'INSERT, UPDATE, REFERENCES'))
ORDER BY 1 LIMIT 20
"""
_SEQUENCES = """
SELECT n.nspname || '.' || c.relname FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname !~ '^pg_'
AND CASE WHEN c.relkind = 'S' THEN has_sequence_privilege(c.oid, 'UPDATE, USAGE') END ORDER BY 1 LIMIT 20
"""
_NAMESPACES = """
SELECT nspname FROM pg_catalog.pg_namespace
WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' AND has_schema_privilege(oid, 'CREATE') ORDER BY 1 LIMIT 20
"""
_DATABASE = "SELECT has_database_privilege(current_database(), 'CREATE')"
_DEFINERS = """
SELECT count(*) FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
WHERE p.prosecdef AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
AND has_schema_privilege(n.oid, 'USAGE') AND has_function_privilege(p.oid, 'EXECUTE')
"""
_WRITING_MEMBERSHIPS = {
    *("pg_write_all_data", "pg_execute_server_program", "pg_read_server_files", "pg_write_server_files"),
    *("pg_maintain", "pg_create_subscription", "pg_signal_backend", "pg_checkpoint", "pg_database_owner"),
}
_ALSO_TOLD = {"pg_read_all_data", "pg_monitor", "pg_read_all_settings", "pg_read_all_stats"}
_HARMLESS = ("bypassrls", "reads_everything", "reads_server", "definer_functions")


async def read_role(connection: AsyncConnection[Any], database: str, tables: Sequence[str]) -> RoleReport:
    """connection: inside a read-only transaction. tables: full names of those that a reader should have."""

    async def column(query: str) -> list[Any]:
        return [row[0] for row in await (await connection.execute(query)).fetchall()]

    attributes = await (await connection.execute(_ATTRIBUTES)).fetchone()
    assert attributes is not None
    name, is_superuser, *others = attributes
    problems = ["superuser"] if is_superuser else []
    words = ("createdb", "createrole", "replication", "bypassrls")
    problems += [word for word, has in zip(words, others, strict=True) if has]
    if not is_superuser:  # who may everything is told that once
        problems += _told_memberships(await column(_MEMBERSHIPS))
        problems += [f"writes:{one}" for one in await column(_TABLES)]
        problems += [f"sequences:{one}" for one in await column(_SEQUENCES)]
        problems += [f"creates_in:{one}" for one in await column(_NAMESPACES)]
        problems += ["creates_schemas"] if (await column(_DATABASE))[0] else []
        problems += ["definer_functions"] if (await column(_DEFINERS))[0] else []
    can_write = any(not one.startswith(_HARMLESS) for one in problems)
    return RoleReport(name, can_write, is_superuser, tuple(problems), postgres_grants(database, tables))


def _told_memberships(names: Sequence[str]) -> list[str]:
    told = [f"member_of:{one}" for one in names if one in _WRITING_MEMBERSHIPS]
    for one in names:
        if one in _ALSO_TOLD:
            told.append("reads_everything" if one == "pg_read_all_data" else f"reads_server:{one}")
    return told


def postgres_grants(database: str, tables: Sequence[str]) -> tuple[str, ...]:
    """A role that can read these tables and do nothing else; its password is chosen by whoever runs this."""
    role, here = quoted_double(READER), quoted_double(database)
    made = [parts_of(table, "public") for table in tables]
    namespaces = sorted({namespace for namespace, _ in made})
    return (
        f"CREATE ROLE {role} LOGIN NOINHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS "
        "CONNECTION LIMIT 8 PASSWORD '<password>'",
        f"ALTER ROLE {role} SET default_transaction_read_only = on",
        f"ALTER ROLE {role} SET statement_timeout = '60s'",
        f"ALTER ROLE {role} SET temp_file_limit = '1GB'",
        f"GRANT CONNECT ON DATABASE {here} TO {role}",
        *(f"REVOKE CREATE ON SCHEMA {quoted_double(one)} FROM PUBLIC" for one in namespaces),
        *(f"GRANT USAGE ON SCHEMA {quoted_double(one)} TO {role}" for one in namespaces),
        *(f"GRANT SELECT ON {quoted_double(one)}.{quoted_double(name)} TO {role}" for one, name in made),
    )
