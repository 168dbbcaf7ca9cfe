"""A cross-encoder in ONNX as the reranker of a search (inference.reranking has the model itself)."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path

from inference.errors import RerankerBroken
from inference.reranking.cross_encoder import CrossEncoder
from rag.reranking import RerankerUnavailable


class OnnxCrossEncoder:
    """Fulfils rag.ports.Reranker. threads: of one pair."""

    def __init__(self, folder: Path, threads: int = 1) -> None:
        """Raises RerankerUnavailable naming the file that is missing or cannot be read."""
        try:
            self._model = CrossEncoder(folder, threads)
        except RerankerBroken as error:
            raise RerankerUnavailable(str(error)) from error
        self.model_id = self._model.model_id

    async def scores(self, question: str, texts: Sequence[str]) -> Sequence[float]:
        """Blocks a thread for some ten ms a text; given up between two texts when nobody waits any more."""
        given_up = threading.Event()
        try:
            return await asyncio.to_thread(self._scores, question, texts, given_up)
        finally:
            given_up.set()

    def _scores(self, question: str, texts: Sequence[str], given_up: threading.Event) -> list[float]:
        found: list[float] = []
        for text in texts:
            if given_up.is_set():
                break
            try:
                found.append(self._model.judge(question, text).score)
            except RerankerBroken as error:
                raise RerankerUnavailable(str(error)) from error
        return found
