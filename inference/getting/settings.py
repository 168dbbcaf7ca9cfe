"""Knobs of where models come from."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator


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
