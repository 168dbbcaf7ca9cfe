"""Knobs of the storage."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class DatabaseSettings(BaseModel):
    """PostgreSQL 18 with pgvector; empty url: the embedded one."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(
        "",
        description="postgresql://owner:password@host/name of a database we own; empty: the embedded PostgreSQL.",
    )
    role_secret: str = Field(
        "",
        description="Secret from which the passwords of our own database roles are derived (external database).",
    )
    pool_size: int = Field(10, ge=1, le=200, description="Connections a gateway process may hold.")


class ValkeySettings(BaseModel):
    """Valkey 8 or newer; empty url: the embedded one."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field("", description="redis://:password@host:6379/0; empty: the embedded Valkey.")
    binary: str = Field(
        "", description="Path of valkey-server; empty: the packaged one, else the one on PATH."
    )
