"""A folder with config.json and safetensors as a model's shape.

What config.json says is compared with the tensors' own shapes; where both speak and differ, the folder is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from inference.errors import ModelUnreadable
from inference.models.configuration import Configuration, Figures
from inference.models.model_shape import ModelShape
from inference.models.tensor_headers import Tensor, read_json, read_tensors

_LAYER = re.compile(r"(?:^|\.)(?:layers|h|blocks|layer)\.(\d+)\.")
_KEYS = re.compile(r"self_attn\.k_proj\.weight$")
_EMBEDDING = re.compile(r"(?:^|\.)(?:embed_tokens|wte|word_embeddings)\.weight$")
_PLAIN = frozenset({"BF16", "F16", "F32", "F8_E4M3"})
_SIDE = re.compile(r"(scale|scales|scale_inv|zeros|g_idx|absmax|quant_map|zero_point|weight_shape)$")
_FOREIGN = re.compile(r"(?:^|\.)(vision|visual|audio|image|multi_modal|mm_)")
_NARROW = {"I32": 8, "U8": 2}
"""Weights of four bits are packed: eight into an I32 (AWQ, GPTQ), two into a U8 (MXFP4, NVFP4)."""


def describe_folder(folder: Path) -> ModelShape:
    """Raises ModelUnreadable."""
    if not folder.is_dir():
        raise ModelUnreadable(f"There is no {folder}.")
    configuration = Configuration(read_json(folder / "config.json"))
    tensors = read_tensors(folder)
    figures = configuration.figures(is_embedder=(folder / "modules.json").is_file())
    _compare(figures, tensors)
    parameters, expert_parameters = _parameters(tensors, figures.quantisation)
    unused = expert_parameters * (1 - figures.expert_share)
    vocabulary = [tensor.shape[0] for name, tensor in tensors.items() if _EMBEDDING.search(name)]
    return ModelShape(
        name=folder.name,
        architecture=figures.architecture,
        parameters=parameters,
        weight_bytes=sum(tensor.size_bytes for tensor in tensors.values()),
        layers=figures.layers,
        heads=figures.heads,
        kv_heads=figures.kv_heads,
        head_dim=figures.head_dim,
        hidden=figures.hidden,
        vocabulary=max([figures.vocabulary, *vocabulary]),
        longest_context=figures.longest_context,
        quantisation=figures.quantisation or _dtype(tensors),
        purpose=figures.purpose,
        intermediate=figures.intermediate,
        latent_dim=figures.latent_dim,
        window=figures.window,
        windowed_layers=figures.windowed_layers,
        experts_per_token=figures.experts_per_token,
        active_parameters=round(parameters - unused),
        is_known=figures.is_known,
    )


def _compare(figures: Figures, tensors: Mapping[str, Tensor]) -> None:
    """Layers, width and keys of the language model's own tensors against config.json."""
    own = {name: tensor for name, tensor in tensors.items() if not _FOREIGN.search(name)}
    seen = {int(found.group(1)) for name in own if (found := _LAYER.search(name)) is not None}
    lacks = figures.layers > sum(layer < figures.layers for layer in seen)
    if seen and (lacks or max(seen) >= figures.layers + figures.extra_layers):
        _lies("num_hidden_layers", figures.layers, f"tensors of {len(seen)} layers")
    for name, tensor in own.items():
        if _EMBEDDING.search(name) and tensor.dtype in _PLAIN and len(tensor.shape) == 2:
            if tensor.shape[1] != figures.embedding_width:
                _lies("hidden_size", figures.embedding_width, f"{tensor.shape[1]} columns in {name}")
            if tensor.shape[0] < figures.vocabulary:
                _lies("vocab_size", figures.vocabulary, f"{tensor.shape[0]} rows in {name}")
        if _KEYS.search(name) and tensor.dtype in _PLAIN and len(tensor.shape) == 2:
            rows = figures.kv_heads * figures.head_dim
            if tensor.shape[0] != rows and not figures.latent_dim:
                _lies("num_key_value_heads x head_dim", rows, f"{tensor.shape[0]} rows in {name}")


def _lies(key: str, said: int, found: str) -> None:
    raise ModelUnreadable(f"config.json says {said} for {key}, but there are {found}: a lying config.")


def _parameters(tensors: Mapping[str, Tensor], quantisation: str) -> tuple[int, int]:
    """(all, those of experts); packed ones counted as what they unpack to, scales not at all."""
    is_packed = quantisation not in ("", "fp8", "int8")
    total = experts = 0
    for name, tensor in tensors.items():
        if quantisation and _SIDE.search(name):
            continue
        count = tensor.elements * (_NARROW.get(tensor.dtype, 1) if is_packed else 1)
        total += count
        if re.search(r"\.experts\b", name):
            experts += count
    return total, experts


def _dtype(tensors: Mapping[str, Tensor]) -> str:
    """What most bytes are in."""
    weight: dict[str, int] = {}
    for tensor in tensors.values():
        weight[tensor.dtype] = weight.get(tensor.dtype, 0) + tensor.size_bytes
    most = max(weight, key=lambda dtype: weight[dtype], default="")
    names = {"BF16": "bf16", "F16": "fp16", "F32": "fp32", "F8_E4M3": "fp8", "F8_E5M2": "fp8"}
    return names.get(most, most.lower() or "unknown")
