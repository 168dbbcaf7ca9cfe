"""How limits stand, in OpenAI's headers, and what its client makes of a refusal."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.api.errors import error_response
from appliance.api.rate_limit_headers import duration, rate_limit_headers
from appliance.fairness.admission import AppliedLimit, LimitKind, LimitState, Refused
from appliance.fairness.limits.refusals import refusal
from tests.client_environment import client_python

CLIENTS = Path(__file__).parent / "clients"


def state(kind: LimitKind, most: int, remaining: int, reset_s: float) -> LimitState:
    """Of Ana's."""
    return LimitState(AppliedLimit("user:ana", kind, most), remaining, reset_s)


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0.0, "0ms"),
        (0.012, "12ms"),
        (0.9991, "1s"),
        (8.64, "8.64s"),
        (59.9999, "1m0s"),
        (360.0, "6m0s"),
        (86_399.0, "23h59m59s"),
    ],
)
def test_durations_are_written_as_openai_writes_them(seconds: float, written: str) -> None:
    """Milliseconds below a second, then seconds, minutes and hours."""
    assert duration(seconds) == written


@given(st.floats(0, 3e6))
def test_a_duration_reads_back_as_what_it_was(seconds: float) -> None:
    """To the millisecond below a minute, to the second above."""
    written = duration(seconds)
    hours, _, rest = written.rpartition("h")
    minutes, _, rest = rest.rpartition("m") if not written.endswith("ms") else ("", "", rest)
    value = float(rest[:-2]) / 1000 if rest.endswith("ms") else float(rest[:-1])

    assert abs(int(hours or 0) * 3600 + int(minutes or 0) * 60 + value - seconds) <= 1.001


def test_the_tightest_limit_of_each_sort_is_told() -> None:
    """Of several limits on tokens the one with the least left; concurrent requests are no rate."""
    states = [
        state("tokens_per_minute", 1000, 400, 36.0),
        state("tokens_per_day", 5000, 120, 3600.0),
        state("requests_per_minute", 60, 59, 1.0),
        state("concurrent_requests", 2, 1, 1.0),
    ]

    assert rate_limit_headers(states) == [
        (b"x-ratelimit-limit-requests", b"60"),
        (b"x-ratelimit-remaining-requests", b"59"),
        (b"x-ratelimit-reset-requests", b"1s"),
        (b"x-ratelimit-limit-tokens", b"5000"),
        (b"x-ratelimit-remaining-tokens", b"120"),
        (b"x-ratelimit-reset-tokens", b"1h0m0s"),
    ]


def test_without_limits_there_are_no_headers() -> None:
    """Nothing is made up."""
    assert rate_limit_headers([]) == []


def test_a_limit_that_passes_says_when_to_come_back() -> None:
    """In seconds and in milliseconds, with the state of the limit."""
    limited = state("tokens_per_minute", 1000, 20, 58.8)

    status, headers, body = error_response(refusal(Refused(limited.limit, 2.34, (limited,))), "r")

    told = dict(headers)
    assert status == 429
    assert (told[b"retry-after"], told[b"retry-after-ms"]) == (b"3", b"2340")
    assert told[b"x-ratelimit-remaining-tokens"] == b"20"
    assert b"rate_limit_exceeded" in body and b"1000 tokens per minute" in body


@pytest.mark.parametrize(("kind", "retry_s"), [("tokens_per_month", 90_000.0), ("tokens_per_minute", None)])
def test_what_does_not_pass_says_not_to_come_back(kind: LimitKind, retry_s: float | None) -> None:
    """A budget that is used up, or a request that never fits."""
    limited = state(kind, 1000, 20, 58.8)

    status, headers, body = error_response(refusal(Refused(limited.limit, retry_s, (limited,))), "r")

    told = dict(headers)
    assert (status, told[b"x-should-retry"]) == (429, b"false")
    assert b"retry-after" not in told
    assert b'"code":"insufficient_quota"' in body


@contextmanager
def refusing_server(refused: Refused) -> Iterator[tuple[str, list[str]]]:
    """An address where every request is refused, and the paths that were asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            status, headers, body = error_response(refusal(refused), "r")
            self.send_response(status)
            for name, value in [*headers, (b"content-length", b"%d" % len(body))]:
                self.send_header(name.decode(), value.decode())
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1", asked
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("kind", "retry_s", "calls", "code"),
    [
        ("requests_per_minute", 0.01, 3, "rate_limit_exceeded"),
        ("tokens_per_day", 9000.0, 1, "insufficient_quota"),
    ],
)
def test_openais_client_does_as_it_is_told(kind: LimitKind, retry_s: float, calls: int, code: str) -> None:
    """It comes back for what passes, and gives up at once on what does not."""
    python = client_python("openai>=3,<4")
    limited = state(kind, 10, 0, retry_s)

    with refusing_server(Refused(limited.limit, retry_s, (limited,))) as (base_url, asked):
        command = [str(python), str(CLIENTS / "openai_retries.py"), base_url]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)

    assert len(asked) == calls
    assert json.loads(done.stdout) == {"code": code, "status": 429}
