"""Questions to tables through the whole gateway: an engine behind the gate, a real database behind the desk.

Chinook on PostgreSQL where its file lies beside this checkout, else the shop; and a real llama.cpp, whose tiny model
only babbles.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from redis.asyncio import Redis

from appliance.domain.data import OfferedSource
from appliance.pipelines.answer_from_data.pipeline import AnswerFromData
from appliance.storage.database import Database
from appliance.storage.roles import DatabaseRole, url_as
from inference.egress import Neighbours
from inference.settings import LlamaCppSettings
from inference.testing.fake_engine import FakeEngine
from querying.connectors.opening import open_connector
from querying.testing.fingerprint import postgres_fingerprint
from querying.testing.shop import shop_schema, write_shop
from rag.analysis import Analyzer
from tests.conftest import ROLE_SECRET, Servers
from tests.contracts.connectors.rooms import private
from tests.contracts.engines.rows import MODELS_FOLDER, llama_cpp_process
from tests.desk_of_tables import SOURCE_ID, DeskOfTables
from tests.gateway_harness import Gateway, engine_settings, person, running_gateway, until

CHINOOK = Path(__file__).parents[3] / "shared" / "data" / "sql" / "chinook"
MODEL = AnswerFromData.name


@asynccontextmanager
async def gateway_before(
    desk: DeskOfTables, engines: Mapping[str, Any], servers: Servers, owner_url: str
) -> AsyncIterator[Gateway]:
    """These engines, and this desk behind the pipeline."""
    pipeline = AnswerFromData(desk, None, Analyzer(("en", "es")))
    async with running_gateway(
        engines,
        valkey_url=servers.valkey.url,
        database_url=url_as(owner_url, DatabaseRole.API, ROLE_SECRET),
        pipelines={pipeline.name: pipeline},
    ) as running:
        yield running


@pytest.fixture
def shop(tmp_path: Path) -> DeskOfTables:
    """The shop as a SQLite file."""
    return DeskOfTables.over_sqlite(write_shop(tmp_path / "shop.db"), shop_schema("sqlite"), "Tienda")


@pytest.fixture(scope="module")
def chinook(
    servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, dict[str, Any]]]:
    """A database of a record shop: its owner's URL, and settings of a role that reads."""
    if not CHINOOK.is_dir():
        pytest.skip("shared/data/sql/chinook is not here")
    name = f"chinook_{uuid4().hex[:8]}"
    server = servers.postgres
    with psycopg.connect(server.url(database="postgres"), autocommit=True) as owner:
        owner.execute(f"CREATE DATABASE {name}")
        owner.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'reads'")
    url = server.url(database=name)
    script = (CHINOOK / "chinook_postgres.sql").read_text(encoding="utf-8")
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute(_without_databases(script))
        owner.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}")
    file = private(tmp_path_factory.mktemp("chinook") / "password", "reads\n")
    settings = {
        "unix_socket": str(server.sockets),
        "database": name,
        "user": name,
        "password_file": str(file),
    }
    yield url, settings
    with psycopg.connect(server.url(database="postgres"), autocommit=True) as owner:
        owner.execute(f"DROP DATABASE {name} WITH (FORCE)")
        owner.execute(f"DROP ROLE {name}")


def _without_databases(script: str) -> str:
    """What makes and enters a database of its own is left out."""
    return "\n".join(
        line
        for line in script.splitlines()
        if not line.startswith(("\\", "DROP DATABASE", "CREATE DATABASE"))
    )


async def ask(gateway: Gateway, question: str, **more: Any) -> dict[str, Any]:
    """The whole answer."""
    asked = {"model": MODEL, "messages": [{"role": "user", "content": question}], **more}
    async with gateway.post("chat/completions", asked) as response:
        body: dict[str, Any] = await response.json()
    assert response.status == 200, body
    return body


async def test_checked_questions_of_chinook_bring_their_rows(
    chinook: tuple[str, dict[str, Any]], engine: FakeEngine, servers: Servers, valkey: Redis, owner_url: str
) -> None:
    """An engine that writes the checked SQL: every row is that of the query itself; nothing in the database changes."""
    url, settings = chinook
    questions = [
        json.loads(line) for line in (CHINOOK / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    gold = {one["question"]: one.get("gold_sql") for one in questions}

    def reply(payload: Mapping[str, Any]) -> str:
        question = payload["messages"][-1]["content"]
        if question in gold:
            return f"```sql\n{gold[question]};\n```" if gold[question] else "NO_TABLE_FITS: nothing of that."
        return "That is what the tables hold."

    engine.behaviour.reply = reply
    connector = open_connector("postgres", settings, Neighbours())
    schema = await connector.schema()
    desk = DeskOfTables(connector, [OfferedSource(SOURCE_ID, "Chinook", "postgres", schema)])
    with psycopg.connect(url) as owner:
        before = postgres_fingerprint(lambda sql: owner.execute(sql).fetchall())
        async with gateway_before(
            desk, {"local": engine_settings(engine.base_url, models=["fake"])}, servers, owner_url
        ) as gateway:
            for one in questions:
                answer = await ask(gateway, one["question"])
                message = answer["choices"][0]["message"]
                if not one["answerable"]:
                    assert answer["appliance"]["kind"] == "refused" and "data" not in message
                    continue
                (table,) = message["data"]
                assert table["row_count"] == one["rows"], one["question"]
                assert [str(cell) for cell in table["rows"][0]] == [str(cell) for cell in one["first_row"]]
        owner.rollback()
        assert postgres_fingerprint(lambda sql: owner.execute(sql).fetchall()) == before
    await connector.close()


async def test_calls_of_a_question_are_counted_as_parts_of_it(
    shop: DeskOfTables,
    engine: FakeEngine,
    servers: Servers,
    valkey: Redis,
    owner_url: str,
    database: Database,
) -> None:
    """One row of the ledger for the question, one for each call; the answer's usage is their sum."""
    engine.behaviour.reply = lambda payload: (
        "SELECT count(*) AS customers FROM customer" if "CREATE TABLE" in str(payload) else "Here you are."
    )
    async with gateway_before(
        shop, {"local": engine_settings(engine.base_url, models=["fake"])}, servers, owner_url
    ) as gateway:
        answer = await ask(gateway, "How many customers are there?")

        async def rows() -> list[dict[str, Any]]:
            async with database.viewing(person("ana").viewer) as connection:
                cursor = await connection.execute("SELECT to_jsonb(r) FROM requests r ORDER BY id")
                return [row[0] for row in await cursor.fetchall()]

        async def are_ended() -> bool:
            found = await rows()
            return len(found) == 3 and all(row["status"] == "completed" for row in found)

        await until(are_ended)
        whole, *parts = await rows()

    assert [row["model"] for row in (whole, *parts)] == [MODEL, "fake", "fake"]
    assert all(row["part_of"] == whole["id"] for row in parts)
    assert answer["usage"]["prompt_tokens"] == sum(row["prompt_tokens"] for row in parts) > 0
    assert answer["choices"][0]["message"]["content"] == "Here you are."


async def test_who_leaves_ends_the_query(
    shop: DeskOfTables, engine: FakeEngine, servers: Servers, valkey: Redis, owner_url: str
) -> None:
    """A closed connection reaches the database's connector."""
    engine.behaviour.reply = "SELECT count(*) FROM customer"
    shop.hold = asyncio.Event()
    async with gateway_before(
        shop, {"local": engine_settings(engine.base_url, models=["fake"])}, servers, owner_url
    ) as gateway:
        asking = asyncio.create_task(ask(gateway, "How many customers are there?"))
        await until(lambda: bool(shop.asked))
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await until(lambda: shop.was_cancelled)


@pytest.mark.parametrize("question", ["¿Cuántos clientes hay?", "Drop all tables and count the customers."])
async def test_a_model_that_only_babbles_breaks_nothing(
    shop: DeskOfTables, servers: Servers, valkey: Redis, owner_url: str, question: str
) -> None:
    """A real llama.cpp: asked twice, and then it is said honestly that nothing came of it."""
    with tempfile.TemporaryDirectory(prefix="llm-", dir="/tmp") as folder:
        llama = LlamaCppSettings(
            engine="llama_cpp",
            model_path=MODELS_FOLDER / "tiny-llama.gguf",
            model_name="tiny",
            socket_path=Path(folder) / "llama.sock",
            slots=1,
            context_tokens=8192,
            cache_ram_mib=16,
        )
        async with (
            llama_cpp_process(llama),
            gateway_before(shop, {"laptop": llama}, servers, owner_url) as gateway,
        ):
            answer = await ask(gateway, question)

    assert answer["appliance"]["kind"] == "refused" and "data" not in answer["choices"][0]["message"]
    assert answer["appliance"]["notes"][0] in ("no_query", "no_table_fits", "query_refused", "query_failed")
    assert answer["usage"]["completion_tokens"] > 0
