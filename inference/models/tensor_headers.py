"""The tensors that a folder of safetensors holds, by their headers alone.

The `safetensors` library checks each header against its file (offsets, sizes, no gaps); this reads no weights and opens
no file that is not named as a whole model names its parts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from inference.errors import ModelUnreadable

INDEX = "model.safetensors.index.json"
_MAX_JSON_BYTES = 100 << 20
_PART = re.compile(r"-(\d{5})-of-(\d{5})\.safetensors$")
# fmt: off
_BITS = {
    "F64": 64, "I64": 64, "U64": 64, "F32": 32, "I32": 32, "U32": 32, "F16": 16, "BF16": 16, "I16": 16,
    "U16": 16, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "I8": 8, "U8": 8, "BOOL": 8, "F4": 4,
    "F6_E2M3": 6, "F6_E3M2": 6, "C64": 64,
}
# fmt: on


@dataclass(frozen=True, slots=True)
class Tensor:
    """dtype: as safetensors spells it, "BF16"."""

    dtype: str
    shape: tuple[int, ...]

    @property
    def elements(self) -> int:
        return prod(self.shape)

    @property
    def size_bytes(self) -> int:
        return -(-self.elements * _BITS.get(self.dtype, 64) // 8)


def read_tensors(folder: Path) -> dict[str, Tensor]:
    """All of a model by name. Raises ModelUnreadable that names the file which is missing, cut off or lies."""
    files = _files(folder)
    tensors: dict[str, Tensor] = {}
    for file in files:
        tensors.update(_of_file(file))
    promised = _promised(folder)
    lost = sorted(set(promised) - set(tensors))
    if lost:
        raise ModelUnreadable(f"{INDEX} promises {lost[0]!r} in {promised[lost[0]]}, which does not hold it.")
    return tensors


def read_json(path: Path) -> dict[str, Any]:
    """One JSON object. Raises ModelUnreadable."""
    try:
        if path.stat().st_size > _MAX_JSON_BYTES:
            raise ModelUnreadable(f"{path.name} is larger than any such file is.")
        value = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise ModelUnreadable(f"{path.parent} has no {path.name}.") from error
    except OSError as error:
        raise ModelUnreadable(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise ModelUnreadable(f"{path.name} is not valid JSON.") from error
    if not isinstance(value, dict):
        raise ModelUnreadable(f"{path.name} does not hold a JSON object.")
    return value


def _files(folder: Path) -> list[Path]:
    names = sorted(set(_promised(folder).values()))
    if not names:
        names = sorted(path.name for path in folder.glob("*.safetensors") if path.is_file())
        whole = [name for name in names if name.startswith("model")]
        names = (
            whole or names
        )  # Mistral puts the same weights beside them once more, as consolidated.safetensors
        names = sorted({*names, *(part for name in names for part in _all_parts(name))})
    if not names:
        pickles = [path.name for pattern in ("*.bin", "*.pt", "*.pth") for path in folder.glob(pattern)]
        why = f"Only {pickles[0]}, which could run code when it is opened: it is not read." if pickles else ""
        raise ModelUnreadable(f"{folder} has no safetensors file. {why}".strip())
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise ModelUnreadable(f"{folder.name} lacks {missing[0]}, one of {len(names)} files of its weights.")
    return [folder / name for name in names]


def _all_parts(name: str) -> Iterator[str]:
    found = _PART.search(name)
    if found is not None:
        count = int(found.group(2))
        yield from (
            f"{name[: found.start()]}-{at:05d}-of-{count:05d}.safetensors" for at in range(1, count + 1)
        )


def _promised(folder: Path) -> Mapping[str, str]:
    """Which file each tensor is in, by the index; {} where there is none."""
    if not (folder / INDEX).is_file():
        return {}
    promised = read_json(folder / INDEX).get("weight_map")
    if not isinstance(promised, dict) or not promised:
        raise ModelUnreadable(f"{INDEX} has no weight_map.")
    for name in promised.values():
        if not isinstance(name, str) or Path(name).name != name or not name.endswith(".safetensors"):
            raise ModelUnreadable(f"{INDEX} names {name!r}, which is no safetensors file of this folder.")
    return promised


def _of_file(path: Path) -> dict[str, Tensor]:
    try:
        with safe_open(str(path), framework="numpy") as file:
            found = {}
            for name in file.keys():  # noqa: SIM118 - no mapping
                part = file.get_slice(name)
                found[name] = Tensor(str(part.get_dtype()), tuple(part.get_shape()))
            return found
    except SafetensorError as error:
        raise ModelUnreadable(f"{path.name} is cut off, or its header lies ({error}).") from error
    except OSError as error:
        raise ModelUnreadable(f"{path} cannot be read: {error}.") from error
