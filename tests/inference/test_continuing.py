"""Going on with an answer that broke off: nothing twice, nothing lost."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.continuing import Joint, go_on, in_words
from inference.engines import load_engine_class
from inference.engines.connections import Connections
from inference.errors import EngineRefused
from inference.testing.fake_engine import FakeEngine
from inference.testing.fake_ollama import FakeOllama
from inference.testing.fake_server import FakeServer
from inference.types import ChatChunk, EngineRequest, Usage

PARTIAL = "Everybody has 23 days of holiday a year. They are planned in Jan"
REST = "uary, and unused days lapse in March."


def joined(partial: str, *pieces: str) -> tuple[str, bool]:
    """(what is added, whether it begins anew)"""
    joint, written, is_anew = Joint(partial), "", False
    for chunk in [one for piece in pieces for one in joint.joined(ChatChunk(piece))] + joint.rest():
        is_anew = is_anew or chunk.begins_anew
        written += chunk.text
    return written, is_anew


def pieces_of(text: str) -> list[str]:
    """As an engine streams it."""
    return [text[at : at + 4] for at in range(0, len(text), 4)]


@pytest.mark.parametrize(
    "said",
    [REST, PARTIAL[-30:] + REST, PARTIAL + REST, "They are planned in Jan" + REST],
    ids=["goes on", "repeats the last words", "repeats everything", "repeats the last sentence"],
)
def test_what_is_repeated_is_left_out(said: str) -> None:
    """However the model goes on, the two parts are one text."""
    assert joined(PARTIAL, *pieces_of(said)) == (REST, False)


def test_a_new_start_replaces_what_was_there() -> None:
    """A model that writes the answer again in other words has begun anew, and says so."""
    anew = "Everybody has 23 days of holiday a year, in every country but one."

    assert joined(PARTIAL, *pieces_of(anew)) == (anew, True)


def test_a_space_is_not_doubled() -> None:
    """Templates trim the unfinished answer, so that a model writes its last space once more."""
    assert joined("All of the ", " days") == ("days", False)


def test_a_short_word_that_happens_to_come_again_stays() -> None:
    """Only a repetition long enough to be one is left out."""
    assert joined("Planned in the", " the office") == (" the office", False)


@given(st.text(min_size=1, max_size=60), st.text(max_size=60), st.integers(1, 7))
def test_a_text_cut_anywhere_comes_out_whole(partial: str, rest: str, size: int) -> None:
    """Whatever the pieces: nothing is lost unless it stands there already."""
    added, is_anew = joined(partial, *(rest[at : at + size] for at in range(0, len(rest), size)))

    assert rest.endswith(added)
    cut = rest[: len(rest) - len(added)]
    assert is_anew or cut == "" or partial.endswith(cut) or cut == partial or cut.isspace()


async def test_a_server_that_refuses_an_unfinished_answer_is_asked_in_words() -> None:
    """Some templates allow no last word of the assistant: the answer is completed all the same, usage included."""
    asked: list[EngineRequest] = []

    async def stream(request: EngineRequest) -> AsyncIterator[ChatChunk]:
        asked.append(request)
        if request.is_continuing:
            raise EngineRefused(400, b"{}")
        yield ChatChunk("planned in Jan" + REST)
        yield ChatChunk(finish_reason="stop", usage=Usage(7, 9))

    request = EngineRequest("chat/completions", {"messages": [{"role": "user", "content": "Days?"}]})
    chunks = [chunk async for chunk in go_on(stream, request, PARTIAL)]

    assert "".join(chunk.text for chunk in chunks) == REST
    assert chunks[-1].usage == Usage(7, 9) and chunks[-1].finish_reason == "stop"
    assert [one["role"] for one in asked[1].payload["messages"]] == ["user", "assistant", "user"]
    assert "They are planned in Jan" in asked[1].payload["messages"][-1]["content"]


def test_asking_in_words_leaves_the_request_as_it_was() -> None:
    """Nothing of the caller's is changed under their hands."""
    payload = {"messages": [{"role": "assistant", "content": "Half an"}], "temperature": 0}

    asked = in_words(payload)

    assert len(payload["messages"]) == 1 and asked["temperature"] == 0  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["openai_compatible", "ollama"])
async def test_servers_that_cannot_are_asked_in_words(kind: str) -> None:
    """What reaches them ends with a person's wish and not with half an answer, which they would leave as it is."""
    server: FakeServer = FakeOllama() if kind == "ollama" else FakeEngine(["tiny"])
    connections = Connections()
    async with server:
        settings = load_engine_class(kind).settings_type.model_validate(
            {"engine": kind, "base_url": f"{server.root_url}/v1"}
        )
        engine = load_engine_class(kind)("e", settings, connections)
        model = (await engine.models())[0].id
        payload = {"model": model, "messages": [{"role": "user", "content": "Days?"}], "stream": True}
        request = EngineRequest("chat/completions", payload)
        async for _ in go_on(engine.stream, request, PARTIAL):
            pass
        await connections.close()
    sent = [one.payload["messages"] for one in server.requests if "messages" in one.payload][-1]

    assert [message["role"] for message in sent] == ["user", "assistant", "user"]
    assert sent[1]["content"] == PARTIAL
