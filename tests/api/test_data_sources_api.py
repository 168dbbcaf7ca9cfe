"""/api/data over HTTP: an administrator connects, chooses and shares a database; who it was shared with asks it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import APIRouter
from redis.asyncio import Redis

from appliance.api.audit import audit_routes
from appliance.api.identity import Identity
from appliance.domain.people import Role
from appliance.services.accounts import Accounts
from appliance.services.audit import Audit
from appliance.storage.audit import PostgresAudit
from appliance.storage.database import Database
from tests.accounts_world import Worker, add_person, bearer, key_of, worker
from tests.company_database import SECRET, Company, company_database
from tests.conftest import Servers
from tests.data_doors import connections_in, data_doors
from tests.data_world import CHOSEN

TABLES = {"tables": [{"name": name} for name in CHOSEN]}


@pytest.fixture(scope="module")
def company(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """One for the tests that change nothing there."""
    with company_database(servers, tmp_path_factory.mktemp("passwords")) as made:
        yield made


@dataclass
class Office:
    """root administers, otto audits, ana and luis ask."""

    made: Worker
    company: Company
    keys: dict[str, str]

    async def send(self, who: str, method: str, path: str, body: Any = None) -> httpx.Response:
        return await self.made.client.request(
            method, f"/api/data{path}", json=body, headers=bearer(self.keys[who])
        )

    async def ok(self, who: str, method: str, path: str, body: Any = None) -> Any:
        answer = await self.send(who, method, path, body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    async def refused(self, who: str, method: str, path: str, body: Any = None) -> tuple[int, str, str]:
        """(status, code, message)."""
        answer = await self.send(who, method, path, body)
        assert answer.is_error, answer.text
        error = answer.json()["error"]
        return answer.status_code, error["code"], error["message"]

    async def connected(self, name: str = "Ventas", **more: Any) -> str:
        """The id of a source that nobody may ask yet, with the usual tables."""
        new = {"name": name, "kind": "postgres", "settings": self.company.settings(), **more}
        source_id = (await self.ok("root", "POST", "/sources", new))["id"]
        await self.ok("root", "PUT", f"/sources/{source_id}/tables", TABLES)
        return str(source_id)

    async def audit(self) -> str:
        """All of it, as text."""
        answer = await self.made.client.get("/api/audit?limit=500", headers=bearer(self.keys["otto"]))
        assert answer.is_success
        return answer.text


@asynccontextmanager
async def _office(database: Database, valkey: Redis, company: Company) -> AsyncIterator[Office]:
    folders = company.passwords / "sqlite", company.passwords
    connections = connections_in(*folders)

    def routes(_accounts: Accounts, identity: Identity) -> list[APIRouter]:
        return [
            data_doors(database, identity, connections, *folders),
            audit_routes(Audit(PostgresAudit(database)), identity),
        ]

    async with worker(database, valkey, more_routes=routes) as made:
        keys = {}
        for name, role in {
            "root": Role.ADMIN,
            "otto": Role.AUDITOR,
            "ana": Role.USER,
            "luis": Role.USER,
        }.items():
            keys[name] = await key_of(
                made.accounts, await add_person(made.accounts, f"{name}@box.example", role)
            )
        try:
            yield Office(made, company, keys)
        finally:
            await connections.close()


@pytest.fixture
async def office(database: Database, valkey: Redis, company: Company) -> AsyncIterator[Office]:
    """A gateway's doors before a company's database."""
    async with _office(database, valkey, company) as made:
        yield made


async def test_a_database_is_connected_chosen_shared_and_asked(office: Office) -> None:
    """Three requests of an administrator, and a person has a sum; before the third nobody has anything."""
    source_id = await office.connected()
    query = {
        "sql": "SELECT city, sum(amount) AS total FROM sale JOIN customer ON customer.id = customer_id GROUP BY city"
    }

    before = await office.refused("ana", "POST", f"/sources/{source_id}/query", query)
    await office.ok("root", "PUT", f"/sources/{source_id}/shares", {"with": "user:ana@box.example"})
    told = await office.ok("ana", "POST", f"/sources/{source_id}/query", query)

    assert before[:2] == (404, "not_found")
    assert told["row_count"] == 3
    assert {row[0] for row in told["rows"]} == {"Madrid", "Sevilla", "Vigo"}
    assert told["source"] == {"id": source_id, "name": "Ventas"}
    assert told["export"]["csv"] == f"/api/data/results/{told['id']}.csv"


async def test_nobody_else_learns_that_there_is_a_source(office: Office) -> None:
    """Every route of it answers as if it did not exist, or refuses who does not administer; lists are empty."""
    source_id = await office.connected()
    await office.ok("root", "PUT", f"/sources/{source_id}/shares", {"with": "user:ana@box.example"})

    for who in ("luis", "otto"):
        assert (await office.refused(who, "POST", f"/sources/{source_id}/query", {"sql": "SELECT 1"}))[
            0
        ] == 404
        assert await office.ok(who, "GET", "/offered") == {"data": []}
    for who in ("ana", "luis", "otto"):
        for method, path, body in (
            ("GET", "/sources", None),
            ("POST", "/sources", {"name": "x", "kind": "sqlite", "settings": {"path": "x.db"}}),
            ("POST", "/sources/test", {"kind": "sqlite", "settings": {"path": "x.db"}}),
            ("GET", f"/sources/{source_id}", None),
            ("PATCH", f"/sources/{source_id}", {"name": "x"}),
            ("DELETE", f"/sources/{source_id}", None),
            ("GET", f"/sources/{source_id}/tables", None),
            ("PUT", f"/sources/{source_id}/tables", {"tables": []}),
            ("PATCH", f"/sources/{source_id}/tables", {"table": "public.sale"}),
            ("POST", f"/sources/{source_id}/refresh", {}),
            ("GET", f"/sources/{source_id}/drift", None),
            ("GET", f"/sources/{source_id}/shares", None),
            ("PUT", f"/sources/{source_id}/shares", {"with": "everybody"}),
            ("DELETE", f"/sources/{source_id}/shares?with=everybody", None),
            ("POST", f"/sources/{source_id}/query", {"sql": "SELECT 1", "is_trial": True}),
        ):
            assert (await office.refused(who, method, path, body))[0] == 403, (who, method, path)
    (offered,) = (await office.ok("ana", "GET", "/offered"))["data"]
    assert offered["id"] == source_id
    assert "settings" not in offered


async def test_an_administrator_asks_only_what_was_shared_with_them_or_tries(office: Office) -> None:
    """Managing a source is not asking it: a trial says so in the audit."""
    source_id = await office.connected()
    query = {"sql": "SELECT count(*) FROM sale"}

    assert (await office.refused("root", "POST", f"/sources/{source_id}/query", query))[0] == 404
    told = await office.ok("root", "POST", f"/sources/{source_id}/query", {**query, "is_trial": True})

    assert told["rows"] == [[300]]
    assert '"via":"trial"' in (await office.audit()).replace(" ", "")


async def test_a_role_that_can_write_is_refused_with_the_statements_to_run(office: Office) -> None:
    """Unless an administrator says why; the reason stands with the source and in the audit."""
    new = {"name": "Ventas", "kind": "postgres", "settings": office.company.settings("writer")}

    status, code, message = await office.refused("root", "POST", "/sources", new)
    tested = await office.ok("root", "POST", "/sources/test", {k: new[k] for k in ("kind", "settings")})
    accepted = await office.ok("root", "POST", "/sources", {**new, "writable_because": "Only until Monday"})

    assert (status, code) == (422, "source_refused")
    assert 'GRANT SELECT ON "public"."sale"' in message
    assert tested["role"]["can_write"] is True
    assert "writes:public.sale" in tested["role"]["problems"]
    assert accepted["writable_because"] == "Only until Monday"
    assert "role_can_write" in accepted["states"]
    assert "Only until Monday" in await office.audit()


async def test_columns_about_people_are_left_out_by_name_and_by_value(office: Office) -> None:
    """`nombre` and `email` by name, `remarks` by what stands in it; none has samples, and a query that names one is
    refused until an administrator takes it in.
    """
    source_id = await office.connected()
    await office.ok("root", "PUT", f"/sources/{source_id}/shares", {"with": "everybody"})
    ask = {"sql": "SELECT email FROM customer"}

    whole = await office.ok("root", "GET", f"/sources/{source_id}")
    (customer,) = [table for table in whole["tables"] if table["name"] == "public.customer"]
    refused = await office.refused("ana", "POST", f"/sources/{source_id}/query", ask)
    taken_in = {"table": "public.customer", "columns": [{"name": "email", "is_offered": True}]}
    await office.ok("root", "PATCH", f"/sources/{source_id}/tables", taken_in)
    told = await office.ok("ana", "POST", f"/sources/{source_id}/query", ask)

    because = {column["name"]: column["because"] for column in customer["columns"]}
    assert because == {"id": "", "nombre": "name", "email": "name", "city": "", "remarks": "values"}
    assert [column["name"] for column in customer["columns"] if column["is_offered"]] == ["id", "city"]
    samples = {column["name"]: column["samples"] for column in customer["columns"]}
    assert sorted(samples.pop("city")) == ["Madrid", "Sevilla", "Vigo"]
    assert not any(samples.values())
    assert refused[:2] == (403, "query_refused")
    assert told["row_count"] == 30
    assert "public.customer.email" in await office.audit()


async def test_the_secret_stands_in_no_answer_and_no_line_of_the_audit(office: Office) -> None:
    """The password is read from its file; not even an error shows it, and settings have no field for it."""
    source_id = await office.connected()
    shown = [
        (await office.send("root", "GET", path)).text
        for path in ("/sources", f"/sources/{source_id}", f"/sources/{source_id}/tables")
    ]
    written = {**office.company.settings(), "password": SECRET}
    refused = await office.send(
        "root", "POST", "/sources", {"name": "x", "kind": "postgres", "settings": written}
    )
    wrong = {**office.company.settings(), "user": "nobody_such"}
    failed = await office.send("root", "POST", "/sources/test", {"kind": "postgres", "settings": wrong})

    assert refused.status_code == 422
    assert failed.is_error
    for text in (*shown, refused.text, failed.text, await office.audit()):
        assert SECRET not in text


@pytest.mark.parametrize("path", ["/etc/passwd", "../../other/secret", "sub/../../../x"])
async def test_a_password_file_lies_in_its_folder(office: Office, path: str) -> None:
    """Who administers the page cannot have any other file of the machine sent to a server of theirs."""
    settings = {**office.company.settings(), "password_file": path}

    status, code, message = await office.refused(
        "root", "POST", "/sources/test", {"kind": "postgres", "settings": settings}
    )

    assert (status, code) == (422, "source_refused")
    assert "data.password_folder" in message


async def test_a_sqlite_file_lies_in_its_folder(office: Office, tmp_path: Path) -> None:
    """Not even a link in the folder leads out of it."""
    outside = tmp_path / "outside.db"
    outside.write_bytes(b"")
    link = office.company.passwords / "sqlite" / "link.db"
    link.parent.mkdir()
    link.symlink_to(outside)

    for path in (str(outside), "link.db"):
        refused = await office.refused(
            "root", "POST", "/sources/test", {"kind": "sqlite", "settings": {"path": path}}
        )
        assert refused[:2] == (422, "source_refused")
    link.unlink()


async def test_a_removed_source_is_gone_for_everybody(office: Office) -> None:
    """With what was granted; the company's rows are as they were."""
    source_id = await office.connected()
    await office.ok("root", "PUT", f"/sources/{source_id}/shares", {"with": "everybody"})

    await office.ok("root", "DELETE", f"/sources/{source_id}")

    assert await office.ok("ana", "GET", "/offered") == {"data": []}
    assert (await office.refused("ana", "POST", f"/sources/{source_id}/query", {"sql": "SELECT 1"}))[0] == 404
    assert office.company.rows("SELECT count(*) FROM sale") == [(300,)]


async def test_every_change_stands_in_the_audit(office: Office) -> None:
    """Who did what to which source, in the order it was done."""
    source_id = await office.connected()
    for method, path, body in (
        ("PATCH", f"/sources/{source_id}", {"description": "Todo", "caps": {"rows": 5}}),
        ("PATCH", f"/sources/{source_id}/tables", {"table": "public.sale", "description": "Ventas"}),
        ("PUT", f"/sources/{source_id}/shares", {"with": "everybody"}),
        ("DELETE", f"/sources/{source_id}/shares?with=everybody", None),
        ("POST", f"/sources/{source_id}/refresh", {}),
        ("DELETE", f"/sources/{source_id}", None),
    ):
        await office.ok("root", method, path, body)

    answer = await office.made.client.get("/api/audit?kind=data", headers=bearer(office.keys["otto"]))

    actions = [line["action"].removeprefix("data.source.") for line in answer.json()["data"]]
    assert actions[::-1] == [
        *("added", "chosen", "changed", "described", "shared", "unshared", "refreshed", "removed")
    ]
