"""Which of a model's files are wanted, and why the others are not. Values in, values out.

Data only: safetensors, GGUF, ONNX, CTranslate2's binary, and the text files beside them. Pickles and programs are
never taken, whatever they are called (inference.getting.checking looks inside).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from inference.errors import ModelHasPickle, ModelSourceUnknown
from inference.getting.sources import DEFAULT_QUANTISATION, quantisation_of
from inference.library import ModelFormat
from inference.types import ModelKind

_TEXTS = {".json", ".txt", ".model", ".jinja", ".tiktoken", ".jsonl"}
_WORDS = {"license", "licence", "notice", "license.txt", "readme.md", "license.md", "use_policy.md"}
_PICKLES = (".bin", ".pt", ".pth", ".pkl", ".ckpt", ".msgpack", ".h5", ".pickle", ".joblib")
_GRAPHS = ("onnx/model.onnx", "model.onnx", "onnx/model_quantized.onnx", "model_quantized.onnx")
_MODULE = re.compile(r"\d+_[A-Za-z]+\Z")  # sentence-transformers' folders: 1_Pooling, 2_Normalize
_PART = re.compile(r"-(\d{5})-of-(\d{5})\.(?:gguf|safetensors)\Z")
_MOST_TEXT_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True)
class SourceFile:
    """path: inside the source, with slashes. sha256 or git_sha1: as the source has it; empty where it tells none."""

    path: str
    size_bytes: int
    sha256: str = ""
    git_sha1: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """files: wanted, small ones first, so that a refusal comes before gigabytes. main: the weights (the first part)."""

    format: ModelFormat
    kind: ModelKind
    files: tuple[SourceFile, ...]
    main: str
    quantisation: str = ""

    @property
    def size_bytes(self) -> int:
        return sum(file.size_bytes for file in self.files)


def choose(
    files: Sequence[SourceFile], *, quantisation: str = "", kind: ModelKind | None = None, task: str = ""
) -> Choice:
    """kind: known from a catalogue. task: the hub's word for what the model is for. Raises ModelSourceUnknown,
    ModelHasPickle.
    """
    usable = [file for file in files if is_safe_path(file.path)]
    names = {file.path for file in usable}
    kind = kind or _kind(names, task)
    weights, form = _weights(usable, names, kind, quantisation)
    chosen = [*(file for file in usable if _is_text(file, form)), *weights]
    chosen.sort(key=lambda file: (file.size_bytes > _MOST_TEXT_BYTES, file.path))
    return Choice(form, kind, tuple(chosen), weights[0].path, quantisation_of(weights[0].path))


def is_safe_path(path: str) -> bool:
    """Inside the model's folder, not hidden, of names that every disk takes."""
    parts = PurePosixPath(path).parts
    return (
        0 < len(parts) <= 3
        and not path.startswith("/")
        and all(re.fullmatch(r"[A-Za-z0-9_+][A-Za-z0-9 ._+=@()-]{0,180}", part) for part in parts)
    )


def _kind(names: set[str], task: str) -> ModelKind:
    if task in ("text-ranking", "text-classification"):
        return "reranker"
    if task == "automatic-speech-recognition":
        return "transcription"
    is_embedding = task in ("sentence-similarity", "feature-extraction") or "modules.json" in names
    return "embedding" if is_embedding else "chat"


def _weights(
    files: Sequence[SourceFile], names: set[str], kind: ModelKind, quantisation: str
) -> tuple[list[SourceFile], ModelFormat]:
    graph = next((name for name in _GRAPHS if name in names), "")
    if kind in ("embedding", "reranker") and graph and not quantisation:
        return _graph(files, graph), "onnx"
    if ggufs := [file for file in files if file.path.endswith(".gguf") and "mmproj" not in file.path.lower()]:
        return _quantised(ggufs, quantisation), "gguf"
    if quantisation:
        raise ModelSourceUnknown("It holds no GGUF files, so there is no quantisation to choose.")
    if tensors := _safetensors(files):
        return tensors, "safetensors"
    if _is_ctranslate2(names):
        return [file for file in files if file.path == "model.bin"], "ctranslate2"
    if pickles := sorted(name for name in names if name.lower().endswith(_PICKLES)):
        raise ModelHasPickle(f"It holds {pickles[0]}.")
    raise ModelSourceUnknown("It holds no safetensors, GGUF or ONNX file.")


def _graph(files: Sequence[SourceFile], graph: str) -> list[SourceFile]:
    """With what the graph keeps beside itself, where it is larger than 2 GB."""
    folder, name = graph.rpartition("/")[0], graph.rpartition("/")[2]
    beside = (f"{name}_data", f"{name}.data", "Constant_")
    return sorted(
        (
            file
            for file in files
            if file.path == graph
            or (file.path.rpartition("/")[0] == folder and file.path.rpartition("/")[2].startswith(beside))
        ),
        key=lambda file: file.path != graph,
    )


def _safetensors(files: Sequence[SourceFile]) -> list[SourceFile]:
    """In the model's own folder; the makers' second copy (`consolidated`, `original/`) is left out."""
    found = sorted(
        (file for file in files if file.path.endswith(".safetensors") and "/" not in file.path),
        key=lambda file: file.path,
    )
    own = [file for file in found if file.path.startswith("model")]
    return own or [file for file in found if not file.path.startswith(("adapter_", "consolidated"))] or found


def _quantised(files: Sequence[SourceFile], quantisation: str) -> list[SourceFile]:
    wanted = quantisation.upper() or DEFAULT_QUANTISATION
    by_name: dict[str, list[SourceFile]] = {}
    for file in files:
        by_name.setdefault(quantisation_of(file.path), []).append(file)
    if not quantisation and len(by_name) == 1:
        wanted = next(iter(by_name))
    if wanted not in by_name:
        there = ", ".join(sorted(name for name in by_name if name)) or "one that is not named"
        raise ModelSourceUnknown(f"There is no {wanted}. There are: {there}.")
    found = sorted(by_name[wanted], key=lambda file: file.path)
    parts = [file for file in found if _PART.search(file.path)]
    if len(parts) < len(found):
        return [next(file for file in found if file not in parts)]
    told = _PART.search(parts[0].path)
    assert told is not None, "it is one of the parts"
    if len(parts) != int(told[2]):
        raise ModelSourceUnknown(f"Of the {int(told[2])} parts of {wanted}, {len(parts)} are there.")
    return parts


def _is_ctranslate2(names: set[str]) -> bool:
    has_words = any(name in names for name in ("vocabulary.json", "vocabulary.txt", "shared_vocabulary.json"))
    return has_words and {"model.bin", "config.json"} <= names and "pytorch_model.bin" not in names


def _is_text(file: SourceFile, form: ModelFormat) -> bool:
    folder, name = file.path.rpartition("/")[0], file.path.rpartition("/")[2]
    if folder and not _MODULE.match(folder):
        return False
    if name.lower() in _WORDS:
        return file.size_bytes <= _MOST_TEXT_BYTES and not folder
    if form == "gguf" and not name.startswith(("config", "tokenizer", "generation_config", "chat_template")):
        return False
    return PurePosixPath(name).suffix in _TEXTS and file.size_bytes <= _MOST_TEXT_BYTES
