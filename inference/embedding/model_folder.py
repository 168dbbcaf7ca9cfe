"""What the files of a model's folder say: which graph, how its tokens are pooled, its prefixes and its limits.

The layout is that of sentence-transformers, and of `optimum-cli export onnx`. Only data files are read: no code of a
model is ever run, and of weights only ONNX and safetensors are looked at.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

from inference.embedding.model_card import ModelCard
from inference.embedding.pooling import Pooling
from inference.errors import EmbedderUnavailable

_GRAPHS = ("model.onnx", "onnx/model.onnx", "onnx/model_quantized.onnx", "model_quantized.onnx")
_INPUTS = {"input_ids", "attention_mask", "token_type_ids"}
_FLAGS = {
    "pooling_mode_cls_token": Pooling.CLS,
    "pooling_mode_mean_tokens": Pooling.MEAN,
    "pooling_mode_max_tokens": Pooling.MAX,
    "pooling_mode_lasttoken": Pooling.LAST,
}
_MOST_TOKENS = 8_192  # of one passage; more is never asked for
_E5 = re.compile(
    r"(?:^|[-_/])e5(?:[-_]|$)", re.IGNORECASE
)  # trained with prefixes that their files do not name
_HASHED_SUFFIXES = {".onnx", ".onnx_data", ".safetensors", ".json", ".data"}


class ModelFolder:
    """path: the folder. Prefixes None: as the model's files have it. Raises EmbedderUnavailable wherever it is read."""

    def __init__(
        self,
        path: Path,
        query_prefix: str | None = None,
        passage_prefix: str | None = None,
        languages: tuple[str, ...] = (),
    ) -> None:
        if not path.is_dir():
            raise EmbedderUnavailable(f"embedding.model = {str(path)!r} is not a folder.")
        self.path, self._languages = path, languages
        own = self._own_prefixes()
        self.query_prefix = own[0] if query_prefix is None else query_prefix
        self.passage_prefix = own[1] if passage_prefix is None else passage_prefix

    @cached_property
    def graph(self) -> Path:
        """The ONNX file."""
        for name in _GRAPHS:
            if (self.path / name).is_file():
                return self.path / name
        raise EmbedderUnavailable(
            f"{self.path} holds no `model.onnx`. Export one, for example by `optimum-cli export onnx`, or use "
            '`embedding.source = "sentence_transformers"`.'
        )

    @cached_property
    def pooling(self) -> Pooling:
        """From the Pooling module's own file; mean where there is none."""
        modules = self._json("modules.json", [])
        kinds = [str(one.get("type", "")).rpartition(".")[2] for one in modules]
        beyond = [kind for kind in kinds if kind not in ("Transformer", "Pooling", "Normalize")]
        if beyond:
            raise EmbedderUnavailable(
                f"{self.path} has a layer that is not in its graph ({beyond[0]}). "
                'Use `embedding.source = "sentence_transformers"` for it.'
            )
        folders = [
            str(one.get("path", "")) for one in modules if str(one.get("type", "")).endswith("Pooling")
        ]
        told = self._json(f"{(folders or ['1_Pooling'])[0]}/config.json", {})
        named = told.get("pooling_mode")
        if isinstance(named, str) and named in set(Pooling):
            return Pooling(named)
        chosen = [pooling for flag, pooling in _FLAGS.items() if told.get(flag)]
        unknown = [
            key
            for key, value in told.items()
            if key.startswith("pooling_mode_") and value and key not in _FLAGS
        ]
        if unknown or len(chosen) > 1:
            raise EmbedderUnavailable(
                f"{self.path} is pooled in a way that is not known here: {unknown or chosen}."
            )
        return chosen[0] if chosen else Pooling.MEAN

    @cached_property
    def max_tokens(self) -> int:
        """Of one text, marks included: the least of what its files say."""
        config = self._json("config.json", {})
        positions = config.get("max_position_embeddings")
        if isinstance(positions, int) and config.get("model_type") in ("xlm-roberta", "roberta", "camembert"):
            positions -= 2  # their positions begin behind the padding's
        told = (
            self._json("sentence_bert_config.json", {}).get("max_seq_length"),
            self._json("tokenizer_config.json", {}).get("model_max_length"),
            positions,
        )
        return min([_MOST_TOKENS, *(int(one) for one in told if isinstance(one, int | float) and one >= 8)])

    @cached_property
    def pad_id(self) -> int:
        """Of the token that fills a batch up."""
        return int(self._json("config.json", {}).get("pad_token_id") or 0)

    @cached_property
    def digest(self) -> str:
        """Of everything that decides what its vectors are."""
        found = hashlib.sha256(f"{self.query_prefix}\0{self.passage_prefix}".encode())
        for file in sorted(self.path.rglob("*")):
            if file.suffix in _HASHED_SUFFIXES and file.is_file():
                found.update(str(file.relative_to(self.path)).encode())
                with file.open("rb") as content:
                    found.update(hashlib.file_digest(content, "sha256").digest())
        return found.hexdigest()[:12]

    def card(self, dimension: int) -> ModelCard:
        """What it says of itself."""
        name = f"{self.path.name}@{self.digest}"
        return ModelCard(name, dimension, self.max_tokens, self._languages, shorter=self._shorter(dimension))

    def _shorter(self, dimension: int) -> tuple[int, ...]:
        """As its authors say: cutting other models' vectors gives worse ones, without a sign of it."""
        told = self._json("config.json", {}).get("matryoshka_dimensions")
        lengths = told if isinstance(told, list) else []
        return tuple(sorted({one for one in lengths if isinstance(one, int) and 0 < one < dimension}))

    def opened(self, open_: Callable[[str], Any]) -> Any:  # noqa: ANN401 - onnxruntime has no types
        """The graph in a session."""
        if not (self.path / "tokenizer.json").is_file():
            raise EmbedderUnavailable(f"{self.path} holds no `tokenizer.json`.")
        try:
            return open_(str(self.graph))
        except EmbedderUnavailable:
            raise
        except Exception as error:  # onnxruntime raises its own kinds of anything
            raise EmbedderUnavailable(f"{self.graph} cannot be opened: {error}") from error

    def inputs(self, session: Any) -> list[str]:  # noqa: ANN401 - onnxruntime has no types
        """What the graph asks for."""
        names = [one.name for one in session.get_inputs()]
        unknown = sorted(set(names) - _INPUTS)
        if unknown:
            raise EmbedderUnavailable(f"{self.graph} asks for {unknown[0]!r}, which is not known here.")
        return names

    def _own_prefixes(self) -> tuple[str, str]:
        told = self._json("config_sentence_transformers.json", {})
        prompts = told.get("prompts") or {}
        default = prompts.get(told.get("default_prompt_name") or "", "")
        query = prompts.get("query", default)
        passage = next((prompts[name] for name in ("passage", "document") if name in prompts), default)
        if not (query or passage) and self._is_e5():
            return "query: ", "passage: "
        return str(query or ""), str(passage or "")

    def _is_e5(self) -> bool:
        names = (str(self._json("config.json", {}).get("_name_or_path") or ""), self.path.name)
        return any(_E5.search(name) and "instruct" not in name.lower() for name in names)

    def _json(self, name: str, absent: Any) -> Any:  # noqa: ANN401 - whatever stands in the file
        try:
            return json.loads((self.path / name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return absent
        except (OSError, ValueError) as error:
            raise EmbedderUnavailable(f"{self.path / name} cannot be read: {error}") from error
