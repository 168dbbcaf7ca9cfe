"""A request as an engine gets it, and its answer on the way back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from appliance.fairness.answer_scan import StreamScan, WholeScan
from appliance.fairness.lease import Lease
from inference.chat_chunks import parse_answer
from inference.errors import EngineStreamBroken
from inference.types import ChatChunk, EngineRequest

_GROWTH_TOKENS = 256  # a long answer is charged again in steps of this


async def followed(
    head: bytes, frames: AsyncIterator[bytes], scan: StreamScan | WholeScan, lease: Lease
) -> AsyncIterator[bytes]:
    """The same bytes, event by event where streamed. head: those that came before frames.

    Raises EngineStreamBroken for a stream without its end, and in place of what is no chunk of an answer.
    """
    feed = scan.feed
    if isinstance(scan, WholeScan):
        yield feed(head)
        async for data in frames:
            yield feed(data)
        scan.is_done = True
        return
    passed = feed(head)
    if passed:
        yield passed
    scan.raise_fault()
    told = _GROWTH_TOKENS
    async for data in frames:
        passed = feed(data)
        if passed:
            yield passed
        if scan.fault is not None:
            raise scan.fault
        if scan.events >= told:  # an event is a token, or a little more
            lease.grew(scan.events)
            told = scan.events + _GROWTH_TOKENS
    last = scan.end()
    if last:
        yield last
    if not scan.is_done:
        raise EngineStreamBroken("The stream ended without [DONE].")


async def one_chunk(frames: AsyncIterator[bytes]) -> AsyncIterator[ChatChunk]:
    """The whole answer of a server that cannot stream, as one piece of text."""
    yield parse_answer(b"".join([frame async for frame in frames]))


def prepared(request: EngineRequest, own_name: str) -> Mapping[str, Any]:
    """The payload with the engine's own model name, asking for the usage event of every stream."""
    payload = {**request.payload, "model": own_name}
    payload.pop("service_tier", None)  # the queue's business, and not every engine bears it
    if request.is_stream and request.route not in ("embeddings", "rerank"):
        options = payload.get("stream_options")
        payload["stream_options"] = {**(options if isinstance(options, dict) else {}), "include_usage": True}
    return payload


def asks_usage(payload: Mapping[str, Any]) -> bool:
    """Whether the client wants the usage event of a stream."""
    options = payload.get("stream_options")
    return isinstance(options, dict) and options.get("include_usage") is True
