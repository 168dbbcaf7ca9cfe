"""Who was removed is nowhere any more: every column of every table is looked at, every file, and all that Valkey holds.

What stays is listed here with its reason; a new column that names people has to be covered, and be empty or be listed.
"""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from redis.asyncio import Redis

from appliance.bootstrap.removal import remove_person
from appliance.services.canaries.paper import pdf_of
from tests.conftest import Servers
from tests.knowledge_harness import data, embedder_home
from tests.waiting import until
from tests.whole_gateway import PASSWORD, WholeGateway, whole_gateway

__all__ = ["data", "embedder_home"]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

MODEL = "answer-with-sources"
WORD = "Zebrafink"  # stands in everything that she wrote
KEPT = {
    ("account_events", "actor_id"): "the audit says who did what, as an id that names nobody any more",
    ("account_events", "subject_id"): "and to whom",
    ("account_events", "detail"): "and whose a collection was that was given away, as an id",
    ("receipts", "deleted_by"): "a receipt says who deleted, as an id",
    ("receipts", "subject_id"): "and that this person was deleted",
    ("requests", "user_id"): "the ledger of what was used: numbers",
    ("usage_hours", "user_id"): "the same by the hour",
    (
        "leaving_decisions",
        "user_id",
    ): "for whom something left the box or stayed: an id and a reason, no word",
    ("collections", "created_by"): "who made what a group keeps",
    ("file_batches", "created_by"): "who added what a group keeps",
    ("collection_shares", "created_by"): "who shared what a group keeps",
    ("one_time_links", "created_by"): "who invited somebody who is still there",
}
_PEOPLE = """
SELECT c.table_name, c.column_name
FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE' AND c.data_type = 'uuid'
  AND (c.column_name ~ '(^|_)(user|owner|actor)(_user)?_id$'
       OR c.column_name IN ('created_by', 'deleted_by', 'subject_id'))
UNION
SELECT k.table_name, k.column_name FROM information_schema.key_column_usage k
    JOIN information_schema.referential_constraints r USING (constraint_schema, constraint_name)
    JOIN information_schema.constraint_column_usage u ON u.constraint_name = r.unique_constraint_name
WHERE u.table_name = 'users' AND u.column_name = 'id' AND k.table_schema = 'public'
"""
# What takes an identity provider, or an operator, to make.
_BY_HAND = (
    "INSERT INTO identity_links (issuer, subject, user_id) VALUES ('https://id.example', 'zebra', %s)",
    "INSERT INTO limits (user_id, kind, most) VALUES (%s, 'tokens_per_day', 1000000000)",
    "INSERT INTO budgets (subject_kind, user_id, span, covers, micros) VALUES ('user', %s, 'day', 'all', 1000000)",
    "INSERT INTO budget_warnings (user_id, span, covers, started_at, level, micros, spent)"
    " VALUES (%s, 'day', 'all', now(), 50, 1000000, 500000)",
    "WITH made AS (INSERT INTO data_sources (name, name_key, kind, settings, created_by)"
    " VALUES ('Shop', 'shop', 'sqlite', '{}', %s) RETURNING id, created_by)"
    " INSERT INTO data_grants (source_id, user_id, created_by) SELECT id, created_by, created_by FROM made",
    "INSERT INTO saved_questions (id, source_id, database_id, owner_id, question, language, sql)"
    " SELECT uuidv7(), id, id, %s, 'How much?', 'en', 'SELECT 1' FROM data_sources",
    "WITH kept AS (INSERT INTO data_results (id, user_id, source_id, source_name, sql, tables, columns, row_count,"
    " elapsed_ms, ran_at, size_bytes) SELECT uuidv7(), %s, id, name, 'SELECT 1', '{}', '[]', 1, 1, now(), 1"
    " FROM data_sources RETURNING id, user_id)"
    " INSERT INTO data_result_pages (result_id, user_id, first_row, body) SELECT id, user_id, 0, '' FROM kept",
    "INSERT INTO prompt_versions (purpose, number, texts, created_by) VALUES ('follow-up', 1, '{}', %s)",
    "INSERT INTO prompts_in_force (purpose, number, set_by) VALUES ('follow-up', 1, %s)",
    "INSERT INTO pipeline_versions (name, number, hash, content, via, saved_by)"
    " VALUES ('letter', 1, repeat('0', 64), '', 'page', %s)",
    "INSERT INTO leaving_rules (effect, user_id) VALUES ('stays', %s)",
    "INSERT INTO leaving_decisions (id, happened_at, user_id, model, reason, leaves, code, why)"
    " SELECT uuidv7(), now(), %s, 'tiny', 'local_down', false, 'never', 'Nothing may leave.'",
    "INSERT INTO tool_servers (name, url, is_outside, created_by) VALUES ('crm', 'http://10.1.2.3/mcp', false, %s)",
    "INSERT INTO server_tools (server_id, name, title, description, input_schema, says_read_only, fingerprint,"
    " approved_by) SELECT id, 'echo', '', '', '{}', true, 'f', %s FROM tool_servers",
    "INSERT INTO tool_grants (server_id, user_id) SELECT id, %s FROM tool_servers",
    "INSERT INTO tool_consents (server_id, user_id, tool, answer, fingerprint)"
    " SELECT id, %s, 'echo', 'always', 'f' FROM tool_servers",
    "INSERT INTO tool_calls (user_id, via, tool, outcome, ms, argument_bytes, arguments_sha256, result_bytes,"
    " request_id) VALUES (%s, 'mcp', 'ask', 'done', 1, 2, '', 3, 'r')",
    "INSERT INTO one_time_links (kind, user_id, token_hash, created_at, expires_at)"
    " SELECT 'password_reset', %s, sha256('zebra'::bytea), now(), now() + interval '1 hour'",
)
_TABLES = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"


def places_of(owner_url: str, wanted: str) -> dict[tuple[str, str], int]:
    """(table, column) → rows in which that stands, in whatever form."""
    found: dict[tuple[str, str], int] = {}
    with psycopg.connect(owner_url) as connection:
        for (table,) in connection.execute(_TABLES).fetchall():
            query = f"SELECT to_jsonb(t) FROM {table} t WHERE strpos(lower(t::text), lower(%s)) > 0"
            for (row,) in connection.execute(query.encode(), (wanted,)):
                for column, value in row.items():
                    if wanted.lower() in str(value).lower():
                        found[table, column] = found.get((table, column), 0) + 1
    return found


def columns_of_people(owner_url: str) -> set[tuple[str, str]]:
    """Every column that refers to a person, by its name or by its foreign key."""
    with psycopg.connect(owner_url) as connection:
        return {(table, column) for table, column in connection.execute(_PEOPLE)}


async def held_in_valkey(valkey: Redis, wanted: str) -> set[bytes]:
    """Names of keys that hold it in name or value."""
    found = set()
    async for name in valkey.scan_iter("*"):
        dumped = await valkey.dump(name)
        if wanted.encode() in name or (dumped is not None and wanted.encode() in dumped):
            found.add(name)
    return found


def files_with(folder: Path, wanted: str) -> list[Path]:
    """Below a folder, in name or content."""
    return [
        path
        for path in folder.rglob("*")
        if path.is_file() and (wanted in path.name or wanted.encode() in path.read_bytes())
    ]


async def everything_of(one: WholeGateway, group: str) -> None:
    """root works here for a day: something in every place that there is."""
    me, words = "root", f"# {WORD}\n\nThe {WORD} is fed at nine.\n".encode()
    for owner in ("user", f"group:{group}"):
        store = (await one.ok(me, "POST", "/v1/vector_stores", {"name": f"{WORD} {owner}", "owner": owner}))[
            "id"
        ]
        file = await one.upload(me, f"{WORD}.md", words + owner.encode())
        await one.ok(me, "POST", f"/v1/vector_stores/{store}/file_batches", {"file_ids": [file]})
        await one.read(me, f"/v1/vector_stores/{store}/files/{file}")
        newer = await one.upload(me, f"{WORD}.md", words + b"newer " + owner.encode())
        added = {"file_id": newer, "replaces": file}
        await one.ok(me, "POST", f"/v1/vector_stores/{store}/files", added)
        await one.read(me, f"/v1/vector_stores/{store}/files/{newer}")
        await one.ok(
            me, "PUT", f"/api/collections/{store}/shares", {"with": "luis@example.com", "access": "read"}
        )
    theirs = (await one.ok("luis", "POST", "/v1/vector_stores", {"name": "Luis"}))["id"]
    await one.ok(
        "luis", "PUT", f"/api/collections/{theirs}/shares", {"with": "root@example.com", "access": "write"}
    )
    given = (await one.ok(me, "POST", "/v1/vector_stores", {"name": "Given"}))["id"]
    await one.ok(me, "PATCH", f"/api/collections/{given}", {"owner": "luis@example.com"})
    chat = (await one.ok(me, "POST", "/api/conversations", {"title": WORD}))["id"]
    files = f"/api/conversations/{chat}/files"
    dropped = await one.upload(me, f"{WORD}.pdf", pdf_of([f"The {WORD} is fed at nine."]), files)
    await one.read(me, f"{files}/{dropped}")
    await one.ok(me, "GET", f"/api/documents/{dropped}/pages/1?format=image")
    asking = {"question": f"When is the {WORD} fed?", "model": MODEL, "conversation_id": chat}
    turn = (await one.ok(me, "POST", "/api/turns", asking))["id"]
    await one.ok(me, "GET", f"/api/turns/{turn}/events")
    await one.ok(me, "PUT", f"/api/turns/{turn}/feedback", {"rating": "down", "comment": WORD})
    await one.ok(me, "POST", "/v1/responses", {"model": MODEL, "input": asking["question"], "store": True})
    await one.ok(me, "DELETE", f"/v1/files/{await one.upload(me, 'gone.md', words)}")
    await one.ok(me, "PATCH", "/api/me", {"instructions": f"Think of the {WORD}."})
    await one.ok(me, "POST", "/api/users", {"email": "new@example.com", "invite": True})
    headers = {"sec-fetch-site": "same-origin"}
    sign_in = {"email": "root@example.com", "password": PASSWORD}
    async with one.session.post("/api/sessions", json=sign_in, headers=headers) as answer:
        assert answer.status == 201


async def test_every_trace_goes_or_has_a_reason(
    owner_url: str, servers: Servers, embedder_home: Path, data: Path
) -> None:
    """Rows, files, pictures, memories: what was theirs is gone; ids that stay are listed; no word is left."""
    async with (
        whole_gateway(owner_url, servers, embedder_home, data) as one,
        Redis.from_url(servers.valkey.url) as valkey,
    ):
        root = str(one.people["root"].id)
        await one.ok("root", "PATCH", f"/api/users/{one.people['luis'].id}", {"role": "admin"})
        group = (await one.ok("root", "POST", "/api/groups", {"name": "Zoo"}))["id"]
        both = [root, str(one.people["luis"].id)]
        await one.send("root", "PUT", f"/api/groups/{group}/members", {"user_ids": both})
        await everything_of(one, group)
        with psycopg.connect(owner_url) as connection:
            for statement in _BY_HAND:
                connection.execute(statement, (root,))

        async def is_billed() -> bool:  # usage is written a moment behind the answer
            return ("usage_hours", "user_id") in places_of(owner_url, root)

        await until(is_billed)
        people, before = columns_of_people(owner_url), places_of(owner_url, root)
        receipt = await remove_person(one.box, "root@example.com", "luis@example.com")
        in_valkey = await held_in_valkey(valkey, root), await held_in_valkey(valkey, WORD)

    only_after = {("receipts", "subject_id")}
    assert people - before.keys() - only_after == set(), (
        "of these nothing is tested: nothing of hers stood there before"
    )
    assert places_of(owner_url, root).keys() - KEPT.keys() == set()
    assert KEPT.keys() - before.keys() - only_after == set(), "not needed"
    assert places_of(owner_url, "root@example.com") == {}
    theirs = {("collections", "name"), ("files", "filename"), ("collection_files", "filename"),
              ("pages", "text"), ("chunks", "text"), ("chunks", "headings"), ("chunks", "terms"), ("postings", "term"),
              ("terms", "term"), ("collection_files", "source")}  # fmt: skip
    assert places_of(owner_url, WORD).keys() - theirs == set()  # the group's copy stays
    assert in_valkey == (set(), set())
    assert {"users", "turns", "responses", "memories", "live_texts", "page_images", "blobs"} <= {
        name for name, count in receipt.removed.items() if count
    }
    left = files_with(data, WORD)
    assert all(WORD.encode() in path.read_bytes() for path in left) and len(left) == 2, (
        left
    )  # the group's two versions
