"""Questions asked before and after an upgrade: what finds something else stops it, until somebody says that it may."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from appliance.bootstrap import golden_questions
from appliance.bootstrap.box import Box, open_box
from appliance.bootstrap.golden_questions import (
    Asking,
    differences,
    read_questions,
)
from appliance.bootstrap.golden_questions import (
    golden_questions as questions_of,
)
from appliance.bootstrap.upgrading import bring_up_to_date
from appliance.errors import StartupError
from appliance.storage.database import Database
from appliance.storage.migrating import Migration, packaged_migrations
from inference.embedding.client import EmbedderClient
from tests.conftest import ROLE_SECRET, Servers
from tests.embedding_models import MODELS
from tests.ingestion_desk import Desk, ana, document

REWRITES = Migration(
    "9001_rewrites.sql", "UPDATE chunks SET text = 'something else' WHERE text LIKE 'quince%'"
)
KEEPS = Migration("9001_keeps.sql", "CREATE TABLE kept (id int)")
ANA = ana()


@pytest.fixture
async def box(
    owner_url: str, servers: Servers, database: Database, worker_database: Database, tmp_path: Path
) -> AsyncIterator[Box]:
    """Ana has three documents; the administrator has none."""
    (tmp_path / "questions.txt").write_text(
        "# what people ask most\n\nana@example.com: Where do quinces grow?\nWhere do quinces grow?\n",
        encoding="utf-8",
    )
    (tmp_path / "appliance.toml").write_text(
        f'[database]\nurl = "{owner_url}"\nrole_secret = "{ROLE_SECRET}"\n'
        f'upgrade_questions = "{tmp_path}/questions.txt"\n',
        encoding="utf-8",
    )
    with psycopg.connect(owner_url) as connection:
        for person, email, role in (
            (ANA.user_id, ANA.email, "user"),
            (UUID(int=9), "root@example.com", "admin"),
        ):
            connection.execute(
                "INSERT INTO users (id, email, email_key, role) VALUES (%s, %s, %s, %s)",
                (person, email, email, role),
            )
    desk = Desk(database, worker_database, tmp_path)
    shelf = await desk.collection(ANA)
    for word in ("quinces", "pears", "plums"):
        await desk.add(ANA, shelf, document(f"{word} grow behind the house " * 8), f"{word}.json")
    await desk.work()
    await database.close()
    await worker_database.close()
    yield open_box(tmp_path)
    name = owner_url.partition("?")[0].rpartition("/")[2]
    with psycopg.connect(servers.postgres.url(database="postgres"), autocommit=True) as connection:
        for end in ("upgrade", "before_upgrade", "abandoned"):
            connection.execute(f'DROP DATABASE IF EXISTS "{name}_{end}" WITH (FORCE)')


@pytest.fixture
def without_models(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Questions are searched by their words alone, at once."""

    @asynccontextmanager
    async def asking(of: Box) -> AsyncIterator[Asking]:
        yield Asking(of, EmbedderClient(tmp_path / "nobody.sock", query_patience_s=0))

    monkeypatch.setattr(golden_questions, "asking", asking)


def upgraded_by(monkeypatch: pytest.MonkeyPatch, migration: Migration) -> None:
    """The new version brings this one."""
    wanted = [*packaged_migrations(), migration]
    for module in ("restore_points", "migrating"):
        monkeypatch.setattr(f"appliance.storage.{module}.packaged_migrations", lambda: wanted)


@pytest.mark.slow
async def test_questions_that_find_something_else_stop_the_upgrade_until_that_is_accepted(
    box: Box, monkeypatch: pytest.MonkeyPatch, without_models: None
) -> None:
    """Both findings are told, nothing is changed; what is accepted goes on. Ana's own are asked, and no stranger's."""
    upgraded_by(monkeypatch, REWRITES)

    with pytest.raises(StartupError) as refused:
        await bring_up_to_date(box)
    told = refused.value.detail
    assert "'Where do quinces grow?' (as ana@example.com)\n    before: quinces.json p. 1" in told
    assert "(as root@example.com)" not in told  # finds nothing, before and after
    assert "--accept-differences" in told
    with psycopg.connect(box.owner_url) as connection:
        assert connection.execute("SELECT count(*) FROM chunks WHERE text LIKE 'quince%'").fetchone() == (1,)

    done = await bring_up_to_date(box, accepts_differences=True)

    assert done.applied == [REWRITES.name]
    assert done.asked == 5  # two of the file, and three made of documents
    assert 1 <= len(done.differences) < done.asked


@pytest.mark.slow
async def test_an_upgrade_that_finds_the_same_goes_on_by_itself(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the embedding process of a real box."""
    upgraded_by(monkeypatch, KEEPS)
    (box.data / "models").symlink_to(MODELS)
    MODELS.mkdir(exist_ok=True)

    done = await bring_up_to_date(box)

    assert (done.applied, done.differences, done.asked, done.compared) == ([KEEPS.name], [], 5, True)


async def test_data_that_this_version_cannot_search_yet_is_not_compared(box: Box, tmp_path: Path) -> None:
    """The upgrade is about to make what is missing; other errors are errors."""
    asking = Asking(box, EmbedderClient(tmp_path / "nobody.sock", query_patience_s=0))
    asked = await questions_of(box.owner_url, box, None)
    assert [one.text.split()[0] for one in asked] == ["quinces", "pears", "plums"]
    found = await asking.findings_before(box.owner_url, asked)
    assert found[asked[0]].passages[0].startswith("quinces.json")

    with psycopg.connect(box.owner_url) as connection:
        connection.execute("ALTER TABLE chunks RENAME headings TO titles")

    assert await asking.findings_before(box.owner_url, asked) == {}
    assert differences({}, {}) == []
    one = asked[0]
    by_words = replace(found[one], by_words=not found[one].by_words, passages=())
    assert (
        differences({one: found[one]}, {one: by_words}) == []
    )  # a model that was away in between is no difference
    assert differences({one: found[one]}, {one: replace(found[one], passages=())}) != []
    other = replace(found[one], texts=("quinces grow on the roof", *found[one].texts[1:]))
    (told,) = differences({one: found[one]}, {one: other})
    assert "before: quinces.json p. 1: …quinces grow behind" in told
    assert "after:  quinces.json p. 1: …quinces grow on the roof…" in told


def test_a_file_of_questions_is_one_a_line_with_who_asks(tmp_path: Path) -> None:
    """Times and addresses in a question are no people."""
    path = tmp_path / "questions.txt"
    path.write_text("# ours\n\nana@example.com: Who?\nWhat is at 10:30: lunch?\n", encoding="utf-8")

    assert read_questions(path) == [("ana@example.com", "Who?"), ("", "What is at 10:30: lunch?")]
    with pytest.raises(StartupError, match="cannot be read"):
        read_questions(tmp_path / "none.txt")


async def test_a_question_of_nobody_is_named(box: Box, tmp_path: Path) -> None:
    """Before anything is asked."""
    path = tmp_path / "of_nobody.txt"
    path.write_text("gone@example.com: Who?\n", encoding="utf-8")

    with pytest.raises(StartupError, match=r"gone@example\.com, who is not there"):
        await questions_of(box.owner_url, box, path)
