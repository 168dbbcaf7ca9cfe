"""`appliance limit` and `appliance group` against a running application."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from appliance.api.limits import limit_routes
from appliance.bootstrap.limits import build_limits
from appliance.storage.database import Database
from tests.accounts_world import add_person, first_administrator, serving, worker
from tests.commands.test_users import CommandLine


@pytest.fixture
async def cli(
    database: Database, valkey: Redis, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> AsyncIterator[CommandLine]:
    """A running application with limits, and Ana."""
    room = build_limits(database, valkey, aliases={}, prefix="{test}:")
    async with (
        worker(
            database,
            valkey,
            policy_changed=room.watch.announce,
            more_routes=lambda accounts, identity: [
                limit_routes(room.operator_limits(accounts.people, lambda: {"llama"}), identity)
            ],
        ) as one,
        serving(one.app) as url,
    ):
        first = await first_administrator(one.accounts)
        await add_person(one.accounts)
        (tmp_path / "credentials.json").write_text(json.dumps({"url": url, "api_key": first.api_key}))
        yield CommandLine(one, tmp_path, capsys)


async def test_limits_are_set_listed_and_removed(cli: CommandLine) -> None:
    """On everyone, a person, a group, a key and a model, each found by the name people know."""
    await cli.json("group", "add", "Sales", "--weight", "2")
    key = await cli.json("key", "create", "--user", "ana@box.example", "--batch")
    subjects = [[], ["--user", "ana@box.example"], ["--group", "sales"], ["--model", "llama"]]
    subjects.append(["--on-key", key["key"]])

    made = [await cli.json("limit", "set", "tokens-per-day", "1000", *words) for words in subjects]
    listed = await cli.json("limit", "list")
    await cli.json("limit", "remove", made[0]["id"])

    assert [one["subject_kind"] for one in made] == ["everyone", "user", "group", "model", "key"]
    assert {one["id"] for one in listed["data"]} == {one["id"] for one in made}
    assert len((await cli.json("limit", "list"))["data"]) == 4
    code, out, _ = await cli("limit", "list")
    assert code == 0 and "tokens per day: 1000" in out and "ana@box.example" in out


async def test_what_applies_to_oneself_is_told_with_what_is_left(cli: CommandLine) -> None:
    """As the counters have it now."""
    await cli.json("limit", "set", "requests-per-minute", "5")

    code, out, _ = await cli("limit", "list", "--mine")

    assert code == 0 and "oneself" in out and "requests per minute: 5, 5 left" in out


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        (("limit", "set", "tokens-per-day", "5", "--model", "lama"), "Did you mean 'llama'?"),
        (("limit", "set", "tokens-per-day", "5", "--group", "x"), "There is no group 'x'"),
        (("limit", "set", "tokens-per-day", "5", "--model", "llama", "--group", "x"), "one subject"),
        (("user", "weight", "ana@box.example", "0"), "from 0.001 to 1000"),
        (("group", "change", "Sales"), "Nothing to change"),
    ],
)
async def test_what_cannot_be_is_refused_with_its_remedy(
    cli: CommandLine, words: tuple[str, ...], remedy: str
) -> None:
    """One sentence, and an exit code of its own."""
    code, _, err = await cli(*words)

    assert code == 1 and remedy in err


async def test_groups_share_and_stand_below_each_other(cli: CommandLine) -> None:
    """Weight and place are set and taken away by name."""
    await cli.json("group", "add", "Company")
    await cli.json("group", "add", "Sales", "--weight", "2", "--parent", "company")
    await cli.json("group", "members", "Sales", "ana@box.example")
    code, out, _ = await cli("group", "list")
    bared = await cli.json("group", "change", "Sales", "--no-weight", "--no-parent")
    heavier = await cli.json("user", "weight", "ana@box.example", "2.5")
    await cli.json("group", "remove", "Sales")

    assert code == 0 and out.splitlines()[1].split() == ["Sales", "2", "1", "people", "Company"]
    assert (bared["weight"], bared["parent_id"], len(bared["member_ids"])) == (None, None, 1)
    assert heavier["weight"] == 2.5
    assert [one["name"] for one in (await cli.json("group", "list"))["data"]] == ["Company"]
