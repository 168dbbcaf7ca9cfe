"""The one table from errors to HTTP."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import httpx
import orjson
import pytest
from fastapi import APIRouter
from starlette.types import Receive, Scope, Send

import appliance.errors
import inference.errors
import querying.errors
import rag.errors
from appliance.api.app import create_app
from appliance.api.errors import STATUS, UnforeseenErrors, error_event, error_response
from appliance.errors import NotAuthenticated, QueueFull, TooLarge
from inference.errors import EngineRefused, ModelNotFound


def classes(tree: type[Exception]) -> Iterator[type[Exception]]:
    """A class and all below it."""
    yield tree
    for child in tree.__subclasses__():
        yield from classes(child)


TREES = (
    appliance.errors.ApplianceError,
    inference.errors.InferenceError,
    querying.errors.QueryingError,
    rag.errors.RagError,
)
OUR_FAULTS = {
    "StartupError",
    "UnknownEngineKind",
    "JobBroke",
    "ReadingFailed",
    "ReadingInterrupted",
    "_ComeBack",
}
ALL = [error for tree in TREES for error in classes(tree)]


def built(error: type[Exception]) -> Exception:
    """An instance, whatever its constructor asks for."""
    for arguments in (
        {},
        {"retry_after_s": 3.2},
        {"status": 400, "body": b"{}"},
        {"model": "x", "known": []},
        {"reason": "damaged"},
    ):
        try:
            return error(**arguments)
        except TypeError:
            continue
    pytest.fail(f"{error} needs something this test does not know")


@pytest.mark.parametrize("error", ALL, ids=lambda error: error.__name__)
def test_every_error_has_a_status_a_code_and_a_sentence(error: type[Exception]) -> None:
    """Walks the trees: a new error cannot be forgotten in the table, and nothing but our own faults is a 500."""
    status, headers, body = error_response(built(error), "req_1")

    told = orjson.loads(body)["error"]
    assert 400 <= status < 600
    assert told["code"]
    assert set(told) - {"detail"} == {"message", "type", "param", "code"}
    assert dict(headers)[b"x-request-id"] == b"req_1"
    assert dict(headers)[b"content-type"] == b"application/json"
    assert status != 500 or error in TREES or error.__name__ in OUR_FAULTS


def test_the_sentences_are_for_people() -> None:
    """Each class says what happened in a whole sentence; codes are unique within their meaning."""
    for error in ALL:
        assert error.__doc__, error
        assert error.__doc__.strip().splitlines()[0].endswith("."), error
    codes = [vars(error)["code"] for error in ALL if "code" in vars(error)]
    assert len(codes) == len(set(codes))


def test_come_back_later_says_when() -> None:
    """Whole seconds, rounded up, never zero."""
    assert dict(error_response(QueueFull(retry_after_s=3.2), "r")[1])[b"retry-after"] == b"4"
    assert dict(error_response(QueueFull(retry_after_s=0), "r")[1])[b"retry-after"] == b"1"
    assert b"retry-after" not in dict(error_response(TooLarge(), "r")[1])


def test_a_401_says_how_to_authenticate() -> None:
    """As RFC 9110 asks of it."""
    assert dict(error_response(NotAuthenticated(), "r")[1])[b"www-authenticate"] == b"Bearer"


def test_an_unknown_model_names_the_field_and_the_known_ones() -> None:
    """So that a misspelled name is found at once."""
    status, _, body = error_response(ModelNotFound("gpt-5", ["llama", "answer-with-sources"]), "r")

    error = orjson.loads(body)["error"]
    assert (status, error["param"], error["code"]) == (404, "model", "model_not_found")
    assert "llama, answer-with-sources" in error["message"]


ENGINE_SAYS = {
    "OpenAI's body": (400, b'{"error":{"message":"too long","param":"messages","code":"context"}}', 400),
    "vLLM's old body": (400, b'{"object":"error","message":"too long","param":null,"code":400}', 400),
    "Ollama's body": (404, b'{"error":"too long"}', 404),
    "FastAPI's body": (422, b'{"detail":[{"loc":["body"],"msg":"too long"}]}', 422),
    "text": (400, b"too long", 400),
    "our key is wrong": (401, b'{"error":{"message":"Incorrect API key: sk-secret"}}', 502),
    "forbidden": (403, b"sk-secret", 502),
    "full": (429, b'{"error":"full"}', 503),
    "broken": (500, b"Traceback: sk-secret", 502),
    "binary": (400, b"\xff\xfe too long", 400),
}


@pytest.mark.parametrize("case", ENGINE_SAYS)
def test_what_an_engine_says_about_the_request_is_passed_on(case: str) -> None:
    """And what it says about us – our key, its own faults – stays with us."""
    told, body, expected = ENGINE_SAYS[case]

    status, headers, answer = error_response(EngineRefused(told, body), "r")

    assert status == expected
    assert "sk-secret" not in answer.decode()
    if status < 500:
        assert "too long" in orjson.loads(answer)["error"]["message"]
    assert (b"retry-after" in dict(headers)) is (status == 503)


def test_what_nobody_foresaw_tells_nothing_but_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """The trace stands in the log under the request's id, not in the answer."""
    with caplog.at_level(logging.ERROR):
        status, _, body = error_response(KeyError("password=hunter2"), "req_7")

    assert (status, b"hunter2" in body, b"req_7" in body) == (500, False, True)
    assert "hunter2" in caplog.text


def test_an_error_in_a_stream_is_one_line() -> None:
    """Server-sent events end at a line break."""
    data = error_event(NotAuthenticated("a\nb\r\nc"), "r")

    assert b"\n" not in data
    assert orjson.loads(data)["error"]["code"] == "invalid_api_key"


def test_half_a_surrogate_in_a_message_can_be_sent() -> None:
    """A model's name may hold what UTF-8 cannot."""
    assert b"error" in error_response(ModelNotFound("\ud800", []), "r")[2]


async def test_one_unforeseen_error_is_one_500_in_openais_body(caplog: pytest.LogCaptureFixture) -> None:
    """Through the whole application, logged once, with the request's id on it."""
    routes = APIRouter()

    @routes.get("/broken")
    async def broken() -> None:
        raise RuntimeError("kaboom")

    transport = httpx.ASGITransport(create_app([routes]))
    async with httpx.AsyncClient(transport=transport, base_url="http://box") as client:
        with caplog.at_level(logging.WARNING):
            answer = await client.get("/broken", headers={"x-request-id": "mine"})
        missing = await client.get("/nowhere")
        wrong_verb = await client.post("/broken")

    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal_error")
    assert answer.headers["x-request-id"] == "mine"
    assert "kaboom" not in answer.text
    assert len([record for record in caplog.records if record.exc_info]) == 1
    assert (missing.status_code, missing.json()["error"]["type"]) == (404, "not_found_error")
    assert (wrong_verb.status_code, wrong_verb.headers["allow"]) == (405, "GET")


async def test_an_answer_that_has_begun_is_broken_off() -> None:
    """A second status line in the middle of a stream would be worse than an end that shows."""

    async def half(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError

    sent: list[object] = []

    async def send(message: object) -> None:
        sent.append(message)

    with pytest.raises(RuntimeError):
        await UnforeseenErrors(half)({"type": "http", "headers": []}, None, send)  # type: ignore[arg-type]
    assert len(sent) == 1


def test_the_table_knows_no_class_that_is_gone() -> None:
    """Every row belongs to one of the three trees."""
    assert set(STATUS) <= set(ALL)
