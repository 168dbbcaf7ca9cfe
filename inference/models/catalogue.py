"""Cards of models that many people run: what they are, what they weigh, where they are and under which licence.

Read from cards/*.toml when asked for. A card is somebody's published figures; a model that lies here is
described by its own files instead (shape.py).
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from typing import Any

from inference.models.model_shape import ModelShape, Purpose

BITS = {"fp32": 32.0, "bf16": 16.0, "fp8": 8.0, "int8": 8.0, "awq": 4.16, "gptq": 4.16, "int4": 4.16}
"""Of one weight in a linear layer; awq, gptq, int4: with a scale (and zero point) for each group of 128."""
GGUF_BITS = {"Q4_K_M": 5.1, "Q8_0": 8.55, "MXFP4": 4.7}
"""Of one weight of the whole file, rounded up: small models have more of it in their larger embeddings."""
# fmt: off
_SHAPE = (
    "parameters", "layers", "heads", "kv_heads", "head_dim", "hidden", "intermediate", "vocabulary", "longest_context",
    "window", "windowed_layers", "experts_per_token", "active_parameters",
)
# fmt: on


@dataclass(frozen=True, slots=True)
class Card:
    """One file, or folder, of a model on its hub. name: what it is called here, "llama-3.1-8b-awq".

    model: the model's own name, the same for all its quantisations. repository: on Hugging Face; file: of it, for GGUF.
    ollama: its name there; "". languages: ISO 639-1; ("multi",): fifty or more. setup: its place in setup.sh's list.
    shape: None for what is not a language model; weight_bytes is known of all. linear_parameters: those that are
    quantised, the others being embeddings.
    """

    name: str
    model: str
    title: str
    purpose: Purpose
    quantisation: str
    repository: str
    licence: str
    weight_bytes: int
    parameters: int
    languages: tuple[str, ...] = ()
    file: str = ""
    ollama: str = ""
    is_gated: bool = False
    longest_context: int = 0
    dimension: int = 0
    note: str = ""
    setup: int = 0
    linear_parameters: int = 0
    shape: ModelShape | None = None

    def speaks(self, language: str) -> bool:
        return language in self.languages or "multi" in self.languages


class Catalogue:
    """All cards, in the order of their files."""

    @cached_property
    def cards(self) -> tuple[Card, ...]:
        return tuple(
            card
            for path in sorted(resources.files("inference.models").joinpath("cards").iterdir(), key=str)
            if path.name.endswith(".toml")
            for model in tomllib.loads(path.read_text(encoding="utf-8"))["model"]
            for card in _cards(model)
        )

    def find(self, name: str) -> Card | None:
        """By its name here, its repository, or its name at Ollama; the plainest where several have it."""
        wanted = name.casefold()
        for card in self.cards:
            if wanted in (card.name, card.repository.casefold(), card.ollama.casefold() or None):
                return card
        return None

    def siblings(self, card: Card) -> tuple[Card, ...]:
        """The same model in other quantisations."""
        return tuple(other for other in self.cards if other.model == card.model and other is not card)

    def alternatives(self, shape: ModelShape) -> tuple[ModelShape, ...]:
        """The same model in other quantisations; () where no card is of that name."""
        card = self.find(shape.name)
        others = self.siblings(card) if card is not None else ()
        return tuple(other.shape for other in others if other.shape is not None)


def _cards(model: Mapping[str, Any]) -> Iterator[Card]:
    if "files" not in model:
        yield _side_card(model)
        return
    for at, file in enumerate(model["files"]):
        kind = file["quantisation"]
        name = model["name"] if at == 0 else f"{model['name']}-{kind.lower()}"
        embeddings = model["embedding_parameters"]
        shape = _shape(model, file, name)
        yield Card(
            name=name,
            model=model["name"],
            title=model["title"],
            purpose="chat",
            quantisation=kind,
            repository=file["repository"],
            licence=model["licence"],
            weight_bytes=shape.weight_bytes,
            parameters=model["parameters"],
            languages=tuple(model["languages"].split()),
            file=file.get("file", ""),
            ollama=file.get("ollama", ""),
            is_gated=file.get("gated", False),
            longest_context=model["longest_context"],
            setup=file.get("setup", 0),
            linear_parameters=model["parameters"] - embeddings,
            shape=shape,
        )


def _side_card(model: Mapping[str, Any]) -> Card:
    return Card(
        name=model["name"],
        model=model["name"],
        title=model["title"],
        purpose=model["purpose"],
        quantisation="fp16" if model["purpose"] == "transcription" else "",
        repository=model["repository"],
        licence=model["licence"],
        weight_bytes=model["weight_bytes"],
        parameters=model["parameters"],
        languages=tuple(model["languages"].split()),
        is_gated=model.get("gated", False),
        longest_context=model.get("longest_context", 0),
        dimension=model.get("dimension", 0),
        note=model.get("note", ""),
    )


def _shape(model: Mapping[str, Any], file: Mapping[str, Any], name: str) -> ModelShape:
    kind = file["quantisation"]
    figures = {key: model[key] for key in _SHAPE if key in model}
    return ModelShape(
        name=name,
        architecture=model["architecture"],
        weight_bytes=file.get("weight_bytes") or _weight_bytes(model, kind),
        quantisation=kind,
        format="gguf" if file.get("file", "").endswith(".gguf") else "safetensors",
        **{"active_parameters": model["parameters"], **figures},
    )


def _weight_bytes(model: Mapping[str, Any], kind: str) -> int:
    parameters, embeddings = int(model["parameters"]), int(model["embedding_parameters"])
    if kind in GGUF_BITS:
        return round(parameters * GGUF_BITS[kind] / 8)
    return round((parameters - embeddings) * BITS[kind] / 8 + embeddings * 2)
