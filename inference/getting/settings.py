"""Knobs of the way out and of where models come from."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

_HUB_HOSTS = ["huggingface.co", "*.huggingface.co", "hf.co", "*.hf.co"]


class EgressSettings(BaseModel):
    """Where the appliance itself may go. Everything that is not named here is refused, and every request is kept."""

    model_config = ConfigDict(extra="forbid")

    models: list[str] = Field(
        default_factory=lambda: list(_HUB_HOSTS),
        description="Hosts that models may be got from when somebody asks for one: a hub and those that it keeps its "
        "files with. `*.` stands for every name below. Empty: models come from folders only.",
    )
    inside: list[str] = Field(
        default_factory=list,
        description="Hosts that may have addresses of the own network and plain http, such as a mirror: "
        "hub.company.local:8080.",
    )
    connect_timeout_s: float = Field(10.0, gt=0, description="Seconds to wait for a connection.")
    silence_timeout_s: float = Field(
        60.0, gt=0, description="Longest silence in the middle of an answer, seconds."
    )


class HubSettings(BaseModel):
    """Where models come from."""

    model_config = ConfigDict(extra="forbid")

    hub: str = Field(
        "https://huggingface.co",
        description="Address of the model hub, or of a mirror; a mirror in the own network is named by "
        "egress.inside too.",
    )
    hub_token: SecretStr = Field(
        SecretStr(""), description="Token for models whose licence must be accepted; empty: none."
    )
    hub_token_file: Path | None = Field(
        None, description="File that holds the token instead; read anew for every model that is got."
    )
    reserve_gib: float = Field(
        5.0, ge=0, description="Room on the disk that stays free when a model is got, GiB."
    )

    @field_validator("hub")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.username:
            raise ValueError("must be an address such as https://huggingface.co")
        return value.rstrip("/")

    def token(self) -> str:
        """From the file where one is named. Raises OSError."""
        if self.hub_token_file is not None:
            return self.hub_token_file.read_text(encoding="utf-8").strip()
        return self.hub_token.get_secret_value()
