"""What stands at the head of a GGUF file: its keys and values, and the table of its tensors. Never the weights.

Follows https://github.com/ggml-org/ggml/blob/master/docs/gguf.md (versions 2 and 3, little-endian). Nothing is believed
that the file cannot hold: a length is compared with what is left of the file before anything is read or counted.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import BinaryIO

Scalar = int | float | bool | str
_NUMBERS = {
    0: "<B",
    1: "<b",
    2: "<H",
    3: "<h",
    4: "<I",
    5: "<i",
    6: "<f",
    7: "<?",
    10: "<Q",
    11: "<q",
    12: "<d",
}
_STRING, _ARRAY = 8, 9
_MAX_KEY_BYTES = 65_535
_MAX_TEXT_BYTES = 1 << 20
_MAX_PAIRS = 65_536
_MAX_TENSORS = 1 << 20
_KEPT_NUMBERS = 4096
"""Of an array, so that a list with a number for each layer is known and a vocabulary is only counted."""
# fmt: off
BLOCKS = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 9: (32, 40),
    10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 15: (256, 292),
    16: (256, 66), 17: (256, 74), 18: (256, 98), 19: (256, 50), 20: (32, 18), 21: (256, 110),
    22: (256, 82), 23: (256, 136), 24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8), 28: (1, 8),
    29: (256, 56), 30: (1, 2), 34: (256, 54), 35: (256, 66), 39: (32, 17), 40: (64, 36),
}
# fmt: on
"""ggml's types: elements in a block, bytes of a block (GGML_QUANT_SIZES of gguf-py)."""


@dataclass(frozen=True, slots=True)
class Array:
    """count: elements; numbers: these, where there are few."""

    count: int
    numbers: tuple[int | float | bool, ...] = ()


@dataclass(frozen=True, slots=True)
class GgufTensor:
    """shape: the innermost first, as GGUF has it. kind: ggml's type. offset: from the begin of the tensors' data."""

    name: str
    shape: tuple[int, ...]
    kind: int
    offset: int

    @property
    def elements(self) -> int:
        return prod(self.shape)

    @property
    def size_bytes(self) -> int | None:
        """None: of a type that is newer than this table."""
        if self.kind not in BLOCKS:
            return None
        block, size = BLOCKS[self.kind]
        return -(-self.elements // block) * size


@dataclass(frozen=True, slots=True)
class GgufHeader:
    """data_bytes: what the file has behind its header."""

    values: Mapping[str, Scalar | Array]
    tensors: tuple[GgufTensor, ...]
    data_bytes: int


def read_number(path: Path, key_ending: str) -> int | None:
    """The first whole number whose key ends so (".context_length"); None where there is none.

    Raises ValueError when the file is no GGUF, OSError when it cannot be read.
    """
    with path.open("rb") as file:
        reader = _Reader(file)
        _, pairs = reader.begin()
        for _ in range(pairs):
            key, value = reader.pair()
            if key.endswith(key_ending) and isinstance(value, int):
                return int(value)
    return None


def read_header(path: Path) -> GgufHeader:
    """Raises ValueError when the file is no GGUF or lies about itself, OSError when it cannot be read."""
    with path.open("rb") as file:
        reader = _Reader(file)
        tensors, pairs = reader.begin()
        values = dict(reader.pair() for _ in range(pairs))
        table = tuple(reader.tensor() for _ in range(tensors))
        alignment = values.get("general.alignment", 32)
        if not isinstance(alignment, int) or not 0 < alignment <= 1 << 20:
            raise ValueError("its alignment is no number of bytes")
        begin = -(-reader.position // alignment) * alignment
        header = GgufHeader(values, table, max(0, reader.size - begin))
    for tensor in table:
        if tensor.offset + (tensor.size_bytes or 0) > header.data_bytes:
            raise ValueError(f"the tensor {tensor.name!r} lies beyond its end: the file was cut off, or lies")
    return header


class _Reader:
    """Reads from the begin on; raises ValueError where the file ends too early."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = file.seek(0, 2)
        file.seek(0)
        self.position = 0

    def begin(self) -> tuple[int, int]:
        """How many tensors and how many pairs there are."""
        magic, version = self._bytes(4), self._number("<I")
        if magic != b"GGUF" or version not in (2, 3):
            raise ValueError("it is not a GGUF file of version 2 or 3")
        tensors, pairs = int(self._number("<Q")), int(self._number("<Q"))
        if tensors > _MAX_TENSORS or pairs > _MAX_PAIRS:
            raise ValueError("it claims to have more tensors or keys than any model has")
        return tensors, pairs

    def pair(self) -> tuple[str, Scalar | Array]:
        key = self._text(_MAX_KEY_BYTES)
        kind = int(self._number("<I"))
        if kind == _ARRAY:
            return key, self._array()
        return key, self._text(_MAX_TEXT_BYTES) if kind == _STRING else self._number(_layout(kind))

    def tensor(self) -> GgufTensor:
        name = self._text(_MAX_KEY_BYTES)
        dimensions = int(self._number("<I"))
        if dimensions > 8:
            raise ValueError(f"the tensor {name!r} claims {dimensions} dimensions")
        shape = tuple(int(self._number("<Q")) for _ in range(dimensions))
        return GgufTensor(name, shape, int(self._number("<I")), int(self._number("<Q")))

    def _array(self) -> Array:
        kind, count = int(self._number("<I")), int(self._number("<Q"))
        if kind == _STRING:
            self._expect(8 * count)
            for _ in range(count):
                self._skip(int(self._number("<Q")))
            return Array(count)
        layout = _layout(kind)  # arrays of arrays are allowed by the format and used by nobody
        width = struct.calcsize(layout)
        self._expect(width * count)
        if count > _KEPT_NUMBERS:
            self._skip(width * count)
            return Array(count)
        return Array(count, tuple(self._number(layout) for _ in range(count)))

    def _text(self, most: int) -> str:
        length = int(self._number("<Q"))
        if length > most:
            self._skip(length)
            return ""
        return self._bytes(length).decode("utf-8", "replace")

    def _number(self, layout: str) -> int | float | bool:
        (value,) = struct.unpack(layout, self._bytes(struct.calcsize(layout)))
        told: int | float | bool = value
        return told

    def _bytes(self, length: int) -> bytes:
        self._expect(length)
        self.position += length
        return self._file.read(length)

    def _skip(self, length: int) -> None:
        self._expect(length)
        self.position += length
        self._file.seek(self.position)

    def _expect(self, length: int) -> None:
        if self.position + length > self.size:
            raise ValueError("it ends inside its header")


def _layout(kind: int) -> str:
    if kind not in _NUMBERS:
        raise ValueError(f"its header holds a value of unknown kind {kind}")
    return _NUMBERS[kind]
