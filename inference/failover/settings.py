"""Knobs of the failover between engines."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class FailoverSettings(BaseModel):
    """When a request that has not been answered yet goes to another engine."""

    model_config = ConfigDict(extra="forbid")

    first_token_least_s: float = Field(
        1.0,
        gt=0,
        description="No engine is given less time for its first token, seconds. Where no other engine could answer, "
        "a request waits as long as `first_byte_timeout_s` of its engine says, whatever stands here.",
    )
    first_token_factor: float = Field(
        3.0,
        ge=1,
        description="An engine has this many times what it usually takes for a prompt of that length.",
    )
    first_token_unknown_s: float = Field(
        30.0,
        gt=0,
        description="What an engine is given that nothing is known of yet, and a second more for every "
        "50 tokens of the prompt.",
    )
    move_within_s: float = Field(
        120.0,
        ge=0,
        description="A request goes to another engine only within so many seconds of its first sending; 0: never.",
    )
    retry_share: float = Field(
        0.1,
        ge=0,
        le=1,
        description="The part of all requests that may be sent a second time while no circuit is open, so that "
        "failures never double the load.",
    )
    retry_reserve: int = Field(
        10,
        ge=0,
        description="So many may be sent a second time in a burst, however little traffic there was.",
    )
