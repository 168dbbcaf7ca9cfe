"""A whole request without its personal data, and the answer with it again."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.personal_data.detector import Finding
from inference.personal_data.patterns import PatternDetector
from inference.personal_data.requests import MOST_CHARACTERS, TooDeep, TooLong, inspect
from inference.personal_data.restoring import Restorer, restored

DETECTOR = PatternDetector()
ORIGINALS = {"[EMAIL_1]": 'ana"o"@x.es', "[PHONE_1]": "612 345 678"}


def chat(*messages: Any, **more: Any) -> dict[str, Any]:
    """A request for a chat."""
    return {"model": "m", "messages": list(messages), **more}


def user(content: Any) -> dict[str, Any]:
    """What somebody says."""
    return {"role": "user", "content": content}


def test_the_same_value_has_the_same_placeholder_all_over_a_request() -> None:
    """However it is written; so the model still knows that it is the same account."""
    seen = inspect(
        chat(user("IBAN ES91 2100 0418 4502 0005 1332"), user("es9121000418450200051332 o ana@x.es")),
        DETECTOR,
    )

    assert [one["content"] for one in seen.payload["messages"]] == ["IBAN [IBAN_1]", "[IBAN_1] o [EMAIL_1]"]
    assert seen.count == 3
    assert seen.kinds == {"iban": 2, "email": 1}
    assert seen.placeholders.originals["[EMAIL_1]"] == "ana@x.es"


def test_a_placeholder_that_somebody_wrote_is_nobody_s() -> None:
    """Else the answer would put another person's address in the place of these words."""
    seen = inspect(chat(user("what does [EMAIL_1] mean? ana@x.es")), DETECTOR)

    assert seen.payload["messages"][0]["content"] == "what does [EMAIL_1] mean? [EMAIL_2]"
    assert "[EMAIL_1]" not in seen.placeholders.originals


def test_every_string_is_looked_at() -> None:
    """System prompts, parts, tool calls, tools' answers, descriptions of tools, stops, suffixes, who speaks."""
    payload = chat(
        {"role": "system", "content": "a@x.es"},
        {"role": "user", "name": "b@x.es", "content": [{"type": "text", "text": "c@x.es"}]},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "call_1", "function": {"name": "mail", "arguments": '{"to": "d@x.es"}'}}],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "e@x.es"},
        tools=[{"type": "function", "function": {"name": "mail", "description": "f@x.es"}}],
        stop=["g@x.es"],
        metadata={"who": "h@x.es"},
    )

    seen = inspect(payload, DETECTOR)

    assert seen.kinds == {"email": 8}
    assert "@" not in json.dumps(seen.payload)
    assert seen.unseen == frozenset()
    assert payload["messages"][0]["content"] == "a@x.es"


def test_json_inside_of_a_string_stays_json() -> None:
    """A number becomes a string, a key says what its value is, and what holds nothing stays as it was written."""
    arguments = '{"telefono": 912345678, "phoneNumber": "934567890", "n": 1, "to": ["ana@x.es"]}'
    untouched = '{"n":   1}'

    seen = inspect(
        chat(
            {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": arguments}}]},
            user(untouched),
        ),
        DETECTOR,
    )

    changed = json.loads(seen.payload["messages"][0]["tool_calls"][0]["function"]["arguments"])
    assert changed == {"telefono": "[PHONE_1]", "phoneNumber": "[PHONE_2]", "n": 1, "to": ["[EMAIL_1]"]}
    assert seen.payload["messages"][1]["content"] == untouched


@pytest.mark.parametrize(
    ("payload", "unseen"),
    [
        (chat(user([{"type": "image_url", "image_url": {"url": "https://x.example/a.png"}}])), "image_url"),
        (chat(user([{"type": "input_audio", "input_audio": {"data": "AAAA"}}])), "input_audio"),
        (chat(user("look: data:image/png;base64,iVBORw0KGgo=")), "data"),
        ({"model": "m", "prompt": [1, 2, 3]}, "tokens"),
        ({"model": "m", "input": [[1, 2], [3]]}, "tokens"),
        (chat(user("x"), tools=[{"function": {"name": "mail_to_ana@x.es"}}]), "name"),
        (chat(user("x"), tools=[{"function": {"parameters": {"ana@x.es": {}}}}]), "name"),
    ],
    ids=["picture", "sound", "data address", "tokens", "lists of tokens", "function", "key"],
)
def test_what_nobody_can_look_into_or_change_is_told(payload: dict[str, Any], unseen: str) -> None:
    """Who decides then keeps the request here: not looked at is not the same as nothing found."""
    assert unseen in inspect(payload, DETECTOR).unseen


def test_the_model_and_the_roles_are_nobody_s_data() -> None:
    """They are words of the protocol."""
    seen = inspect({"model": "ana@x.es", "messages": [user("hola")]}, DETECTOR)

    assert seen.payload == {"model": "ana@x.es", "messages": [user("hola")]}


def test_a_detector_that_fails_is_heard() -> None:
    """Nothing is swallowed: the request stays because somebody above sees the error."""

    class Broken:
        def find(self, text: str) -> Sequence[Finding]:
            raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        inspect(chat(user("hola")), Broken())


def test_what_is_nested_without_end_is_refused() -> None:
    """Rather than looked at halfway."""
    deep: Any = "ana@x.es"
    for _ in range(300):
        deep = [deep]

    with pytest.raises(TooDeep):
        inspect(chat(user("x"), metadata={"a": deep}), DETECTOR)


def test_what_is_longer_than_any_cloud_reads_is_refused() -> None:
    """Looking takes time in proportion, so there is an end to it; a request that is not looked at stays."""
    with pytest.raises(TooLong):
        inspect(chat(user("x " * (MOST_CHARACTERS // 2)), user("y")), DETECTOR)


# the way back ------------------------------------------------------------------------------------------


@given(st.lists(st.integers(1, 9), max_size=40))
@settings(max_examples=200, deadline=None)
def test_placeholders_come_back_across_any_borders(sizes: list[int]) -> None:
    """However the answer is cut into pieces, the person reads the same."""
    text = "Escribe a [EMAIL_1] ([lista], [EMAIL_9], [PHONE_1]) o a [EMAIL_1]. [PHONE"
    restorer, said, at = Restorer(ORIGINALS), "", 0
    for size in [*sizes, len(text)]:
        said += restorer.feed(text[at : at + size])
        at += size

    said += restorer.rest()

    assert said == text.replace("[EMAIL_1]", ORIGINALS["[EMAIL_1]"]).replace("[PHONE_1]", "612 345 678")


def test_text_that_is_no_placeholder_is_not_held_back() -> None:
    """A bracket alone waits for the next piece and no longer; plain text goes on at once."""
    restorer = Restorer(ORIGINALS)

    assert restorer.feed("hola") == "hola"
    assert restorer.feed(" [") == " "
    assert restorer.feed("1] y") == "[1] y"


async def frames_of(data: bytes, size: int) -> AsyncIterator[bytes]:
    """The bytes of an answer in pieces."""
    for at in range(0, len(data), size):
        yield data[at : at + size]


def event(choice: dict[str, Any], **more: Any) -> bytes:
    """One event of a streamed answer."""
    return b"data: " + orjson.dumps({"choices": [{"index": 0, **choice}], **more}) + b"\n\n"


@pytest.mark.parametrize("size", [1, 7, 64, 10_000])
async def test_a_streamed_answer_says_the_values_again(size: int) -> None:
    """Text, reasoning and the arguments of a tool call, the last of them still JSON; the end stays the end."""
    wire = b"".join(
        [
            event({"delta": {"role": "assistant", "content": ""}}),
            *(event({"delta": {"content": piece}}) for piece in ("A [EM", "AIL", "_1] y [PHO")),
            *(
                event({"delta": {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}})
                for piece in ('{"to": "[EMAI', 'L_1]"}')
            ),
            event({"delta": {"reasoning_content": "[PHONE_1]"}}),
            event({"delta": {}, "finish_reason": "stop"}),
            b'data: {"choices": [], "usage": {"prompt_tokens": 3}}\n\n',
            b"data: [DONE]\n\n",
        ]
    )

    said = b"".join([one async for one in restored(frames_of(wire, size), ORIGINALS, "text/event-stream")])

    lines = said.decode().split("\n\n")[:-1]
    assert lines[-1] == "data: [DONE]"
    chunks = [orjson.loads(line.removeprefix("data: ")) for line in lines[:-1]]
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks if chunk["choices"]]
    assert "".join(delta.get("content") or "" for delta in deltas) == 'A ana"o"@x.es y [PHO'
    assert "".join(delta.get("reasoning_content") or "" for delta in deltas) == "612 345 678"
    calls = [call for delta in deltas for call in delta.get("tool_calls", [])]
    assert json.loads("".join(call["function"]["arguments"] for call in calls)) == {"to": 'ana"o"@x.es'}
    assert chunks[-1]["usage"] == {"prompt_tokens": 3}


async def test_an_answer_that_comes_whole_says_the_values_again() -> None:
    """A message, and a completion's text."""
    body = {"choices": [{"message": {"content": "Sí, [EMAIL_1]"}}, {"text": "[PHONE_1]"}]}

    said = [one async for one in restored(frames_of(orjson.dumps(body), 5), ORIGINALS, "application/json")]

    assert orjson.loads(b"".join(said)) == {
        "choices": [{"message": {"content": 'Sí, ana"o"@x.es'}}, {"text": "612 345 678"}]
    }


async def test_what_is_no_answer_passes_as_it_is() -> None:
    """A broken event or an error's body is somebody else's to judge."""
    broken = b'data: {"choices": [\n\ndata: {"error": {"message": "[EMAIL_1]"}}\n\n'

    said = b"".join([one async for one in restored(frames_of(broken, 9), ORIGINALS, "text/event-stream")])

    assert said == broken
