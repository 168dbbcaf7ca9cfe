"""What a provider's refusal means, in the words of the one API that clients know. Pure.

Our own key, limits and settings there are no concern of who asked: such a refusal closes this way and another one may
be open. Only what is wrong with the request itself goes back to who wrote it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import orjson

from inference.errors import CloudKeyRefused, CloudRefused, EngineRefused, InferenceError

_MOST_WORDS = 500
# Of the request itself: it would be refused anywhere. All else is between the provider and us.
_OF_THE_REQUEST = frozenset((400, 413, 415, 422))
# 402, 404 and their like: every other request will fare the same, so a circuit has to count them.
_NOT_FOR_US = 502


def refusal(
    name: str, provider: str, status: int, body: bytes, headers: Mapping[str, str], key: str, now: datetime
) -> InferenceError:
    """The error to raise. name: of the engine's section. key: never stands in what is said. now: with a time zone."""
    said = _without(key, _sentence(body))
    retry_after_s = _retry_after_s(headers, body, now)
    if status in (401, 403):
        return CloudKeyRefused(
            f"{provider} answered {status}: correct api_key_file of [engines.{name}].", status, retry_after_s
        )
    if status in _OF_THE_REQUEST and not _is_about_our_key(said):
        return EngineRefused(status, _openai_body(status, said, body), "application/json", retry_after_s)
    if status in _OF_THE_REQUEST:
        return CloudKeyRefused(
            f"{provider} answered {status}: correct api_key_file of [engines.{name}].", 401, retry_after_s
        )
    remedy = f"; are the names in model_map of [engines.{name}] its own?" if status == 404 else ""
    counted = status if status == 429 or status >= 500 else _NOT_FOR_US
    return CloudRefused(f"{provider} answered {status}: {said}{remedy}", counted, retry_after_s)


def _is_about_our_key(said: str) -> bool:
    """Google answers a bad key with 400."""
    return "api key" in said.lower() and "valid" in said.lower()


def _sentence(body: bytes) -> str:
    """Of OpenAI's, Anthropic's, Google's and Mistral's error bodies."""
    try:
        told: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body[:200].decode("utf-8", "replace").strip() or "nothing"
    if isinstance(told, list) and told:  # Google wraps it once more
        told = told[0]
    if not isinstance(told, dict):
        return "nothing that can be read"
    error = told.get("error", told)
    said = error.get("message") or error.get("detail") if isinstance(error, dict) else error
    if isinstance(said, dict):  # Mistral's list of what is wrong with the fields
        said = said.get("detail") or said
    if isinstance(said, list):
        said = "; ".join(_of_field(one) for one in said[:5])
    return str(said or "nothing")[:_MOST_WORDS]


def _of_field(one: object) -> str:
    if not isinstance(one, dict):
        return str(one)
    where = ".".join(str(part) for part in one.get("loc") or [])
    return f"{where}: {one.get('msg')}"


def _openai_body(status: int, said: str, body: bytes) -> bytes:
    code, param = None, None
    try:
        error = orjson.loads(body)["error"]
        code, param = error.get("code"), error.get("param")
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        pass
    told = {
        "message": f"The cloud said: {said}",
        "type": "invalid_request_error",
        "param": param if isinstance(param, str) else None,
        "code": code if isinstance(code, str) else ("request_too_large" if status == 413 else None),
    }
    return orjson.dumps({"error": told})


def _without(key: str, said: str) -> str:
    """Providers say back the key they refuse, whole or its ends: neither is for a log."""
    if not key:
        return said
    words = [
        "(the key)" if key in word or ("*" in word and word[:3] == key[:3]) else word for word in said.split()
    ]
    return " ".join(words)


def _retry_after_s(headers: Mapping[str, str], body: bytes, now: datetime) -> float | None:
    """Seconds, milliseconds or a date in a header; Google's in the body."""
    told = headers.get("retry-after-ms") or ""
    if _is_number(told):
        return max(0.0, float(told) / 1000)
    told = (headers.get("retry-after") or "").strip()
    if _is_number(told):
        return max(0.0, float(told))
    if told:
        try:
            until = parsedate_to_datetime(told)
        except ValueError:
            return None
        return max(0.0, ((until if until.tzinfo else until.replace(tzinfo=UTC)) - now).total_seconds())
    return _google_delay_s(body)


def _google_delay_s(body: bytes) -> float | None:
    if b"retryDelay" not in body:
        return None
    try:
        told = orjson.loads(body)
        error = (told[0] if isinstance(told, list) else told)["error"]
        delays = [str(one.get("retryDelay", "")).removesuffix("s") for one in error["details"]]
    except (orjson.JSONDecodeError, KeyError, TypeError, IndexError, AttributeError):
        return None
    return next((float(delay) for delay in delays if _is_number(delay)), None)


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdecimal() and text.isascii()
