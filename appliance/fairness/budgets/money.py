"""Amounts as whole millionths of the currency, and what a call may cost at most. Pure.

A price for a million tokens is the price of one token in millionths, so nothing is lost on the way.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal

from appliance.fairness.accounting.pricing import ModelPrice
from inference.types import Usage

MICROS = 1_000_000
MOST_MICROS = 10**15
"""A thousand million of the currency: beyond this numbers in JSON and Lua are not whole any more."""

_PROMPT_TOKENS_A_SECOND = 200
_ANSWER_TOKENS_A_SECOND = 10
"""What an hour of an engine is worth is known when a call has ended; a slow engine does no less than this."""


def micros_of(amount: float) -> int:
    """Rounded up to a millionth; the noise beyond the fifteenth digit of a sum of floats is no money.

    PostgreSQL's `ceil(cost::numeric * 1000000)` says the same.
    """
    exact = Decimal(f"{amount:.15g}") * MICROS
    return min(max(0, int(exact.to_integral_value(ROUND_CEILING))), MOST_MICROS)


def amount_of(micros: int) -> float:
    """For people, and for JSON."""
    return float(Decimal(micros) / MICROS)


def answer_bound(
    prompt_tokens: int, most_tokens: int | None, context_tokens: int | None, assumed: int
) -> int:
    """How long an answer may become, as it is reserved for.

    Not told: so long as the model's context has room, but no longer than assumed.
    """
    room = None if context_tokens is None else max(0, context_tokens - prompt_tokens)
    bound = assumed if most_tokens is None else max(0, most_tokens)
    return bound if room is None else min(bound, room)


def most_micros(price: ModelPrice, prompt_tokens: int, answer_tokens: int, audio_seconds: float = 0.0) -> int:
    """What the call costs if its answer becomes as long as it may, whether or not its prompt was kept from before."""
    tokens = max(price.amount(Usage(prompt_tokens, answer_tokens, kept)) for kept in (0, prompt_tokens))
    engine_s = (
        prompt_tokens / _PROMPT_TOKENS_A_SECOND + answer_tokens / _ANSWER_TOKENS_A_SECOND + audio_seconds
    )
    return micros_of(tokens + (engine_s * price.per_hour + audio_seconds * price.per_audio_hour) / 3600)
