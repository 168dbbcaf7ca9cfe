"""What the database itself holds back, asked of its own catalogue and of its roles.

The viewer is a setting of the transaction, so row-level security is a net under forgotten conditions and not a wall
against somebody who can run SQL of their own as the gateway's role.
"""

from __future__ import annotations

from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from appliance.domain.people import Role, Viewer
from appliance.storage.database import Database

WITHOUT_RLS = {
    "users": "read to find out whose eyes a request has; the worker sees five columns",
    "groups": "read to find out whose eyes a request has",
    "group_members": "read to find out whose eyes a request has",
    "sessions": "read to find out whose eyes a request has; hashes only",
    "api_keys": "read to find out whose eyes a request has; hashes only",
    "one_time_links": "used by who has no account yet; hashes only",
    "identity_links": "read to find out whose eyes a request has; names at the company's provider",
    "session_proofs": "asked about by who checks sign-ins again; the tokens are sealed",
    "account_events": "written before anybody is signed in; administrators and auditors read it, by the use case",
    "limits": "read by every process to decide whose turn it is; says what somebody may use, not what they asked",
    "budgets": "the same in money",
    "budget_warnings": "and that one was reached: sums, no text",
    "leaving_policy": "one row, read for every decision whether a request may leave; how narrow the operators are",
    "leaving_rules": "the same: who and which model stays; says what may be done, not what was asked",
    "prompt_versions": "the words with which models are asked, by administrators; every process reads them",
    "prompts_in_force": "which of them counts",
    "pipeline_versions": "declared pipelines, by administrators; every process reads them",
    "index_generations": "numbers of collections and how often they changed; caches compare them",
    "retired_versions": "ids of replaced documents and with whose eyes they are removed; no text",
    "canary_runs": "counts of probes; routes and roles, no text",
    "blobs": "hash, size and count of bytes on disk; says nothing of whose they are",
    "gateway_workers": "processes, not people",
    "embedding_models": "names and states of embedding models; nothing of what is in the index",
    "embedding_progress": "counts of vectors by collection; no text",
    "schema_migrations": "names of migrations",
    "procrastinate_jobs": "ids of documents to read; the jobs' own schema",
    "procrastinate_events": "the jobs' own schema",
    "procrastinate_periodic_defers": "the jobs' own schema",
    "procrastinate_workers": "the jobs' own schema",
}
OWN_DEFINERS = {
    "add_up_answer_times",
    "count_blob_reference",
    "count_index_generation",
    "count_usage",
    "failed_documents",
    "failed_readings",
    "failed_turns",
    "give_collection",
    "mark_collection",
    "markable_collections",
    "pipeline_surroundings",
    "rating_counts",
    "shared_turn_texts",
    "unanswered_counts",
    "unanswered_questions",
    "unanswered_total",
    "viewer_hidden_collections",
    "viewer_turns_with",
}
ANA, BEN = Viewer(uuid4()), Viewer(uuid4())


def test_every_table_is_protected_or_has_a_reason(owner_url: str) -> None:
    """Row-level security is on, forced on the owner too, and has a policy; a new table must do the same or say why."""
    with psycopg.connect(owner_url) as connection:
        tables = connection.execute(
            "SELECT relname, relrowsecurity AND relforcerowsecurity,"
            " (SELECT count(*) FROM pg_policy WHERE polrelid = c.oid) FROM pg_class c"
            " WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"
        ).fetchall()
        views = connection.execute(
            "SELECT relname FROM pg_class WHERE relkind IN ('v', 'm', 'f') AND relnamespace = 'public'::regnamespace"
        ).fetchall()

    open_tables = {name for name, is_forced, _ in tables if not is_forced}
    assert open_tables == WITHOUT_RLS.keys()
    assert all(policies > 0 for _, is_forced, policies in tables if is_forced)
    assert views == []  # a view reads with its owner's rights


def test_the_roles_below_the_owner_can_step_around_nothing(owner_url: str) -> None:
    """They own no table, are no superusers, and only maintenance sees every row."""
    with psycopg.connect(owner_url) as connection:
        roles = connection.execute(
            "SELECT rolname, rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication, rolbypassrls"
            " FROM pg_roles WHERE rolname IN ('appliance_api', 'appliance_worker', 'appliance_maintenance') ORDER BY 1"
        ).fetchall()
        owned = connection.execute(
            "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            " AND relowner IN (SELECT oid FROM pg_roles WHERE rolname IN"
            " ('appliance_api', 'appliance_worker', 'appliance_maintenance'))"
        ).fetchone()
        definers = connection.execute(
            "SELECT proname FROM pg_proc WHERE prosecdef AND pronamespace = 'public'::regnamespace"
        ).fetchall()

    assert roles == [
        ("appliance_api", False, False),
        ("appliance_maintenance", False, True),
        ("appliance_worker", False, False),
    ]
    assert owned == (0,)
    assert {name for (name,) in definers} == OWN_DEFINERS


async def _collection_of(database: Database, viewer: Viewer) -> UUID:
    collection_id = uuid4()
    async with database.viewing(viewer) as connection:
        await connection.execute(
            "INSERT INTO collections (id, name, owner_user_id, created_by) VALUES (%s, 'Hers', %s, %s)",
            (collection_id, viewer.user_id, viewer.user_id),
        )
    return collection_id


async def _count(database: Database, viewer: Viewer | None, statement: str) -> int:
    async with database.viewing(viewer) if viewer else database.transaction() as connection:
        return (await connection.execute(statement)).rowcount


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM collections",
        "UPDATE collections SET name = 'His'",
        "UPDATE collections SET owner_user_id = viewer_id()",
        "DELETE FROM collections",
    ],
)
async def test_a_forgotten_condition_reaches_nobody_else(database: Database, statement: str) -> None:
    """Without a WHERE, somebody else, an administrator, an auditor and nobody reach no row; its owner does."""
    await _collection_of(database, ANA)
    strangers = [BEN, Viewer(uuid4(), role=Role.ADMIN), Viewer(uuid4(), role=Role.AUDITOR), None]

    reached = [await _count(database, viewer, statement) for viewer in strangers]

    assert reached == [0, 0, 0, 0]
    assert await _count(database, ANA, statement) == 1


async def test_nobody_gives_a_row_to_somebody_else(database: Database) -> None:
    """A row of one's own cannot be written in another name, nor moved into it."""
    collection_id = await _collection_of(database, ANA)
    for statement in (
        "INSERT INTO collections (id, name, owner_user_id, created_by) VALUES (uuidv7(), 'x', %s, %s)",
        "UPDATE collections SET owner_user_id = %s, created_by = %s",
        "INSERT INTO conversations (id, user_id, title) SELECT uuidv7(), %s, %s::text",
    ):
        with pytest.raises(InsufficientPrivilege):
            async with database.viewing(ANA) as connection:
                await connection.execute(statement, (BEN.user_id, BEN.user_id))

    async with database.viewing(ANA) as connection:
        rows = await (await connection.execute("SELECT id, owner_user_id FROM collections")).fetchall()
    assert rows == [(collection_id, ANA.user_id)]


async def test_the_viewer_ends_with_its_transaction(database: Database) -> None:
    """The next user of a pooled connection begins with nobody's eyes."""
    await _collection_of(database, ANA)

    for _ in range(10):
        assert await _count(database, None, "SELECT * FROM collections") == 0


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT password_hash FROM users",
        "SELECT * FROM users",
        "UPDATE users SET role = 'admin'",
        "SELECT * FROM sessions",
        "SELECT * FROM api_keys",
        "SELECT * FROM one_time_links",
        "SELECT * FROM account_events",
        "SELECT * FROM conversations",
        "SELECT * FROM turns",
        "SELECT * FROM turn_events",
        "INSERT INTO group_members SELECT uuidv7(), uuidv7()",
        "UPDATE files SET owner_id = uuidv7()",
        "DELETE FROM collections",
        "CREATE TABLE mine (x int)",
        "SET ROLE appliance_api",
        "ALTER TABLE chunks DISABLE ROW LEVEL SECURITY",
        "SELECT pg_read_file('/etc/passwd')",
        "COPY chunks TO PROGRAM 'cat'",
    ],
)
async def test_the_worker_may_not(worker_database: Database, statement: str) -> None:
    """Who reads documents of strangers has no way to credentials, conversations or rights."""
    with pytest.raises(InsufficientPrivilege):
        async with worker_database.transaction() as connection:
            await connection.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE account_events SET action = 'x'",
        "DELETE FROM account_events",
        "DELETE FROM requests",
        "DELETE FROM users",
        "INSERT INTO chunks (collection_id) VALUES (uuidv7())",
        "UPDATE pages SET text = 'x'",
        "CREATE TABLE mine (x int)",
        "SET ROLE appliance_maintenance",
        "SET row_security = off; SELECT * FROM chunks",
        "ALTER TABLE collections NO FORCE ROW LEVEL SECURITY",
        "UPDATE blobs SET refs = 0",
        "SELECT pg_read_file('/etc/passwd')",
        "COPY users TO PROGRAM 'cat'",
        "SELECT rolpassword FROM pg_authid",
    ],
)
async def test_the_gateway_may_not(database: Database, statement: str) -> None:
    """What was done to accounts and what was used stays written; the index and the rules are not its to change."""
    with pytest.raises(InsufficientPrivilege):
        async with database.transaction() as connection:
            for part in statement.split(";"):
                await connection.execute(part)
