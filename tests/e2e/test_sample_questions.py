"""The questions that the page suggests, asked of a box that nobody has touched yet."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.whole_box import PIPELINE, QUESTIONS, ROOT, WholeBox

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.mark.parametrize("question", QUESTIONS, ids=[question["id"] for question in QUESTIONS])
def test_every_suggested_question_has_the_answer_it_promises(
    quoting_box: WholeBox, question: dict[str, Any]
) -> None:
    """Document, page and words as expected, each quote found on its page; the unanswerable one is refused."""
    answer = quoting_box.ask(question["text"], language=question["language"])

    message, expected = answer["choices"][0]["message"], question["expects"]
    if expected == "refused":
        assert (answer["appliance"]["kind"], message["annotations"]) == ("refused", [])
        return
    assert answer["appliance"]["kind"] == "quoted"
    assert all(cited["is_verified"] for cited in message["annotations"])
    found = [
        cited
        for cited in message["annotations"]
        if (cited["filename"], cited["page"]) == (expected["filename"], expected["page"])
        and _plain(expected["contains"]) in _plain(cited["quote"])
    ]
    assert found, message
    shown = message["content"][found[0]["start"] : found[0]["end"]]
    assert _plain(shown) == _plain(found[0]["quote"])
    _opens(quoting_box, found[0])


def _opens(box: WholeBox, cited: dict[str, Any]) -> None:
    """The link of a citation leads to the page with its quote marked, as a picture where there are pages."""
    with box.client() as client:
        text = client.get(f"{cited['url']}&format=text").raise_for_status().json()
        shown = client.get(cited["url"]).raise_for_status()
    assert text["text"][text["start"] : text["end"]] == cited["quote"]
    if cited["filename"].endswith(".pdf"):
        assert shown.headers["content-type"] == "image/png" and shown.content.startswith(b"\x89PNG")
        assert shown.headers["x-passage-marked"] == "true"
    else:
        assert shown.json() == text


def test_a_quoted_answer_says_that_no_model_is_connected_and_how_to_connect_one(
    quoting_box: WholeBox,
) -> None:
    """In the asker's language."""
    english = quoting_box.ask("How many characters must a password have?")
    spanish = quoting_box.ask("¿Cuántos días de vacaciones tengo al año?")

    assert "[engines.NAME]" in english["choices"][0]["message"]["content"]
    assert "[engines.NOMBRE]" in spanish["choices"][0]["message"]["content"]


def test_a_question_in_another_language_than_its_document_gets_a_hint(quoting_box: WholeBox) -> None:
    """One of the suggested Spanish questions is answered by an English document, and only that one is told so."""
    spanish = [question for question in QUESTIONS if question["language"] == "es"]

    hinted = [
        question["id"]
        for question in spanish
        if "language_mismatch" in quoting_box.ask(question["text"])["appliance"]["notes"]
    ]

    assert len(spanish) > 1 and len(hinted) == 1


def test_streamed_and_whole_answers_are_the_same(quoting_box: WholeBox) -> None:
    """Text, citations and their offsets do not depend on how they are asked for."""
    question = "How many characters must a password have?"
    whole = quoting_box.ask(question)["choices"][0]["message"]
    body = {"model": PIPELINE, "messages": [{"role": "user", "content": question}], "stream": True}

    with quoting_box.client() as client, client.stream("POST", "/v1/chat/completions", json=body) as response:
        events = [line.removeprefix("data: ") for line in response.iter_lines() if line.startswith("data: ")]

    assert events[-1] == "[DONE]"
    deltas = [json.loads(event)["choices"][0]["delta"] for event in events[:-1]]
    assert "".join(delta.get("content") or "" for delta in deltas) == whole["content"]
    assert [cited for delta in deltas for cited in delta.get("annotations") or []] == whole["annotations"]


def test_quoting_calls_no_engine(quoting_box: WholeBox) -> None:
    """The documents' own words cost no token."""
    before = quoting_box.engine_calls()

    quoting_box.ask("What is the handling charge for a returned pallet?")

    assert quoting_box.engine_calls() == before


def test_what_the_documents_do_not_say_is_refused_without_asking_the_model(writing_box: WholeBox) -> None:
    """With an engine too: the model gets no chance to invent, and no token is used."""
    before = writing_box.engine_calls()
    (unanswerable,) = [question for question in QUESTIONS if question["expects"] == "refused"]

    answer = writing_box.ask(unanswerable["text"])

    assert answer["appliance"]["kind"] == "refused"
    assert answer["usage"]["total_tokens"] == 0
    assert writing_box.engine_calls() == before


def test_what_a_model_invents_is_marked(writing_box: WholeBox) -> None:
    """The small model knows nothing of the handbook: each of its sentences is supported or marked."""
    before = writing_box.engine_calls()

    answer = writing_box.ask("How many characters must a password have?")

    content, extras = answer["choices"][0]["message"]["content"], answer["appliance"]
    assert extras["kind"] == "written" and extras["served_by"] == "local:tiny"
    assert writing_box.engine_calls() == before + 1
    marked = "".join(content[start:end] for start, end in extras["unsupported"])
    assert re.sub(r"\W", "", marked) or answer["choices"][0]["message"]["annotations"]


def test_a_long_conversation_is_cut_to_the_model_s_context(writing_box: WholeBox) -> None:
    """1,024 tokens and forty long messages: an answer, not an error, and the number of messages left out."""
    history = [
        {
            "role": "user" if number % 2 == 0 else "assistant",
            "content": f"{number}: " + "días de vacaciones " * 30,
        }
        for number in range(40)
    ]
    question = {"role": "user", "content": "How many characters must a password have?"}

    answer = writing_box.post_json(
        "/v1/chat/completions", {"model": PIPELINE, "messages": [*history, question], "max_tokens": 2000}
    )

    assert answer["appliance"]["kind"] == "written"
    assert 30 <= answer["appliance"]["dropped_messages"] <= 40
    assert answer["usage"]["prompt_tokens"] + answer["usage"]["completion_tokens"] <= 1024


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_question_too_long_for_the_model_is_a_400_that_names_the_field(
    writing_box: WholeBox, stream: bool
) -> None:
    """Its true status, streamed too: nothing has been sent before the prompt is known to fit."""
    document = (ROOT / "appliance" / "sample" / "passwords-and-access.md").read_text(encoding="utf-8")
    question = f"{document}\n{document}\nHow many characters must a password have?"
    body = {"model": PIPELINE, "messages": [{"role": "user", "content": question}], "stream": stream}

    with writing_box.client() as client:
        answer = client.post("/v1/chat/completions", json=body)

    error = answer.json()["error"]
    assert (answer.status_code, error["param"], error["code"]) == (400, "messages", "context_length_exceeded")
    assert "1024" in error["message"]


def _plain(words: str) -> str:
    return " ".join(words.split())
