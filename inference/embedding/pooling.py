"""From one vector a token to one a text. Pure."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


class Pooling(StrEnum):
    """As sentence-transformers names them; none: the model has done it."""

    NONE = "none"
    CLS = "cls"
    MEAN = "mean"
    MAX = "max"
    LAST = "lasttoken"


def pooled(hidden: Floats, mask: NDArray[np.int64], pooling: Pooling) -> Floats:
    """hidden: (b, s, d), or (b, d) where it is done; mask: (b, s), 1 for tokens, padding behind -> (b, d)."""
    if pooling is Pooling.NONE or hidden.ndim == 2:
        return hidden
    if pooling is Pooling.CLS:
        return hidden[:, 0]
    if pooling is Pooling.LAST:
        last: Floats = hidden[np.arange(len(hidden)), np.maximum(mask.sum(1) - 1, 0)]
        return last
    wide = mask[:, :, None].astype(np.float32)
    if pooling is Pooling.MAX:
        most: Floats = np.where(wide > 0, hidden, -np.inf).max(axis=1).astype(np.float32)
        return most
    found: Floats = (hidden * wide).sum(1) / np.maximum(wide.sum(1), 1e-9)
    return found


def unit(vectors: Floats) -> Floats:
    """Of length one; a vector of nothing but zeros stays as it is."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: Floats = (vectors / np.maximum(length, 1e-12)).astype(np.float32)
    return scaled
