"""Where conversations are: the engine that has read their earlier turns and may still have them in its cache. Pure."""

from __future__ import annotations

from appliance.fairness.admission import Ask

_MOST = 10_000


class Homes:
    """The latest ones. In Valkey they are kept for an hour instead."""

    def __init__(self) -> None:
        self._engines: dict[str, str] = {}

    def of(self, ask: Ask) -> str:
        """The engine that it was on last; empty: it is new."""
        return self._engines.get(ask.conversation, "")

    def note(self, ask: Ask, engine: str) -> None:
        """It is there now."""
        if ask.conversation:
            self._engines.pop(ask.conversation, None)
            self._engines[ask.conversation] = engine
            if len(self._engines) > _MOST:
                del self._engines[next(iter(self._engines))]
