"""A cross-encoder as an ONNX model beside its tokenizer (`model.onnx`, `tokenizer.json`), run on the CPU.

One pair at a time, so that a search that has no time left stops after the pair at hand. As exported by
`optimum-cli export onnx --task text-classification`; one logit goes through a sigmoid, two through a softmax.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from inference.onnx_runtime import onnxruntime
from rag.reranking import RerankerUnavailable

MAX_TOKENS = 512  # what models of this kind were trained with
_MAX_CHARACTERS = 8_000  # of a passage that reach the tokenizer


class OnnxCrossEncoder:
    """Fulfils rag.ports.Reranker. threads: of one pair."""

    def __init__(self, folder: Path, threads: int = 1) -> None:
        """Raises RerankerUnavailable naming the file that is missing or cannot be read."""
        try:
            self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            self._session = onnxruntime.InferenceSession(
                str(folder / "model.onnx"), _options(threads), providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # both libraries raise their own kinds of anything
            raise RerankerUnavailable(
                f"{folder} holds no cross-encoder in ONNX (`model.onnx` and `tokenizer.json`): {error}"
            ) from error
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(MAX_TOKENS, strategy="only_second")
        self._inputs = {one.name for one in self._session.get_inputs()}
        self.model_id = folder.name

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
                found.append(self._score(question, text))
            except Exception as error:  # onnxruntime raises RuntimeError's many children
                raise RerankerUnavailable(str(error)) from error
        return found

    def _score(self, question: str, text: str) -> float:
        encoded = self._tokenizer.encode(question, text[:_MAX_CHARACTERS])
        values = {
            "input_ids": encoded.ids,
            "attention_mask": encoded.attention_mask,
            "token_type_ids": encoded.type_ids,
        }
        inputs = {name: np.array([row], np.int64) for name, row in values.items() if name in self._inputs}
        return probability(self._session.run(None, inputs)[0][0])


def probability(logits: NDArray[np.floating]) -> float:
    """One logit by sigmoid, two by softmax (the second is "relevant")."""
    values = [float(value) for value in logits]
    difference = values[-1] - values[0] if len(values) > 1 else values[0]
    return float(1 / (1 + np.exp(-np.clip(difference, -60, 60))))


def _options(threads: int) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # others need the cores
    return options
