"""An embedding model behind onnxruntime: the built-in one, or a folder as sentence-transformers and optimum write it.

The built-in model takes one text at a time and gives the same text always the same vector: batches are no faster with
it (int8, CPU), and its activations are quantised per batch. Other models take texts of like length together.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from inference.embedding.batching import batches
from inference.embedding.model_card import ModelCard
from inference.embedding.model_folder import ModelFolder
from inference.embedding.pooling import Pooling, pooled, unit
from inference.embedding.token_ids import texts_of
from inference.onnx_runtime import onnxruntime

MAX_CHARACTERS = (
    8_000  # of one text that reach the built-in model's tokenizer; 256 tokens are rarely more than 2,000
)
_CHARACTERS_A_TOKEN = 32  # of other models' limits; no language writes more in one
_MARKS = 2  # [CLS] and [SEP]
_CPU, _CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
_MOST_TOKENS = {"cpu": 4_096, "cuda": 32_768}  # of a batch, padding included


class OnnxEmbedder:
    """inference.ports.Embedder in this process. `vector` and `vectors` block; the port's methods use a thread."""

    def __init__(self, folder: Path, threads: int = 1) -> None:
        """folder: what build_minilm.ensure returned. threads: of one call; calls may run side by side."""
        self.card = ModelCard(**{"languages": ("en",), **json.loads((folder / "model.json").read_text())})
        self.model_id = self.card.model_id
        self.dimension = self.card.dimension
        self.max_tokens = self.card.max_tokens
        self._tokenizer = load_tokenizer(folder)
        self._session = onnxruntime.InferenceSession(
            str(folder / "model.onnx"), _session_options(threads), providers=[_CPU]
        )

    def plan(self, texts: Sequence[str]) -> list[list[int]]:
        """Places of texts that `vectors` is asked for together; a few at a time, so that others come between."""
        return batches([len(text) for text in texts], most=8, most_tokens=8_000)

    def vectors(self, texts: Sequence[str], *, is_query: bool = False) -> NDArray[np.float32]:
        """n texts -> (n, dimension). Blocks."""
        return np.array([self.vector(text) for text in texts], np.float32).reshape(-1, self.dimension)

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

    def texts_of(self, ids: Sequence[Sequence[int]]) -> list[str]:
        """Raises TokensRefused."""
        return texts_of(self._tokenizer, ids)

    def _token_ids(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text[:MAX_CHARACTERS]).ids
        return ids if len(ids) <= self.max_tokens else [*ids[: self.max_tokens - 1], ids[-1]]

    async def embed_query(self, text: str) -> NDArray[np.float32]:
        return await asyncio.to_thread(self.vector, text)

    async def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return await asyncio.to_thread(self.vectors, texts)

    async def close(self) -> None:
        """Nothing to give back: the model goes with the object."""


class OnnxFolder:
    """A model of somebody's own: pooling, prefixes and limits are read from its folder."""

    def __init__(
        self, folder: ModelFolder, *, device: str = "cpu", threads: int = 1, batch: int = 32
    ) -> None:
        """Raises EmbedderUnavailable naming what is missing. device: `cuda` runs on the CPU where there is none."""
        providers, problem = _providers(device)
        self._session = folder.opened(
            lambda path: onnxruntime.InferenceSession(path, _session_options(threads), providers=providers)
        )
        if device == "cuda" and _CUDA not in self._session.get_providers():
            problem = problem or "onnxruntime could not start on the graphics card: it runs on the CPU."
        self._device = "cpu" if problem or device == "cpu" else "cuda"
        self._folder, self._batch = folder, batch
        self._inputs = folder.inputs(self._session)
        outputs = [one.name for one in self._session.get_outputs()]
        self._output = "sentence_embedding" if "sentence_embedding" in outputs else outputs[0]
        self._pooling = Pooling.NONE if self._output == "sentence_embedding" else folder.pooling
        self._tokenizer = load_tokenizer(folder.path)
        self._tokenizer.enable_truncation(folder.max_tokens)
        self._counter = load_tokenizer(folder.path)
        dimension = self._run([self._tokenizer.encode("dimension").ids]).shape[1]
        self.card = replace(folder.card(dimension), device=self._device, problem=problem)

    def plan(self, texts: Sequence[str]) -> list[list[int]]:
        """Texts of like length together."""
        limit = self._folder.max_tokens
        lengths = [
            min(len(text) // 3 + 8, limit) for text in texts
        ]  # tokens, roughly; their order is what counts
        return batches(lengths, most=self._batch, most_tokens=_MOST_TOKENS[self._device])

    def vectors(self, texts: Sequence[str], *, is_query: bool = False) -> NDArray[np.float32]:
        """n texts -> (n, dimension), unit length. Blocks."""
        if not texts:
            return np.empty((0, self.card.dimension), np.float32)
        prefix = self._folder.query_prefix if is_query else self._folder.passage_prefix
        most = self._folder.max_tokens * _CHARACTERS_A_TOKEN
        encoded = self._tokenizer.encode_batch([prefix + text[:most] for text in texts])
        return self._run([one.ids for one in encoded])

    def count_tokens(self, text: str) -> int:
        """As OnnxEmbedder's, with the prefix of passages."""
        return len(self._counter.encode(self._folder.passage_prefix + text).ids)

    def texts_of(self, ids: Sequence[Sequence[int]]) -> list[str]:
        """Raises TokensRefused."""
        return texts_of(self._counter, ids)

    def _run(self, rows: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        longest = max(map(len, rows))
        ids = np.full((len(rows), longest), self._folder.pad_id, np.int64)
        mask = np.zeros_like(ids)
        for place, row in enumerate(rows):
            ids[place, : len(row)], mask[place, : len(row)] = row, 1
        given: dict[str, Any] = {
            "input_ids": ids,
            "attention_mask": mask,
            "token_type_ids": np.zeros_like(ids),
        }
        hidden = self._session.run([self._output], {name: given[name] for name in self._inputs})[0]
        return unit(pooled(np.asarray(hidden, np.float32), mask, self._pooling))


def load_tokenizer(folder: Path) -> Tokenizer:
    """The model's own tokenizer, without the padding and the truncation that its file may carry."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def _providers(device: str) -> tuple[list[str], str]:
    """What onnxruntime is to run on, and why that is not what was asked for."""
    if device == "cpu":
        return [_CPU], ""
    if _CUDA not in onnxruntime.get_available_providers():
        return [_CPU], (
            "embedding.device is cuda, and this onnxruntime has no CUDA: it runs on the CPU. "
            "Install onnxruntime-gpu in its place, or set the device to cpu."
        )
    return [_CUDA, _CPU], ""


def _session_options(threads: int) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False  # the arena keeps 100 MB and more after one long text
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # others need the cores
    return options
