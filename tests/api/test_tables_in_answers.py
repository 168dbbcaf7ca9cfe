"""Results of the company's tables on the wire: in chat completions, in responses, in turns and in exports."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from appliance.domain.data import ChosenQuestion
from appliance.pipelines.answer_from_data.pipeline import AnswerFromData
from appliance.storage.roles import DatabaseRole, url_as
from inference.testing.fake_engine import FakeEngine
from rag.analysis import Analyzer
from tests.api.test_responses import answered, asked, events, streamed
from tests.appliance.test_answer_from_data import SCHEMA, saved
from tests.conftest import ROLE_SECRET, Servers
from tests.desk_of_tables import SOURCE_ID, DeskOfTables, SavedHere
from tests.gateway_harness import Gateway, engine_settings, running_gateway

QUESTION = "Ventas por producto"
ASKED = {"model": AnswerFromData.name, "messages": [{"role": "user", "content": QUESTION}]}


@pytest.fixture
async def gateway(
    engine: FakeEngine, servers: Servers, valkey: Redis, owner_url: str, tmp_path: Path
) -> AsyncIterator[Gateway]:
    """A gateway whose tables answer one saved question."""
    path = tmp_path / "sales.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE sales (month INTEGER, product TEXT, amount REAL)")
        database.execute("INSERT INTO sales VALUES (1, 'Café', 1200.5), (2, 'Té', 9007199254740993)")
    one = saved("SELECT product, sum(amount) AS total FROM sales GROUP BY product ORDER BY 1")
    pipeline = AnswerFromData(
        DeskOfTables.over_sqlite(path, SCHEMA),
        SavedHere(chosen_as={QUESTION: ChosenQuestion(one, 1.0)}),
        Analyzer(("en", "es")),
    )
    async with running_gateway(
        {"local": engine_settings(engine.base_url, models=["fake"])},
        valkey_url=servers.valkey.url,
        database_url=url_as(owner_url, DatabaseRole.API, ROLE_SECRET),
        pipelines={pipeline.name: pipeline},
    ) as running:
        yield running


def check(data: list[dict[str, Any]]) -> None:
    """The one result, with its rows, its query and where to get all of it."""
    (table,) = data
    assert table["columns"] == [{"name": "product", "kind": "text"}, {"name": "total", "kind": "float"}]
    assert table["rows"][0] == ["Café", 1200.5] and table["row_count"] == 2 and table["cut"] is None
    assert table["source"] == {"id": str(SOURCE_ID), "name": "Ventas"} and "product" in table["sql"]
    assert table["chart"] == {"kind": "bar", "x": 0, "ys": [1]} and table["saved_question_id"]
    assert table["export"]["csv"] == f"/api/data/results/{table['id']}.csv"


async def test_a_result_stands_in_data_of_the_message(gateway: Gateway) -> None:
    """Beside the annotations, of which there are none."""
    async with gateway.post("chat/completions", ASKED) as response:
        answer = await response.json()

    message = answer["choices"][0]["message"]
    check(message["data"])
    assert message["annotations"] == [] and "«Total de ventas por mes»" in message["content"]
    assert answer["appliance"]["notes"] == ["saved_question"]


async def test_a_stream_carries_it_in_its_last_delta(gateway: Gateway) -> None:
    """After the text, with the finish reason."""
    async with gateway.post("chat/completions", {**ASKED, "stream": True}) as response:
        lines = (await response.text()).split("\n")

    chunks = [json.loads(line[6:]) for line in lines if line.startswith("data: {")]
    check(chunks[-1]["choices"][0]["delta"]["data"])
    assert not any("data" in chunk["choices"][0]["delta"] for chunk in chunks[:-1])


async def test_a_response_carries_it_and_keeps_it(gateway: Gateway) -> None:
    """Whole, streamed, and when it is fetched again."""
    whole = await answered(gateway, model=AnswerFromData.name, input=QUESTION)
    told = events(await streamed(gateway, model=AnswerFromData.name, input=QUESTION))

    check(whole["data"])
    check(told[-1]["response"]["data"])
    assert (await asked(gateway, "GET", whole["id"]))[1]["data"] == whole["data"]
