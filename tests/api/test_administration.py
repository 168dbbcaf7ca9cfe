"""What administrators are told: audit, feedback, failed work, exports – and what everybody else is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from redis.asyncio import Redis

from appliance.api.csv_exports import harmless
from appliance.domain.people import AccountEvent, Role, Viewer
from appliance.storage.accounts import record_event
from appliance.storage.database import Database
from tests.accounts_world import signed_in
from tests.administration_world import Office, as_owner, opened_office, table_of


@pytest.fixture
async def office(database: Database, valkey: Redis) -> AsyncIterator[Office]:
    """Four people, about whom nothing is known yet."""
    async with opened_office(database, valkey) as opened:
        yield opened


# Who may ----------------------------------------------------------------------------------------------------

READ_BY_AUDITORS = ("/audit", "/users?format=csv", "/users/ID/sessions", "/usage?by=group", "/usage?user=ID")
READ_BY_ADMINISTRATORS = ("/feedback", "/feedback?format=csv", "/jobs")
DONE_BY_ADMINISTRATORS = (
    ("DELETE", "/users/ID/sessions"),
    ("DELETE", "/users/ID/sessions/ID"),
    ("POST", "/jobs/job-1/retry"),
)


async def test_routes_of_administrators_are_closed_to_everybody_else(office: Office) -> None:
    """A 403 for people on every one, for auditors where they have no business, and a 401 for nobody."""
    somebody = str(office.ids["admin"])
    reads = [("GET", path) for path in READ_BY_AUDITORS + READ_BY_ADMINISTRATORS]
    for method, path in [*reads, *DONE_BY_ADMINISTRATORS, ("GET", "/audit?format=csv")]:
        path = path.replace("ID", somebody)
        assert (await office.call(method, path, "ana")).status_code == 403, (method, path)
        assert (await office.worker.client.request(method, f"/api{path}")).status_code == 401, path
    for path in READ_BY_AUDITORS:
        path = path.replace("ID", str(office.ids["ana"]))
        assert (await office.call("GET", path, "auditor")).status_code == 200, path
    for method, path in [*(("GET", path) for path in READ_BY_ADMINISTRATORS), *DONE_BY_ADMINISTRATORS]:
        path = path.replace("ID", str(office.ids["ana"]))
        assert (await office.call(method, path, "auditor")).status_code == 403, (method, path)
    for path in READ_BY_ADMINISTRATORS:
        assert (await office.call("GET", path)).status_code == 200, path


async def test_what_is_somebody_else_s_is_not_there(office: Office) -> None:
    """By every verb: her profile, sign-ins and keys are a 404 for another person, as if there were none."""
    ana = await signed_in(office.worker)
    (session,) = (await ana.get("/api/sessions")).json()["data"]
    (key,) = (await ana.get("/api/keys")).json()["data"]
    hers = (
        ("GET", f"/users/{office.ids['ana']}"),
        ("DELETE", f"/sessions/{session['id']}"),
        ("DELETE", f"/keys/{key['id']}"),
    )

    answers = {path: (await office.call(method, path, "bea")).status_code for method, path in hers}

    assert set(answers.values()) == {404}, answers
    assert (await ana.get("/api/me")).status_code == 200
    assert (await office.ok("/usage", "bea"))["total"]["requests"] == 0


# Audit ------------------------------------------------------------------------------------------------------


async def _happened(database: Database, *events: AccountEvent) -> None:
    async with database.transaction() as connection:
        for event in events:
            await record_event(connection, event)


async def test_the_audit_names_who_did_what_and_is_found_by_kind_and_person(
    office: Office, database: Database, owner_url: str
) -> None:
    """Accounts' events and receipts of deletions in one line of time, found by kind and by person."""
    ana, admin = office.ids["ana"], office.ids["admin"]
    await _happened(
        database,
        AccountEvent("sign_in.failed", None, ana, address="203.0.113.7"),
        AccountEvent("user.changed", admin, ana, {"role": "auditor"}),
        AccountEvent("user.changed", ana, ana, {"language": "es"}),
        AccountEvent("limit.set", admin, ana, {"kind": "tokens_per_day", "most": 5}),
        AccountEvent("collection.shared", ana, office.ids["bea"], {"access": "read"}),
    )
    statement = "INSERT INTO receipts (kind, subject_id, deleted_by, removed) VALUES ('file', %s, %s, '{\"pages\": 3}')"
    as_owner(owner_url, statement, (uuid4(), ana))

    async def actions(**query: str) -> list[str]:
        told = await office.ok("/audit", "auditor", **query)
        return [row["action"] for row in told["data"]]

    newest = (await office.ok("/audit"))["data"][0]
    assert (newest["action"], newest["actor"], newest["detail"]) == (
        "file.deleted",
        "ana@box.example",
        {"pages": 3},
    )
    assert await actions(kind="role", person="ana@box.example") == ["user.changed", "user.added"]
    assert await actions(kind="limit") == ["limit.set"]
    assert await actions(kind="share", person=str(office.ids["bea"])) == ["collection.shared"]
    assert await actions(kind="deletion") == ["file.deleted"]
    assert await actions(kind="sign_in") == ["sign_in.failed"]
    assert await actions(action="file.deleted") == ["file.deleted"]
    assert set(await actions(kind="key")) == {"key.made"} and len(await actions(kind="key")) == 4
    assert await actions(to="2020-01-01") == []
    assert (await office.get("/audit", person="nobody@box.example")).status_code == 404


async def test_pages_of_the_audit_join_without_a_gap(office: Office, database: Database) -> None:
    """Also where many things happened in the same moment; what comes meanwhile does not shift them."""
    moment_of_all = [AccountEvent("sign_in", office.ids["ana"], office.ids["ana"])] * 25
    await _happened(database, *moment_of_all)
    whole = [row["id"] for row in (await office.ok("/audit", limit=500))["data"]]

    seen, before = [], {}
    while True:
        page = await office.ok("/audit", limit=7, **before)
        seen += [row["id"] for row in page["data"]]
        await _happened(database, AccountEvent("sign_out", office.ids["bea"], office.ids["bea"]))
        if not page["has_more"]:
            break
        before = {"before": page["next"]}

    assert seen == whole and len(seen) == len(set(seen)) > 25
    for bad in ("x", "2026-01-01", "2026-01-01T00:00:00Z_'; DROP TABLE users", "_", "2026-01-01T00:00:00Z_"):
        assert (await office.get("/audit", before=bad)).status_code == 400, bad
    assert (await office.get("/audit", **{"from": "soon"})).json()["error"]["param"] == "from"


async def test_the_whole_audit_is_exported(office: Office, database: Database) -> None:
    """More than one page of it, and what somebody typed cannot become a formula."""
    ana = office.ids["ana"]
    await _happened(database, *[AccountEvent("sign_in", ana, ana, address="@SUM(A1)")] * 1100)

    rows = table_of(await office.get("/audit", format="csv", kind="sign_in"))

    assert len(rows) == 1100 and {row["address"] for row in rows} == {"'@SUM(A1)"}
    assert {row["actor"] for row in rows} == {"ana@box.example"}


# Feedback ---------------------------------------------------------------------------------------------------


def _rated(owner_url: str, user: UUID, number: int, *, shares: bool, rating: str = "down") -> UUID:
    chat, turn = uuid4(), uuid4()
    as_owner(owner_url, "INSERT INTO conversations (id, user_id, title) VALUES (%s, %s, 't')", (chat, user))
    as_owner(
        owner_url,
        "INSERT INTO turns (id, conversation_id, user_id, question, model, status, answer) "
        "VALUES (%s, %s, %s, %s, 'tiny', 'done', 'Because.')",
        (turn, chat, user, f"Question {number}"),
    )
    as_owner(
        owner_url,
        "INSERT INTO turn_feedback (turn_id, user_id, rating, reason, comment, model, shares_text, created_at) "
        "VALUES (%s, %s, %s, 'wrong', '=1+1', 'tiny', %s, %s)",
        (turn, user, rating, shares, datetime(2026, 7, 1, tzinfo=UTC) + timedelta(minutes=number)),
    )
    return chat


async def test_feedback_shows_the_text_only_where_its_person_said_so(office: Office, owner_url: str) -> None:
    """And only while the conversation is there; who it was is never told."""
    _rated(owner_url, office.ids["ana"], 1, shares=False)
    _rated(owner_url, office.ids["ana"], 2, shares=True, rating="up")
    gone = _rated(owner_url, office.ids["bea"], 3, shares=True)
    as_owner(owner_url, "UPDATE conversations SET deleted_at = now() WHERE id = %s", (gone,))

    answer = await office.get("/feedback")

    told = answer.json()
    assert [(row["question"], row["answer"]) for row in told["data"]] == [
        (None, None),
        ("Question 2", "Because."),
        (None, None),
    ]
    assert told["counts"] == {"up": 1, "down": 2, "reasons": {"wrong": 3}}
    assert "ana" not in answer.text and str(office.ids["ana"]) not in answer.text
    assert [row["rating"] for row in (await office.ok("/feedback", rating="up"))["data"]] == ["up"]
    assert (await office.ok("/feedback", model="other"))["data"] == []


async def test_feedback_is_paged_and_exported(office: Office, owner_url: str) -> None:
    """Page by page what the export has as a whole."""
    for number in range(5):
        _rated(owner_url, office.ids["ana"], number, shares=number % 2 == 0)

    first = await office.ok("/feedback", limit=3)
    second = await office.ok("/feedback", limit=3, before=first["next"])
    rows = table_of(await office.get("/feedback", format="csv"))

    assert (first["has_more"], second["has_more"], second["next"]) == (True, False, None)
    assert [row["question"] for row in first["data"] + second["data"]] == [
        row["question"] or None for row in rows
    ]
    assert {row["comment"] for row in rows} == {"'=1+1"}


async def test_nobody_reads_shared_texts_but_administrators(
    office: Office, owner_url: str, database: Database
) -> None:
    """Neither an auditor nor anybody else, also when they ask the database itself."""
    _rated(owner_url, office.ids["ana"], 1, shares=True)
    seen = {}
    for name, role in (
        ("bea", Role.USER),
        ("auditor", Role.AUDITOR),
        ("ana", Role.USER),
        ("admin", Role.ADMIN),
    ):
        async with database.viewing(Viewer(office.ids[name], role=role)) as connection:
            ids = "ARRAY(SELECT turn_id FROM turn_feedback)"
            rows = await connection.execute(f"SELECT question FROM shared_turn_texts({ids})".encode())
            seen[name] = len(await rows.fetchall())

    assert seen == {"bea": 0, "auditor": 0, "ana": 1, "admin": 1}


# Jobs -------------------------------------------------------------------------------------------------------


def _failed_document(owner_url: str, owner: UUID, *, is_public: bool) -> tuple[UUID, UUID]:
    shelf, file = uuid4(), uuid4()
    as_owner(
        owner_url,
        "INSERT INTO collections (id, name, owner_user_id, is_public, created_by) VALUES (%s, 'Plans', %s, %s, %s)",
        (shelf, None if is_public else owner, is_public, owner),
    )
    as_owner(owner_url, "INSERT INTO blobs VALUES (sha256('x'), 1, 2) ON CONFLICT DO NOTHING")
    as_owner(
        owner_url,
        "INSERT INTO files (id, owner_id, filename, media_type, size_bytes, sha256, purpose) "
        "VALUES (%s, %s, 'takeover.pdf', 'application/pdf', 1, sha256('x'), 'assistants')",
        (file, owner),
    )
    as_owner(
        owner_url,
        "INSERT INTO collection_files (collection_id, file_id, owner_id, status, error_code, error_message, attempts, "
        "size_bytes, finished_at) "
        "VALUES (%s, %s, %s, 'failed', 'document_damaged', 'takeover.pdf is damaged', 3, 1, now())",
        (shelf, file, owner),
    )
    return shelf, file


async def test_failed_documents_are_told_by_name_where_they_may_be_seen(
    office: Office, owner_url: str
) -> None:
    """Whose, why and how often for all; the name of a private one is for its owner alone."""
    _failed_document(owner_url, office.ids["ana"], is_public=False)
    shelf, file = _failed_document(owner_url, office.ids["bea"], is_public=True)

    told = await office.ok("/jobs")

    private, shared = sorted(told["data"], key=lambda row: row["owner"])
    assert (private["owner"], private["reason"], private["attempts"]) == (
        "ana@box.example",
        "document_damaged",
        3,
    )
    assert (private["name"], private["collection"], private["message"]) == (None, None, None)
    assert (shared["name"], shared["collection"], shared["message"]) == (
        "takeover.pdf",
        "Plans",
        "takeover.pdf is damaged",
    )
    assert shared["id"] == f"ingest-{shelf.hex}-{file.hex}" and told["counts"]["failed"] == 2


async def test_a_failed_document_is_read_again_as_its_owner_s(office: Office, owner_url: str) -> None:
    """Once: the job that is made has the owner's eyes and no more, and the audit names who asked for it."""
    shelf, file = _failed_document(owner_url, office.ids["ana"], is_public=False)
    job = f"ingest-{shelf.hex}-{file.hex}"

    first = await office.call("POST", f"/jobs/{job}/retry")
    second = await office.call("POST", f"/jobs/{job}/retry")
    waiting = await office.ok("/jobs", status="waiting")

    assert (first.status_code, second.status_code) == (202, 404)
    assert (await office.ok("/jobs"))["data"] == []
    (queued,) = waiting["data"]
    assert (queued["kind"], queued["owner"], queued["name"]) == ("ingest", "ana@box.example", None)
    ((payload,),) = as_owner(owner_url, "SELECT args FROM procrastinate_jobs")
    assert payload["owner_id"] == str(office.ids["ana"]) and not payload["is_public"]
    (line,) = (await office.ok("/audit", kind="job"))["data"]
    assert (line["actor"], line["subject"]) == ("admin@box.example", "ana@box.example")


async def test_a_job_that_broke_is_tried_again(office: Office, owner_url: str) -> None:
    """One that no handler foresaw: it stands among the failed until somebody says so, and then waits."""
    as_owner(
        owner_url,
        "INSERT INTO procrastinate_jobs (queue_name, task_name, status, attempts) "
        "VALUES ('documents', 'tidy', 'failed', 2)",
    )
    (failed,) = (await office.ok("/jobs"))["data"]

    again = await office.call("POST", f"/jobs/{failed['id']}/retry")

    assert (failed["kind"], failed["reason"], failed["attempts"]) == ("tidy", "job_broke", 2)
    assert again.status_code == 202
    assert (await office.ok("/jobs"))["counts"] == {"failed": 0, "waiting": 1, "running": 0}
    for unknown in (failed["id"], "job-999", "job-x", "ingest-1-2", f"ingest-{uuid4().hex}-{uuid4().hex}"):
        assert (await office.call("POST", f"/jobs/{unknown}/retry")).status_code == 404, unknown


# People -----------------------------------------------------------------------------------------------------


async def test_people_and_their_groups_are_exported(office: Office) -> None:
    """As an import takes them; a name that is a formula is only a name."""
    accounts = office.worker.accounts
    group = await accounts.people.add_group(None, "Depot")
    await accounts.people.add(None, "eva@box.example", name="=HYPERLINK(0)", group_ids=[group.id])

    rows = {row["email"]: row for row in table_of(await office.get("/users", format="csv"))}

    assert len(rows) == 5 and rows["admin@box.example"]["role"] == "admin"
    assert (rows["eva@box.example"]["name"], rows["eva@box.example"]["groups"]) == ("'=HYPERLINK(0)", "Depot")


FORMULAS = ("=1", "+1", "-1", "@x", "\t=1", "\r=1", "\n=1", "  =1", "\u00a0=1", "\uff1d1", "\uff201")


@pytest.mark.parametrize("text", FORMULAS, ids=ascii)
def test_what_a_spreadsheet_would_run_is_only_shown(text: str) -> None:
    """An apostrophe in front; everything else stays as it is."""
    assert harmless(text) == f"'{text}"
    assert harmless("1 = 1") == "1 = 1" and harmless("") == "" and harmless("Ana-María") == "Ana-María"
