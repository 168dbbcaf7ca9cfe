"""The order of the ladder. Pure; docs/failover.md prints the table, and a test holds the two together.

Whatever stays on the box comes before what leaves it, and whatever a model writes before what is only quoted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

StepKind = Literal["same", "smaller", "cloud", "again"]


@dataclass(frozen=True, slots=True)
class RungRule:
    """One line of the table. name: as it stands in `x-answered-by-rung`; empty: nothing answers."""

    name: str
    answers: str
    when: str
    asks: str


LADDER = (
    RungRule(
        "same",
        "the model that was asked for",
        "always tried first, on the engine with the least to do",
        "nothing",
    ),
    RungRule(
        "elsewhere",
        "the same model on another engine of the box",
        "the first engine failed before its first token, or its circuit opened",
        "an engine with the same model",
    ),
    RungRule(
        "smaller",
        "another model of the box",
        "no engine of the model answers, or its line is full",
        "`[models.smaller]`; not `x-allow-smaller: false`, not a key without smaller models; it reads as much and can "
        "do what the request needs",
    ),
    RungRule(
        "cloud",
        "a model of a cloud",
        "nothing on the box answers, the line takes longer than `leaving.queue_s`, or its model was asked for by name",
        "a permit by `[leaving]`, a budget that is not used up, a circuit that is not open",
    ),
    RungRule(
        "quoted",
        "the documents' own words",
        "no model answered, and the question was about documents",
        "something relevant in them",
    ),
    RungRule(
        "",
        "a sentence that says when to come back",
        "nothing else is left",
        "nothing; `retry-after` where the time is known",
    ),
)
"""From top to bottom."""


@dataclass(frozen=True, slots=True)
class Step:
    """A way to try. model: whose engines are asked."""

    kind: StepKind
    model: str


def steps_of(model: str, *, is_here: bool, smaller: Sequence[str], has_cloud: bool) -> tuple[Step, ...]:
    """What is tried for one request, in order.

    is_here: an engine of the box has the model. smaller: those that may stand in, best first. In the end the model
    itself is asked once more, where others were tried meanwhile: it may be on its way back.
    """
    steps = [Step("same", model)] if is_here else []
    steps += [Step("smaller", one) for one in dict.fromkeys(smaller) if one != model]
    if has_cloud:
        steps.append(Step("cloud", model))
    if is_here and len(steps) > 1:
        steps.append(Step("again", model))
    return tuple(steps)
