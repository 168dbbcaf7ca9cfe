"""A modelled engine for measuring gateways: OpenAI's wire format on a schedule, at a few microseconds a token.

    python scripts/bench/engine.py --port 0 --slots 512 --ttft-ms 50 --token-ms 20

As many requests run as there are slots; the rest waits first come, first served. The first token comes after --ttft-ms,
then one every --token-ms; with 0 and 0 a whole answer leaves at once. Every token ends in `~`, so that a client can
count tokens whatever a gateway does to the chunks. Routes beside OpenAI's: GET /bench/stats, POST /bench/tempo.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from collections import deque
from dataclasses import dataclass, replace
from typing import Any, cast

import httptools
import uvloop

MODEL = "mock"
MARKER = b"~"
# Different ones: LiteLLM breaks off a stream whose last hundred chunks are the same.
_SENTENCE = "the engine answers with words that mean nothing to anybody at all"
_WORDS = [f" {word}~" for word in _SENTENCE.split()]
_STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
    b"cache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n"
)


@dataclass(frozen=True, slots=True)
class Tempo:
    """slots: requests that run at once. Times in seconds. tokens: of an answer whose length nobody asked for.
    is_prose: without markers, in paragraphs.
    """

    slots: int = 512
    ttft_s: float = 0.0
    token_s: float = 0.0
    tokens: int = 32
    is_prose: bool = False


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _shape(kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
    return {"id": "chatcmpl-1", "object": kind, "created": 1_700_000_000, "model": MODEL, "choices": choices}


def _event(delta: dict[str, str] | None, finish: str | None, usage: dict[str, int] | None = None) -> bytes:
    """delta None: the event of the usage."""
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    shape = _shape("chat.completion.chunk", choices)
    if usage is not None:
        shape["usage"] = usage
    return b"data: " + json.dumps(shape, separators=(",", ":")).encode() + b"\n\n"


_PIECES = [_chunk(_event({"content": word}, None)) for word in _WORDS]
# What a model writes has hardly a mark in it, and paragraphs: a `~` at every word would be costly Markdown.
_PROSE = [_chunk(_event({"content": f" {word}"}, None)) for word in _SENTENCE.split()] * 4
_PROSE.append(_chunk(_event({"content": ".\n\n"}, None)))


class Sequence:
    """One request: waits for a slot, runs, writes its tokens to its connection."""

    __slots__ = (
        "_connection",
        "_due",
        "_engine",
        "_is_stream",
        "_left",
        "_piece",
        "_timer",
        "_usage",
        "wanted",
    )

    def __init__(self, engine: Engine, connection: Connection, body: dict[str, Any]) -> None:
        self._engine, self._connection = engine, connection
        self._is_stream = body.get("stream") is True
        self._usage = bool((body.get("stream_options") or {}).get("include_usage"))
        self.wanted = int(body.get("max_tokens") or body.get("max_completion_tokens") or engine.tempo.tokens)
        self._left = self.wanted
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0

    def start(self) -> None:
        """It has a slot now."""
        tempo = self._engine.tempo
        loop = self._engine.loop
        if not self._is_stream:
            self._timer = loop.call_later(
                tempo.ttft_s + tempo.token_s * (self.wanted - 1), self._answer_whole
            )
            return
        self._due = loop.time() + tempo.ttft_s
        self._timer = loop.call_at(self._due, self._write_first)

    def cancel(self) -> None:
        """The client has gone."""
        if self._timer is not None:
            self._timer.cancel()
        self._engine.leave(self)

    def _write_first(self) -> None:
        self._connection.write(_STREAM_HEAD + _chunk(_event({"role": "assistant", "content": ""}, None)))
        self._write_token()

    def _write_token(self) -> None:
        engine = self._engine
        token_s = engine.tempo.token_s
        count = 1 if token_s else self._left
        self._left -= count
        engine.tokens += count
        first = self.wanted - self._left - count
        pieces = _PROSE if engine.tempo.is_prose else _PIECES
        data = b"".join(pieces[number % len(pieces)] for number in range(first, first + count))
        if self._left:
            self._connection.write(data)
            self._due += token_s
            self._timer = engine.loop.call_at(self._due, self._write_token)
            return
        data += _chunk(_event({}, "stop"))
        if self._usage:
            data += _chunk(_event(None, None, self._used()))
        self._connection.write(data + _chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n")
        self._end()

    def _answer_whole(self) -> None:
        self._engine.tokens += self.wanted
        message = {
            "role": "assistant",
            "content": "".join(_WORDS[number % len(_WORDS)] for number in range(self.wanted)),
        }
        body = _shape("chat.completion", [{"index": 0, "message": message, "finish_reason": "stop"}])
        self._connection.write(_whole(json.dumps({**body, "usage": self._used()}).encode()))
        self._end()

    def _end(self) -> None:
        self._timer = None
        self._engine.leave(self)
        self._connection.has_answered()

    def _used(self) -> dict[str, int]:
        return {"prompt_tokens": 12, "completion_tokens": self.wanted, "total_tokens": 12 + self.wanted}


class Engine:
    """Slots and the line before them. busy_slot_s: slots times seconds in use so far."""

    def __init__(self, tempo: Tempo) -> None:
        self.tempo = tempo
        self.loop = asyncio.get_running_loop()
        self.running: set[Sequence] = set()
        self.waiting: deque[Sequence] = deque()
        self.tokens = self.requests = self.peak_running = self.peak_waiting = 0
        self._busy_slot_s, self._counted_at = 0.0, self.loop.time()

    def submit(self, sequence: Sequence) -> None:
        """A new request."""
        self.requests += 1
        self.waiting.append(sequence)
        self._fill()

    def leave(self, sequence: Sequence) -> None:
        """It has ended, or its client went away."""
        self._count()
        self.running.discard(sequence)
        if sequence in self.waiting:
            self.waiting.remove(sequence)
        self._fill()

    def _fill(self) -> None:
        self._count()
        while self.waiting and len(self.running) < self.tempo.slots:
            sequence = self.waiting.popleft()
            self.running.add(sequence)
            sequence.start()
        self.peak_running = max(self.peak_running, len(self.running))
        self.peak_waiting = max(self.peak_waiting, len(self.waiting))

    def _count(self) -> None:
        now = self.loop.time()
        self._busy_slot_s += len(self.running) * (now - self._counted_at)
        self._counted_at = now

    def stats(self) -> dict[str, float]:
        """Everything as numbers."""
        self._count()
        return {
            "running": len(self.running),
            "waiting": len(self.waiting),
            "peak_running": self.peak_running,
            "peak_waiting": self.peak_waiting,
            "requests": self.requests,
            "tokens": self.tokens,
            "busy_slot_s": self._busy_slot_s,
            "time_s": self._counted_at,
        }

    def change(self, values: dict[str, Any]) -> None:
        """Another tempo for what comes."""
        self.tempo = replace(self.tempo, **values)
        self.peak_running = self.peak_waiting = 0


class Connection(asyncio.Protocol):
    """One keep-alive connection with one request at a time."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._sequence: Sequence | None = None
        self._path, self._body = b"", b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one by its shape only

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._sequence is not None:
            self._sequence.cancel()
            self._sequence = None

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            if self._transport is not None:
                self._transport.abort()

    def on_url(self, url: bytes) -> None:
        self._path, self._body = url, b""

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        if self._path.endswith(b"/chat/completions"):
            self._sequence = Sequence(self._engine, self, json.loads(self._body))
            self._engine.submit(self._sequence)
        elif self._path == b"/v1/models":
            self._reply({"object": "list", "data": [{"id": MODEL, "object": "model", "owned_by": "bench"}]})
        elif self._path == b"/bench/stats":
            self._reply(self._engine.stats())
        elif self._path == b"/bench/tempo":
            self._engine.change(json.loads(self._body))
            self._reply({})
        else:
            self.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")

    def write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def has_answered(self) -> None:
        self._sequence = None

    def _reply(self, value: object) -> None:
        self.write(_whole(json.dumps(value).encode()))


def _whole(body: bytes) -> bytes:
    return (
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body
    )


async def _serve(options: argparse.Namespace) -> None:
    loop = asyncio.get_running_loop()
    engine = Engine(Tempo(options.slots, options.ttft_ms / 1000, options.token_ms / 1000))
    server = await loop.create_server(lambda: Connection(engine), "127.0.0.1", options.port, backlog=2048)
    sys.stdout.write(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1\n")
    sys.stdout.flush()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    await ended.wait()


def main() -> int:
    """Serve until SIGTERM; the address is the first line printed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--slots", type=int, default=512)
    parser.add_argument("--ttft-ms", type=float, default=0.0)
    parser.add_argument("--token-ms", type=float, default=0.0)
    uvloop.run(_serve(parser.parse_args()))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
