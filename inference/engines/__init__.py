"""The kinds of language-model server the appliance can speak to: one file and one line each.

A row is loaded on first use, so an optional package that is absent hurts only its own row.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from inference.errors import UnknownEngineKind

if TYPE_CHECKING:
    from inference.engines.openai_compatible import OpenAiCompatibleEngine

ENGINES = {
    "openai_compatible": "inference.engines.openai_compatible:OpenAiCompatibleEngine",
    "vllm": "inference.engines.vllm:VllmEngine",
    "ollama": "inference.engines.ollama:OllamaEngine",
    "llama_cpp": "inference.engines.llama_cpp:LlamaCppEngine",
    "cloud": "inference.engines.cloud:CloudEngine",
}


def load_engine_class(kind: str) -> type[OpenAiCompatibleEngine]:
    """The class behind a name of the table. Raises UnknownEngineKind."""
    if kind not in ENGINES:
        raise UnknownEngineKind(f"Asked for: {kind!r}. Known: {', '.join(ENGINES)}.")
    module, _, name = ENGINES[kind].partition(":")
    loaded: type[OpenAiCompatibleEngine] = getattr(import_module(module), name)
    return loaded
