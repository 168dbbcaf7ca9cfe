"""A database that is used again is as good as new, and one that was changed is not used again."""

from __future__ import annotations

import psycopg
import pytest

from tests.databases import FreshDatabases

_ROW = "INSERT INTO users (id, email, email_key, role) VALUES (gen_random_uuid(), 'a@b.cd', 'a@b.cd', 'user')"
_CHANGES = (
    "CREATE TABLE more (id int)",
    "ALTER TABLE users ADD COLUMN more int",
    "ALTER TABLE users ALTER COLUMN name SET DEFAULT 'x'",
    "ALTER TABLE users NO FORCE ROW LEVEL SECURITY",
    "CREATE POLICY more ON users USING (true)",
    "DROP INDEX collection_files_like",
    "CREATE FUNCTION more() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "GRANT SELECT ON users TO pg_monitor",
    "UPDATE schema_migrations SET name = name || 'x'",
)


@pytest.fixture
def databases(fresh_databases: FreshDatabases) -> FreshDatabases:
    """With one that was used before."""
    with fresh_databases.one() as url, psycopg.connect(url) as owner:
        owner.execute(_ROW)
    return fresh_databases


def _number(url: str) -> int:
    with psycopg.connect(url) as owner:
        row = owner.execute("SELECT oid FROM pg_database WHERE datname = current_database()").fetchone()
    assert row is not None
    return int(row[0])


def test_rows_and_numbers_are_gone_and_the_name_is_another(databases: FreshDatabases) -> None:
    """Nothing is left in any table or index, numbers begin at one, and who stayed connected is thrown out."""
    with databases.one() as first:
        left_behind = psycopg.connect(first, autocommit=True)
        left_behind.execute(_ROW)
        left_behind.execute("SELECT nextval('chunks_id_seq')")
        used = _number(first)
    with databases.one() as second, psycopg.connect(second) as owner:
        users = owner.execute("SELECT count(*), pg_relation_size('users') FROM users").fetchone()
        number = owner.execute("SELECT nextval('chunks_id_seq')").fetchone()
        again = _number(second)

    assert (users, number) == ((0, 0), (1,))
    assert again == used and second != first
    with pytest.raises(psycopg.OperationalError):
        left_behind.execute("SELECT 1")


@pytest.mark.parametrize("change", _CHANGES)
def test_a_changed_schema_is_not_used_again(databases: FreshDatabases, change: str) -> None:
    """Tables, columns, rules, indexes, functions, rights and the list of migrations."""
    with databases.one() as first, psycopg.connect(first) as owner:
        owner.execute(change)
        owner.commit()
        changed = _number(first)
    with databases.one() as second:
        assert _number(second) != changed
