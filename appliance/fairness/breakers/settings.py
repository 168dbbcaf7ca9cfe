"""Knobs of the circuit breakers."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from inference.breaker.rules import CLOUD, LOCAL, BreakerRules


class BreakerSettings(BaseModel):
    """When an engine that fails is asked no more, and when it is asked again."""

    model_config = ConfigDict(extra="forbid")

    failures_in_a_row: int = Field(
        5, ge=1, description="So many failures without an answer between them take an engine out of rotation."
    )
    broken_in_a_row: int = Field(
        3, ge=1, description="So many answers that broke off in the middle, or were malformed, likewise."
    )
    silent_in_a_row: int = Field(
        1,
        ge=1,
        description="So many requests without a first token in time likewise; whether in time says [failover].",
    )
    failing_share: float = Field(
        0.5,
        gt=0,
        le=1,
        description="Or this part of the calls within the window, be it failures or late answers.",
    )
    least_calls: int = Field(20, ge=2, description="Fewer calls within the window say nothing about a share.")
    window_s: float = Field(30.0, ge=1, le=3600, description="How far back a share looks.")
    slow_first_token_s: float = Field(
        20.0,
        gt=0,
        description="An answer that begins later counts as late, where another engine has the model too.",
    )
    pause_s: float = Field(
        1.0,
        gt=0,
        description="First pause of an engine on the box; it grows by half with every failed probe.",
    )
    longest_pause_s: float = Field(30.0, gt=0, description="Where it stops growing.")
    cloud_pause_s: float = Field(
        15.0, gt=0, description="First pause of a cloud; it doubles with every failed probe."
    )
    cloud_longest_pause_s: float = Field(300.0, gt=0, description="Where it stops growing.")
    cloud_probes: int = Field(
        2, ge=1, le=3, description="Requests that a cloud must answer before all may go there again."
    )
    longest_retry_after_s: float = Field(
        300.0, ge=1, description="An engine that asks for a pause (429) is given no longer one."
    )
    probe_timeout_s: float = Field(
        5.0,
        gt=0,
        description="How long the appliance waits for an answer when it asks an engine by itself; more after long "
        "pauses.",
    )

    def rules(self, *, is_cloud: bool) -> BreakerRules:
        """The numbers of the state machine."""
        base = CLOUD if is_cloud else LOCAL
        return BreakerRules(
            in_a_row=self.failures_in_a_row,
            torn=self.broken_in_a_row,
            silent=self.silent_in_a_row,
            share_percent=round(self.failing_share * 100),
            least_calls=self.least_calls,
            window_ms=round(self.window_s * 1000),
            probes=self.cloud_probes if is_cloud else base.probes,
            first_pause_ms=round(1000 * (self.cloud_pause_s if is_cloud else self.pause_s)),
            longest_pause_ms=round(1000 * (self.cloud_longest_pause_s if is_cloud else self.longest_pause_s)),
            growth_percent=base.growth_percent,
            spread_percent=base.spread_percent,
            claim_ms=base.claim_ms,
            most_limited_ms=round(self.longest_retry_after_s * 1000),
        )
