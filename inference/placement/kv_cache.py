"""How large the cache of keys and values is: a part for each token, of each layer, of each conversation.

Layers with a window keep no more than that, and vLLM hands all layers out in groups of the same size
(vllm/v1/core/kv_cache_utils.py, "uniform page size"), so that a few layers' worth may stay empty.
"""

from __future__ import annotations

from dataclasses import dataclass

from inference.models.model_shape import ModelShape

BLOCK_TOKENS = 16
_ELEMENT_BYTES = {"auto": 2.0, "fp8": 1.0}


@dataclass(frozen=True, slots=True)
class KvCache:
    """Of one GPU. token_bytes: of one token in one layer; full, windowed: layers, with those that stay empty.

    step: tokens that a window may grow by before it is cut again.
    """

    token_bytes: int
    full: int
    windowed: int = 0
    window: int = 0
    step: int = 0

    def conversation_bytes(self, tokens: int) -> int:
        """Of one conversation of so many tokens, in whole blocks."""
        whole = _blocks(tokens)
        cut = min(whole, _blocks(self.window - 1 + self.step) + BLOCK_TOKENS)
        return self.token_bytes * (self.full * whole + self.windowed * cut)

    def longest(self, room_bytes: int, conversations: int, most: int) -> int:
        """Tokens that each of so many conversations can have in that room, at most `most`; 0: not even a block."""
        if conversations * self.conversation_bytes(most) <= room_bytes:
            return most
        if conversations * self.conversation_bytes(BLOCK_TOKENS) > room_bytes:
            return 0
        low, high = 1, max(1, most // BLOCK_TOKENS)
        while low < high:
            middle = (low + high + 1) // 2
            if conversations * self.conversation_bytes(middle * BLOCK_TOKENS) <= room_bytes:
                low = middle
            else:
                high = middle - 1
        return min(most, low * BLOCK_TOKENS)

    def conversations(self, room_bytes: int, tokens: int) -> int:
        """Of so many tokens each, that the room holds."""
        return max(0, room_bytes) // self.conversation_bytes(tokens)


def kv_cache(shape: ModelShape, kv_dtype: str, tensor_parallel: int = 1, step: int = 8192) -> KvCache:
    """kv_dtype: "auto", of two bytes, or "fp8". A latent is not divided: each GPU keeps it whole."""
    heads = max(1, -(-shape.kv_heads // tensor_parallel))
    elements = shape.latent_dim or 2 * heads * shape.head_dim
    full = shape.layers - shape.windowed_layers
    token_bytes = round(elements * _ELEMENT_BYTES[kv_dtype])
    if not shape.windowed_layers:
        return KvCache(token_bytes, shape.layers)
    if not full:
        return KvCache(token_bytes, 0, shape.windowed_layers, shape.window, step)
    less, more = sorted((full, shape.windowed_layers))
    group = more if more < less * 1.25 else less
    return KvCache(token_bytes, _up(full, group), _up(shape.windowed_layers, group), shape.window, step)


def _up(layers: int, group: int) -> int:
    return -(-layers // group) * group


def _blocks(tokens: int) -> int:
    return -(-tokens // BLOCK_TOKENS) * BLOCK_TOKENS
