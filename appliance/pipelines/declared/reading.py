"""A pipeline's file from text to something that can run, or to everything that is wrong with it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from typing import Any

from pydantic import BaseModel, ValidationError

from appliance.domain.pipeline_findings import Finding
from appliance.pipelines.declared.checking import Wrong, check, nearest
from appliance.pipelines.declared.located import Located, Path, read
from appliance.pipelines.declared.schema import (
    FORMAT,
    KINDS,
    BrokenStep,
    Case,
    Input,
    PipelineFile,
    Step,
    Words,
)
from appliance.pipelines.declared.surroundings import Surroundings

_SUFFIX = ".yaml"
_TYPES: Mapping[str, str] = {
    "string_type": "quoted_text",
    "int_type": "whole_number",
    "int_from_float": "whole_number",
    "float_type": "number",
    "bool_type": "boolean",
    "list_type": "yaml_list",
    "dict_type": "section",
    "model_type": "section",
    "model_attributes_type": "section",
}
# A fault of pydantic's, as a finding: its code, and which of the fault's own values stand under which name.
_BOUNDS: Mapping[str, tuple[str, str, str]] = {
    "greater_than_equal": ("too_small", "ge", "least"),
    "greater_than": ("not_above", "gt", "least"),
    "less_than_equal": ("too_big", "le", "most"),
    "string_too_long": ("too_long", "max_length", "most"),
    "string_too_short": ("too_short", "min_length", "least"),
    "too_long": ("too_many", "max_length", "most"),
    "too_short": ("too_few", "min_length", "least"),
    "literal_error": ("not_one_of", "expected", "known"),
}


@dataclass(frozen=True)
class Parsed:
    """A file that could be read. file None: its form is wrong, and findings say where; partial: what of it is right."""

    text: str
    file_name: str
    tree: Located | None
    file: PipelineFile | None
    findings: tuple[Finding, ...]
    partial: PipelineFile | None = None

    @cached_property
    def hash(self) -> str:
        """Of the text as it stands."""
        return digest(self.text)

    @property
    def name(self) -> str:
        """By the file's name, which is the pipeline's own."""
        return self.file_name.removesuffix(_SUFFIX)


def digest(text: str) -> str:
    """SHA-256 of a file's text."""
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def parse(text: str, file_name: str) -> Parsed:
    """Read and hold against the schema; every fault of form that can be told at once is told."""
    tree, findings = read(text)
    if tree is None:
        return Parsed(text, file_name, None, None, tuple(findings))
    findings = [*findings, *_form(tree, file_name)]
    if findings:
        return Parsed(text, file_name, tree, None, _in_order(findings), _partial(tree.plain()))
    return Parsed(text, file_name, tree, PipelineFile.model_validate(tree.plain()), ())


def checked(parsed: Parsed, around: Surroundings) -> tuple[Finding, ...]:
    """What is wrong with it here and now: its form, and if that is right, all that it names."""
    file = parsed.file or parsed.partial
    if file is None or parsed.tree is None:
        return parsed.findings
    lines = {f"#{number}": parsed.tree.place(("steps", number))[0] for number in range(len(file.steps))}
    found = [_located(parsed.tree, wrong) for wrong in check(file, lines, around)]
    return _in_order([*parsed.findings, *found])


def _partial(plain: Any) -> PipelineFile | None:  # noqa: ANN401 - any YAML
    """The steps that are right among placeholders for those that are not; None where too little can be told."""
    if not isinstance(plain, dict) or plain.get("format") != FORMAT:
        return None
    given, inputs, output = plain.get("steps"), plain.get("inputs"), plain.get("output", [])
    if not isinstance(given, list) or not isinstance(plain.get("name"), str):
        return None
    if inputs is not None and not isinstance(inputs, dict):
        return None
    outputs = output if isinstance(output, list) else []
    known: dict[str, Any] = {
        "name": plain["name"],
        "groups": [],
        "inputs": {"question": Input()}
        if inputs is None
        else {name: _or(Input, one) for name, one in inputs.items()},
        "steps": [_step(one, number) for number, one in enumerate(given)],
        "output": output
        if isinstance(output, str)
        else [one if isinstance(one, str) else "" for one in outputs],
    }
    return PipelineFile.model_construct(**known)


def _or(model: type[Input], values: Any) -> Input:  # noqa: ANN401 - any YAML
    try:
        return model.model_validate(values)
    except ValidationError:
        return model()


def _step(values: Any, number: int) -> Any:  # noqa: ANN401 - any YAML, and one of the kinds
    name = values.get("name") if isinstance(values, dict) else None
    kind = values.get("kind") if isinstance(values, dict) else None
    model = KINDS.get(kind) if isinstance(kind, str) else None
    try:
        if model is not None:
            return model.model_validate(values)
    except ValidationError:
        pass
    return BrokenStep.model_construct(
        name=name if isinstance(name, str) else f"#{number}", then=None, kind="broken"
    )


def _in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    once: dict[tuple[int, int, str, str], Finding] = {}
    for one in findings:
        # what may be of several types misses each of them: told as one
        key = (one.line, one.column, one.code, "" if one.code == "wrong_type" else one.sentence)
        before = once.get(key)
        if before is not None and one.code == "wrong_type":
            wanted = " ".join(
                dict.fromkeys([*str(before.values["wanted"]).split(), str(one.values["wanted"])])
            )
            one = replace(one, values={**one.values, "wanted": wanted})
        once[key] = one
    return tuple(sorted(once.values(), key=lambda one: (one.line, one.column, one.code)))


def _located(tree: Located, wrong: Wrong) -> Finding:
    line, column = tree.place(wrong.path)
    return Finding(line, column, wrong.code, wrong.values, wrong.path)


# Form -------------------------------------------------------------------------------------------------


def _form(tree: Located, file_name: str) -> list[Finding]:
    if not isinstance(tree.value, dict):
        return [Finding(tree.line, tree.column, "not_a_section")]
    version = tree.value.get("format")
    if version is not None and version.value != FORMAT:
        line, column = tree.place(("format",))
        return [
            Finding(line, column, "format", {"format": str(version.value)[:20], "known": FORMAT}, ("format",))
        ]
    found = [_located(tree, wrong) for wrong in _whole(tree)]
    name = tree.value.get("name")
    if name is not None and isinstance(name.value, str) and file_name != f"{name.value}{_SUFFIX}":
        line, column = tree.place(("name",))
        values = {"name": name.value[:80], "file": f"{name.value[:80]}{_SUFFIX}"}
        found.append(Finding(line, column, "name_of_file", values, ("name",)))
    return found


def _whole(tree: Located) -> Iterable[Wrong]:
    """Of the file and of each step by its own kind, so that one broken step hides nothing of another."""
    plain = tree.plain()
    steps = plain.get("steps")
    yield from _against(
        PipelineFile, {**plain, "steps": [_SOME_STEP]} if isinstance(steps, list) else plain, ()
    )
    if not isinstance(steps, list):
        return
    if not steps:
        yield Wrong(("steps",), "no_steps", {})
    if len(steps) > 50:
        yield Wrong(("steps",), "wrong_value", {"key": "steps", "problem": "at most 50 entries"})
    for number, step in enumerate(steps):
        path: Path = ("steps", number)
        if not isinstance(step, dict):
            yield Wrong(path, "not_a_section", {})
            continue
        kind = step.get("kind")
        model = KINDS.get(kind) if isinstance(kind, str) else None
        if model is not None:
            yield from _against(model, step, path)
        elif "kind" not in step:
            yield Wrong(path, "missing", {"key": "kind"})
        else:
            said = kind if isinstance(kind, str) else repr(kind)
            values = {"kind": said[:60], "known": ", ".join(KINDS), "nearest": nearest(said, KINDS)}
            yield Wrong((*path, "kind"), "unknown_kind", values)


_SOME_STEP = {"name": "some", "kind": "retrieve"}


def _against(model: type[BaseModel], values: Mapping[str, Any], path: Path) -> Iterable[Wrong]:
    try:
        model.model_validate(values)
    except ValidationError as error:
        for problem in error.errors(include_url=False, include_input=False, include_context=True):
            yield _told(model, problem, path)


def _told(model: type[BaseModel], problem: Any, path: Path) -> Wrong:  # noqa: ANN401 - pydantic's own shape
    where = tuple(part for part in problem["loc"] if part not in _BRANCHES)
    whole, kind = (*path, *where), problem["type"]
    key = next((str(part) for part in reversed(where) if isinstance(part, str)), "")
    if kind == "extra_forbidden":
        return Wrong(
            whole, "unknown_key", {"key": key[:60], "nearest": nearest(key, _keys(model, where[:-1]))}
        )
    if kind == "missing":
        return Wrong(whole[:-1], "missing", {"key": key})
    if kind in _TYPES:
        return Wrong(whole, "wrong_type", {"key": key, "wanted": _TYPES[kind]})
    if kind in _BOUNDS:
        code, given, name = _BOUNDS[kind]
        return Wrong(whole, code, {"key": key, name: str(problem["ctx"][given]).replace("'", "")})
    if kind == "string_pattern_mismatch":
        return Wrong(
            whole, "name_form", {"key": key, "joint": "-" if key == "name" and len(path) == 0 else "_"}
        )
    message = str(problem["msg"])
    return Wrong(whole, "wrong_value", {"key": key, "problem": message[:1].lower() + message[1:300]})


# What pydantic puts into a location for the branch of a union that it tried.
_BRANCHES = frozenset(
    (
        "str",
        "int",
        "float",
        "bool",
        "none",
        "[key]",
        "list[constrained-str]",
        "constrained-str",
        "function-plain[list()]",
    )
)
_WITHIN: Mapping[str, type[BaseModel]] = {
    "title": Words,
    "description": Words,
    "say": Words,
    "cases": Case,
    "inputs": Input,
}


def _keys(model: type[BaseModel], where: tuple[Any, ...]) -> Iterable[str]:
    """The keys that the section at `where` may have."""
    names = [part for part in where if isinstance(part, str)]
    within = next((_WITHIN[part] for part in reversed(names) if part in _WITHIN), model)
    return within.model_fields


def steps_by_name(file: PipelineFile) -> dict[str, Step]:
    """Each step under its name."""
    return {step.name: step for step in file.steps}
