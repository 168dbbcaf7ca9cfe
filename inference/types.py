"""The values that travel between an engine and whoever asked it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

ModelKind = Literal["chat", "embedding", "transcription", "reranker"]
EngineRoute = Literal["chat/completions", "completions", "embeddings", "rerank"]


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """One model that an engine serves; context_tokens is None where the engine does not tell."""

    id: str
    kind: ModelKind = "chat"
    context_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the engine counted them; cached_tokens is the part of the prompt it had kept."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0


@dataclass(frozen=True, slots=True)
class EngineLoad:
    """What an engine says of itself; None where it does not tell.

    running, waiting: requests, of whoever sent them. kv_use: share of its KV cache in use, 0 to 1. slots: how many it
    may run at once, by its configuration or its own word. preemptions: since it started, running requests it threw
    back for want of KV cache. kv_tokens: tokens that its KV cache holds. steps: a number that grows while it works;
    one that stands still while requests run belongs to a page that is no longer kept. is_measured: running and waiting
    are the server's own count; False: only this process's requests, and nothing is known of any that wait there.
    """

    running: int = 0
    waiting: int = 0
    kv_use: float | None = None
    slots: int | None = None
    preemptions: int | None = None
    kv_tokens: int | None = None
    steps: int | None = None
    is_measured: bool = False


@dataclass(frozen=True, slots=True)
class LeavePermit:
    """Why a request may leave the box; opaque here, and written down before its first byte leaves.

    id: of the decision. actor: for whom, such as an e-mail. why: the rule's sentence. redactions: strings replaced.
    """

    id: str
    actor: str
    why: str
    redactions: int = 0


@dataclass(frozen=True, slots=True)
class EngineRequest:
    """A request in OpenAI's shape, parsed and checked already; `payload["model"]` is the engine's own name.

    is_batch: nobody sits and waits for it; engines that know priorities put it behind the others. is_continuing: the
    last message is an unfinished answer, to be gone on with. origins: opaque labels of what its text was made from
    beside its author's own words; None: nobody said, so it stays on the box. permit: without it nothing leaves.
    originals: what stood where the payload has placeholders; it is put back into the answer and never sent.
    """

    route: EngineRoute
    payload: Mapping[str, Any]
    request_id: str = ""
    is_batch: bool = False
    is_continuing: bool = False
    origins: frozenset[str] | None = None
    permit: LeavePermit | None = None
    originals: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def is_stream(self) -> bool:
        return bool(self.payload.get("stream"))


@dataclass(frozen=True, slots=True)
class PromptCount:
    """Tokens of each prompt of a request. is_exact: as the engine will count them; else its texts alone, without what
    the chat template writes: never more than the engine reads.
    """

    tokens: tuple[int, ...]
    is_exact: bool = True


@dataclass(frozen=True, slots=True)
class EngineResponse:
    """An engine's answer as it arrives: bytes, not parsed.

    served_by: `local:NAME` or `cloud:NAME`. notes: parameters of the request that were left out or said otherwise,
    such as `top_k dropped`.
    """

    status: int
    content_type: str
    frames: AsyncIterator[bytes]
    served_by: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ChatChunk:
    """A piece of a streamed answer; the last one carries finish_reason and, where known, usage.

    begins_anew: what was to be gone on with does not count. reasoning: what the model thinks before it answers, no part
    of the answer.
    """

    text: str = ""
    finish_reason: str | None = None
    usage: Usage | None = None
    begins_anew: bool = False
    reasoning: str = ""


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message of a prompt."""

    role: Literal["system", "user", "assistant", "tool", "developer"]
    content: str


@dataclass(frozen=True, slots=True)
class EngineState:
    """How the roster sees one engine, for /readyz, doctor and the page.

    is_asleep: it is not in memory and is known to be startable: its models are offered, and nothing is wrong.
    is_cloud: it is elsewhere, and only what may leave goes there. stands_in_for: a model of this box and the cloud's
    own name for what answers in its place, pairs.
    """

    name: str
    engine: str
    is_healthy: bool
    models: tuple[ModelInfo, ...] = ()
    reason: str = ""
    base_url: str = ""
    load: EngineLoad = field(default_factory=EngineLoad)
    is_asleep: bool = False
    is_cloud: bool = False
    stands_in_for: tuple[tuple[str, str], ...] = ()
