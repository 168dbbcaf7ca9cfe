"""The numbers of a circuit breaker. Milliseconds and per cent are whole, so that Lua and Python count alike."""

from __future__ import annotations

from dataclasses import dataclass

BUCKETS = 10  # of the window: what is older than it leaves by tenths


@dataclass(frozen=True, slots=True)
class BreakerRules:
    """When it opens, and how it is closed again.

    in_a_row: failures of any kind, torn: streams that broke off or were malformed, silent: calls without a first token,
    each without an answer between them. share_percent: of at least least_calls within the window. probes: at once while
    half-open, and good ones that close it. The first pause grows by growth_percent with every failed probe, up to the
    longest; spread_percent: up to so much is added by chance. claim_ms: a probe nobody heard of again counts no more.
    limited: bounds of the pause that a 429 asks for. settled_ms: closed for so long, and pauses begin anew.
    """

    in_a_row: int = 5
    torn: int = 3
    silent: int = 1
    share_percent: int = 50
    least_calls: int = 20
    window_ms: int = 30_000
    probes: int = 1
    first_pause_ms: int = 1_000
    longest_pause_ms: int = 30_000
    growth_percent: int = 150
    spread_percent: int = 10
    claim_ms: int = 90_000
    least_limited_ms: int = 1_000
    most_limited_ms: int = 300_000
    settled_ms: int = 60_000


LOCAL = BreakerRules()
"""An engine on the box: asking it costs nothing, so it is asked often."""
CLOUD = BreakerRules(
    probes=2, first_pause_ms=15_000, longest_pause_ms=300_000, growth_percent=200, spread_percent=20
)
"""Somebody else's: it is asked by requests of people."""
