"""Knobs of the gate."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from appliance.fairness.accounting.contact import WithoutPostgres
from appliance.fairness.admission import FairRules


class GateSettings(BaseModel):
    """How many may be served and may wait."""

    model_config = ConfigDict(extra="forbid")

    default_slots: int = Field(
        8, ge=1, description="Slots of an engine that neither is told nor tells how many it has."
    )
    max_queue: int = Field(1000, ge=0, description="Requests that may wait over all; one more gets a 429.")
    max_queue_per_user: int = Field(200, ge=0, description="Requests of one person that may wait.")
    max_wait_s: float = Field(600.0, gt=0, description="Longest wait for a slot before a 429.")
    reserved_slots: int | None = Field(
        None,
        ge=0,
        description="Slots of every engine that only people who hold none may take, so that nobody waits behind "
        "one person's many requests; empty: one in sixteen, at least one, none below eight slots.",
    )
    prefill_tokens: int = Field(
        4096,
        ge=1,
        description="Prompt tokens an engine may be reading at once before it gets another prompt; who holds no slot "
        "may go to twice that.",
    )
    max_running_per_user: int | None = Field(
        None,
        ge=1,
        description="Slots of a model's engines that one person may hold; empty: as many as are free.",
    )
    prompt_weight: float = Field(1.0, gt=0, description="What a prompt token counts when turns are shared.")
    cached_weight: float = Field(
        0.1, ge=0, description="What a prompt token counts that the engine had kept from an earlier request."
    )
    completion_weight: float = Field(2.0, gt=0, description="What a token of an answer counts.")
    batch_promoted_after_s: float = Field(
        900.0, gt=0, description="A batch request that waited this long is served like an interactive one."
    )
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
    without_postgres: WithoutPostgres = Field(
        "serve",
        description="While PostgreSQL is away: `serve` known keys and sign-ins for a bounded time and keep their usage "
        "in DATA/spool, or `refuse` every request.",
    )
    serve_without_postgres_s: float = Field(
        600.0, gt=0, description="With `serve`: for so long after PostgreSQL was last heard of."
    )
    spool_mb: int = Field(
        256,
        ge=4,
        description="Most megabytes a gateway process keeps in DATA/spool; requests are refused beyond it. "
        "A request takes about 700 bytes.",
    )

    def rules(self, lease_s: float) -> FairRules:
        """The constants of the queue. lease_s: after this a worker that has died loses its slots."""
        return FairRules(
            max_queue=self.max_queue,
            max_queue_per_user=self.max_queue_per_user,
            reserved=self.reserved_slots,
            prefill_tokens=self.prefill_tokens,
            prompt_weight=self.prompt_weight,
            completion_weight=self.completion_weight,
            cached_weight=self.cached_weight,
            max_running_per_user=self.max_running_per_user,
            batch_promoted_after_s=self.batch_promoted_after_s,
            lease_s=lease_s,
        )
