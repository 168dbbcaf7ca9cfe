"""The one table from errors to HTTP: status, OpenAI's body, Retry-After.

`error_response` serves raw ASGI code; `add_error_handlers` installs the same table in a FastAPI application. What is
not in the table is our own fault: it is logged with its trace and answered with a 500 that tells nothing.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from appliance import errors as appliance_errors
from appliance.api.rate_limit_headers import refusal_headers
from appliance.api.request_id import request_id_of
from appliance.domain.refusals import coded, expectation
from appliance.errors import ApplianceError
from inference import errors as inference_errors
from querying import errors as querying_errors
from rag import errors as rag_errors

logger = logging.getLogger(__name__)

Headers = list[tuple[bytes, bytes]]

# The nearest class in an error's ancestry counts. type is OpenAI's word for the kind of error.
STATUS: dict[type[Exception], tuple[int, str]] = {
    appliance_errors.InvalidRequest: (400, "invalid_request_error"),
    appliance_errors.NotAuthenticated: (401, "authentication_error"),
    appliance_errors.NotPermitted: (403, "permission_error"),
    appliance_errors.NotFound: (404, "not_found_error"),
    appliance_errors.Conflict: (409, "conflict_error"),
    appliance_errors.TooLarge: (413, "invalid_request_error"),
    appliance_errors.QueueFull: (429, "rate_limit_error"),
    appliance_errors.RateLimited: (429, "rate_limit_error"),
    appliance_errors.QuotaExceeded: (429, "insufficient_quota"),
    appliance_errors.CloudRefusedByBudget: (429, "insufficient_quota"),
    appliance_errors.TooManyAttempts: (429, "rate_limit_error"),
    appliance_errors.PartUnavailable: (503, "server_error"),
    appliance_errors.StepTimedOut: (504, "server_error"),
    appliance_errors.AnswerMisshapen: (502, "server_error"),
    appliance_errors.ApplianceError: (500, "server_error"),
    inference_errors.ModelNotFound: (404, "not_found_error"),
    inference_errors.EngineUnavailable: (503, "server_error"),
    inference_errors.EngineStreamBroken: (502, "server_error"),
    inference_errors.EngineRefused: (502, "server_error"),
    inference_errors.EmbedderUnavailable: (503, "server_error"),
    inference_errors.RerankerBroken: (503, "server_error"),
    inference_errors.SpeechNotInstalled: (503, "server_error"),
    inference_errors.SpeechUnavailable: (503, "server_error"),
    inference_errors.LanguageUnknown: (400, "invalid_request_error"),
    inference_errors.ModelUnreadable: (422, "invalid_request_error"),
    inference_errors.AudioRefused: (400, "invalid_request_error"),
    inference_errors.EgressRefused: (403, "permission_error"),
    inference_errors.EgressStopped: (503, "server_error"),
    inference_errors.EgressUnrecorded: (503, "server_error"),
    inference_errors.ToolServerUnavailable: (503, "server_error"),
    inference_errors.ToolServerBroken: (502, "server_error"),
    inference_errors.HubUnavailable: (503, "server_error"),
    inference_errors.ModelGated: (403, "permission_error"),
    inference_errors.ModelSourceUnknown: (404, "not_found_error"),
    inference_errors.ModelHasPickle: (422, "invalid_request_error"),
    inference_errors.ModelHasCode: (422, "invalid_request_error"),
    inference_errors.ModelFileCorrupt: (422, "invalid_request_error"),
    inference_errors.NoRoomForModel: (507, "server_error"),
    inference_errors.ModelInUse: (409, "conflict_error"),
    inference_errors.UnusableModelName: (400, "invalid_request_error"),
    inference_errors.ModelNotInstalled: (404, "not_found_error"),
    inference_errors.ModelDoesNotFit: (507, "server_error"),
    inference_errors.ModelNeedsVllm: (409, "conflict_error"),
    inference_errors.ModelNotStartable: (400, "invalid_request_error"),
    inference_errors.ModelNotStarted: (404, "not_found_error"),
    inference_errors.InferenceError: (500, "server_error"),
    querying_errors.QueryRefused: (403, "permission_error"),
    querying_errors.QueryTooExpensive: (422, "invalid_request_error"),
    querying_errors.QueryTimedOut: (504, "server_error"),
    querying_errors.QueryFailed: (422, "invalid_request_error"),
    querying_errors.SchemaChanged: (409, "conflict_error"),
    querying_errors.SourceBusy: (429, "rate_limit_error"),
    querying_errors.SourceRefused: (422, "invalid_request_error"),
    querying_errors.SourceUnavailable: (503, "server_error"),
    querying_errors.QueryingError: (500, "server_error"),
    rag_errors.UnsupportedFormat: (415, "invalid_request_error"),
    rag_errors.DocumentTooLarge: (413, "invalid_request_error"),
    rag_errors.DocumentRefused: (422, "invalid_request_error"),
    rag_errors.IndexUnavailable: (503, "server_error"),
    rag_errors.RagError: (500, "server_error"),
}
_SOON_S = 2  # Retry-After of a part that restarts by itself
# What an engine may say about the request itself; its other refusals (our key is wrong, it is full) are ours to bear.
_ABOUT_THE_REQUEST = frozenset({400, 404, 405, 409, 413, 415, 422})
_ENGINE_MESSAGE_CHARACTERS = 2000
_PATH_CHARACTERS = 200
_HTTP_TYPES = {404: "not_found_error", 401: "authentication_error", 403: "permission_error"}


def error_response(exception: BaseException, request_id: str) -> tuple[int, Headers, bytes]:
    """Status, headers and body for an error. Logs what nobody foresaw."""
    if isinstance(exception, inference_errors.EngineRefused):
        return _engine_refusal(exception, request_id)
    for ancestor in type(exception).__mro__:
        if ancestor in STATUS:
            status, kind = STATUS[ancestor]
            break
    else:
        logger.error("A request failed.", exc_info=exception, extra={"request_id": request_id})
        return _response(500, "server_error", "internal_error", _internal(request_id), None, request_id)
    if status >= 500:
        logger.warning("%s", exception, exc_info=exception.__cause__, extra={"request_id": request_id})
    status, headers, body = _response(
        status,
        kind,
        str(getattr(exception, "code", "error")),
        str(exception),
        getattr(exception, "param", None)
        or ("model" if ancestor is inference_errors.ModelNotFound else None),
        request_id,
        retry_after_s=getattr(exception, "retry_after_s", _SOON_S if status == 503 else None),
        detail=getattr(exception, "detail", None) or expectation(exception),
    )
    return status, headers + refusal_headers(exception), body


def error_body(
    message: str, kind: str, code: str, param: str | None = None, detail: object = None
) -> dict[str, Any]:
    """OpenAI's error object; also the data of an `error` event in a stream.

    detail: what the message says beside its code; where that is known by a code too, it stands beside them.
    """
    error: dict[str, Any] = {"message": message, "type": kind, "param": param, "code": code}
    told = coded(detail)
    if told is not None:
        error["detail"] = told
    return {"error": error}


def error_event(exception: BaseException, request_id: str) -> bytes:
    """The data of an `error` event for a stream that has begun: the same body, one line."""
    return error_response(exception, request_id)[2]


def add_error_handlers(app: FastAPI) -> None:
    """Let every error of our trees, and FastAPI's own, leave through the table."""

    def answer(request: Request, exception: Exception) -> Response:
        return _as_response(*error_response(exception, request_id_of(request.scope)))

    def answer_http(request: Request, exception: Exception) -> Response:
        assert isinstance(exception, HTTPException)
        # FastAPI wraps whatever went wrong while it read the body: the cause says it better.
        if isinstance(exception.__cause__, ApplianceError):
            return answer(request, exception.__cause__)
        kind = _HTTP_TYPES.get(exception.status_code, "invalid_request_error")
        code = {404: "not_found", 405: "method_not_allowed"}.get(exception.status_code, "invalid_request")
        request_id = request_id_of(request.scope)
        status, headers, body = _response(
            exception.status_code, kind, code, _about_the_route(request, exception), None, request_id
        )
        headers += [(k.lower().encode(), v.encode()) for k, v in (exception.headers or {}).items()]
        return _as_response(status, headers, body)

    def answer_invalid(request: Request, exception: Exception) -> Response:
        assert isinstance(exception, RequestValidationError)
        return answer(request, as_invalid_request(exception.errors()))

    trees = (
        ApplianceError,
        inference_errors.InferenceError,
        rag_errors.RagError,
        querying_errors.QueryingError,
    )
    for tree in trees:
        app.add_exception_handler(tree, answer)
    app.add_exception_handler(HTTPException, answer_http)
    app.add_exception_handler(RequestValidationError, answer_invalid)


class UnforeseenErrors:
    """ASGI: what no handler knew is logged once and answered with a 500, or breaks off an answer that has begun."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_begun = False

        async def watched(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:
            if scope["type"] != "http" or has_begun:
                raise
            await send_error(error, scope, send)


async def send_error(exception: BaseException, scope: Scope, send: Send) -> None:
    """Answer a raw ASGI request with an error."""
    status, headers, body = error_response(exception, request_id_of(scope))
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def as_invalid_request(problems: Sequence[Any]) -> appliance_errors.InvalidRequest:
    """pydantic's list of problems as one error that names the first field; what was sent is never repeated."""
    problem = problems[0]
    place, *fields = problem["loc"] or ("body",)
    where = [
        str(part) for part in (fields if place in ("body", "query", "path", "header") else problem["loc"])
    ]
    if problem["type"] == "json_invalid":
        return appliance_errors.InvalidRequest("The body is not valid JSON.", code="invalid_json")
    param = ".".join(where) or None
    if param is None and problem["type"] == "model_attributes_type":
        return appliance_errors.InvalidRequest(
            "The body must be a JSON object, sent with `content-type: application/json`."
        )
    more = f" ({len(problems) - 1} more)" if len(problems) > 1 else ""
    return appliance_errors.InvalidRequest(f"{param or 'The body'}: {problem['msg']}.{more}", param=param)


def _about_the_route(request: Request, exception: HTTPException) -> str:
    path = request.url.path[:_PATH_CHARACTERS]
    if exception.status_code == 404:
        return f"There is no {request.method} {path} here. /api/openapi.json lists what there is."
    if exception.status_code == 405:
        allowed = (exception.headers or {}).get("Allow", "another method")
        return f"{path} does not take {request.method}; it takes {allowed}."
    return f"{exception.detail}."


def _response(
    status: int,
    kind: str,
    code: str,
    message: str,
    param: str | None,
    request_id: str,
    *,
    retry_after_s: float | None = None,
    detail: object = None,
) -> tuple[int, Headers, bytes]:
    headers: Headers = [
        (b"content-type", b"application/json"),
        (b"cache-control", b"no-store"),
        (b"x-request-id", request_id.encode()),
    ]
    if retry_after_s is not None:
        headers.append((b"retry-after", str(max(1, math.ceil(retry_after_s))).encode()))
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    # A lone surrogate in a message (a model's name, say) cannot be written as UTF-8.
    clean = message.encode("utf-8", "replace").decode()
    return status, headers, orjson.dumps(error_body(clean, kind, code, param, detail))


def _engine_refusal(refusal: inference_errors.EngineRefused, request_id: str) -> tuple[int, Headers, bytes]:
    """What the engine said about the request is passed on in our body; what it said about us becomes a 502 or 503."""
    message, param, code = _engine_words(refusal.body)
    if refusal.status in _ABOUT_THE_REQUEST:
        return _response(
            refusal.status, "invalid_request_error", code or refusal.code, message, param, request_id
        )
    # Not its words: engines repeat what they were asked.
    logger.warning("The engine answered %d.", refusal.status, extra={"request_id": request_id})
    status = 503 if refusal.status in (429, 503) else 502
    return _response(
        status,
        "server_error",
        refusal.code,
        str(refusal),
        None,
        request_id,
        retry_after_s=_SOON_S if status == 503 else None,
    )


def _engine_words(body: bytes) -> tuple[str, str | None, str | None]:
    """(message, param, code) from whatever shape of error the engine speaks."""
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body.decode("utf-8", "replace")[:_ENGINE_MESSAGE_CHARACTERS], None, None
    if isinstance(told, dict) and isinstance(told.get("error"), dict):
        told = told["error"]
    if not isinstance(told, dict):
        return str(told)[:_ENGINE_MESSAGE_CHARACTERS], None, None
    message = next((told[key] for key in ("message", "error", "detail") if key in told), "")
    param, code = told.get("param"), told.get("code")
    return (
        str(message)[:_ENGINE_MESSAGE_CHARACTERS],
        param if isinstance(param, str) else None,
        code if isinstance(code, str) else None,
    )


def _internal(request_id: str) -> str:
    return (
        f"Something went wrong inside the appliance. The log has the details under request id {request_id}."
    )


def _as_response(status: int, headers: Headers, body: bytes) -> Response:
    response = Response(body, status)
    response.raw_headers = [*headers, (b"content-length", str(len(body)).encode())]
    return response
