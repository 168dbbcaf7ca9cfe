"""A cross-encoder of sentence-transformers from a local folder; needs the extra `local-models` and its torch.

Nothing is ever downloaded. A batch that is under way cannot be stopped: what comes too late is thrown away.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from rag.reranking import RerankerUnavailable

MAX_TOKENS = 512


class SentenceTransformersCrossEncoder:
    """Fulfils rag.ports.Reranker. One call at a time."""

    def __init__(self, folder: Path) -> None:
        """Raises RerankerUnavailable without the extra, and for a folder that holds no such model."""
        try:
            module = import_module("sentence_transformers")
        except ImportError as error:
            raise RerankerUnavailable(
                "sentence-transformers is not installed: `./setup.sh install --with local-models`, or use an "
                'ONNX model with `retrieval.reranker_kind = "onnx"`.'
            ) from error
        try:
            self._model: Any = module.CrossEncoder(str(folder), max_length=MAX_TOKENS, local_files_only=True)
        except (OSError, ValueError) as error:
            raise RerankerUnavailable(f"{folder} holds no cross-encoder: {error}") from error
        self.model_id = folder.name
        self._turn = asyncio.Lock()

    async def scores(self, question: str, texts: Sequence[str]) -> Sequence[float]:
        """0 to 1 by the model's own sigmoid."""
        async with self._turn:
            pairs = [(question, text) for text in texts]
            scores = await asyncio.to_thread(self._model.predict, pairs, show_progress_bar=False)
        return [float(score) for score in scores]
