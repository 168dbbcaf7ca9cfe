"""GPUs by name, for a machine that one does not have yet: memory as NVML tells it, and compute capability.

Sources: NVIDIA's list of CUDA GPUs (compute capability), nvidia-smi of each (memory.total, MiB; in a few cases the data
sheet's figure). What the driver keeps for itself is taken off by the planner.
"""

from __future__ import annotations

import re

from inference.gpus import Gpu

# fmt: off
KNOWN: dict[str, tuple[int, tuple[int, int]]] = {
    "RTX 2060": (6144, (7, 5)), "RTX 2070": (8192, (7, 5)), "RTX 2080": (8192, (7, 5)),
    "RTX 2080 Ti": (11264, (7, 5)), "T4": (15360, (7, 5)), "RTX 3060": (12288, (8, 6)),
    "RTX 3060 Ti": (8192, (8, 6)), "RTX 3070": (8192, (8, 6)), "RTX 3080": (10240, (8, 6)),
    "RTX 3080 Ti": (12288, (8, 6)), "RTX 3090": (24576, (8, 6)), "RTX 3090 Ti": (24564, (8, 6)),
    "RTX 4060": (8188, (8, 9)), "RTX 4060 Ti": (8188, (8, 9)), "RTX 4060 Ti 16GB": (16380, (8, 9)),
    "RTX 4070": (12282, (8, 9)), "RTX 4070 Ti": (12282, (8, 9)), "RTX 4070 Ti SUPER": (16376, (8, 9)),
    "RTX 4080": (16376, (8, 9)), "RTX 4090": (24564, (8, 9)), "RTX 5060 Ti 16GB": (16311, (12, 0)),
    "RTX 5070": (12227, (12, 0)), "RTX 5070 Ti": (16303, (12, 0)), "RTX 5080": (16303, (12, 0)),
    "RTX 5090": (32607, (12, 0)), "RTX A2000": (12282, (8, 6)), "RTX A4000": (16376, (8, 6)),
    "RTX A4500": (20470, (8, 6)), "RTX A5000": (24564, (8, 6)), "RTX A6000": (49140, (8, 6)),
    "RTX 4000 Ada": (20475, (8, 9)), "RTX 5000 Ada": (32760, (8, 9)), "RTX 6000 Ada": (49140, (8, 9)),
    "RTX PRO 6000": (97887, (12, 0)), "A2": (15356, (8, 6)), "A10": (23028, (8, 6)), "A10G": (23028, (8, 6)),
    "A16": (15356, (8, 6)), "A30": (24576, (8, 0)), "A40": (46068, (8, 6)), "A100-40GB": (40960, (8, 0)),
    "A100-80GB": (81920, (8, 0)), "L4": (23034, (8, 9)), "L20": (46068, (8, 9)), "L40": (46068, (8, 9)),
    "L40S": (46068, (8, 9)), "H100": (81559, (9, 0)), "H100 NVL": (95830, (9, 0)), "H20": (97871, (9, 0)),
    "H200": (143771, (9, 0)), "GH200": (97871, (9, 0)), "B200": (183359, (10, 0)), "V100-16GB": (16384, (7, 0)),
    "V100-32GB": (32768, (7, 0)), "P40": (24576, (6, 1)), "GTX 1080 Ti": (11264, (6, 1)),
}
# fmt: on
_COUNT = re.compile(r"^\s*(?:(\d+)\s*[x×]\s*)?(.+?)(?:\s+[x×]\s*(\d{1,3}))?\s*$", re.IGNORECASE)
_MAKERS = re.compile(r"\b(nvidia|geforce|tesla|sxm\d?|pcie)\b", re.IGNORECASE)
MOST = 16


class UnknownGpu(ValueError):
    """No GPU of that name is known here."""


def imagined(words: str) -> tuple[Gpu, ...]:
    """What "A100-80GB x2", "2x RTX 4090" or "L4" names. Raises UnknownGpu."""
    found = _COUNT.match(words)
    count = int((found and (found.group(1) or found.group(3))) or 1)
    name = _named(found.group(2)) if found else None
    if name is None or not 1 <= count <= MOST:
        raise UnknownGpu(
            f"{words!r} names no GPU that is known here. Known: {', '.join(KNOWN)}; several as 'L40S x2'."
        )
    memory_mib, capability = KNOWN[name]
    return tuple(
        Gpu(
            index, name, "", memory_bytes=memory_mib << 20, memory_used_bytes=0, compute_capability=capability
        )
        for index in range(count)
    )


def _named(words: str) -> str | None:
    """The longest known name that says the same; "4090" is enough, "A100" alone is the smaller one."""
    wanted = _plain(_MAKERS.sub(" ", words))
    exact = {_plain(name): name for name in KNOWN}
    for guess in (wanted, f"rtx{wanted}", f"rtxa{wanted}", f"{wanted}gb", f"{wanted}40gb", f"{wanted}16gb"):
        if guess in exact:
            return exact[guess]
    without_size = re.sub(r"\d+gb$", "", wanted)
    return exact.get(without_size) or exact.get(f"rtx{without_size}")


def _plain(words: str) -> str:
    return re.sub(r"[^a-z0-9]", "", words.casefold())
