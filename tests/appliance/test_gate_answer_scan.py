"""Following an answer's bytes: whatever the pieces, the same comes out and the same is counted."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.fairness.answer_scan import StreamScan, WholeScan, estimated_prompt_tokens
from inference.types import Usage

USAGE = {"prompt_tokens": 7, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 2}}


def event(data: Any, end: str = "\n\n") -> bytes:
    """One event of a stream."""
    return f"data: {data if isinstance(data, str) else json.dumps(data)}{end}".encode()


def text_chunk(text: str, reason: str | None = None, **more: Any) -> dict[str, Any]:
    """One chunk."""
    return {"choices": [{"delta": {"content": text}, "finish_reason": reason}], **more}


TEXTS = ['say "usage": {}', "[DONE]", "data: x", "línea\n\nnueva", "🙂", '\\"usage\\"', ""]
TEXT_EVENTS = [event(text_chunk(text)) for text in TEXTS] + [event(text_chunk("", "stop"))]
USAGE_EVENT = event({"choices": [], "usage": USAGE})
STREAM = b"".join(TEXT_EVENTS) + USAGE_EVENT + event("[DONE]")


def feed(scan: StreamScan, data: bytes, cuts: list[int]) -> bytes:
    """Everything that comes out when data comes in pieces."""
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    out = b"".join(scan.feed(data[start:end]) for start, end in itertools.pairwise(edges) if start < end)
    return out + scan.end()


@given(cuts=st.lists(st.integers(0, len(STREAM)), max_size=60))
def test_pieces_do_not_matter(cuts: list[int]) -> None:
    """However the network cuts it, the text passes unchanged, the usage event is taken out and counted."""
    scan = StreamScan(wants_usage=False)

    out = feed(scan, STREAM, cuts)

    assert out == STREAM.replace(USAGE_EVENT, b"")
    assert scan.usage == Usage(7, 3, 2)
    assert scan.is_done and scan.finish_reason == "stop" and scan.fault is None


@given(cuts=st.lists(st.integers(0, len(STREAM)), max_size=60))
def test_usage_that_was_asked_for_stays(cuts: list[int]) -> None:
    """Then not a byte differs."""
    scan = StreamScan(wants_usage=True)

    assert feed(scan, STREAM, cuts) == STREAM
    assert scan.usage == Usage(7, 3, 2)


@given(cut=st.integers(0, len(STREAM) - 1))
def test_half_an_event_never_leaves(cut: int) -> None:
    """An engine that breaks off leaves whole events behind, and is not taken for done."""
    scan = StreamScan(wants_usage=True)

    out = scan.feed(STREAM[:cut]) + scan.end()

    assert STREAM.startswith(out) and (out == b"" or out.endswith(b"\n\n"))
    assert not scan.is_done or cut >= len(STREAM) - 2


def test_carriage_returns_and_a_done_without_its_end_are_understood() -> None:
    """Other servers write other line ends."""
    scan = StreamScan(wants_usage=False)

    out = scan.feed(event(text_chunk("a"), "\r\n\r\n") + event({"choices": [], "usage": USAGE}, "\r\n\r\n"))
    out += scan.feed(b"data: [DONE]") + scan.end()

    assert out == event(text_chunk("a"), "\r\n\r\n") + b"data: [DONE]\n\n"
    assert scan.is_done and scan.usage == Usage(7, 3, 2)


def test_usage_on_a_chunk_with_text_is_counted_and_kept() -> None:
    """Some servers tell the usage so far with every chunk."""
    scan = StreamScan(wants_usage=False)
    data = event(text_chunk("a", usage={"prompt_tokens": 1, "completion_tokens": 1}))

    assert scan.feed(data) == data
    assert scan.usage == Usage(1, 1)


def test_an_event_without_an_end_is_no_answer() -> None:
    """Nothing of it is passed on, and it is not kept for ever."""
    scan = StreamScan(wants_usage=False)

    passed = sum(len(scan.feed(b"x" * 262_144)) for _ in range(64))

    assert passed == 0
    assert scan.fault is not None and scan.fault.is_malformed


@pytest.mark.parametrize("data", [{"error": {"message": "x"}}, {"code": 500, "message": "x"}])
def test_an_engines_own_error_event_ends_the_answer_in_its_place(data: Any) -> None:
    """So that the client is told once, and never reads [DONE] behind an error."""
    scan = StreamScan(wants_usage=False)

    passed = scan.feed(event(text_chunk("a")) + event(data) + event("[DONE]"))
    passed += scan.feed(event(text_chunk("b")))

    assert passed == event(text_chunk("a")) and not scan.is_done
    assert scan.fault is not None and not scan.fault.is_malformed


@pytest.mark.parametrize("broken", ['{"choices": [{"delta": {"con', "[1, 2]", "<html>", '"choices"', "{} {}"])
@given(cuts=st.lists(st.integers(0, 10_000), max_size=20))
def test_what_is_no_chunk_is_never_passed_on(broken: str, cuts: list[int]) -> None:
    """However the network cuts it: what came before it is, what comes after it is not."""
    scan = StreamScan(wants_usage=True)
    before = b"".join(TEXT_EVENTS)

    passed = feed(scan, before + event(broken) + STREAM, cuts)

    assert passed == before and not scan.is_done
    assert scan.fault is not None and scan.fault.is_malformed


@pytest.mark.parametrize("usage_first", [True, False])
def test_usage_of_a_whole_answer_is_found_at_either_end(usage_first: bool) -> None:
    """Servers put it before or after a long list; words in the text are not taken for it."""
    text = json.dumps({"choices": [{"message": {"content": '"usage": {"prompt_tokens": 9}' * 4000}}]})[1:-1]
    usage = f'"usage": {json.dumps(USAGE)}'
    body = ("{" + (f"{usage}, {text}" if usage_first else f"{text}, {usage}") + "}").encode()
    scan = WholeScan()

    assert b"".join(scan.feed(body[start : start + 1000]) for start in range(0, len(body), 1000)) == body
    assert scan.usage == Usage(7, 3, 2)


def test_estimates_count_text_and_not_pictures() -> None:
    """Four bytes a token; a picture is a thousand, however many bytes it has."""
    picture = {"type": "image_url", "image_url": {"url": "data:" + "A" * 10_000}}
    content = [{"type": "text", "text": "x" * 400}, picture]

    assert estimated_prompt_tokens({"messages": [{"role": "user", "content": content}]}) == 1100
    assert estimated_prompt_tokens({"input": ["x" * 40, "y" * 40]}) == 20
    assert estimated_prompt_tokens({"prompt": [1, 2, 3]}) == 3
