"""`appliance index rebuild` from the command to the last vector, with the worker killed in the middle."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
from typer.testing import CliRunner

from appliance.commands.index import index
from tests.conftest import Servers
from tests.knowledge_harness import WorkerProcess, data, embedder_home
from tests.waiting import until
from tests.whole_gateway import WholeGateway, whole_gateway

__all__ = ["data", "embedder_home"]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

DOCUMENTS = 24
RULE = "Rule {0}. Pallets of kind {0} are stacked {0} high, and the yard keeper signs list {0}."
ONE_AT_A_TIME = "\n[embedding]\nbatch = 1\n"
_VECTORS = "SELECT chunk_id, embedding::text FROM embeddings ORDER BY chunk_id"
# All alike, as no model makes them: what stands there afterwards was made again.
_SPOIL = "UPDATE embeddings SET embedding = (SELECT embedding FROM embeddings ORDER BY chunk_id LIMIT 1)"

_HOLD = "SELECT 1 FROM embeddings WHERE chunk_id = %s FOR UPDATE"


def vectors(owner_url: str) -> dict[int, Any]:
    """By passage."""
    with psycopg.connect(owner_url) as connection:
        rows = connection.execute(_VECTORS).fetchall()
    return {chunk: np.array(json.loads(text)) for chunk, text in rows}


def made_again(owner_url: str, right: dict[int, Any]) -> int:
    """How many passages have their own vector."""
    now = vectors(owner_url)
    return sum(np.allclose(now[chunk], right[chunk], atol=2e-3) for chunk in right)


async def command(one: WholeGateway, who: str, word: str) -> tuple[int, str]:
    """`appliance index WORD` as that person types it: exit code and what it says."""
    words = [word, "--url", one.url, "--key", one.keys[who]]
    ran = await asyncio.to_thread(CliRunner().invoke, index, words)
    return ran.exit_code, ran.output


async def state(one: WholeGateway) -> str:
    """Of the model that is searched with, as the page shows it."""
    (model,) = (await one.ok("root", "GET", "/api/index"))["models"]
    return str(model["state"])


async def test_a_rebuild_is_finished_although_its_worker_is_killed(
    owner_url: str, servers: Servers, embedder_home: Path, data: Path
) -> None:
    """By an administrator only; told while it goes; search goes on; killed half way, the next worker does the rest."""
    opened = whole_gateway(owner_url, servers, embedder_home, data, ONE_AT_A_TIME, has_worker=False)
    async with opened as one:
        worker = WorkerProcess(one.box)
        worker.start()
        try:
            store = (await one.ok("ana", "POST", "/v1/vector_stores", {"name": "Yard"}))["id"]
            path = f"/v1/vector_stores/{store}"
            files = [
                await one.upload("ana", f"rule-{number}.md", RULE.format(number).encode())
                for number in range(DOCUMENTS)
            ]
            await one.ok("ana", "POST", f"{path}/file_batches", {"file_ids": files})
            for file in files:
                await one.read("ana", f"{path}/files/{file}")

            async def is_known() -> bool:
                return bool((await one.ok("root", "GET", "/api/index"))["models"])

            await until(is_known)
            right = vectors(owner_url)
            worker.kill()
            with psycopg.connect(owner_url) as connection:
                connection.execute(_SPOIL)
            assert made_again(owner_url, right) == 1

            refused = [await command(one, who, "rebuild") for who in ("ana", "otto")]
            code, said = await command(one, "root", "rebuild")
            assert [code for code, _ in refused] == [refused[0][0]] * 2 and refused[0][0] != 0
            assert (code, await state(one)) == (0, "rebuilding") and "rebuilding" in said

            with psycopg.connect(owner_url) as holding:
                holding.execute(_HOLD, (sorted(right)[DOCUMENTS // 2],))  # it comes so far and no further
                worker.start()
                await until(lambda: made_again(owner_url, right) >= DOCUMENTS // 4, 120)
                worker.kill()
            half = made_again(owner_url, right)
            found = await one.ok("ana", "POST", f"{path}/search", {"query": "how high is kind 7 stacked"})
            told = await one.ok("otto", "GET", "/api/index")
            assert half < DOCUMENTS and found["data"]
            assert told["models"][0]["state"] == "rebuilding"
            assert "rebuilding" in (await command(one, "otto", "status"))[1]

            worker.start()

            async def is_over() -> bool:
                return await state(one) == "active"

            await until(is_over, 120)
            assert made_again(owner_url, right) == len(right) == DOCUMENTS
            assert vectors(owner_url).keys() == right.keys()
            found = await one.ok("ana", "POST", f"{path}/search", {"query": "how high is kind 7 stacked"})
            assert found["data"][0]["filename"] == "rule-7.md"
        finally:
            worker.kill()
