"""A cross-encoder as an ONNX model beside its tokenizer (`model.onnx`, `tokenizer.json`), run on the CPU.

As exported by `optimum-cli export onnx --task text-classification`; one logit goes through a sigmoid, two through a
softmax. One pair at a time, so that whoever has no time left stops after the pair at hand.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from inference.errors import RerankerBroken
from inference.onnx_runtime import onnxruntime
from inference.reranking.judged import Judged

MAX_TOKENS = 512  # what models of this kind were trained with
MOST_QUESTION_TOKENS = 384
_PIECE_CHARACTERS = 8_000  # of a passage that reach the tokenizer at once


class CrossEncoder:
    """Blocks; calls may run side by side. threads: of one pair. model_id: the folder's name."""

    def __init__(self, folder: Path, threads: int = 1) -> None:
        """Raises RerankerBroken naming the file that is missing or cannot be read."""
        try:
            self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            self._session = onnxruntime.InferenceSession(
                str(folder / "model.onnx"), _options(threads), providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # both libraries raise their own kinds of anything
            raise RerankerBroken(
                f"{folder} holds no cross-encoder in ONNX (`model.onnx` and `tokenizer.json`): {error}"
            ) from error
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        # a tokenizer's truncation is its state, and pairs are judged side by side
        self._cutting = Tokenizer.from_str(self._tokenizer.to_str())
        self._cutting.enable_truncation(MAX_TOKENS, strategy="only_second")
        self._inputs = {one.name for one in self._session.get_inputs()}
        self.model_id = folder.name

    def judge(self, question: str, text: str) -> Judged:
        """Blocks for some ten ms. Raises RerankerBroken."""
        head, rest = text[:_PIECE_CHARACTERS], text[_PIECE_CHARACTERS:]
        beyond = sum(
            len(self._tokenizer.encode(rest[start : start + _PIECE_CHARACTERS], add_special_tokens=False))
            for start in range(0, len(rest), _PIECE_CHARACTERS)
        )
        encoded = self._tokenizer.encode(question, head)
        whole = len(encoded.ids)
        if whole > MAX_TOKENS:
            encoded = self._cutting.encode(question, head)
        values = {
            "input_ids": encoded.ids,
            "attention_mask": encoded.attention_mask,
            "token_type_ids": encoded.type_ids,
        }
        inputs = {name: np.array([row], np.int64) for name, row in values.items() if name in self._inputs}
        try:
            logits = self._session.run(None, inputs)[0][0]
        except Exception as error:  # onnxruntime raises RuntimeError's many children
            raise RerankerBroken(str(error)) from error
        return Judged(probability(logits), len(encoded.ids), whole - len(encoded.ids) + beyond)

    def question_tokens(self, question: str) -> int:
        """Without marks. Above MOST_QUESTION_TOKENS there is no room for a text beside it."""
        return len(self._tokenizer.encode(question, add_special_tokens=False).ids)


def probability(logits: NDArray[np.floating]) -> float:
    """One logit by sigmoid, two by softmax (the second is "relevant")."""
    values = [float(value) for value in logits]
    difference = values[-1] - values[0] if len(values) > 1 else values[0]
    return float(1 / (1 + np.exp(-np.clip(difference, -60, 60))))


def _options(threads: int) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False  # the arena keeps 100 MB and more after one long text
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # others need the cores
    return options
