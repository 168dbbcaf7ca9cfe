"""A GGUF file's header as a model's shape."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from inference.errors import ModelUnreadable
from inference.models.gguf_header import Array, GgufHeader, Scalar, read_header
from inference.models.model_shape import ModelShape, Purpose

# fmt: off
FILE_TYPES = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K", 11: "Q3_K_S",
    12: "Q3_K_M", 13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K",
    19: "IQ2_XXS", 20: "IQ2_XS", 21: "Q2_K_S", 22: "IQ3_XS", 23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL",
    26: "IQ3_S", 27: "IQ3_M", 28: "IQ2_S", 29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 32: "BF16",
    36: "TQ1_0", 37: "TQ2_0", 38: "MXFP4",
}
# fmt: on
"""general.file_type, as llama.cpp numbers them (llama_ftype)."""
WINDOWED_OF_EACH = {"gemma2": (1, 2), "gemma3": (5, 6), "gpt-oss": (1, 2), "cohere2": (3, 4)}
"""Architectures whose window llama.cpp honours: so many of each so many layers. Others count in full."""
KNOWN = frozenset(
    {"llama", "llama4", "qwen2", "qwen2moe", "qwen3", "qwen3moe", "gemma", "gemma2", "gemma3", "mistral3"}
    | {
        "phi2",
        "phi3",
        "gpt-oss",
        "cohere2",
        "command-r",
        "deepseek2",
        "granite",
        "olmo2",
        "bert",
        "nomic-bert",
    }
    | {"jina-bert-v2", "falcon", "starcoder2", "stablelm", "smollm3", "glm4", "minicpm", "gpt2"}
)
_SPLIT = re.compile(r"-(\d{5})-of-(\d{5})\.gguf$")


def describe_gguf(path: Path) -> ModelShape:
    """Of one file, or of all parts of a split one, whichever is named. Raises ModelUnreadable."""
    headers = [_read(part) for part in _parts(path)]
    return _Figures(path, headers[0].values).shape(headers)


def _parts(path: Path) -> list[Path]:
    found = _SPLIT.search(path.name)
    if found is None:
        return [path]
    count = int(found.group(2))
    stem = path.name[: found.start()]
    parts = [path.with_name(f"{stem}-{number:05d}-of-{count:05d}.gguf") for number in range(1, count + 1)]
    missing = [part.name for part in parts if not part.is_file()]
    if missing or not parts:
        raise ModelUnreadable(f"{path.parent} lacks {missing[0] if missing else 'every part'} of {count}.")
    return parts


def _read(path: Path) -> GgufHeader:
    try:
        return read_header(path)
    except ValueError as error:
        raise ModelUnreadable(f"{path.name}: {error}.") from error
    except OSError as error:
        raise ModelUnreadable(f"{path} cannot be read: {error.strerror}.") from error


@dataclass(frozen=True, slots=True)
class _Figures:
    path: Path
    values: Mapping[str, Scalar | Array]

    def shape(self, headers: list[GgufHeader]) -> ModelShape:
        """What the keys say, compared with the tensors that there are."""
        architecture = str(self.values.get("general.architecture", ""))
        layers, hidden = (
            self._number(architecture, "block_count"),
            self._number(architecture, "embedding_length"),
        )
        heads = self._most(architecture, "attention.head_count")
        if not (architecture and layers and hidden and heads):
            raise ModelUnreadable(f"{self.path.name} does not say what a language model's header has to say.")
        kv_heads = self._most(architecture, "attention.head_count_kv") or heads
        size = -(-hidden // heads)
        keys = self._number(architecture, "attention.key_length") or size
        values = self._number(architecture, "attention.value_length") or size
        tensors = [tensor for header in headers for tensor in header.tensors]
        self._compare(layers, hidden, headers)
        window = self._number(architecture, "attention.sliding_window")
        some, each = WINDOWED_OF_EACH.get(architecture, (0, 1))
        parameters = sum(tensor.elements for tensor in tensors)
        return ModelShape(
            name=str(self.values.get("general.name") or self.path.stem),
            architecture=architecture,
            parameters=parameters,
            weight_bytes=_weight_bytes(headers),
            layers=layers,
            heads=heads,
            kv_heads=kv_heads,
            head_dim=-(-(keys + values) // 2),
            hidden=hidden,
            vocabulary=self._vocabulary(architecture, hidden, headers),
            longest_context=self._number(architecture, "context_length") or 2048,
            quantisation=FILE_TYPES.get(self._plain("general.file_type"), "unknown"),
            format="gguf",
            purpose=self._purpose(architecture),
            intermediate=self._most(architecture, "feed_forward_length"),
            window=window if some else 0,
            experts_per_token=self._number(architecture, "expert_used_count"),
            windowed_layers=layers * some // each if window else 0,
            active_parameters=parameters,
            is_known=architecture in KNOWN,
        )

    def _compare(self, layers: int, hidden: int, headers: list[GgufHeader]) -> None:
        tensors = [tensor for header in headers for tensor in header.tensors]
        seen = {
            int(found.group(1))
            for tensor in tensors
            if (found := re.match(r"blk\.(\d+)\.", tensor.name)) is not None
        }
        if len(seen) != layers or max(seen) >= layers:
            raise ModelUnreadable(
                f"{self.path.name} says {layers} layers and has the tensors of {len(seen)}: "
                "cut off, or not the same model."
            )
        for tensor in tensors:
            if tensor.name == "token_embd.weight" and tensor.shape[:1] != (hidden,):
                raise ModelUnreadable(
                    f"{self.path.name} says {hidden} for the embedding's width, its tensor has {tensor.shape[:1]}."
                )

    def _vocabulary(self, architecture: str, hidden: int, headers: list[GgufHeader]) -> int:
        tokens = self.values.get("tokenizer.ggml.tokens")
        rows = [
            tensor.elements // hidden
            for header in headers
            for tensor in header.tensors
            if tensor.name in ("token_embd.weight", "output.weight")
        ]
        said = self._number(architecture, "vocab_size")
        return max([tokens.count if isinstance(tokens, Array) else 0, said, *rows])

    def _purpose(self, architecture: str) -> Purpose:
        pooling = self._plain(f"{architecture}.pooling_type")
        if f"{architecture}.pooling_type" not in self.values:
            return "embedding" if "bert" in architecture else "chat"
        return "reranker" if pooling == 4 else "embedding" if pooling else "chat"

    def _number(self, architecture: str, key: str) -> int:
        """0 where the file does not say it. Raises ModelUnreadable for a number that no model has."""
        value = self._plain(f"{architecture}.{key}")
        if not 0 <= value < 1 << 40:
            raise ModelUnreadable(f"{self.path.name} says {value} for {architecture}.{key}.")
        return value

    def _most(self, architecture: str, key: str) -> int:
        """The largest of a list with one for each layer, or the one number for all."""
        value = self.values.get(f"{architecture}.{key}")
        if isinstance(value, Array):
            return max((int(number) for number in value.numbers if 0 <= number < 1 << 40), default=0)
        return self._number(architecture, key)

    def _plain(self, key: str) -> int:
        value = self.values.get(key)
        return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _weight_bytes(headers: list[GgufHeader]) -> int:
    """Of all tensors; the whole file behind its header where one has a type that is not known here."""
    return sum(
        header.data_bytes
        if any(tensor.size_bytes is None for tensor in header.tensors)
        else sum(tensor.size_bytes or 0 for tensor in header.tensors)
        for header in headers
    )
