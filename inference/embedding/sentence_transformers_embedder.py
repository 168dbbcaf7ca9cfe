"""A model of sentence-transformers from a local folder; needs the extra `sentence-transformers` and its torch.

Nothing is downloaded, no code of the model is run, and weights are read from safetensors only (a pickle is a program).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.embedding.batching import batches
from inference.embedding.model_folder import ModelFolder
from inference.embedding.pooling import unit
from inference.embedding.token_ids import texts_of
from inference.errors import EmbedderUnavailable


class SentenceTransformersEmbedder:
    """What the embedding process asks of a local model. device: `cpu` or `cuda`. threads: of one call."""

    def __init__(
        self, folder: ModelFolder, *, device: str = "cpu", threads: int = 1, batch: int = 32
    ) -> None:
        """Raises EmbedderUnavailable naming what is missing."""
        _refuse_programs(folder.path)
        try:
            module, torch = import_module("sentence_transformers"), import_module("torch")
        except ImportError as error:
            raise EmbedderUnavailable(
                "sentence-transformers is not installed: `./setup.sh install --with sentence-transformers`, or use "
                'an ONNX model with `embedding.source = "onnx"`.'
            ) from error
        problem = ""
        if device == "cuda" and not torch.cuda.is_available():
            device, problem = (
                "cpu",
                "embedding.device is cuda, and torch finds no graphics card: it runs on the CPU.",
            )
        torch.set_num_threads(threads)
        try:
            self._model: Any = module.SentenceTransformer(
                str(folder.path),
                device=device,
                trust_remote_code=False,
                local_files_only=True,
                model_kwargs={"use_safetensors": True},
            )
        except Exception as error:  # the library and torch raise anything
            raise EmbedderUnavailable(f"{folder.path} cannot be opened: {error}") from error
        self._folder, self._batch = folder, batch
        self._model.eval()
        most = int(self._model.max_seq_length or folder.max_tokens)
        dimension = int(self._encoded(["dimension"]).shape[1])
        card = folder.card(dimension)
        self.card = replace(card, dimension=dimension, max_tokens=most, device=device, problem=problem)

    def plan(self, texts: Sequence[str]) -> list[list[int]]:
        """Texts of like length together."""
        return batches([len(text) for text in texts], most=self._batch, most_tokens=10**9)

    def vectors(self, texts: Sequence[str], *, is_query: bool = False) -> NDArray[np.float32]:
        """n texts -> (n, dimension), unit length. Blocks."""
        if not texts:
            return np.empty((0, self.card.dimension), np.float32)
        prefix = self._folder.query_prefix if is_query else self._folder.passage_prefix
        return self._encoded([prefix + text for text in texts])

    def count_tokens(self, text: str) -> int:
        """Both marks and the passages' prefix included, without a limit."""
        return len(self._model.tokenizer(self._folder.passage_prefix + text, truncation=False)["input_ids"])

    def texts_of(self, ids: Sequence[Sequence[int]]) -> list[str]:
        """Raises TokensRefused, and EmbedderUnavailable where the model has no fast tokenizer."""
        tokenizer = getattr(self._model.tokenizer, "backend_tokenizer", None)
        if tokenizer is None:
            raise EmbedderUnavailable("This model's tokenizer cannot be asked for its ids; send texts.")
        return texts_of(tokenizer, ids)

    def _encoded(self, texts: Sequence[str]) -> NDArray[np.float32]:
        made = self._model.encode(
            list(texts), batch_size=self._batch, show_progress_bar=False, convert_to_numpy=True, prompt=""
        )
        return unit(np.asarray(made, np.float32))


def _refuse_programs(folder: Path) -> None:
    """Weights in safetensors, and no Python file that the model would want to be run."""
    if not any(folder.rglob("*.safetensors")):
        raise EmbedderUnavailable(f"{folder} holds no weights in safetensors; other kinds are not opened.")
    if any(folder.rglob("*.py")):
        raise EmbedderUnavailable(f"{folder} brings code of its own, which is never run. Use another model.")
