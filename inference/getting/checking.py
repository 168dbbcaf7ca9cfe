"""What a model's files really are, looked at on the disk: no pickle under another name, no code to be asked for.

Reads headers only; nothing of a model is ever run or unpickled here. Does not say whether a model is a good one.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

from inference.errors import ModelFileCorrupt, ModelHasCode, ModelHasPickle

_MOST_HEADER_BYTES = 100_000_000  # as safetensors itself allows
_PICKLE_STARTS = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"\x89HDF")
_CODE_KEYS = ("auto_map", "custom_pipelines")


def check_file(file: Path, *, is_graph: bool = False) -> None:
    """By its ending. is_graph: ONNX and GGUF models need no code, whatever their config says.

    Raises ModelFileCorrupt, ModelHasPickle, ModelHasCode.
    """
    if file.suffix == ".safetensors":
        _check_safetensors(file)
    elif file.suffix == ".gguf":
        _check_gguf(file)
    elif file.suffix in (".bin", ".onnx"):
        _refuse_pickle(file)
    elif file.suffix == ".json":
        _check_json(file, may_name_code=is_graph)


def check_whole(folder: Path) -> None:
    """Whether every part that the model's index names is there. Raises ModelFileCorrupt."""
    for index in folder.glob("*.safetensors.index.json"):
        told = _json(index)
        named = set(told.get("weight_map", {}).values()) if isinstance(told, dict) else set()
        missing = sorted(str(name) for name in named if not (folder / str(name)).is_file())
        if missing:
            raise ModelFileCorrupt(f"{index.name} names {missing[0]}, which is not there.")


def _check_safetensors(file: Path) -> None:
    """An eight-byte length, a JSON header, and tensors that fill the rest exactly."""
    _refuse_pickle(file)
    size = file.stat().st_size
    with file.open("rb") as content:
        start = content.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        if not 2 <= length <= min(_MOST_HEADER_BYTES, size - 8):
            raise ModelFileCorrupt(f"{file.name} has no safetensors header.")
        try:
            header = json.loads(content.read(length))
            ends = [tensor["data_offsets"][1] for name, tensor in header.items() if name != "__metadata__"]
        except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
            raise ModelFileCorrupt(f"The header of {file.name} cannot be read.") from error
    if max(ends, default=0) != size - 8 - length:
        raise ModelFileCorrupt(f"{file.name} is not as long as its header says.")


def _check_gguf(file: Path) -> None:
    with file.open("rb") as content:
        if content.read(4) != b"GGUF":
            raise ModelFileCorrupt(f"{file.name} is not a GGUF file.")


def _refuse_pickle(file: Path) -> None:
    with file.open("rb") as content:
        start = content.read(8)
    # a safetensors length may begin with 0x80 too; its header then begins with "{"
    if start.startswith(_PICKLE_STARTS) and not _begins_as_safetensors(file):
        raise ModelHasPickle(f"{file.name} is one, whatever its name says.")


def _begins_as_safetensors(file: Path) -> bool:
    with file.open("rb") as content:
        start = content.read(9)
    return len(start) == 9 and start[8:] == b"{" and struct.unpack("<Q", start[:8])[0] < _MOST_HEADER_BYTES


def _check_json(file: Path, *, may_name_code: bool) -> None:
    told = _json(file)
    if not isinstance(told, dict) or may_name_code:
        return
    for key in _CODE_KEYS:
        if told.get(key) and file.name in ("config.json", "tokenizer_config.json"):
            raise ModelHasCode(f"Its {file.name} asks for it ({key}).")


def _json(file: Path) -> Any:  # noqa: ANN401 - whatever stands in the file
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ModelFileCorrupt(f"{file.name} is not JSON.") from error
