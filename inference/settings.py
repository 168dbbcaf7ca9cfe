"""Knobs of the engines and the embedder, each section beside the code that uses it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class EmbeddingSettings(BaseModel):
    """The model that turns texts into vectors."""

    model_config = ConfigDict(extra="forbid")

    threads: int = Field(1, ge=1, le=64, description="Processor threads of the embedding process.")
