"""Knobs of the gate."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class GateSettings(BaseModel):
    """How many may be served and may wait."""

    model_config = ConfigDict(extra="forbid")

    default_slots: int = Field(
        8, ge=1, description="Slots of an engine that neither is told nor tells how many it has."
    )
    max_queue: int = Field(1000, ge=0, description="Requests that may wait over all; one more gets a 429.")
    max_queue_per_user: int = Field(200, ge=0, description="Requests of one person that may wait.")
    max_wait_s: float = Field(600.0, gt=0, description="Longest wait for a slot before a 429.")
    comment_after_s: float = Field(
        1.0, ge=0, description="After this wait a stream gets its headers and sees its place in the queue."
    )
    queue_comments: bool = Field(True, description="Show the place in the queue as comments in streams.")
    share_without_valkey: float = Field(
        0.5,
        gt=0,
        le=1,
        description="While Valkey is away: the part of an engine's slots that all gateway processes fill together, "
        "each its equal share and at least one.",
    )
