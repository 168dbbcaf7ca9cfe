"""Knobs of the engines and the embedder, each section beside the code that uses it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from inference.types import ModelKind


class EmbeddingSettings(BaseModel):
    """The model that turns texts into vectors."""

    model_config = ConfigDict(extra="forbid")

    source: Literal["built_in", "onnx", "sentence_transformers", "engine"] = Field(
        "built_in",
        description="Where the model is: comes with the appliance, a folder with an ONNX model, a folder of "
        "sentence-transformers (extra of that name), or an engine's `/v1/embeddings`.",
    )
    model: str = Field("", description="The model's folder, or its name at the engine.")
    engine: str = Field("", description="NAME of the [engines.NAME] section that serves it.")
    base_url: str = Field("", description="Address of an engine without a section, ending in /v1.")
    api_key: SecretStr = Field(SecretStr(""), description="Key that this address asks for; empty: none.")
    api_key_file: Path | None = Field(None, description="File that holds the key instead.")
    device: Literal["cpu", "cuda"] = Field(
        "cpu", description="Where a model in a folder runs; `cuda` needs onnxruntime-gpu, or torch for CUDA."
    )
    query_prefix: str | None = Field(
        None, description="Put before every question; unset: as the model's own files have it."
    )
    passage_prefix: str | None = Field(None, description="Put before every passage; unset: likewise.")
    languages: list[str] = Field(
        default_factory=list,
        description="Languages it was trained in, such as en; empty: all (the built-in one: English).",
    )
    batch: int = Field(32, ge=1, le=2048, description="Passages that go through the model together.")
    threads: int = Field(
        1, ge=1, le=64, description="Questions, and beside them passages, that are embedded side by side."
    )
    switch: Literal["automatic", "by_hand"] = Field(
        "automatic",
        description="When search goes over to a changed model: once all passages have its vectors, or upon "
        "`appliance index switch`.",
    )

    @field_validator("base_url")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _names_its_model(self) -> Self:
        if self.source != "built_in" and not self.model:
            raise ValueError(f"model must be set where source is {self.source!r}")
        if self.source == "engine" and bool(self.engine) == bool(self.base_url):
            raise ValueError("source 'engine' needs either engine, a section's name, or base_url")
        return self

    def key(self) -> str:
        """The key, from the file where one is named. Raises OSError."""
        if self.api_key_file is not None:
            return self.api_key_file.read_text(encoding="utf-8").strip()
        return self.api_key.get_secret_value()


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
    tokenizer: Path | None = Field(
        None,
        description="The model's `tokenizer.json`: counts prompts where the server has no way to be asked "
        "(Ollama, OpenAI-compatible services), so that none is cut silently.",
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
    socket_path: Path | None = Field(
        None, description="Unix socket on which it listens (--uds); empty: base_url is its address."
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
