"""The cloud row against the stand-in: what leaves, what does not, and everything that can be wrong with a cloud."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from inference.cloud.settings import CloudSettings
from inference.egress import Departure, Egress
from inference.engines.cloud import CloudEngine
from inference.engines.connections import Connections
from inference.errors import (
    CloudCannot,
    CloudKeyRefused,
    CloudNotPermitted,
    CloudRefused,
    CloudUnreachable,
    EngineRefused,
    EngineStreamBroken,
    EngineUnavailable,
)
from inference.testing.clouds.dialects import ProviderName
from inference.testing.fake_cloud import FakeCloud, Fault, Trouble
from inference.types import EngineRequest, LeavePermit

PROVIDERS: tuple[ProviderName, ...] = ("openai", "anthropic", "google", "mistral", "azure")
PERMIT = LeavePermit("decision-7", "ana@example.com", "the local model is down", redactions=2)
CALLED = {"id": "call_77", "type": "function", "function": {"name": "f", "arguments": "{}"}}
WRITTEN_FOR_VLLM: dict[str, Any] = {
    "messages": [
        {"role": "developer", "content": "Be short."},
        {"role": "user", "content": "One two", "name": "ana"},
        {"role": "assistant", "content": None, "tool_calls": [CALLED]},
        {"role": "tool", "content": "{}", "tool_call_id": "call_77"},
        {"role": "assistant", "content": "Three", "annotations": [{"quote": "the secret passage"}],
         "reasoning_content": "hm"},
        {"role": "user", "content": "One two three"},
    ],
    "temperature": 1.4, "top_p": 0.9, "top_k": 20, "min_p": 0.1, "repetition_penalty": 1.1, "seed": 7,
    "frequency_penalty": 0.1, "presence_penalty": 0.1, "logprobs": True, "top_logprobs": 2, "max_tokens": 300,
    "user": "ana@example.com", "metadata": {"case": "42"}, "store": True, "ignore_eos": False, "priority": 10,
    "chat_template_kwargs": {"x": 1}, "vector_store_ids": ["vs_1"], "stop": ["END"], "n": 1,
}  # fmt: skip


class World:
    """One fake cloud, an engine that speaks to it, and the ledger of what left."""

    def __init__(self, cloud: FakeCloud, engine: CloudEngine, ledger: list[Departure]) -> None:
        self.cloud, self.engine, self.ledger = cloud, engine, ledger

    def request(self, *, permit: LeavePermit | None = PERMIT, **payload: Any) -> EngineRequest:
        """A chat request for its first model."""
        asked = {"model": self.cloud.models[0], "messages": [{"role": "user", "content": "One two three"}]}
        return EngineRequest("chat/completions", {**asked, **payload}, "req-1", permit=permit)

    async def whole(self, **payload: Any) -> Any:
        """A whole answer."""
        async with self.engine.relay(self.request(**payload)) as response:
            return json.loads(b"".join([frame async for frame in response.frames]))

    async def streamed(self, **payload: Any) -> str:
        """A streamed answer's text."""
        chunks = [chunk async for chunk in self.engine.stream(self.request(**payload))]
        return "".join(chunk.text for chunk in chunks)


def table(cloud: FakeCloud, **more: Any) -> dict[str, Any]:
    """An [engines.NAME] section for it."""
    return {
        "engine": "cloud",
        "provider": cloud.provider,
        "base_url": cloud.base_url,
        "api_key": cloud.api_key,
        "models": cloud.models,
        **more,
    }


@asynccontextmanager
async def world(
    provider: ProviderName = "openai",
    models: tuple[str, ...] = (),
    *,
    tls: bool = False,
    egress: Egress | None = None,
    **more: Any,
) -> AsyncIterator[World]:
    """Everything of it, closed at the end."""
    ledger: list[Departure] = []
    async with FakeCloud(provider, models, tls=tls) as cloud:
        door = egress or Egress([], ledger.append, inside=[f"127.0.0.1:{cloud.port}"])
        connections = Connections(egress=door)
        engine = CloudEngine("far", CloudSettings.model_validate(table(cloud, **more)), connections)
        try:
            yield World(cloud, engine, ledger)
        finally:
            await engine.close()
            await connections.close()


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_what_was_written_for_the_box_is_understood_by_every_provider(provider: ProviderName) -> None:
    """No provider refuses a parameter, whole or streamed, and what was used is counted."""
    async with world(provider, models=("gpt-5.4-mini",) if provider == "openai" else ()) as here:
        whole = await here.whole(**WRITTEN_FOR_VLLM)
        chunks = [chunk async for chunk in here.engine.stream(here.request(**WRITTEN_FOR_VLLM))]

    assert whole["choices"][0]["message"]["content"] == "Echo: One two three"
    assert whole["usage"]["completion_tokens"] == 4
    assert "".join(chunk.text for chunk in chunks) == "Echo: One two three"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 4
    assert chunks[-1].finish_reason == "stop"


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_who_asks_and_what_we_noted_never_leave(provider: ProviderName) -> None:
    """Names, our request ids, cited passages and collections stay, whichever provider it is."""
    async with world(provider) as here:
        await here.whole(**WRITTEN_FOR_VLLM)

        [sent] = here.cloud.requests
        everything = sent.body + json.dumps(sent.headers).encode() + sent.path.encode()
        for secret in (b"ana", b"secret passage", b"vs_1", b"req-1", b"decision-7", b'"case"', b'"store"'):
            assert secret not in everything, secret


async def test_what_was_changed_is_said() -> None:
    """A client can see which of its parameters did not arrive."""
    async with world("openai", ("gpt-5.4-mini",)) as here:
        asked = here.request(top_k=5, temperature=0.2, max_tokens=9)
        async with here.engine.relay(asked) as response:
            notes = response.notes
            served_by = response.served_by

    assert set(notes) == {"top_k dropped", "temperature dropped", "max_tokens sent as max_completion_tokens"}
    assert served_by == "cloud:far"


async def test_without_a_permit_nothing_is_opened() -> None:
    """Neither a connection nor a line in the ledger."""
    async with world() as here:
        with pytest.raises(CloudNotPermitted):
            await here.whole(permit=None)

        assert (here.cloud.requests, here.ledger) == ([], [])


async def test_the_ledger_has_the_permit_before_the_cloud_has_a_byte() -> None:
    """Who, why, how many redactions, and in the end as many bytes as the cloud received."""
    async with world() as here:
        await here.whole()

        began, ended = here.ledger
        assert (began.happened, began.decision, began.actor) == ("began", "decision-7", "ana@example.com")
        assert (began.why, began.redactions, began.engine) == ("the local model is down", 2, "far")
        assert ended.sent_bytes == len(here.cloud.requests[0].body)
        assert ended.status == 200


async def test_it_never_calls_out_on_its_own_account() -> None:
    """Models, health and load are known without asking anybody."""
    async with world(model_map={"llama": "gpt-4o-mini"}, models=["gpt-5.4-mini"]) as here:
        models = [model.id for model in await here.engine.models()]
        load = await here.engine.load()
        counted = await here.engine.count_tokens("gpt-4o-mini", "How many?")

        assert models == ["gpt-4o-mini", "gpt-5.4-mini"]
        assert (load.running, counted) == (0, None)
        assert (here.cloud.requests, here.ledger) == ([], [])


async def test_a_bad_key_is_named_but_never_shown_and_marks_the_engine() -> None:
    """The sentence says where to correct it; the roster sees an engine that is not well until an answer comes."""
    async with world(api_key="sk-wrong-secret-0123456789") as here:
        with pytest.raises(CloudKeyRefused, match=r"api_key_file of \[engines\.far\]") as refused:
            await here.whole()
        with pytest.raises(EngineUnavailable, match="401"):
            await here.engine.models()
        here.cloud.api_key = "sk-wrong-secret-0123456789"
        await here.whole()

        assert "sk-wr" not in str(refused.value)
        assert "6789" not in str(refused.value)
        assert await here.engine.models()


async def test_google_s_way_of_refusing_a_key_is_understood() -> None:
    """It answers 400, which would otherwise be the client's own fault."""
    async with world("google", api_key="wrong") as here:
        with pytest.raises(CloudKeyRefused):
            await here.whole()


async def test_no_key_is_said_before_anybody_is_asked() -> None:
    """An engine without one is not well from the start."""
    async with world(api_key="") as here:
        with pytest.raises(EngineUnavailable, match="wants a key"):
            await here.engine.models()


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_rate_limit_carries_its_pause(provider: ProviderName) -> None:
    """However the provider says it: a header or a line in the body."""
    async with world(provider) as here:
        here.cloud.requests_left, here.cloud.retry_after_s = 0, 7.0
        with pytest.raises(CloudRefused) as limited:
            await here.whole()

    assert (limited.value.status, limited.value.retry_after_s) == (429, 7.0)


@pytest.mark.parametrize(
    ("trouble", "fault", "status"),
    [
        (Trouble.OVERLOADED, Fault.NONE, 503),
        (Trouble.NO_MONEY, Fault.NONE, 429),
        (Trouble.NONE, Fault.HTTP_500, 500),
    ],
    ids=["overloaded", "no money", "broken"],
)
async def test_its_own_troubles_are_not_the_client_s(trouble: Trouble, fault: Fault, status: int) -> None:
    """They close this way, and another one may be open."""
    async with world() as here:
        here.cloud.trouble, here.cloud.behaviour.fault = trouble, fault
        with pytest.raises(CloudRefused) as refused:
            await here.whole()

    assert refused.value.status == status


async def test_a_model_that_is_not_there_names_the_map() -> None:
    """An operator's mistake is said as one."""
    async with world() as here:
        with pytest.raises(CloudRefused, match=r"model_map of \[engines\.far\]"):
            await here.whole(model="gpt-nothing")


async def test_what_is_wrong_with_the_request_goes_back_to_who_wrote_it() -> None:
    """As OpenAI would say it."""
    async with world() as here:
        with pytest.raises(EngineRefused) as refused:
            await here.whole(messages=[])

    assert refused.value.status == 400
    assert "messages" in json.loads(refused.value.body)["error"]["message"]


PROMISED = [
    ("openai", {"guided_regex": "a+"}),
    ("openai", {"structured_outputs": {"choice": ["a", "b"]}}),
    ("anthropic", {"response_format": {"type": "json_object"}}),
    ("anthropic", {"guided_json": {"type": "object"}}),
    ("anthropic", {"n": 2}),
]


@pytest.mark.parametrize(("provider", "promise"), PROMISED)
async def test_a_promise_that_cannot_be_kept_is_not_sent(
    provider: ProviderName, promise: dict[str, Any]
) -> None:
    """Rather no answer than one that does not obey what was asked for."""
    async with world(provider) as here:
        with pytest.raises(CloudCannot):
            await here.whole(**promise)

        assert here.cloud.requests == []


@pytest.mark.parametrize("provider", ["openai", "google", "mistral", "azure"])
async def test_vllm_s_guided_json_is_kept(provider: ProviderName) -> None:
    """It becomes `response_format`."""
    schema = {"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]}
    async with world(provider) as here:
        answer = await here.whole(guided_json=schema)

    assert json.loads(answer["choices"][0]["message"]["content"]) == {"age": 1}


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_tool_calls_come_back_from_every_provider(provider: ProviderName) -> None:
    """In OpenAI's shape."""
    function = {"name": "f", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}
    async with world(provider) as here:
        answer = await here.whole(tools=[{"type": "function", "function": function}, {"type": "web_search"}])

        assert answer["choices"][0]["message"]["tool_calls"][0]["function"]["name"] == "f"
        assert b"web_search" not in here.cloud.requests[0].body


async def test_the_operator_s_own_parameters_are_added_and_the_client_s_word_counts() -> None:
    """`parameters` fills in what the request does not say."""
    async with world("openai", ("gpt-5.4-mini",), parameters={"reasoning_effort": "low"}) as here:
        await here.whole()
        await here.whole(reasoning_effort="high")

        efforts = [one.payload["reasoning_effort"] for one in here.cloud.requests]
        assert efforts == ["low", "high"]


async def test_azure_s_deployments_have_paths_and_a_version() -> None:
    """Its older routes, and the key in a header of its own."""
    async with world("azure", api_version="2024-10-21", behind={"our-gpt": "gpt-5.4-mini"}) as here:
        await here.whole(temperature=0.3)

        [sent] = here.cloud.requests
        assert sent.path == "/openai/deployments/our-gpt/chat/completions"
        assert sent.headers["api-key"] == here.cloud.api_key
        assert "authorization" not in sent.headers
        assert "temperature" not in sent.payload


# bad clouds ---------------------------------------------------------------------------------------------


async def test_a_redirect_is_refused_and_not_followed() -> None:
    """Not even a request to the metadata address it points to."""
    async with world() as here:
        here.cloud.trouble = Trouble.REDIRECT
        with pytest.raises(CloudUnreachable, match="redirects"):
            await here.whole()

        assert len(here.ledger) == 2  # one request, its beginning and its end


class Names(AbstractResolver):
    """Every name leads to one address."""

    def __init__(self, address: str) -> None:
        self._address = address

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=self._address,
                port=port,
                family=family,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
        ]

    async def close(self) -> None:
        pass


@pytest.mark.parametrize(
    "address", ["169.254.169.254", "10.0.0.5", "127.0.0.1", "::ffff:10.0.0.5", "fd00::1"]
)
async def test_a_name_that_leads_inside_is_refused(address: str) -> None:
    """A cloud's name that resolves to a metadata or private address gets no connection."""
    egress = Egress(["cloud.example"], lambda _line: None, resolver=Names(address))
    async with world(egress=egress, base_url="https://cloud.example/v1") as here:
        with pytest.raises(CloudUnreachable, match="private network"):
            await here.whole()


@pytest.mark.parametrize(
    "base_url",
    [
        "https://169.254.169.254/v1",
        "https://10.0.0.5/v1",
        "https://elsewhere.example/v1",
        "http://cloud.example/v1",
    ],
)
async def test_an_address_that_is_not_allowed_is_refused(base_url: str) -> None:
    """Private ones, other hosts than those allowed, and plain http."""
    allowed = ["cloud.example", "169.254.169.254", "10.0.0.5"]
    egress = Egress(allowed, lambda _line: None, resolver=Names("203.0.114.1"))
    async with world(egress=egress, base_url=base_url) as here:
        with pytest.raises(CloudUnreachable):
            await here.whole()


async def test_a_wrong_certificate_is_refused_with_the_remedy() -> None:
    """Nothing is sent to whoever cannot prove to be the cloud."""
    async with world(tls=True) as here:
        with pytest.raises(CloudUnreachable, match=r"cannot prove.*ca_file of \[engines\.far\]"):
            await here.whole()

        assert here.cloud.requests == []


async def test_the_operator_s_own_authority_is_trusted(tmp_path: Path) -> None:
    """For a company whose proxy looks into TLS; a file that is none is said at the start."""
    async with AsyncExitStack() as stack:
        cloud = await stack.enter_async_context(FakeCloud(tls=True))
        authority = tmp_path / "ca.pem"
        authority.write_bytes(cloud.ca_pem)
        connections = Connections(egress=Egress([], lambda _line: None, inside=[f"127.0.0.1:{cloud.port}"]))
        engine = CloudEngine(
            "far", CloudSettings.model_validate(table(cloud, ca_file=str(authority))), connections
        )
        answer = await World(cloud, engine, []).whole()
        await engine.close()

        assert answer["object"] == "chat.completion"
        authority.write_text("not a certificate")
        with pytest.raises(EngineUnavailable, match="ca_file"):
            CloudEngine(
                "far", CloudSettings.model_validate(table(cloud, ca_file=str(authority))), connections
            )


async def test_a_gigabyte_is_cut_with_a_clear_error() -> None:
    """After the size that an answer may have, and the connection with it."""
    async with world(most_answer_mib=2) as here:
        here.cloud.trouble = Trouble.HUGE
        with pytest.raises(EngineStreamBroken, match="larger than 2 MiB"):
            await here.streamed()
        await here.cloud.until(lambda cloud: cloud.running == 0)

        assert here.cloud.sent_bytes < 2**29


async def test_one_byte_at_a_time_ends_at_the_deadline() -> None:
    """However regularly it comes, an answer has to be complete in time."""
    async with world(answer_timeout_s=1.0) as here:
        here.cloud.trouble, here.cloud.drip_s = Trouble.DRIP, 0.05
        with pytest.raises(EngineStreamBroken, match="not complete after 1 s"):
            await here.streamed()
        await here.cloud.until(lambda cloud: cloud.running == 0)


async def test_silence_in_the_middle_is_an_end() -> None:
    """A byte, and then nothing for longer than `chunk_timeout_s`."""
    async with world(chunk_timeout_s=0.2) as here:
        here.cloud.trouble = Trouble.DRIP
        with pytest.raises(EngineStreamBroken, match="silent"):
            await here.streamed()


async def test_no_first_byte_is_an_end_too() -> None:
    """A cloud that takes the request and hangs."""
    async with world(first_byte_timeout_s=0.3) as here:
        here.cloud.behaviour.fault = Fault.HANG
        with pytest.raises(CloudUnreachable, match=r"nothing within 0\.3 s"):
            await here.streamed()
        await here.cloud.until(lambda cloud: cloud.running == 0)


async def test_a_packed_answer_is_not_unpacked() -> None:
    """A few bytes that become gigabytes are none of ours."""
    async with world() as here:
        here.cloud.trouble = Trouble.PACKED
        with pytest.raises(CloudRefused, match="packed"):
            await here.whole()


@pytest.mark.parametrize("fault", [Fault.DIE, Fault.ERROR_EVENT, Fault.MALFORMED, Fault.NO_DONE])
async def test_a_stream_that_dies_says_so(fault: Fault) -> None:
    """What came is passed on, and the end is honest."""
    async with world() as here:
        here.cloud.behaviour.fault, here.cloud.behaviour.tokens = fault, 8
        with pytest.raises(EngineStreamBroken):
            await here.streamed()


async def test_leaving_closes_the_connection() -> None:
    """Whoever stops an answer stops paying for it."""
    async with world() as here:
        here.cloud.behaviour.tokens, here.cloud.behaviour.pace_s = 10_000, 0.01
        async with here.engine.relay(here.request(stream=True)) as response:
            await anext(aiter(response.frames))
        await here.cloud.until(lambda cloud: cloud.running == 0)

        assert here.cloud.aborted == 1
        assert here.engine.running == 0
        assert here.ledger[-1].happened == "ended"


async def test_a_cancelled_whole_answer_closes_the_connection() -> None:
    """The same for a call that only waits."""
    async with world() as here:
        here.cloud.behaviour.fault = Fault.HANG
        asking = asyncio.create_task(here.whole())
        await here.cloud.until(lambda cloud: cloud.running == 1)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await here.cloud.until(lambda cloud: cloud.running == 0)


class Lever:
    """A stop switch in the hand of a test."""

    def __init__(self) -> None:
        self.why = ""

    def stopped(self) -> str:
        """Why nothing may leave; empty: it may."""
        return self.why


async def test_the_stop_switch_ends_a_stream_and_lets_nothing_new_out() -> None:
    """An honest end for who reads, and the next request never begins."""
    lever = Lever()
    async with AsyncExitStack() as stack:
        cloud = await stack.enter_async_context(FakeCloud())
        cloud.behaviour.tokens, cloud.behaviour.pace_s = 10_000, 0.01
        egress = Egress([], lambda _line: None, inside=[f"127.0.0.1:{cloud.port}"], switch=lever)
        connections = Connections(egress=egress)
        engine = CloudEngine("far", CloudSettings.model_validate(table(cloud)), connections)
        stack.push_async_callback(engine.close)
        here = World(cloud, engine, [])

        with pytest.raises(EngineStreamBroken, match="stopped by Ana"):
            async for _ in engine.stream(here.request()):
                lever.why = "stopped by Ana"
        await cloud.until(lambda seen: seen.running == 0)
        with pytest.raises(CloudUnreachable, match="stopped by Ana"):
            await here.whole()

        assert len(cloud.requests) == 1


async def test_what_cannot_be_written_down_does_not_leave() -> None:
    """A full disk under the ledger closes the way."""

    def full(_line: Departure) -> None:
        raise OSError(28, "No space left on device")

    async with world(egress=Egress(["api.openai.com"], full), base_url="https://api.openai.com/v1") as here:
        with pytest.raises(CloudUnreachable, match="No space left"):
            await here.whole()


async def test_an_odd_provider_s_refused_parameters_are_dropped_by_the_section() -> None:
    """Also those that we add ourselves."""
    async with world(drop_parameters=["stream_options", "seed"]) as here:
        await here.streamed(seed=1)

        assert not {"stream_options", "seed"} & here.cloud.requests[0].payload.keys()


async def test_other_routes_are_not_asked_of_a_chat_cloud() -> None:
    """Vectors of another model must never meet ours, and clouds have no old completions."""
    async with world() as here:
        for route in ("embeddings", "completions", "rerank"):
            asked = EngineRequest(route, {"model": "gpt-4o-mini", "input": "x"}, permit=PERMIT)  # type: ignore[arg-type]
            with pytest.raises(CloudCannot):
                async with here.engine.relay(asked):
                    pass

        assert here.cloud.requests == []
