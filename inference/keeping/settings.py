"""Knobs of the models that are started here."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from inference.keeping.rules import Manners


class KeepingSettings(BaseModel):
    """Which started models are in memory, and how long."""

    model_config = ConfigDict(extra="forbid")

    vllm_command: Path | None = Field(
        None,
        description="Path of the `vllm` program by which models of safetensors files are served; it lives in an "
        "environment of its own. Empty: there is none here.",
    )
    load_on_first_use: bool = Field(
        True,
        description="Load a started model that is not in memory when somebody asks it; false: answer 503 until an "
        "administrator starts it.",
    )
    idle_minutes: float = Field(
        30.0, ge=0, description="A model that nobody used for so long leaves memory; 0: it stays."
    )
    most_loaded: int = Field(
        0, ge=0, description="Started models in memory at once; 0: as many as memory holds."
    )
    least_stay_s: float = Field(
        60.0,
        ge=0,
        description="A model in use stays so long, and twice as long as the other one takes to load, before it gives "
        "way to one that is waited for.",
    )
    drain_before_swap_s: float = Field(
        120.0,
        ge=0,
        description="What running answers have to end before a model gives way; then they are cut.",
    )
    load_timeout_s: float = Field(
        1800.0, gt=0, description="A model that does not answer so long after its start has failed."
    )

    def manners(self) -> Manners:
        """As the rule takes them."""
        return Manners(
            idle_s=self.idle_minutes * 60 or None,
            least_stay_s=self.least_stay_s,
            drain_s=self.drain_before_swap_s,
            most_loaded=self.most_loaded or None,
        )
