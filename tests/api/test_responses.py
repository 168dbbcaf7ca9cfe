"""The door of /v1/responses: what is streamed, what is kept and for whom, and what ends with the client."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from redis.asyncio import Redis

from appliance.domain.people import Scopes
from appliance.services.accounts.live_requests import Withdrawal
from appliance.storage.database import Database
from inference.testing.fake_engine import FakeEngine, Fault
from tests.gateway_harness import Gateway, person, until

ASKED: dict[str, Any] = {"model": "fake", "input": "How are you?"}


def events(text: str) -> list[dict[str, Any]]:
    """The events of a stream, comments left out."""
    blocks = [block for block in text.split("\n\n") if block.startswith("event: ")]
    return [json.loads(block.split("\ndata: ")[1]) for block in blocks]


async def streamed(gateway: Gateway, key: str = "ana", **fields: object) -> str:
    """A stream as it came."""
    async with gateway.post("responses", {**ASKED, "stream": True, **fields}, key) as response:
        assert response.status == 200, await response.text()
        return await response.text()


async def answered(gateway: Gateway, key: str = "ana", **fields: object) -> dict[str, Any]:
    """A whole response."""
    async with gateway.post("responses", {**ASKED, **fields}, key) as response:
        answer: dict[str, Any] = await response.json()
        assert response.status == 200, answer
        return answer


async def refused(gateway: Gateway, key: str = "ana", **fields: object) -> tuple[int, str | None]:
    """Status and field of a refusal."""
    async with gateway.post("responses", {**ASKED, **fields}, key) as response:
        return response.status, (await response.json())["error"]["param"]


async def asked(gateway: Gateway, method: str, path: str, key: str = "ana") -> tuple[int, Any]:
    """Status and answer of a request about what is kept."""
    url = f"{gateway.base_url}/v1/responses/{path}"
    async with gateway.session.request(method, url, headers={"authorization": f"Bearer {key}"}) as response:
        return response.status, await response.json()


async def test_a_stream_and_a_whole_answer_are_the_same_response(gateway: Gateway) -> None:
    """Text, usage and everything that is repeated; a stream says who answers in its headers too."""
    async with gateway.post("responses", {**ASKED, "stream": True}, x_request_id="mine-1") as response:
        last = events(await response.text())[-1]["response"]
        headers = response.headers
    whole = await answered(gateway)

    assert headers["x-served-by"] == "local:local" and headers["x-request-id"] == "mine-1"
    own = ("id", "created_at", "completed_at", "output", "usage")
    assert {k: v for k, v in last.items() if k not in own} == {k: v for k, v in whole.items() if k not in own}
    assert last["output"][0]["content"] == whole["output"][0]["content"]


async def test_an_answer_carries_its_headers(gateway: Gateway) -> None:
    """As on the other routes."""
    async with gateway.post("responses", ASKED, x_request_id="mine-1") as response:
        await response.read()

    assert response.headers["x-served-by"] == "local:local" and response.headers["x-request-id"] == "mine-1"
    assert int(response.headers["x-queue-wait-ms"]) >= 0


async def test_it_is_on_record_like_every_request(gateway: Gateway, database: Database) -> None:
    """One row, with the tokens as the engine counted them, under its own route."""
    await streamed(gateway)

    async def row() -> Any:
        async with database.viewing(person("ana").viewer) as connection:
            cursor = await connection.execute(
                "SELECT route, completion_tokens, is_estimated, finish_reason FROM requests WHERE status = 'completed'"
            )
            return await cursor.fetchone()

    async def is_there() -> bool:
        return await row() is not None

    await until(is_there)
    assert await row() == ("/v1/responses", 4, False, "stop")


# what is kept -----------------------------------------------------------------------------------------


async def test_a_response_is_there_when_it_has_been_seen(gateway: Gateway) -> None:
    """Read again as it was, and gone on from at once."""
    last = events(await streamed(gateway))[-1]["response"]

    assert await asked(gateway, "GET", last["id"]) == (200, last)
    assert (await answered(gateway, previous_response_id=last["id"]))["previous_response_id"] == last["id"]


async def test_a_conversation_is_rebuilt_without_its_old_instructions(
    gateway: Gateway, engine: FakeEngine
) -> None:
    """Every turn before it reaches the engine; instructions are for one response."""
    first = await answered(gateway, input="One", instructions="Old.")
    second = await answered(gateway, input="Two", previous_response_id=first["id"])
    await answered(gateway, input="Three", previous_response_id=second["id"], instructions="New.")

    said = [message["content"] for message in engine.requests[-1].payload["messages"]]
    assert said == ["New.", "One", "Echo: One", "Two", "Echo: Two", "Three"]


async def test_a_conversation_may_branch(gateway: Gateway, engine: FakeEngine) -> None:
    """Two ways on from one response do not see each other."""
    first = await answered(gateway, input="One")
    await answered(gateway, input="Two", previous_response_id=first["id"])
    await answered(gateway, input="Other", previous_response_id=first["id"])

    said = [message["content"] for message in engine.requests[-1].payload["messages"]]
    assert said == ["One", "Echo: One", "Other"]


async def test_input_items_are_listed_in_pages(gateway: Gateway) -> None:
    """All that the response was made from, the newest first unless asked otherwise."""
    first = await answered(gateway, input="One")
    second = await answered(
        gateway, input=[{"role": "user", "content": "Two"}], previous_response_id=first["id"]
    )

    _, page = await asked(gateway, "GET", f"{second['id']}/input_items?limit=2")
    _, rest = await asked(gateway, "GET", f"{second['id']}/input_items?limit=2&after={page['last_id']}")
    _, rising = await asked(gateway, "GET", f"{second['id']}/input_items?order=asc")

    assert [item["content"][0]["text"] for item in page["data"]] == ["Two", "Echo: One"]
    assert page["has_more"] and not rest["has_more"]
    assert rising["data"] == [*page["data"], *rest["data"]][::-1]
    assert (await asked(gateway, "GET", f"{second['id']}/input_items?after=msg_1"))[0] == 400


async def test_items_can_be_referred_to(gateway: Gateway, engine: FakeEngine) -> None:
    """By their ids, from any response of one's own."""
    first = await answered(gateway, input="One")
    item = first["output"][0]["id"]

    await answered(
        gateway, input=[{"type": "item_reference", "id": item}, {"role": "user", "content": "Two"}]
    )

    said = [message["content"] for message in engine.requests[-1].payload["messages"]]
    assert said == ["Echo: One", "Two"]
    reference = [{"type": "item_reference", "id": item}]
    assert await refused(gateway, "bea", input=reference) == (404, "input[0].id")
    assert await refused(gateway, input=[{"id": "msg_1"}]) == (404, "input[0].id")


async def test_somebody_elses_responses_do_not_exist(gateway: Gateway, engine: FakeEngine) -> None:
    """Neither to be read, nor listed, nor deleted, nor gone on from; an administrator's role changes nothing."""
    mine = await answered(gateway, input="My secret")
    gateway.identity.callers["boss"] = person("boss", Scopes())

    for key in ("bea", "boss"):
        for method, path in (("GET", ""), ("GET", "/input_items"), ("DELETE", ""), ("POST", "/cancel")):
            assert (await asked(gateway, method, mine["id"] + path, key))[0] == 404
        assert await refused(gateway, key, previous_response_id=mine["id"]) == (404, "previous_response_id")
    assert len(engine.requests) == 1
    assert (await asked(gateway, "GET", mine["id"]))[0] == 200


async def test_what_is_deleted_is_gone(gateway: Gateway, maintenance_database: Database) -> None:
    """Nobody goes on from it, nor from what came after it; nothing of it is left."""
    first = await answered(gateway, input="One")
    second = await answered(gateway, input="Two", previous_response_id=first["id"])

    assert await asked(gateway, "DELETE", first["id"]) == (
        200,
        {"id": first["id"], "object": "response", "deleted": True},
    )

    assert (await asked(gateway, "GET", first["id"]))[0] == 404
    assert await refused(gateway, previous_response_id=second["id"]) == (404, "previous_response_id")
    assert (await asked(gateway, "GET", second["id"]))[0] == 200
    await asked(gateway, "DELETE", second["id"])
    async with maintenance_database.connection() as connection:
        cursor = await connection.execute(
            "SELECT (SELECT count(*) FROM responses), (SELECT count(*) FROM response_threads)"
        )
        assert await cursor.fetchone() == (0, 0)


async def test_what_is_not_to_be_kept_is_not(gateway: Gateway) -> None:
    """`store: false`, and what failed."""
    unkept = await answered(gateway, store=False)

    assert unkept["store"] is False
    assert (await asked(gateway, "GET", unkept["id"]))[0] == 404
    assert await refused(gateway, previous_response_id=unkept["id"]) == (404, "previous_response_id")


async def test_any_character_is_kept(gateway: Gateway) -> None:
    """NUL too, which PostgreSQL's texts cannot hold."""
    first = await answered(gateway, input="a\0b \U0001f600")

    _, page = await asked(gateway, "GET", f"{first['id']}/input_items")
    assert page["data"][0]["content"][0]["text"] == "a\0b \U0001f600"
    assert (await asked(gateway, "GET", first["id"]))[1] == first


async def test_without_storage_the_answer_comes_and_says_that_it_is_not_kept(
    gateway: Gateway, maintenance_database: Database
) -> None:
    """An answer that is complete is worth more than its copy."""
    async with maintenance_database.connection() as connection:
        await connection.execute("DELETE FROM users")

    last = events(await streamed(gateway))[-1]

    assert last["type"] == "response.completed" and last["response"]["store"] is False
    assert (await asked(gateway, "GET", last["response"]["id"]))[0] == 404


# who leaves, and what breaks --------------------------------------------------------------------------


async def test_waiting_is_shown_in_the_stream(gateway: Gateway, engine: FakeEngine) -> None:
    """Headers, `response.queued` and comments while it waits, then who answers, then an ordinary response."""
    engine.behaviour.pace_s, engine.behaviour.tokens = 0.05, 20
    others = [asyncio.create_task(streamed(gateway)) for _ in range(2)]
    await engine.until(lambda e: e.running == 2)

    waited = await streamed(gateway)
    quiet = [asyncio.create_task(streamed(gateway)) for _ in range(2)]
    await engine.until(lambda e: e.running == 2)
    async with gateway.post("responses", {**ASKED, "stream": True}, x_queue_comments="off") as response:
        unshown = await response.text()
    await asyncio.gather(*others, *quiet)

    assert ": queue position=1" in waited and ": served-by local:local" in waited
    kinds = [event["type"] for event in events(waited)]
    assert kinds[:3] == ["response.created", "response.queued", "response.in_progress"]
    assert kinds[-1] == "response.completed"
    assert [event["sequence_number"] for event in events(waited)] == list(range(len(kinds)))
    assert ": queue" not in unshown and events(unshown)[1]["type"] == "response.in_progress"


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("ttft_s", [0, 60])
async def test_a_client_that_leaves_frees_the_engine(
    gateway: Gateway, engine: FakeEngine, stream: bool, ttft_s: float, maintenance_database: Database
) -> None:
    """Streamed or not, before the first token or after it: the engine's request ends, and nothing is kept of it."""
    engine.behaviour.ttft_s, engine.behaviour.pace_s, engine.behaviour.tokens = ttft_s, 0.05, 1000
    call = asyncio.create_task(streamed(gateway) if stream else answered(gateway))
    await engine.until(lambda e: e.running == 1)

    call.cancel()

    await engine.until(lambda e: e.running == 0)
    await until(lambda: gateway.live.callers == [])
    assert engine.aborted == 1
    async with maintenance_database.connection() as connection:
        assert await (await connection.execute("SELECT count(*) FROM responses")).fetchone() == (0,)


async def test_a_client_that_leaves_the_queue_is_out_of_it(
    gateway: Gateway, engine: FakeEngine, valkey: Redis
) -> None:
    """The engine never hears of it."""
    engine.behaviour.pace_s, engine.behaviour.tokens = 0.05, 1000
    running = [asyncio.create_task(streamed(gateway, "bea")) for _ in range(2)]
    await engine.until(lambda e: e.running == 2)
    waiting = asyncio.create_task(streamed(gateway))
    await until(lambda: len(gateway.live.callers) == 3)

    waiting.cancel()

    await until(lambda: len(gateway.live.callers) == 2)
    assert len(engine.requests) == 2
    for task in running:
        task.cancel()


@pytest.mark.parametrize("fault", [Fault.DIE, Fault.NO_DONE, Fault.ERROR_EVENT, Fault.MALFORMED])
async def test_an_engine_that_breaks_off_fails_the_response(
    gateway: Gateway, engine: FakeEngine, fault: Fault
) -> None:
    """`response.failed` with what came so far, the SDKs' error event after it, and never `response.completed`."""
    engine.behaviour.fault, engine.behaviour.tokens = fault, 10

    *before, failed, raised = events(await streamed(gateway))

    assert (failed["type"], raised["type"]) == ("response.failed", "error")
    assert failed["response"]["error"]["detail_code"] == raised["error"]["code"] == "engine_stream_broken"
    assert not {"response.completed", "response.failed"} & {event["type"] for event in before}
    assert (await asked(gateway, "GET", failed["response"]["id"]))[0] == 404


@pytest.mark.parametrize(("fault", "status"), [(Fault.HTTP_500, 502), (Fault.MALFORMED, 502)])
async def test_a_whole_answer_that_fails_has_its_true_status(
    gateway: Gateway, engine: FakeEngine, fault: Fault, status: int
) -> None:
    """No half response with a 200."""
    engine.behaviour.fault = fault

    assert (await refused(gateway))[0] == status


async def test_a_withdrawn_key_ends_what_runs(gateway: Gateway, engine: FakeEngine) -> None:
    """The stream says why, the engine is freed."""
    engine.behaviour.pace_s, engine.behaviour.tokens = 0.05, 1000
    async with gateway.post("responses", {**ASKED, "stream": True}) as response:
        await response.content.readany()
        await engine.until(lambda e: e.running == 1)
        gateway.live.withdraw(Withdrawal(user_id=person("ana").user_id))
        *_, failed, raised = events(await response.text())

    assert failed["type"] == "response.failed" and raised["code"] == "credential_withdrawn"
    await engine.until(lambda e: e.running == 0)


async def test_a_response_that_never_came_to_its_turn_fails_like_any_other(
    gateway: Gateway, engine: FakeEngine
) -> None:
    """It was created and queued; what ended it is told in the same words."""
    engine.behaviour.pace_s, engine.behaviour.tokens = 0.05, 1000
    running = [asyncio.create_task(streamed(gateway, "bea")) for _ in range(2)]
    await engine.until(lambda e: e.running == 2)
    async with gateway.post("responses", {**ASKED, "stream": True}) as response:
        await response.content.readany()
        gateway.live.withdraw(Withdrawal(user_id=person("ana").user_id))
        told = events(await response.text())

    assert [event["type"] for event in told][-2:] == ["response.failed", "error"]
    assert told[-1]["code"] == "credential_withdrawn" and told[-2]["response"]["output"] == []
    assert len(engine.requests) == 2
    for task in running:
        task.cancel()


async def test_a_key_for_other_models_or_routes_is_refused(gateway: Gateway, engine: FakeEngine) -> None:
    """Scopes hold here too."""
    gateway.identity.callers["narrow"] = person("ana", Scopes(models=frozenset({"other"})))

    assert await refused(gateway, "narrow") == (403, "model")
    assert await refused(gateway, "nobody") == (401, None)
    assert await refused(gateway, model="gpt-9") == (404, "model")
    assert engine.requests == []


async def test_what_the_engine_refuses_is_named_as_it_was_sent(gateway: Gateway, engine: FakeEngine) -> None:
    """Its own words, our field."""
    assert await refused(gateway, max_output_tokens=-1) == (400, "max_output_tokens")
    answer = await answered(gateway, max_output_tokens=2)
    assert answer["status"] == "incomplete"
    assert answer["incomplete_details"] == {"reason": "max_output_tokens"}


async def test_a_conversation_that_was_cut_can_be_gone_on_from(gateway: Gateway) -> None:
    """An incomplete response is kept like a complete one."""
    cut = await answered(gateway, max_output_tokens=2)

    assert (await answered(gateway, previous_response_id=cut["id"]))["status"] == "completed"
