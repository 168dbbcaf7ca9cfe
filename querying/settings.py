"""Knobs of questions to tables."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class DataSettings(BaseModel):
    """What one query may take; a source may have narrower bounds of its own."""

    model_config = ConfigDict(extra="forbid")

    rows: int = Field(10_000, ge=1, le=1_000_000, description="Rows that one query may bring.")
    mib: int = Field(16, ge=1, le=1024, description="MiB that one query may bring.")
    timeout_s: float = Field(30.0, gt=0, le=3600, description="Seconds that one query may take.")
    cost: float = Field(
        0.0,
        ge=0,
        description="What the database's planner may expect of one query, in its own unit (PostgreSQL: 1,000,000 is "
        "some ten seconds); 0: no bound but time.",
    )
