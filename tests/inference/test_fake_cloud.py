"""The stand-in cloud itself: what it takes, what it refuses, and how it misbehaves."""

from __future__ import annotations

import asyncio
import json
import signal
import ssl
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from inference.testing.clouds.dialects import ProviderName
from inference.testing.fake_cloud import FakeCloud, Fault, Trouble

PROVIDERS: tuple[ProviderName, ...] = ("openai", "anthropic", "google", "mistral", "azure")
ASKED: dict[str, Any] = {"messages": [{"role": "user", "content": "One two"}]}


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """Closed after the test."""
    async with aiohttp.ClientSession() as session:
        yield session


async def ask(
    http: aiohttp.ClientSession, cloud: FakeCloud, key: str = "", **more: Any
) -> tuple[int, Any, dict[str, str]]:
    """Status, body and headers, by its OpenAI-compatible route."""
    shown = {"Authorization": f"Bearer {key or cloud.api_key}"}
    payload = {"model": cloud.models[0], **ASKED, **more}
    async with http.post(f"{cloud.base_url}/chat/completions", json=payload, headers=shown) as answer:
        body = await answer.read()
        return (
            answer.status,
            json.loads(body),
            {name.lower(): value for name, value in answer.headers.items()},
        )


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_it_answers_and_remembers_every_byte(
    provider: ProviderName, http: aiohttp.ClientSession
) -> None:
    """What was sent can be compared with a ledger, to the last blank."""
    body = b'{"model":"%s",  "messages": [{"role":"user","content":"\xc3\xb1"}]}'
    async with FakeCloud(provider) as cloud:
        sent = body % cloud.models[0].encode()
        headers = {"Authorization": f"Bearer {cloud.api_key}", "Content-Type": "application/json"}
        async with http.post(f"{cloud.base_url}/chat/completions", data=sent, headers=headers) as answer:
            text = (await answer.json())["choices"][0]["message"]["content"]

        assert text == "Echo: ñ"
        assert [one.body for one in cloud.requests] == [sent]


REFUSED = [
    ("openai", {"top_k": 5}, 400, "top_k"),
    ("openai", {"max_tokens": 5}, 400, "max_tokens"),
    ("openai", {"temperature": 0.2}, 400, "temperature"),
    ("openai", {"messages": [{"role": "user", "content": "x", "annotations": []}]}, 400, "annotations"),
    ("azure", {"guided_json": {}}, 400, "guided_json"),
    ("google", {"seed": 1}, 400, "seed"),
    ("mistral", {"stream_options": {}}, 422, "stream_options"),
    (
        "mistral",
        {"messages": [{"role": "tool", "content": "x", "tool_call_id": "call_1"}]},
        422,
        "tool_call_id",
    ),
    ("anthropic", {"n": 2}, 400, "n"),
]


@pytest.mark.parametrize(("provider", "more", "status", "said"), REFUSED)
async def test_it_refuses_what_the_provider_refuses(
    provider: ProviderName, more: dict[str, Any], status: int, said: str, http: aiohttp.ClientSession
) -> None:
    """An engine that translates badly is found out here, as it would be there."""
    async with FakeCloud(provider) as cloud:
        got, body, _ = await ask(http, cloud, **more)

    assert got == status
    assert said in json.dumps(body)


@pytest.mark.parametrize(
    ("provider", "more"),
    [("anthropic", {"seed": 1, "response_format": {"type": "json_object"}}), ("mistral", {"top_k": 5})],
)
async def test_it_takes_what_the_provider_takes(
    provider: ProviderName, more: dict[str, Any], http: aiohttp.ClientSession
) -> None:
    """Anthropic's layer ignores what it does not know; Mistral samples like vLLM."""
    async with FakeCloud(provider) as cloud:
        status, body, _ = await ask(http, cloud, **more)

    assert (status, body["choices"][0]["message"]["content"]) == (200, "Echo: One two")


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_limit_says_when_to_come_back(provider: ProviderName, http: aiohttp.ClientSession) -> None:
    """In a header, or in Google's own words in the body."""
    async with FakeCloud(provider) as cloud:
        cloud.requests_left, cloud.retry_after_s = 1, 7.0
        first, _, _ = await ask(http, cloud)
        second, body, headers = await ask(http, cloud)

    assert (first, second) == (200, 429)
    assert headers.get("retry-after") == "7" or '"7s"' in json.dumps(body)


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_wrong_key_is_refused_in_the_provider_s_way(
    provider: ProviderName, http: aiohttp.ClientSession
) -> None:
    """OpenAI says its ends back, Google calls it a bad request."""
    async with FakeCloud(provider) as cloud:
        status, body, _ = await ask(http, cloud, key="sk-wrong-0123456789abcdef")

    assert status == (400 if provider == "google" else 401)
    assert ("sk-wrong" in json.dumps(body)) is (provider == "openai")


async def test_faults_and_troubles_are_as_told(http: aiohttp.ClientSession) -> None:
    """Each for as long as it is set."""
    async with FakeCloud("anthropic") as cloud:
        cloud.trouble = Trouble.OVERLOADED
        overloaded, _, _ = await ask(http, cloud)
        cloud.trouble = Trouble.NO_MONEY
        broke, _, _ = await ask(http, cloud)
        cloud.trouble, cloud.behaviour.fault = Trouble.NONE, Fault.HTTP_500
        failed, _, _ = await ask(http, cloud)
        cloud.behaviour.fault = Fault.NONE
        well, _, _ = await ask(http, cloud)

    assert (overloaded, broke, failed, well) == (529, 429, 500, 200)


async def test_a_redirect_leads_where_it_was_told(http: aiohttp.ClientSession) -> None:
    """To a cloud's metadata address, where nothing else is said."""
    async with FakeCloud() as cloud:
        cloud.trouble = Trouble.REDIRECT
        async with http.post(
            f"{cloud.base_url}/chat/completions", json=ASKED, allow_redirects=False
        ) as answer:
            assert (answer.status, answer.headers["Location"][:22]) == (307, "http://169.254.169.254")


async def test_a_huge_answer_stops_when_nobody_reads_it(http: aiohttp.ClientSession) -> None:
    """A gigabyte is promised, and only what somebody took was made."""
    async with FakeCloud() as cloud:
        cloud.trouble = Trouble.HUGE
        async with http.post(f"{cloud.base_url}/chat/completions", json=ASKED) as answer:
            await answer.content.readexactly(1000)
        await cloud.until(lambda seen: seen.running == 0)

        assert cloud.sent_bytes < cloud.huge_bytes / 4


async def test_it_proves_itself_by_an_authority_of_its_own(http: aiohttp.ClientSession) -> None:
    """Whoever trusts that one gets an answer, and nobody else."""
    async with FakeCloud(tls=True, names=["api.openai.com"]) as cloud:
        trusting = ssl.create_default_context(cadata=cloud.ca_pem.decode())
        shown = {"Authorization": f"Bearer {cloud.api_key}"}
        async with http.get(f"{cloud.base_url}/models", headers=shown, ssl=trusting) as answer:
            assert answer.status == 200
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await http.get(f"{cloud.base_url}/models")


async def test_what_is_not_there_is_404_and_remembered(http: aiohttp.ClientSession) -> None:
    """No request goes by unseen, whatever its path."""
    async with FakeCloud("mistral") as cloud:
        async with http.get(f"{cloud.root_url}/v1/secrets") as answer:
            assert answer.status == 404
        async with http.get(f"{cloud.base_url}/models") as answer:
            assert answer.status == 401

        assert [(one.method, one.path) for one in cloud.requests] == [
            ("GET", "/v1/secrets"),
            ("GET", "/v1/models"),
        ]


async def test_it_runs_as_a_program_of_its_own(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    """For people and for other processes: it says where it is, and at its end what it was asked."""
    requests = tmp_path / "requests.json"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "inference.testing.fake_cloud", "openai", "--api-key", "sk-mine"),
        *("--requests-to", str(requests)),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    line = (await asyncio.wait_for(process.stdout.readline(), 120)).decode()
    address = line.removeprefix("fake cloud on ").strip()
    payload = {"model": "gpt-4o-mini", **ASKED}
    shown = {"Authorization": "Bearer sk-mine"}
    async with http.post(f"{address}/chat/completions", json=payload, headers=shown) as answer:
        status = answer.status
    process.send_signal(signal.SIGTERM)
    await asyncio.wait_for(process.wait(), 120)

    assert status == 200
    [one] = json.loads(requests.read_bytes())
    assert json.loads(one["body"]) == payload
