"""A small server with continuous batching on plain torch, for GPU machines where no vLLM can be had.

    PYTHONPATH=. python -m scripts.gpu_check.engine_server /tmp/models/8b --port 8000 --slots 64

Speaks OpenAI's chat completions, streamed and whole, /v1/models, /health, /tokenize, and vLLM's names on /metrics.
Always greedy. Needs torch, transformers and safetensors. For measuring: it has no authentication.
"""

from __future__ import annotations

import argparse
import asyncio
import codecs
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoTokenizer

from scripts.gpu_check.generating import Generating
from scripts.gpu_check.llama import Llama, load_weights
from scripts.gpu_check.wire import Answering, HttpRequest, serve

_DEFAULT_TOKENS = 256


class Vocabulary:
    """Text to tokens and, piece by piece, back. folder: with tokenizer.json; byte-level only."""

    def __init__(self, folder: Path) -> None:
        self._tokenizer = AutoTokenizer.from_pretrained(folder)
        letters = _bytes_of_letters()
        special = set(self._tokenizer.all_special_ids)
        self.ends = frozenset({self._tokenizer.eos_token_id} - {None})
        self._bytes = [b""] * (max(self._tokenizer.get_vocab().values()) + 1)
        for token, number in self._tokenizer.get_vocab().items():
            if number not in special:
                self._bytes[number] = bytes(letters.get(letter, 63) for letter in token)

    def prompt(self, messages: list[dict[str, Any]]) -> list[int]:
        """By the chat template."""
        ids = self._tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, tokenize=True, return_dict=False
        )
        return [int(number) for number in ids]

    def tokens(self, text: str) -> list[int]:
        """Without special tokens."""
        return [int(number) for number in self._tokenizer.encode(text, add_special_tokens=False)]

    def reading(self) -> Callable[[Sequence[int], bool], str]:
        """A function that takes the next tokens, and whether they are the last, and returns the text they complete."""
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        return lambda tokens, is_last: decoder.decode(b"".join(self._bytes[one] for one in tokens), is_last)


@dataclass(frozen=True, slots=True)
class Routes:
    """What the server answers."""

    name: str
    vocabulary: Vocabulary
    generating: Generating
    context_tokens: int

    async def __call__(self, request: HttpRequest, answer: Answering) -> None:
        """One request."""
        if request.path == "/health":
            is_well = self.generating.failure is None
            await answer.whole(200 if is_well else 503, {"status": "ok" if is_well else "failed"})
        elif request.path == "/v1/models":
            row = {"id": self.name, "object": "model", "max_model_len": self.context_tokens}
            await answer.whole(200, {"object": "list", "data": [row]})
        elif request.path == "/metrics":
            await answer.whole(200, self._metrics(), "text/plain; version=0.0.4")
        elif request.path == "/tokenize" and request.method == "POST":
            tokens = self.vocabulary.tokens(str(json.loads(request.body)["prompt"]))
            await answer.whole(200, {"count": len(tokens), "tokens": tokens})
        elif request.path == "/v1/chat/completions" and request.method == "POST":
            await self._complete(request, answer)
        else:
            await answer.whole(404, _error(f"There is no {request.path}."))

    def _metrics(self) -> str:
        running, waiting = self.generating.load()
        return (
            f"vllm:num_requests_running {running}\nvllm:num_requests_waiting {waiting}\n"
            f"vllm:generation_tokens_total {self.generating.tokens}\n"
        )

    async def _complete(self, request: HttpRequest, answer: Answering) -> None:
        try:
            body = json.loads(request.body)
            prompt = self.vocabulary.prompt(body["messages"])
        except (ValueError, KeyError, TypeError) as error:
            await answer.whole(400, _error(f"The request cannot be read: {error!r}."))
            return
        if len(prompt) >= self.context_tokens:
            told = f"The prompt has {len(prompt)} tokens, the context {self.context_tokens}."
            await answer.whole(400, _error(told))
            return
        most = int(body.get("max_tokens") or body.get("max_completion_tokens") or _DEFAULT_TOKENS)
        ends = frozenset[int]() if body.get("ignore_eos") else self.vocabulary.ends
        pieces: asyncio.Queue[tuple[Sequence[int], str | None]] = asyncio.Queue()
        loop = asyncio.get_running_loop()
        number = self.generating.add(
            prompt, most, ends, lambda *told: loop.call_soon_threadsafe(pieces.put_nowait, told) and None
        )
        leaving = asyncio.create_task(answer.gone())
        writing = asyncio.create_task(self._write(body, prompt, pieces, answer))
        try:
            await asyncio.wait({leaving, writing}, return_when=asyncio.FIRST_COMPLETED)
            if not writing.done():
                raise ConnectionError("the client has gone")
            await writing
        finally:
            self.generating.cancel(number)
            for task in (leaving, writing):
                task.cancel()
            await asyncio.gather(leaving, writing, return_exceptions=True)

    async def _write(
        self,
        body: dict[str, Any],
        prompt: list[int],
        pieces: asyncio.Queue[tuple[Sequence[int], str | None]],
        answer: Answering,
    ) -> None:
        read, count, texts = self.vocabulary.reading(), 0, list[str]()
        is_stream = bool(body.get("stream"))
        reason: str | None = None
        while reason is None:
            tokens, reason = await pieces.get()
            count += len(tokens)
            text = read(tokens, reason is not None)
            if not is_stream:
                texts.append(text)
                continue
            if count == len(tokens):
                answer.begin()
            await answer.event(self._chunk({"role": "assistant", "content": text}, reason))
        usage = {
            "prompt_tokens": len(prompt),
            "completion_tokens": count,
            "total_tokens": len(prompt) + count,
        }
        if is_stream:
            if (body.get("stream_options") or {}).get("include_usage"):
                await answer.event({**self._chunk({}, None), "choices": [], "usage": usage})
            await answer.event("[DONE]")
            await answer.end()
            return
        message = {"role": "assistant", "content": "".join(texts)}
        choice = {"index": 0, "message": message, "finish_reason": reason}
        await answer.whole(200, {**self._head("chat.completion"), "choices": [choice], "usage": usage})

    def _chunk(self, delta: dict[str, str], reason: str | None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        return {**self._head("chat.completion.chunk"), "choices": [choice]}

    def _head(self, kind: str) -> dict[str, Any]:
        return {"id": "chatcmpl-1", "object": kind, "created": int(time.time()), "model": self.name}


def _error(message: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None}}


def _bytes_of_letters() -> dict[str, int]:
    """The letters that stand for bytes in a byte-level vocabulary, as GPT-2 chose them."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    return {chr(byte): byte for byte in plain} | {chr(256 + n): byte for n, byte in enumerate(others)}


async def _serve(options: argparse.Namespace, routes: Routes) -> None:
    server = await serve(routes, options.port)
    sys.stdout.write(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1\n")
    sys.stdout.flush()
    await server.serve_forever()


def main() -> int:
    """Load, and serve until killed; the address is the first line printed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--name", default="tiny")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--slots", type=int, default=64)
    parser.add_argument("--context-tokens", type=int, default=4096)
    parser.add_argument("--piece-tokens", type=int, default=1024, help="of a prompt read in one step")
    options = parser.parse_args()
    if options.device == "cpu":
        torch.set_num_threads(1)
    size, weights = load_weights(options.folder, options.device)
    model = Llama(size, weights, options.slots, options.context_tokens)
    generating = Generating(model, options.piece_tokens)
    routes = Routes(options.name, Vocabulary(options.folder), generating, options.context_tokens)
    asyncio.run(_serve(options, routes))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
