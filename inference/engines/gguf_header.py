"""One number out of a GGUF file's header, without loading the model.

Follows https://github.com/ggml-org/ggml/blob/master/docs/gguf.md (versions 2 and 3, little-endian).
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

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


def read_number(path: Path, key_ending: str) -> int | None:
    """The first number whose key ends so (".context_length"); None where there is none.

    Raises ValueError when the file is no GGUF, OSError when it cannot be read.
    """
    with path.open("rb") as file:
        try:
            magic, version, _tensors, pairs = struct.unpack("<4sIQQ", file.read(24))
            if magic != b"GGUF" or version not in (2, 3):
                raise ValueError(f"{path} is not a GGUF file of version 2 or 3.")
            for _ in range(pairs):
                key = _read_key(file)
                value = _read_value(file, _unpack(file, "<I"))
                if key.endswith(key_ending) and isinstance(value, int):
                    return value
        except struct.error as error:
            raise ValueError(f"{path} ends inside its header.") from error
    return None


def _read_key(file: BinaryIO) -> str:
    length = _unpack(file, "<Q")
    if length > _MAX_KEY_BYTES:
        raise ValueError("A key in the GGUF header is too long.")
    return file.read(length).decode("utf-8", "replace")


def _read_value(file: BinaryIO, kind: int) -> int | None:
    """The value where it is a whole number; everything else is skipped."""
    if kind == _STRING:
        file.seek(_unpack(file, "<Q"), 1)
    elif kind == _ARRAY:
        element, count = _unpack(file, "<I"), _unpack(file, "<Q")
        if element in _NUMBERS:
            file.seek(struct.calcsize(_NUMBERS[element]) * count, 1)
        else:
            for _ in range(count):
                _read_value(file, element)
    elif kind in _NUMBERS:
        value = _unpack(file, _NUMBERS[kind])
        return value if isinstance(value, int) else None
    else:
        raise ValueError(f"The GGUF header holds a value of unknown kind {kind}.")
    return None


def _unpack(file: BinaryIO, layout: str) -> int:
    value: int = struct.unpack(layout, file.read(struct.calcsize(layout)))[0]
    return value
