"""What reading one recording may take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DecodingLimits:
    """memory_bytes counts on top of what the process has mapped already. is_header_only: no sound is wanted."""

    max_s: float
    cpu_s: int
    memory_bytes: int = 512 * 2**20
    is_header_only: bool = False
