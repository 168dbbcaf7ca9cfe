"""Knobs of the way out."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

_MODEL_HOSTS = ["huggingface.co", "*.huggingface.co", "hf.co", "*.hf.co", "registry.ollama.ai"]


class EgressSettings(BaseModel):
    """Where the appliance itself may go. Everything that is not named here is refused, and every request is kept."""

    model_config = ConfigDict(extra="forbid")

    stopped: bool = Field(
        False,
        description="Nothing leaves, whatever else is allowed; what runs is cut off. The page and `appliance egress "
        "stop` do the same at once and without a restart.",
    )
    models: list[str] = Field(
        default_factory=lambda: list(_MODEL_HOSTS),
        description="Hosts that models may be got from when somebody asks for one: a hub and those that it keeps its "
        "files with. `*.` stands for every name below. Empty: models come from folders only.",
    )
    inside: list[str] = Field(
        default_factory=list,
        description="Hosts that belong to the own network: they may have private addresses and plain http, such as a "
        "mirror (hub.company.local:8080), and an engine there may have an address of the internet.",
    )
    connect_timeout_s: float = Field(10.0, gt=0, description="Seconds to wait for a connection.")
    silence_timeout_s: float = Field(
        60.0, gt=0, description="Longest silence in the middle of an answer, seconds."
    )
    keep_days: int = Field(
        1095, ge=0, description="Days for which the ledger of what left is kept; 0: for ever."
    )
    segment_mib: int = Field(
        16,
        ge=1,
        le=1024,
        description="After how many MiB a file of the ledger is closed; at midnight UTC too.",
    )
