"""How long an engine may take for its first token, by what it usually takes. Pure.

The usual time is learned by length of the prompt, as a mean and a mean deviation (Jacobson's and Karels' rule for
retransmissions, SIGCOMM 1988): an engine that varies much is given more. What is known of short prompts is stretched
to longer ones in proportion; what nobody knows yet gets a bound that a slow processor keeps.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from inference.failover.settings import FailoverSettings

_TRUSTED = 5
"""So many answers of a length tell what is usual."""
_SMOOTHING, _SMOOTHING_OF_DEVIATION = 1 / 8, 1 / 4
_DEVIATIONS = 4.0
_SLOWEST_TOKENS_PER_S = 50.0
_BOUNDS = (256, 1024, 4096, 16_384, 65_536)  # tokens


@dataclass(slots=True)
class _Usual:
    """Seconds. worst: mean and some deviations."""

    seen: int = 0
    mean_s: float = 0.0
    deviation_s: float = 0.0

    def note(self, took_s: float) -> None:
        if not self.seen:
            self.mean_s, self.deviation_s = took_s, took_s / 2
        else:
            away_s = took_s - self.mean_s
            self.mean_s += _SMOOTHING * away_s
            self.deviation_s += _SMOOTHING_OF_DEVIATION * (abs(away_s) - self.deviation_s)
        self.seen += 1

    @property
    def worst_s(self) -> float:
        return self.mean_s + _DEVIATIONS * self.deviation_s


@dataclass(slots=True)
class _Engine:
    """By the class of length, shortest first; the last one is open at its end."""

    by_length: list[_Usual] = field(default_factory=lambda: [_Usual() for _ in range(len(_BOUNDS) + 1)])


class FirstTokens:
    """What every engine usually takes for its first token, as far as this process has seen."""

    def __init__(self, settings: FailoverSettings) -> None:
        self._settings = settings
        self._engines: dict[tuple[str, str], _Engine] = {}

    def took(self, engine: str, model: str, prompt_tokens: int, seconds: float) -> None:
        """It answered so fast."""
        known = self._engines.setdefault((engine, model), _Engine())
        known.by_length[_class_of(prompt_tokens)].note(seconds)

    def deadline_s(self, engine: str, model: str, prompt_tokens: int) -> float:
        """What it is given for a prompt of that length."""
        settings, known = self._settings, self._engines.get((engine, model))
        worst_s = None if known is None else _expected(known, prompt_tokens)
        if worst_s is None:
            return settings.first_token_unknown_s + prompt_tokens / _SLOWEST_TOKENS_PER_S
        return max(settings.first_token_least_s, settings.first_token_factor * worst_s)


def _class_of(prompt_tokens: int) -> int:
    return next((place for place, bound in enumerate(_BOUNDS) if prompt_tokens < bound), len(_BOUNDS))


def _expected(known: _Engine, prompt_tokens: int) -> float | None:
    """Seconds that it takes at the worst, by the nearest length that is known; None: by none.

    A longer one is an upper bound as it stands. Prompts of a shorter class were of half its bound on average.
    """
    place = _class_of(prompt_tokens)
    own = known.by_length[place]
    if own.seen >= _TRUSTED:
        return own.worst_s
    for shorter in range(place - 1, -1, -1):
        if known.by_length[shorter].seen >= _TRUSTED:
            stretched = max(1.0, 2 * prompt_tokens / _BOUNDS[shorter])
            return known.by_length[shorter].worst_s * stretched
    for longer in known.by_length[place + 1 :]:
        if longer.seen >= _TRUSTED:
            return longer.worst_s
    return None
