"""Whether a model fits on a machine, with how much context for how many at once: the arithmetic, and what is given up.

Pure: takes values and returns values. What cannot be known before a start is rounded up (see overheads.py for the
figures and where they come from); what a start really used replaces it (measured.py). An engine must never die
of memory.
"""

from __future__ import annotations

from collections.abc import Sequence

from inference.hardware import Hardware
from inference.models.shape import ModelShape
from inference.placement.wish import ArithmeticLine, Plan, Wish

__all__ = ["ArithmeticLine", "Plan", "Wish", "plan"]


def plan(shape: ModelShape, hardware: Hardware, wish: Wish, alternatives: Sequence[ModelShape] = ()) -> Plan:
    """The best way to run this model here.

    alternatives: the same model in other quantisations; only these can make the verdict "quantised".
    """
    raise NotImplementedError
