"""`appliance user` and `appliance key` against a running application."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from appliance.commands.entry import run
from appliance.commands.failures import EXIT_UNREACHABLE
from appliance.storage.database import Database
from tests.accounts_world import Worker, add_person, bearer, first_administrator, serving, signed_in, worker
from tests.conftest import ROLE_SECRET


class CommandLine:
    """Runs commands as an administrator on a data folder with credentials.json."""

    def __init__(self, one: Worker, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.one = one
        self.data = data
        self._capsys = capsys

    async def __call__(self, *arguments: str) -> tuple[int, str, str]:
        """(exit code, output, errors)."""
        self._capsys.readouterr()
        code = await asyncio.to_thread(run, [*arguments, "--data", str(self.data)])
        told = self._capsys.readouterr()
        return code, told.out, told.err

    async def json(self, *arguments: str) -> Any:
        """The document that --json prints."""
        code, out, err = await self(*arguments, "--json")
        assert code == 0, err
        return json.loads(out)


@pytest.fixture
async def cli(
    database: Database, valkey: Redis, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> AsyncIterator[CommandLine]:
    """A running application whose credentials.json lies in a data folder."""
    async with worker(database, valkey) as one, serving(one.app) as url:
        first = await first_administrator(one.accounts)
        values = {"url": url, "email": first.email, "password": first.password, "api_key": first.api_key}
        (tmp_path / "credentials.json").write_text(json.dumps(values), encoding="utf-8")
        yield CommandLine(one, tmp_path, capsys)


async def test_a_person_and_a_key_for_scripts(cli: CommandLine) -> None:
    """`user add` tells id, email and password, `key create` id and key, and both work."""
    person = await cli.json("user", "add", "ana@box.example", "--role", "auditor", "--name", "Ana")
    key = await cli.json(
        "key", "create", "--user", "ana@box.example", "--name", "cron", "--expires-days", "30"
    )

    assert {"id", "email", "password"} <= set(person)
    assert {"id", "key"} <= set(key)
    await signed_in(cli.one, "ana@box.example", person["password"])
    asked = await cli.one.client.get("/probe", headers=bearer(key["key"]))
    assert asked.json()["role"] == "auditor"
    assert [p["email"] for p in (await cli.json("user", "list"))["data"]] == [
        "admin@box.example",
        "ana@box.example",
    ]


async def test_suspending_resuming_and_roles(cli: CommandLine) -> None:
    """By e-mail address in any spelling; the last administrator is refused with exit code 1."""
    await add_person(cli.one.accounts)

    assert (await cli.json("user", "suspend", "ANA@box.example"))["is_suspended"] is True
    assert (await cli.json("user", "resume", "ana@box.example"))["is_suspended"] is False
    assert (await cli.json("user", "role", "ana@box.example", "auditor"))["role"] == "auditor"
    code, _, err = await cli("user", "suspend", "admin@box.example")
    assert (code, "last administrator" in err) == (1, True)
    code, _, err = await cli("user", "suspend", "nobody@box.example")
    assert (code, "nobody@box.example" in err) == (1, True)


async def test_keys_are_listed_and_revoked_by_their_first_characters(cli: CommandLine) -> None:
    """What the list shows is enough to revoke."""
    await add_person(cli.one.accounts)
    made = await cli.json("key", "create", "--user", "ana@box.example", "--model", "llama", "--route", "/v1")
    _, listed, _ = await cli("key", "list", "--all")

    assert made["key"][:10] in listed
    assert made["key"] not in listed
    assert (await cli("key", "revoke", made["key"][:10]))[0] == 0
    assert (await cli.one.client.get("/v1/models", headers=bearer(made["key"]))).status_code == 401
    assert (await cli("key", "revoke", "apl_nobody"))[0] == 1


async def test_importing_a_file(cli: CommandLine, tmp_path: Path) -> None:
    """Links for the good lines; a refused line is an exit code of 1, and says why."""
    file = tmp_path / "people.csv"
    file.write_text("email,name,role,groups\nana@box.example,Ana,user,Legal\nnobody,,,\n", encoding="utf-8")

    code, out, _ = await cli("user", "import", str(file))

    assert code == 1
    assert "/invitation#" in out
    assert "not an e-mail address" in out
    assert (await cli("user", "import", str(tmp_path / "missing.csv")))[0] == 1


async def test_a_forgotten_password_is_reset_at_the_machine(
    cli: CommandLine, owner_url: str, servers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a key; every sign-in of the person ends on the running appliance at once."""
    monkeypatch.setenv("APPLIANCE_DATABASE__URL", owner_url)
    monkeypatch.setenv("APPLIANCE_DATABASE__ROLE_SECRET", ROLE_SECRET)
    monkeypatch.setenv("APPLIANCE_VALKEY__URL", servers.valkey.url)
    first = json.loads((cli.data / "credentials.json").read_text(encoding="utf-8"))
    browser = await signed_in(cli.one, first["email"], first["password"])

    done = await cli.json("user", "reset-password", "Admin@box.example")

    assert (await browser.get("/probe")).status_code == 401
    await signed_in(cli.one, "admin@box.example", done["password"])
    assert "password" not in json.loads((cli.data / "credentials.json").read_text(encoding="utf-8"))


async def test_without_an_appliance_the_remedy_is_named(cli: CommandLine) -> None:
    """Exit code 3 and the address that does not answer."""
    code, _, err = await cli("user", "list", "--url", "http://127.0.0.1:9", "--key", "apl_x")

    assert (code, "http://127.0.0.1:9" in err) == (EXIT_UNREACHABLE, True)
