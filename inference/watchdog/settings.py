"""Knobs of the watchdog."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class WatchdogSettings(BaseModel):
    """What watches the GPUs and engines, and what it may do by itself."""

    model_config = ConfigDict(extra="forbid")

    every_s: float = Field(5.0, ge=1, le=10, description="Seconds between two looks at GPUs and engines.")
    restarts_per_hour: int = Field(
        3,
        ge=0,
        le=20,
        description="How often an hour it may start one of our own engines again that hangs or has left its GPU; "
        "after that it only says so. 0: never.",
    )
