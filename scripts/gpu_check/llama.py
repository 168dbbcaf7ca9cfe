"""A Llama in plain torch with one padded cache of keys and values for all its slots, for servers and memory checks.

Shapes: T tokens, B sequences, H heads, K heads of keys, D of a head, L cached positions. A step of many sequences is
recorded as a CUDA graph for each batch size and reach: otherwise Python, not the GPU, would set the pace.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as functional
from safetensors import safe_open

from scripts.gpu_check.shapes import LlamaSize, size_of

_MOST_SCORES = 1 << 25  # elements of a mask or of copied keys at once
_REACHES = (256, 512, 1024, 2048, 4096, 8192, 16_384, 32_768, 65_536, 131_072)


class Llama:
    """Weights on one device, and the cache. slots, context_tokens: of the cache; with graphs one slot more takes what
    is padded. Beside weights and cache, memory grows with the tokens of a step, hardly with the context.
    """

    def __init__(
        self,
        size: LlamaSize,
        weights: dict[str, torch.Tensor],
        slots: int,
        context_tokens: int,
        *,
        with_graphs: bool = True,
    ) -> None:
        self.size, self.slots, self.context_tokens = size, slots, context_tokens
        self._weights = weights
        embeddings = weights["model.embed_tokens.weight"]
        self.device, self.dtype = embeddings.device, embeddings.dtype
        self._output = embeddings if size.is_tied else weights["lm_head.weight"]
        self._with_graphs = with_graphs and self.device.type == "cuda"
        cache = (size.layers, slots + self._with_graphs, size.kv_heads, context_tokens, size.head_dim)
        self._keys = torch.zeros(cache, dtype=self.dtype, device=self.device)
        self._values = torch.zeros_like(self._keys)
        self._rotary = _rotary_table(size, context_tokens, self.device)
        self._graphs: dict[tuple[int, int], Callable[[list[int], list[int], list[int]], list[int]]] = {}

    @property
    def cache_bytes(self) -> int:
        """Of keys and values, the slot for what is padded included."""
        return self._keys.nbytes + self._values.nbytes

    @torch.inference_mode()
    def read(self, tokens: list[int], slot: int, start: int) -> int:
        """A piece of a prompt into the cache; the likeliest next token. Attention goes back to the beginning."""
        size, end = self.size, start + len(tokens)
        hidden = functional.embedding(self._tensor(tokens), self._weights["model.embed_tokens.weight"])
        cosine, sine = (part[start:end] for part in self._rotary)
        for layer in range(size.layers):
            queries, keys, values = self._project(layer, hidden, cosine, sine)  # (T, H or K, D)
            self._keys[layer, slot, :, start:end] = keys.transpose(0, 1)
            self._values[layer, slot, :, start:end] = values.transpose(0, 1)
            seen = self._look_back(queries, layer, slot, start)
            hidden = self._finish(layer, hidden, seen)
        return int(self._next(hidden[-1:]))

    def _look_back(self, queries: torch.Tensor, layer: int, slot: int, start: int) -> torch.Tensor:
        """Attention of (T, H, D) queries from position `start` on, to all before them: (T, H * D).

        The heads that share keys are rows of one product, so that no key is copied; some rows at a time.
        """
        size, count = self.size, queries.shape[0]
        end, group = start + count, size.heads // size.kv_heads
        keys, values = (cache[layer, slot, None, :, :end] for cache in (self._keys, self._values))
        grouped = queries.view(count, size.kv_heads, group, size.head_dim).permute(1, 2, 0, 3)
        columns = torch.arange(end, device=self.device)
        step = max(1, _MOST_SCORES // (group * end))
        seen = torch.empty_like(queries)
        for first in range(0, count, step):
            last = min(first + step, count)
            rows = torch.arange(start + first, start + last, device=self.device).repeat(group)
            some = grouped[:, :, first:last].reshape(1, size.kv_heads, -1, size.head_dim)
            found = functional.scaled_dot_product_attention(
                some, keys, values, attn_mask=columns[None, :] <= rows[:, None]
            )
            apart = found.view(size.kv_heads, group, last - first, size.head_dim).permute(2, 0, 1, 3)
            seen[first:last] = apart.reshape(last - first, size.heads, size.head_dim)
        return seen.view(count, -1)

    def write(self, tokens: list[int], slots: list[int], positions: list[int]) -> list[int]:
        """One token of each sequence through the model; the likeliest next one of each."""
        reach = min(self.context_tokens, next(r for r in _REACHES if r > max(positions)))
        batch = len(tokens) if not self._with_graphs else 1 << (len(tokens) - 1).bit_length()
        padding = batch - len(tokens)
        padded = [*tokens, *[0] * padding], [*slots, *[self.slots] * padding], [*positions, *[0] * padding]
        if not self._with_graphs:
            return self._write_eagerly(*padded, reach)[: len(tokens)]
        if (batch, reach) not in self._graphs:
            self._graphs[batch, reach] = self._recorded(batch, reach)
        return self._graphs[batch, reach](*padded)[: len(tokens)]

    @torch.inference_mode()
    def _write_eagerly(
        self, tokens: list[int], slots: list[int], positions: list[int], reach: int
    ) -> list[int]:
        inputs = (self._tensor(values) for values in (tokens, slots, positions))
        return [int(token) for token in self._forward(*inputs, reach).tolist()]

    @torch.inference_mode()
    def _recorded(self, batch: int, reach: int) -> Callable[[list[int], list[int], list[int]], list[int]]:
        inputs = [torch.zeros(batch, dtype=torch.long, device=self.device) for _ in range(3)]
        inputs[1].fill_(self.slots)
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(2):
                self._forward(*inputs, reach)
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            chosen = self._forward(*inputs, reach)

        def replay(tokens: list[int], slots: list[int], positions: list[int]) -> list[int]:
            for target, values in zip(inputs, (tokens, slots, positions), strict=True):
                target.copy_(torch.tensor(values, dtype=torch.long))
            graph.replay()
            return [int(token) for token in chosen.tolist()]

        return replay

    def _forward(
        self, tokens: torch.Tensor, slots: torch.Tensor, positions: torch.Tensor, reach: int
    ) -> torch.Tensor:
        """(B,) token ids -> (B,) next ones, looking back over `reach` cached positions."""
        size, batch = self.size, tokens.shape[0]
        hidden = functional.embedding(tokens, self._weights["model.embed_tokens.weight"])
        cosine, sine = (part[positions] for part in self._rotary)
        is_seen = torch.arange(reach, device=self.device)[None, :] <= positions[:, None]  # (B, L)
        heads, group = torch.arange(size.kv_heads, device=self.device), size.heads // size.kv_heads
        for layer in range(size.layers):
            queries, keys, values = self._project(layer, hidden, cosine, sine)
            place = (slots[:, None], heads, positions[:, None])
            self._keys[layer].index_put_(place, keys)
            self._values[layer].index_put_(place, values)
            grouped = queries.view(batch, size.kv_heads, group, size.head_dim)
            seen = torch.cat(
                [
                    self._look_at(layer, grouped[some], slots[some], is_seen[some], reach)
                    for some in _parts(batch, _MOST_SCORES // (size.kv_heads * size.head_dim * reach))
                ]
            )
            hidden = self._finish(layer, hidden, seen.reshape(batch, -1))
        return self._next(hidden)

    def _look_at(
        self, layer: int, grouped: torch.Tensor, slots: torch.Tensor, is_seen: torch.Tensor, reach: int
    ) -> torch.Tensor:
        """Attention of one token of each sequence, (B, K, group, D), to its slot's first `reach` positions."""
        keys, values = (cache[layer, :, :, :reach][slots] for cache in (self._keys, self._values))
        scores = grouped @ keys.transpose(2, 3) * self.size.head_dim**-0.5  # (B, K, group, L)
        scores = scores.float().masked_fill(~is_seen[:, None, None, :], float("-inf"))
        return scores.softmax(-1).to(self.dtype) @ values

    def _project(
        self, layer: int, hidden: torch.Tensor, cosine: torch.Tensor, sine: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Queries (T, H, D), keys and values (T, K, D) with their positions turned in."""
        size, own = self.size, f"model.layers.{layer}"
        normed = self._norm(hidden, f"{own}.input_layernorm.weight")
        queries, keys, values = (
            functional.linear(normed, self._weights[f"{own}.self_attn.{part}_proj.weight"]).view(
                hidden.shape[0], -1, size.head_dim
            )
            for part in "qkv"
        )
        return _turned(queries, cosine, sine), _turned(keys, cosine, sine), values

    def _finish(self, layer: int, hidden: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        own = f"model.layers.{layer}"
        hidden = hidden + functional.linear(seen, self._weights[f"{own}.self_attn.o_proj.weight"])
        normed = self._norm(hidden, f"{own}.post_attention_layernorm.weight")
        gate = functional.silu(functional.linear(normed, self._weights[f"{own}.mlp.gate_proj.weight"]))
        wide = gate * functional.linear(normed, self._weights[f"{own}.mlp.up_proj.weight"])
        return hidden + functional.linear(wide, self._weights[f"{own}.mlp.down_proj.weight"])

    def _next(self, hidden: torch.Tensor) -> torch.Tensor:
        return functional.linear(self._norm(hidden, "model.norm.weight"), self._output).argmax(-1)

    def _norm(self, hidden: torch.Tensor, name: str) -> torch.Tensor:
        return functional.rms_norm(hidden, (self.size.hidden,), self._weights[name], self.size.norm_eps)

    def _tensor(self, values: list[int]) -> torch.Tensor:
        return torch.tensor(values, dtype=torch.long, device=self.device)


def load_weights(folder: Path, device: str) -> tuple[LlamaSize, dict[str, torch.Tensor]]:
    """A folder in Hugging Face's form. Raises KeyError where it is no Llama."""
    size = size_of(json.loads((folder / "config.json").read_text(encoding="utf-8")), folder.name)
    weights = {}
    for shard in sorted(folder.glob("*.safetensors")):
        with safe_open(shard, framework="pt", device=device) as file:
            weights.update({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118 - no mapping
    return size, weights


def random_weights(size: LlamaSize, device: str, dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """For checks of memory: drawn on the device, never on disk."""
    return {
        name: torch.empty(shape, dtype=dtype, device=device).normal_(0.0, 0.02)
        for name, shape in size.tensors().items()
    }


def _rotary_table(size: LlamaSize, tokens: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    halves = torch.arange(0, size.head_dim, 2, dtype=torch.float32, device=device) / size.head_dim
    angles = torch.arange(tokens, dtype=torch.float32, device=device)[:, None] / size.rope_theta**halves
    return angles.cos(), angles.sin()  # each (positions, D / 2)


def _turned(heads: torch.Tensor, cosine: torch.Tensor, sine: torch.Tensor) -> torch.Tensor:
    """(T, H, D) by their positions: rotary embedding, the halves apart as Hugging Face has them."""
    first, second = heads.float().chunk(2, dim=-1)
    cosine, sine = cosine[:, None], sine[:, None]
    turned = torch.cat((first * cosine - second * sine, second * cosine + first * sine), dim=-1)
    return turned.to(heads.dtype)


def _parts(count: int, most: int) -> list[slice]:
    """0 to count in runs of at most so many, one at least."""
    step = max(1, most)
    return [slice(first, min(first + step, count)) for first in range(0, count, step)]
