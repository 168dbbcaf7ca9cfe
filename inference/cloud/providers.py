"""The providers that are known by name: where they are, how a key is shown, and which words they understand.

All are spoken to through their OpenAI-compatible routes. A quirk stands here with its reason, and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from inference.cloud.rules import (
    Clamp,
    CountTokens,
    Drop,
    Messages,
    OnlyFunctions,
    Refuse,
    Rename,
    Rule,
    SchemaAsResponseFormat,
    ShortCallIds,
    Withhold,
)

ProviderName = Literal["openai", "anthropic", "google", "mistral", "azure", "custom"]


@dataclass(frozen=True, slots=True)
class Provider:
    """base_url empty: the operator names it. key_header: `authorization` (as a bearer token) or a header of its own.

    known: parameters that it takes. prices: whose list counts for it; empty: nobody's. has_odd_answers: to be
    mended.
    """

    name: ProviderName
    title: str
    base_url: str
    rules: tuple[Rule, ...]
    known: frozenset[str]
    key_header: str = "authorization"
    prices: str = ""
    has_odd_answers: bool = False


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_WHO = Withhold(
    ("user", "safety_identifier", "metadata", "prompt_cache_key", "store", "request_id", "cache_salt")
)
_PROMISES = Refuse(("guided_regex", "guided_choice", "guided_grammar", "grammar", "structural_tag"))
_ONE_ANSWER = Refuse(("n",), unless=lambda n: n in (None, 1))
_FOR_ALL = (_WHO, SchemaAsResponseFormat(), _PROMISES, OnlyFunctions())
# o1, o3, o4-mini, gpt-5 and later think first: https://platform.openai.com/docs/guides/reasoning lists what they refuse
_THINKING = r"^(o\d|gpt-[5-9]|gpt-\d\d)"
_NOT_THINKING = r"^(gpt-[34]|chatgpt-4)"
_SAMPLING = ("temperature", "top_p", "presence_penalty", "frequency_penalty")

_OPENAI_KNOWN = _words(
    """frequency_penalty function_call functions logit_bias logprobs max_completion_tokens n parallel_tool_calls
    prediction presence_penalty reasoning_effort response_format seed stop stream_options temperature
    tool_choice tools top_logprobs top_p verbosity"""
)
_OPENAI_RULES = (
    *_FOR_ALL,
    Messages(),
    Rename("max_tokens", "max_completion_tokens"),
    Drop((*_SAMPLING, "logprobs", "top_logprobs", "logit_bias", "stop"), models=_THINKING),
    Drop(("reasoning_effort", "verbosity"), models=_NOT_THINKING),
    CountTokens(),
)

_ANTHROPIC = Provider(
    name="anthropic",
    title="Anthropic",
    base_url="https://api.anthropic.com/v1",
    rules=(
        *_FOR_ALL,
        # Its layer ignores response_format (docs.claude.com, "OpenAI SDK compatibility"): the promise would be broken.
        Refuse(("response_format",), unless=lambda wanted: wanted in (None, {"type": "text"})),
        _ONE_ANSWER,
        Messages(),
        Clamp("temperature", 0.0, 1.0),
        # From Opus 4.7 on sampling parameters are answered with 400.
        Drop(("temperature", "top_p"), models=r"^(?!claude-(3|.*-4-[0-6]\b))"),
        CountTokens(),
    ),
    known=_words(
        """max_tokens max_completion_tokens n parallel_tool_calls stop stream_options temperature top_p tools
        tool_choice"""
    ),
    prices="anthropic",
)

_GOOGLE = Provider(
    name="google",
    title="Google",
    base_url="https://generativelanguage.googleapis.com/v1beta/openai",
    rules=(*_FOR_ALL, Messages(roles={"developer": "system"}), CountTokens()),
    # It answers 400 to every name that it does not know, seed and the penalties among them.
    known=_words(
        """max_tokens max_completion_tokens n reasoning_effort response_format stop stream_options temperature
        tool_choice tools top_p"""
    ),
    prices="google",
)

_MISTRAL = Provider(
    name="mistral",
    title="Mistral",
    base_url="https://api.mistral.ai/v1",
    rules=(
        *_FOR_ALL,
        Messages(
            ("role", "content", "name", "tool_calls", "tool_call_id"), {"developer": "system"}, ("tool",)
        ),
        ShortCallIds(),
        Rename("max_completion_tokens", "max_tokens"),
        Rename("seed", "random_seed"),
        Withhold(
            ("stream_options",)
        ),  # it says what was used without being asked, and answers 422 to the question
    ),
    known=_words(
        """frequency_penalty logprobs max_tokens min_tokens n parallel_tool_calls prediction presence_penalty
        random_seed reasoning_effort repetition_penalty response_format stop temperature tool_choice tools top_k
        top_logprobs top_p"""
    ),
    prices="mistral",
    has_odd_answers=True,
)

PROVIDERS: dict[str, Provider] = {
    "openai": Provider(
        "openai", "OpenAI", "https://api.openai.com/v1", _OPENAI_RULES, _OPENAI_KNOWN, prices="openai"
    ),
    "anthropic": _ANTHROPIC,
    "google": _GOOGLE,
    "mistral": _MISTRAL,
    "azure": Provider(
        "azure", "Azure", "", _OPENAI_RULES, _OPENAI_KNOWN, key_header="api-key", prices="azure"
    ),
    "custom": Provider(
        "custom",
        "another provider",
        "",
        (*_FOR_ALL, Messages(), CountTokens()),
        _OPENAI_KNOWN | {"max_tokens"},
    ),
}
