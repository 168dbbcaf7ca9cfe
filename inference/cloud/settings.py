"""The knobs of an engine elsewhere: `engine = "cloud"` in an [engines.NAME] section."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from pydantic import Field, model_validator

from inference.cloud.providers import PROVIDERS, Provider, ProviderName
from inference.settings import EngineSettings


class CloudSettings(EngineSettings):
    """A provider's models, which stand in for those of this box where it is allowed. Nothing leaves by this alone."""

    provider: ProviderName = Field(
        "custom", description="Whose dialect: openai, anthropic, google, mistral, azure, or custom."
    )
    base_url: str = Field(
        "",
        description="Address of its OpenAI-compatible routes; empty: the provider's own. Azure and custom need it.",
    )
    model_map: dict[str, str] = Field(
        default_factory=dict,
        description='A model of this box = the provider\'s that stands in for it: {"llama-3.1-8b" = "gpt-5.4-mini"}.',
    )
    models: list[str] = Field(
        default_factory=list,
        description="Models that may be asked for by the provider's own names, beside those of model_map.",
    )
    behind: dict[str, str] = Field(
        default_factory=dict,
        description="For names that do not say it, such as Azure's deployments: which model is behind one.",
    )
    api_version: str = Field(
        "", description="Azure: of the routes with deployments; empty: its routes that end in /openai/v1."
    )
    parameters: dict[str, Any] = Field(
        default_factory=dict,
        description='Sent with every request that does not say it itself: {reasoning_effort = "low"}.',
    )
    drop_parameters: list[str] = Field(
        default_factory=list, description="Parameters that this provider refuses, beside those known of it."
    )
    keep_parameters: list[str] = Field(
        default_factory=list,
        description="Parameters that this provider knows, beside OpenAI's, such as top_k.",
    )
    ca_file: Path | None = Field(
        None, description="Certificate authority to trust instead of the system's: a file in PEM."
    )
    context_tokens: int | None = Field(
        None,
        ge=256,
        description="Context of its models in tokens, which no provider is asked for; empty: unknown.",
    )
    max_running: int | None = Field(
        None, ge=1, description="Requests that may be there at once; empty: gate.default_slots."
    )
    fallback_only: bool = Field(False, description="Use it only when no other cloud can.")
    probe_timeout_s: float = Field(3.0, gt=0, description="Of no use here: a cloud is never probed.")
    connect_timeout_s: float = Field(5.0, gt=0, description="Seconds to wait for a connection.")
    first_byte_timeout_s: float = Field(
        120.0, gt=0, description="Seconds from sending to the answer's first byte, however it trickles."
    )
    answer_timeout_s: float = Field(600.0, gt=0, description="Seconds that a whole exchange may take.")
    least_bytes_per_minute: int = Field(
        60, ge=0, description="An answer that comes slower than this for a minute is given up; 0: never."
    )
    most_answer_mib: int = Field(16, ge=1, le=1024, description="An answer larger than this is cut off.")

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if not self.base_url:
            self.base_url = self.preset.base_url
        if not self.base_url:
            raise ValueError(f"provider {self.provider!r} needs base_url, the address of your own resource")
        if self.api_version and self.provider != "azure":
            raise ValueError("api_version is Azure's; leave it away")
        if self.provider == "azure" and not self.api_version and not self.base_url.endswith("/openai/v1"):
            raise ValueError("give base_url as https://NAME.openai.azure.com/openai/v1, or set api_version")
        if not self.model_map and not self.models:
            raise ValueError('nothing to ask for: set model_map, such as {"llama-3.1-8b" = "gpt-5.4-mini"}')
        return self

    @property
    def preset(self) -> Provider:
        """What is known of the provider."""
        return PROVIDERS[self.provider]

    @property
    def own_names(self) -> list[str]:
        """Every model of the provider's that may be asked of it, each once, in the order of the section."""
        return list(dict.fromkeys([*self.model_map.values(), *self.models]))

    def model_behind(self, name: str) -> str:
        """What a name of the provider's stands for."""
        return self.behind.get(name, name)
