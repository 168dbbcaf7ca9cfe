"""Server-sent events arrive whole, however the network cuts them."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.sse import EventReader, EventTooLarge

STREAM = (
    b': queue position=3\n\ndata: {"a": "\xc3\xa9"}\r\n\r\nevent: x\ndata: one\ndata: two\n\ndata:[DONE]\n\n'
)
EVENTS = [b'{"a": "\xc3\xa9"}', b"one\ntwo", b"[DONE]"]


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_any_cutting_gives_the_same_events(cuts: list[int]) -> None:
    """Pieces may end inside a line end, a character or a field name."""
    edges = sorted({0, len(STREAM), *cuts})
    reader = EventReader()

    events = [event for start, end in itertools.pairwise(edges) for event in reader.feed(STREAM[start:end])]

    assert events == EVENTS
    assert reader.rest() == b""


def test_an_unfinished_event_is_not_handed_out() -> None:
    """A server that dies inside an event leaves a rest, not half an event."""
    reader = EventReader()

    assert reader.feed(b'data: {"a"') == []
    assert reader.rest() == b'data: {"a"'


def test_an_event_without_end_is_refused() -> None:
    """Memory stays bounded whatever a server sends."""
    reader = EventReader(max_event_bytes=100)

    with pytest.raises(EventTooLarge):
        reader.feed(b"data: " + b"x" * 200)
