"""A whole box whose PostgreSQL is silent: which doors answer, which say 503, and what /readyz says."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import pytest

from appliance.services.accounts.tokens import mint_key
from inference.testing.fake_engine import FakeEngine
from tests.waiting import until
from tests.whole_box import PIPELINE, WholeBox, temporary_box

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

MESSAGES = [{"role": "user", "content": "How long is the notice period?"}]
CHAT = {"model": "fake", "messages": MESSAGES}


@asynccontextmanager
async def box_with(engine: FakeEngine) -> AsyncIterator[WholeBox]:
    """A box that answers, without the sample documents."""
    configuration = f"""
[knowledge]
sample = false

[engines.local]
engine = "openai_compatible"
base_url = "{engine.base_url}"
max_running = 8
"""
    opening = temporary_box(configuration)
    box = await asyncio.to_thread(opening.__enter__)
    try:
        yield box
    finally:
        signal_postgres(box, signal.SIGCONT)
        await asyncio.to_thread(opening.__exit__, None, None, None)


def signal_postgres(box: WholeBox, number: signal.Signals) -> None:
    """To the server and all of its processes; the supervisor sees nothing of it."""
    pid = box.pid_of("postgres")
    lists = [path.read_text().split() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    for one in (pid, *(int(child) for children in lists for child in children)):
        with suppress(ProcessLookupError):
            os.kill(one, number)


async def test_chat_goes_on_and_the_other_doors_say_what_is_missing() -> None:
    """Known keys are served and recorded; while it stands still documents, people's pages and strangers get a 503."""
    async with (
        FakeEngine() as engine,
        box_with(engine) as box,
        httpx.AsyncClient(
            base_url=box.url,
            headers={"authorization": f"Bearer {box.key}"},
            timeout=120,
            trust_env=False,
        ) as client,
    ):

        async def chat(model: str = "fake") -> httpx.Response:
            return await client.post("/v1/chat/completions", json={**CHAT, "model": model})

        async def ledger() -> str:
            return str((await client.get("/readyz")).json()["ledger"])

        async def serves() -> bool:
            return (await chat()).status_code == 200

        await until(serves, 60)
        signal_postgres(box, signal.SIGSTOP)

        assert await serves()  # within PostgreSQL's patience, then out of the spool
        ready = await client.get("/readyz")
        metrics = await client.get("/metrics")
        models = await client.get("/v1/models")
        refused = [
            await chat(PIPELINE),
            await client.get("/v1/vector_stores"),
            await client.get("/api/conversations"),
            await client.post("/api/turns", json={"question": "Well?", "model": "fake"}),
            await client.post(
                "/v1/chat/completions", json=CHAT, headers={"authorization": f"Bearer {mint_key()}"}
            ),
        ]
        signal_postgres(box, signal.SIGCONT)

        async def is_over() -> bool:
            return await ledger() == "ready"

        await until(is_over, 90)
        again = await client.get("/v1/vector_stores")
        rows = await asyncio.to_thread(
            box.rows, "SELECT status, count(*) FROM requests WHERE model = 'fake' GROUP BY status"
        )

    assert ready.status_code == 503 and ready.json()["parts"]["postgresql"] != "ready"
    assert ready.json()["parts"]["valkey"] == "ready"
    assert ready.json()["ledger"].startswith("spooling, ")
    assert "appliance_spooled_rows " in metrics.text and models.status_code == 200
    for answer in refused:
        assert (answer.status_code, answer.headers.get("retry-after")) == (503, "2"), answer.text
    assert again.status_code == 200
    assert [status for status, _ in rows] == ["completed"]
