"""The built embedding model behind onnxruntime: one text at a time, the same text always the same vector.

Batches are no faster here (int8, CPU) and change the vectors: activations are quantised per batch.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Tokenizer

from inference.embedding.model_card import ModelCard

MAX_CHARACTERS = 8_000  # of one text that reach the tokenizer; 256 tokens are rarely more than 2,000
_MARKS = 2  # [CLS] and [SEP]


class OnnxEmbedder:
    """inference.ports.Embedder in this process. `vector` blocks; the port's methods call it in a thread."""

    def __init__(self, folder: Path, threads: int = 1) -> None:
        """folder: what build_minilm.ensure returned. threads: of one call; calls may run side by side."""
        self.card = ModelCard(**json.loads((folder / "model.json").read_text()))
        self.model_id = self.card.model_id
        self.dimension = self.card.dimension
        self.max_tokens = self.card.max_tokens
        self._tokenizer = load_tokenizer(folder)
        self._session = onnxruntime.InferenceSession(
            str(folder / "model.onnx"), _session_options(threads), providers=["CPUExecutionProvider"]
        )

    def vector(self, text: str) -> NDArray[np.float32]:
        """One text -> (dimension,), unit length. Blocks for 1 to 10 ms; releases the interpreter lock."""
        ids = np.array([self._token_ids(text)], np.int64)
        inputs = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
        vectors: NDArray[np.float32] = self._session.run(["sentence_embedding"], inputs)[0]
        vector: NDArray[np.float32] = vectors[0]
        return vector

    def count_tokens(self, text: str) -> int:
        """How many tokens the model would see of it without a limit, both marks included. Blocks.

        Long texts are counted in pieces; a word cut between two of them may count once too often.
        """
        pieces = range(0, len(text), MAX_CHARACTERS)
        return _MARKS + sum(
            len(self._tokenizer.encode(text[start : start + MAX_CHARACTERS], add_special_tokens=False))
            for start in pieces
        )

    def _token_ids(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text[:MAX_CHARACTERS]).ids
        return ids if len(ids) <= self.max_tokens else [*ids[: self.max_tokens - 1], ids[-1]]

    async def embed_query(self, text: str) -> NDArray[np.float32]:
        return await asyncio.to_thread(self.vector, text)

    async def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        vectors = np.empty((len(texts), self.dimension), np.float32)
        for row, text in enumerate(texts):
            vectors[row] = await asyncio.to_thread(self.vector, text)
        return vectors

    async def close(self) -> None:
        """Nothing to give back: the model goes with the object."""


def load_tokenizer(folder: Path) -> Tokenizer:
    """The model's own tokenizer, without the padding and the truncation that its file may carry."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def _session_options(threads: int) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False  # the arena keeps 100 MB and more after one long text
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # others need the cores
    return options
