"""Knobs of the engines and the embedder, each section beside the code that uses it."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from inference.types import ModelKind


class EmbeddingSettings(BaseModel):
    """The model that turns texts into vectors."""

    model_config = ConfigDict(extra="forbid")

    threads: int = Field(1, ge=1, le=64, description="Processor threads of the embedding process.")


class EngineSettings(BaseModel):
    """What every [engines.NAME] section may say; each row of the engine table adds its own."""

    model_config = ConfigDict(extra="forbid")

    engine: str = Field(description="Which kind of server: a name of the engine table.")
    base_url: str = Field(description="Address of its OpenAI-compatible routes, ending in /v1.")
    api_key: SecretStr = Field(SecretStr(""), description="Key it asks for; empty: none.")
    api_key_file: Path | None = Field(None, description="File that holds the key instead.")
    models: list[str] = Field(
        default_factory=list, description="Models to offer, in its own names; empty: all it serves."
    )
    kind: ModelKind = Field("chat", description="What its models are for, where it does not say so itself.")
    context_tokens: int | None = Field(
        None, ge=256, description="Context of its models in tokens; empty: ask the engine."
    )
    max_running: int | None = Field(
        None, ge=1, description="Requests the gate may have running there; empty: learned from the engine."
    )
    fallback_only: bool = Field(False, description="Use it only when no other engine has the model.")
    connect_timeout_s: float = Field(3.0, gt=0, description="Seconds to wait for a connection.")
    first_byte_timeout_s: float = Field(
        600.0,
        gt=0,
        description="Seconds to wait for the first byte; a call without streaming has no earlier one.",
    )
    chunk_timeout_s: float = Field(
        60.0, gt=0, description="Longest silence in the middle of an answer, seconds."
    )
    probe_timeout_s: float = Field(
        3.0, gt=0, description="Seconds it has to list its models or tell its load."
    )

    @field_validator("base_url")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return value.rstrip("/")

    def key(self) -> str:
        """The key, from the file where one is named. Raises OSError."""
        if self.api_key_file is not None:
            return self.api_key_file.read_text(encoding="utf-8").strip()
        return self.api_key.get_secret_value()


class OpenAiCompatibleSettings(EngineSettings):
    """Any server that speaks OpenAI's HTTP API."""


class VllmSettings(EngineSettings):
    """A vLLM server beside the appliance."""

    base_url: str = Field("http://127.0.0.1:8000/v1", description="Address of its routes, ending in /v1.")
    priority_scheduling: bool = Field(
        False,
        description="It runs with --scheduling-policy priority: batch requests are sent with a lower priority, so "
        "that they are set aside first when its memory runs short.",
    )


class OllamaSettings(EngineSettings):
    """An Ollama server beside the appliance."""

    base_url: str = Field("http://127.0.0.1:11434", description="Address of the server, with or without /v1.")
    context_tokens: int | None = Field(
        8192,
        ge=256,
        description="Context asked of it with every request, at most what the model was made for; "
        "left to itself it chooses by the graphics memory and cuts longer prompts silently.",
    )
    max_running: int | None = Field(
        1, ge=1, description="Requests the gate may have running there: the server's OLLAMA_NUM_PARALLEL."
    )
    keep_alive: str = Field("30m", description="How long the server keeps an unused model in memory.")


class LlamaCppSettings(EngineSettings):
    """A GGUF file served by llama.cpp in a process of our own, or a llama.cpp server that runs already."""

    base_url: str = Field("", description="Address of a server that runs already; empty: start our own.")
    model_path: Path | None = Field(None, description="GGUF file to serve.")
    model_name: str = Field("", description="Name to offer it under; empty: the file's name.")
    context_tokens: int | None = Field(None, ge=256, description="Tokens per request; empty: at most 8192.")
    slots: int = Field(4, ge=1, le=256, description="Requests answered together; memory grows with it.")
    threads: int = Field(0, ge=0, description="Processor threads; 0: half the cores, at least one.")
    gpu_layers: int = Field(-1, ge=-1, description="Layers on the graphics card; -1: as many as fit.")
    cache_ram_mib: int = Field(256, ge=0, description="Memory for prompts kept for reuse, MiB.")
    embedding: bool = Field(False, description="Serve /v1/embeddings, for embedding models.")
    socket_path: Path | None = Field(None, description="Where our own process listens; set by the appliance.")

    @model_validator(mode="after")
    def _has_something_to_serve(self) -> Self:
        if not self.base_url and self.model_path is None:
            raise ValueError(
                "needs model_path, a GGUF file, or base_url, a llama.cpp server that runs already"
            )
        return self
