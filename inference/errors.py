"""Everything `inference` can refuse.

InferenceError
├── EngineUnavailable     the server cannot be reached, or broke off before its first byte
├── EngineRefused         the server answered with an error of its own
├── EngineStreamBroken    the server broke off in the middle of an answer
├── ModelNotFound         no engine serves that name
├── UnknownEngineKind     the configuration names an engine that is not in the table
└── EmbedderUnavailable   no embedder answers

A class's docstring is the sentence a person reads; `code` is stable and is what programs compare.
"""

from __future__ import annotations

from collections.abc import Sequence


class InferenceError(Exception):
    """The language model could not be used."""

    code = "inference_error"

    def __init__(self, detail: str = "") -> None:
        sentence = (type(self).__doc__ or "").strip().splitlines()[0]
        super().__init__(f"{sentence} {detail}".strip())


class EngineUnavailable(InferenceError):
    """The language-model server does not answer. Try again in a moment; `appliance doctor` shows its state."""

    code = "engine_unavailable"


class EngineRefused(InferenceError):
    """The language-model server refused the request."""

    code = "engine_refused"

    def __init__(
        self,
        status: int,
        body: bytes,
        content_type: str = "application/json",
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(f"It answered {status}.")
        self.status = status
        self.body = body
        self.content_type = content_type
        self.retry_after_s = retry_after_s


class EngineStreamBroken(InferenceError):
    """The language-model server broke off in the middle of the answer. What came so far is kept; ask again."""

    code = "engine_stream_broken"


class ModelNotFound(InferenceError):
    """There is no model of that name here."""

    code = "model_not_found"

    def __init__(self, model: str, known: Sequence[str]) -> None:
        listed = ", ".join(known) if known else "none"
        super().__init__(
            f"Asked for: {model!r}. Known: {listed}. Add one with an [engines.NAME] section in appliance.toml."
        )
        self.model = model
        self.known = tuple(known)


class UnknownEngineKind(InferenceError):
    """The configuration names an engine this appliance does not know."""

    code = "unknown_engine_kind"


class EmbedderUnavailable(InferenceError):
    """The embedding process does not answer, so documents cannot be searched by meaning just now."""

    code = "embedder_unavailable"
