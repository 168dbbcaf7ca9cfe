"""Knobs of parsing, cutting and finding."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class ParsingSettings(BaseModel):
    """Limits within which a document is read."""

    model_config = ConfigDict(extra="forbid")

    timeout_s: float = Field(120.0, gt=0, description="Longest time one document may take to read.")


class ChunkingSettings(BaseModel):
    """How documents are cut into passages."""

    model_config = ConfigDict(extra="forbid")

    max_tokens: int = Field(
        240, ge=32, description="Longest passage, heading path included, in the embedder's tokens."
    )


class RetrievalSettings(BaseModel):
    """How passages are found."""

    model_config = ConfigDict(extra="forbid")

    candidates: int = Field(100, ge=10, le=1000, description="Passages taken from each list before fusing.")
