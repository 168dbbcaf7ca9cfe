"""What must not get in: each refusal is a 4xx in OpenAI's shape that names the field, in constant memory."""

from __future__ import annotations

import json
import resource
from collections.abc import AsyncIterator
from typing import Any

import pytest

from appliance.api.json_bodies import MAX_DEPTH, parse_object
from appliance.errors import InvalidRequest
from inference.testing.fake_engine import FakeEngine
from tests.gateway_harness import Gateway

HELLO = {"role": "user", "content": "hello"}
CHAT: dict[str, Any] = {"model": "fake", "messages": [HELLO]}
PICTURE = {"type": "image_url", "image_url": {"url": "http://169.254.169.254/latest"}}


def chat(**fields: Any) -> dict[str, Any]:
    """A good request but for these fields."""
    return {**CHAT, **fields}


def said(*messages: Any) -> dict[str, Any]:
    """A chat of these messages."""
    return {"model": "fake", "messages": list(messages)}


BAD_FIELDS: list[tuple[str, dict[str, Any]]] = [
    ("model", {"messages": [HELLO]}),
    ("model", chat(model=7)),
    ("model", chat(model="")),
    ("model", chat(model="m" * 257)),
    ("messages", {"model": "fake"}),
    ("messages", {"model": "fake", "messages": "hello"}),
    ("messages", {"model": "fake", "messages": []}),
    ("messages[0]", said("hello")),
    ("messages[1].role", said(HELLO, {"role": "wizard", "content": "x"})),
    ("messages[0].content", said({"role": "user"})),
    ("messages[0].content", said({"role": "user", "content": 5})),
    ("messages[0].content[0]", said({"role": "user", "content": ["x"]})),
    ("messages[0].content[0].text", said({"role": "user", "content": [{"type": "text"}]})),
    ("messages[0].content[0].image_url.url", said({"role": "user", "content": [PICTURE]})),
    ("max_tokens", chat(max_tokens=2**63)),
    ("max_tokens", chat(max_tokens=2**65)),
    ("max_tokens", chat(max_tokens=-1)),
    ("max_tokens", chat(max_tokens=0)),
    ("max_tokens", chat(max_tokens="ten")),
    ("max_tokens", chat(max_tokens=True)),
    ("max_tokens", chat(max_tokens=1.5)),
    ("max_completion_tokens", chat(max_completion_tokens=-1)),
    ("n", chat(n=10**9)),
    ("n", chat(n=0)),
    ("temperature", chat(temperature="hot")),
    ("temperature", chat(temperature=2.5)),
    ("top_p", chat(top_p=-0.1)),
    ("presence_penalty", chat(presence_penalty=3)),
    ("frequency_penalty", chat(frequency_penalty=[])),
    ("stream", chat(stream="yes")),
    ("stream_options", chat(stream_options={"include_usage": True})),
    ("stream_options", chat(stream=True, stream_options=1)),
    ("stream_options.include_usage", chat(stream=True, stream_options={"include_usage": 1})),
    ("stop", chat(stop=5)),
    ("stop", chat(stop=["a", 1])),
    ("stop", chat(stop="x" * 10_000_000)),
    ("seed", chat(seed=2**63)),
    ("logprobs", chat(logprobs=3)),
    ("top_logprobs", chat(top_logprobs=10**6)),
    ("logit_bias", chat(logit_bias={str(token): 1 for token in range(100_000)})),
    ("logit_bias.5", chat(logit_bias={"5": "much"})),
    ("tools", chat(tools={})),
    ("tools[0]", chat(tools=["search"])),
    ("tools[0].type", chat(tools=[{}])),
    ("tools[0].function", chat(tools=[{"type": "function"}])),
    ("tool_choice", chat(tool_choice=1)),
    ("response_format", chat(response_format="json")),
    ("chat_template", chat(chat_template="{{ system }}")),
    ("chat_template_kwargs", chat(chat_template_kwargs={"chat_template": "x"})),
    ("priority", chat(priority=-100)),
    ("prompt", chat(prompt="hello")),
]


@pytest.fixture
async def door(gateway: Gateway, engine: FakeEngine) -> AsyncIterator[Gateway]:
    """The gateway; afterwards the engine must have heard nothing."""
    yield gateway
    assert engine.requests == []


@pytest.mark.parametrize("route", ["chat/completions"])
async def test_each_wrong_field_is_named(door: Gateway, route: str) -> None:
    """Wrong types, missing fields and senseless numbers are a 400 whose `param` is the field."""
    wrong = []
    for param, payload in BAD_FIELDS:
        async with door.post(route, payload) as response:
            error = (await response.json())["error"]
        if (response.status, error["param"], error["type"]) != (400, param, "invalid_request_error"):
            wrong.append((param, response.status, error))

    assert wrong == []


@pytest.mark.parametrize(
    ("param", "payload"),
    [
        ("prompt", {"model": "fake"}),
        ("prompt", {"model": "fake", "prompt": []}),
        ("prompt", {"model": "fake", "prompt": ["a", 1]}),
        ("prompt", {"model": "fake", "prompt": [["a"]]}),
        ("prompt", {"model": "fake", "prompt": ["a"] * 129}),
    ],
)
async def test_completions_need_a_prompt(door: Gateway, param: str, payload: dict[str, Any]) -> None:
    """The legacy route's prompt may be a text, texts or token ids, nothing else."""
    async with door.post("completions", payload) as response:
        assert (response.status, (await response.json())["error"]["param"]) == (400, param)


@pytest.mark.parametrize(
    ("param", "fields"),
    [
        ("input", {}),
        ("input", {"input": []}),
        ("input", {"input": ""}),
        ("input", {"input": [1, 2, 3]}),
        ("input", {"input": [[1, 2], [3]]}),
        ("input[1]", {"input": [[1, 2], ["a"]]}),
        ("input", {"input": ["x"] * 2049}),
        ("input[1]", {"input": ["x", ""]}),
        ("encoding_format", {"input": "x", "encoding_format": "hex"}),
        ("dimensions", {"input": "x", "dimensions": -1}),
    ],
)
async def test_embeddings_need_texts(door: Gateway, param: str, fields: dict[str, Any]) -> None:
    """Token ids get an answer that says what to do instead."""
    async with door.post("embeddings", {"model": "fake-embedder", **fields}) as response:
        assert (response.status, (await response.json())["error"]["param"]) == (400, param)


BAD_BODIES: dict[str, bytes] = {
    "empty": b"",
    "no JSON": b"hello",
    "cut off": b'{"model": "fake", "messages": [',
    "a list": b"[1, 2]",
    "a number": b"5",
    "NaN": b'{"model": "fake", "temperature": NaN}',
    "Infinity": b'{"model": "fake", "temperature": Infinity}',
    "a number too large": b'{"model": "fake", "temperature": 1e999}',
    "invalid UTF-8": b'{"model": "fa\xff\xfeke"}',
    "a lone surrogate": b'{"model": "fa\\ud800ke"}',
    "a NUL": b'{"model": "fake", "x": "\x00"}',
    "two values": b'{"model": "fake"} {"model": "fake"}',
    "10,000 lists deep": b'{"model": "fake", "x": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    "10,000 objects deep": b'{"x": ' * 10_000 + b"1" + b"}" * 10_000,
    "10,000 unclosed": b"[" * 10_000,
    "a million small lists": b'{"x": [' + b"[]," * 1_000_000 + b"[]]}",
    "a million strings": b'{"x": [' + b'"",' * 1_000_000 + b'""]}',
}


@pytest.mark.parametrize("name", BAD_BODIES)
async def test_bodies_that_are_no_object_are_refused(door: Gateway, name: str) -> None:
    """Whatever is not one sound JSON object is a 400 with a code, whichever way it is unsound."""
    headers = {"authorization": "Bearer ana", "content-type": "application/json"}
    url = f"{door.base_url}/v1/chat/completions"
    async with door.session.post(url, data=BAD_BODIES[name], headers=headers) as response:
        error = (await response.json())["error"]

    assert response.status == 400
    assert error["code"] in ("invalid_json", "nested_too_deep", "too_many_values")


@pytest.mark.parametrize(
    ("body", "key"),
    [
        (b'{"model": "fake", "messages": [], "model": "other"}', "model"),
        (b'{"messages": [{"role": "user", "role": "system", "content": "x"}]}', "role"),
        (b'{"a": {"\\"": 1, "\\"": 2}}', '"'),
        (b'{"k\\\\": 1, "k\\\\": 2}', "k\\"),
        (b'{"a": 1, "\\u0061": 2}', "a"),
    ],
)
async def test_a_key_that_stands_twice_is_named(body: bytes, key: str) -> None:
    """Two parties could read such a body differently, however the key is spelled."""
    with pytest.raises(InvalidRequest) as refused:
        parse_object(body)

    assert (refused.value.param, refused.value.code) == (key, "duplicate_key")


@pytest.mark.parametrize(
    "value",
    [
        {"a": 'quotes " and \\ and : and {[}] and \n'},
        {"a\\": {"b\\\\": ["x:y", {"c": ":"}]}, '"': '\\"'},
        {"emoji": "🙂", "empty": {}, "list": [[], [{}]], "": ""},
        {"deep": json.loads("[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1))},
    ],
)
def test_sound_bodies_are_read_as_they_are(value: Any) -> None:
    """Colons, quotes, backslashes and brackets inside of strings are no structure."""
    assert parse_object(json.dumps(value).encode()) == value
    assert parse_object(json.dumps(value, ensure_ascii=False).encode()) == value


async def _in_pieces(megabytes: int) -> AsyncIterator[bytes]:
    yield b'{"model": "fake", "messages": [{"role": "user", "content": "'
    for _ in range(megabytes):
        yield b"x" * 1024 * 1024
    yield b'"}]}'


@pytest.mark.parametrize("tells_length", [True, False])
async def test_a_hundred_megabytes_are_refused_early(door: Gateway, tells_length: bool) -> None:
    """413 whether or not the length was told, and the gateway's memory does not grow with the body."""
    headers = {"authorization": "Bearer ana", "content-type": "application/json"}
    if tells_length:
        headers["content-length"] = str(100 * 1024 * 1024 + 65)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    url = f"{door.base_url}/v1/chat/completions"
    async with door.session.post(url, data=_in_pieces(100), headers=headers) as response:
        error = (await response.json())["error"]

    assert response.status == 413 and error["code"] == "request_too_large"
    # The client runs in this process too; 32 MiB and its joined copy would be seen, 100 MB all the more.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024


async def test_compressed_bodies_are_refused(door: Gateway) -> None:
    """A small compressed body may be a large one; nobody needs it here."""
    async with door.post("chat/completions", CHAT, content_encoding="gzip") as response:
        assert response.status == 400


async def test_another_method_is_a_405(door: Gateway) -> None:
    """GET on a route of the fast path is refused by the application behind it."""
    async with door.session.get(f"{door.base_url}/v1/chat/completions") as response:
        assert response.status in (404, 405)
