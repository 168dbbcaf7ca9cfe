"""Which step can follow which, what is never reached, and which files call each other in a circle. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from appliance.pipelines.declared.schema import END, BranchStep, CallStep, PipelineFile, Step


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


def circle(name: str, first: str, known: Mapping[str, PipelineFile | None]) -> list[str]:
    """The way from a pipeline by its call of `first` back to itself; empty where there is none."""
    stack = [[name, first]]
    seen: set[str] = set()
    while stack:
        way = stack.pop()
        if way[-1] == name:
            return way
        if way[-1] in seen:
            continue
        seen.add(way[-1])
        file = known.get(way[-1])
        for step in file.steps if file is not None else ():
            if isinstance(step, CallStep) and step.pipeline is not None:
                stack.append([*way, step.pipeline])
    return []
