"""A model's own tokenizer in this process, for servers that cannot be asked how long a prompt is."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inference.errors import EngineUnavailable

if TYPE_CHECKING:
    from tokenizers import Tokenizer


class LocalTokenizer:
    """file: a `tokenizer.json`. Read at the first text, in a thread."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._tokenizer: Tokenizer | None = None

    async def count(self, text: str) -> int:
        """Tokens without special ones. Raises EngineUnavailable where the file cannot be read."""
        return await asyncio.to_thread(self._count, text)

    def _count(self, text: str) -> int:
        if self._tokenizer is None:
            self._tokenizer = self._read()
        return len(self._tokenizer.encode(text, add_special_tokens=False))

    def _read(self) -> Tokenizer:
        from tokenizers import Tokenizer

        try:
            tokenizer = Tokenizer.from_file(str(self._file))
        except Exception as error:  # the library raises Exception itself
            raise EngineUnavailable(f"The tokenizer {self._file} cannot be read: {error}.") from error
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return tokenizer


def texts_of(payload: Mapping[str, Any]) -> list[list[str]]:
    """The texts of each prompt, nothing of what a template writes: together never more than the engine reads."""
    messages = payload.get("messages")
    if messages is not None:
        return [[text for message in messages for text in _contents(message.get("content"))]]
    prompt = payload.get("prompt")
    if isinstance(prompt, str):
        return [[prompt]]
    return [[one] for one in prompt or () if isinstance(one, str)]


def _contents(content: object) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    elif isinstance(content, list):
        yield from (part["text"] for part in content if isinstance(part.get("text"), str))
