"""The cross-encoder of the embedding process: it takes turns with passages, so that no question waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inference.embedding.served_models import LocalThreads
from inference.errors import RerankerBroken

if TYPE_CHECKING:
    from inference.reranking.cross_encoder import CrossEncoder

_AT_ONCE = 4  # pairs until others have a turn


class ServedReranker:
    """folder None: there is none. It is opened at the first question, and stays."""

    def __init__(self, folder: Path | None, threads: LocalThreads | None) -> None:
        self._folder, self._threads = folder, threads
        self._model: CrossEncoder | None = None
        self._opening = asyncio.Lock()

    async def judged(self, query: str, texts: Sequence[str]) -> dict[str, Any]:
        """The answer's frame, as inference.embedding.wire has it."""
        if self._folder is None or self._threads is None:
            return {"broken": "No reranking model is set."}
        from inference.reranking.cross_encoder import MOST_QUESTION_TOKENS

        loop, threads = asyncio.get_running_loop(), self._threads
        try:
            model = await self._opened(self._folder)
            tokens = await loop.run_in_executor(threads.counting, model.question_tokens, query)
            if tokens > MOST_QUESTION_TOKENS:
                return {"query_tokens": tokens, "most": MOST_QUESTION_TOKENS}
            judged = []
            for start in range(0, len(texts), _AT_ONCE):
                some = texts[start : start + _AT_ONCE]
                async with threads.reading.place(is_urgent=False):
                    judged += await loop.run_in_executor(threads.passages, _judge, model, query, some)
        except RerankerBroken as error:
            return {"broken": str(error)}
        return {"judged": judged}

    async def _opened(self, folder: Path) -> CrossEncoder:
        async with self._opening:
            if self._model is None:
                from inference.reranking.cross_encoder import CrossEncoder

                self._model = await asyncio.to_thread(CrossEncoder, folder)
            return self._model


def _judge(model: CrossEncoder, query: str, texts: Sequence[str]) -> list[tuple[Any, ...]]:
    return [astuple(model.judge(query, text)) for text in texts]
