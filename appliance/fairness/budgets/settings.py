"""Knobs of budgets."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class BudgetSettings(BaseModel):
    """How money is reserved; the caps themselves are set on the page, or by `appliance budget`."""

    model_config = ConfigDict(extra="forbid")

    unpriced_cloud: Literal["refuse", "send"] = Field(
        "refuse",
        description="A cloud's model that has no price: `refuse` to send it anything, since nobody could say what it "
        "spends, or `send`, uncounted.",
    )
    assumed_answer_tokens: int = Field(
        4096,
        ge=1,
        description="So long an answer is paid for in advance where the request sets no `max_tokens`, or less where "
        "the model's context has less room; what is not needed is free again when the answer ends.",
    )
