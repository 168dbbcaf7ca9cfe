"""How the box is, part by part, for `/readyz`, the page and the doctor. Each part is asked, none is assumed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

Probe = Callable[[], Awaitable[str]]
READY = "ready"
PROBE_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class Health:
    """parts: those that `/v1` needs, by name: `ready`, or what is the matter. others: listed apart."""

    parts: Mapping[str, str]
    others: Mapping[str, str]

    @property
    def is_ready(self) -> bool:
        return all(state == READY for state in self.parts.values())


class HealthCheck:
    """required, others: a probe for each part, answering `ready` or a word for what is the matter."""

    def __init__(self, required: Mapping[str, Probe], others: Mapping[str, Probe]) -> None:
        self._required = required
        self._others = others

    async def check(self) -> Health:
        """Ask all parts at once; one that does not answer in time is `not answering`."""
        names = [*self._required, *self._others]
        probes = [*self._required.values(), *self._others.values()]
        states = dict(zip(names, await asyncio.gather(*map(_ask, probes)), strict=True))
        return Health(
            {name: states[name] for name in self._required}, {name: states[name] for name in self._others}
        )


async def _ask(probe: Probe) -> str:
    try:
        async with asyncio.timeout(PROBE_TIMEOUT_S):
            return await probe()
    except TimeoutError:
        return "not answering"
    except (
        Exception
    ) as error:  # a door to other people's failures: the kind is told, the detail is logged there
        return f"not answering ({type(error).__name__})"
