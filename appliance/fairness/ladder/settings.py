"""Which models may stand in for another one of the box."""

from __future__ import annotations

from pydantic import BaseModel, Field, field_validator

from appliance.fairness.ladder.needs import Ability


class LadderSettings(BaseModel):
    """A part of [models]."""

    smaller: dict[str, list[str]] = Field(
        default_factory=dict,
        description="Models of this box that may answer where none of the engines of another one does, best first: "
        '"llama-3.1-70b" = ["llama-3.1-8b"]. The answer says so. Empty: none.',
    )
    abilities: dict[str, list[Ability]] = Field(
        default_factory=dict,
        description="What these can do beyond plain text: `tools`, `images`, `json_schema`. A request that needs more "
        'is not given to them: "llama-3.1-8b" = ["tools", "json_schema"].',
    )

    @field_validator("smaller")
    @classmethod
    def _are_others(cls, value: dict[str, list[str]]) -> dict[str, list[str]]:
        for model, others in value.items():
            if model in others:
                raise ValueError(f"{model!r} cannot stand in for itself")
        return value
