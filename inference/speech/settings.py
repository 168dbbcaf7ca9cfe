"""Knobs of speech: which model hears, where it runs, and what a recording may be."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class SpeechSettings(BaseModel):
    """The model that turns recordings into text; needs the extra `speech`."""

    model_config = ConfigDict(extra="forbid")

    model: str = Field(
        "",
        description="A Whisper model in CTranslate2's format: its folder, or its name in the model library. Empty: "
        "recordings are not turned into text.",
    )
    device: Literal["cpu", "cuda"] = Field("cpu", description="Where it runs.")
    compute_type: str = Field(
        "", description="Precision, in CTranslate2's words; empty: `int8` on a CPU, `float16` on a GPU."
    )
    threads: int = Field(4, ge=1, le=256, description="Threads of the processor for one recording.")
    at_once: int = Field(
        1, ge=1, le=64, description="Recordings that are heard side by side; others take turns."
    )
    batch: int | None = Field(
        None,
        ge=1,
        le=64,
        description="Pieces of one recording that go through the model together; unset: 1 on a CPU, 8 on a GPU.",
    )
    beam: int = Field(
        5, ge=1, le=10, description="Readings that are weighed against each other; 1 is fastest."
    )
    max_file_mb: int = Field(1024, ge=1, description="Largest file of a recording, MiB.")
    max_minutes: float = Field(480, gt=0, description="Longest recording, minutes.")
    decoding_cpu_s: int = Field(
        600, ge=1, description="Seconds of processor that reading one file may take before it is given up."
    )

    @property
    def precision(self) -> str:
        """CTranslate2's name for it."""
        return self.compute_type or ("float16" if self.device == "cuda" else "int8")

    @property
    def pieces_together(self) -> int:
        """Pieces of one recording in one pass of the model."""
        return self.batch or (8 if self.device == "cuda" else 1)
