"""The stop switch, as the door sees it."""

from __future__ import annotations

from typing import Protocol


class Switch(Protocol):
    """Asked before everything that leaves, and several times a second while something does: it has to be quick."""

    def stopped(self) -> str:
        """Why nothing may leave now; empty: it may."""
        ...


class NeverStopped:
    """For what has no switch: tests, and tools run by hand."""

    def stopped(self) -> str:
        return ""


NEVER_STOPPED = NeverStopped()
