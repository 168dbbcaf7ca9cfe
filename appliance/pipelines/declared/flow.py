"""Which step can follow which, and what is never reached. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from appliance.pipelines.declared.schema import END, BranchStep, Step


def targets(step: Step) -> list[tuple[str, tuple[str | int, ...]]]:
    """Every step that this one names as its follower, with the path to that name within the step."""
    named: list[tuple[str, tuple[str | int, ...]]] = []
    if isinstance(step, BranchStep):
        for number, case in enumerate(step.cases):
            if case.go_to is not None:
                named.append((case.go_to, ("cases", number, "go_to")))
    if step.then is not None:
        named.append((step.then, ("then",)))
    return named


def reached(steps: Sequence[Step]) -> set[str]:
    """The names of steps that some way leads to. Targets must exist."""
    order = [step.name for step in steps]
    by_name = {step.name: number for number, step in enumerate(steps)}
    found: set[str] = set()
    waiting = [0] if steps else []
    while waiting:
        number = waiting.pop()
        if number >= len(steps) or order[number] in found:
            continue
        step = steps[number]
        found.add(step.name)
        waiting += [by_name[name] for name, _ in targets(step) if name != END and name in by_name]
        if step.then is None:
            waiting.append(number + 1)
    return found
