"""A pipeline whose form is right, held against itself and what there is: references, types, names and ways on.

All findings are told at once, each with the path of the value that it is about. Pure.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from appliance.pipelines.declared import expressions
from appliance.pipelines.declared.flow import circle, reached, targets
from appliance.pipelines.declared.inputs import default_problem
from appliance.pipelines.declared.references import (
    Reference,
    ResultType,
    TemplateWrong,
    fields_of,
    input_type,
    parse_template,
    type_within,
)
from appliance.pipelines.declared.schema import (
    END,
    BranchStep,
    BrokenStep,
    CallStep,
    PipelineFile,
    PromptStep,
    RerankStep,
    RetrieveStep,
    SqlStep,
    Step,
    TranscribeStep,
)
from appliance.pipelines.declared.surroundings import Surroundings

Path = tuple[str | int, ...]
_PARAMETER = re.compile(r"(?<![:\w]):([A-Za-z_]\w*)")
_SQL_LITERAL = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|--[^\n]*|/\*.*?\*/", re.S)
_ORDERED: frozenset[ResultType] = frozenset(("text", "number", "any"))
_HOLDING: frozenset[ResultType] = frozenset(("text", "list", "table", "object", "any"))


@dataclass(frozen=True, slots=True)
class Wrong:
    """A finding that does not know its line yet."""

    path: Path
    code: str
    values: Mapping[str, Any]


def nearest(name: str, known: Iterable[str]) -> str:
    """The right name that is most like it; empty where none is."""
    like = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return like[0] if like else ""


def check(file: PipelineFile, lines: Mapping[str, int], around: Surroundings) -> list[Wrong]:
    """lines: where each step begins."""
    return list(_Checks(file, lines, around).all())


class _Checks:
    def __init__(self, file: PipelineFile, lines: Mapping[str, int], around: Surroundings) -> None:
        self._file = file
        self._lines = lines
        self._around = around
        self._steps: Sequence[Step] = file.steps
        self._numbers: dict[str, int] = {}
        for number, step in enumerate(file.steps):
            self._numbers.setdefault(step.name, number)

    def all(self) -> Iterator[Wrong]:
        yield from self._names()
        yield from self._inputs()
        yield from self._output()
        yield from self._ways()
        for number, step in enumerate(self._steps):
            for wrong in self._step(number, step):
                yield Wrong(("steps", number, *wrong.path), wrong.code, wrong.values)
        yield from self._calls()

    # names ------------------------------------------------------------------------------------------

    def _names(self) -> Iterator[Wrong]:
        if self._file.name in self._around.built_in:
            yield Wrong(("name",), "name_taken", {"name": self._file.name})
        elif self._file.name in (self._around.models or ()):
            yield Wrong(("name",), "name_of_model", {"name": self._file.name})
        for number, step in enumerate(self._steps):
            first = self._numbers[step.name]
            if first != number:
                values = {"name": step.name, "first": self._lines.get(f"#{first}", 1)}
                yield Wrong(("steps", number, "name"), "name_twice", values)
        for number, group in enumerate(self._file.groups):
            yield from _known(("groups", number), "unknown_group", group, self._around.groups)

    def _inputs(self) -> Iterator[Wrong]:
        for name, one in self._file.inputs.items():
            problem = default_problem(one)
            if problem:
                yield Wrong(("inputs", name, "default"), "input_default", {"name": name, "wanted": problem})

    def _output(self) -> Iterator[Wrong]:
        is_list = not isinstance(self._file.output, str)
        for number, name in enumerate(self._file.outputs):
            path: Path = ("output", number) if is_list else ("output",)
            known = self._numbers.get(name)
            if known is None:
                values = {"name": name, "nearest": nearest(name, self._numbers)}
                yield Wrong(path, "output_unknown", values)
            elif isinstance(self._steps[known], BranchStep):
                yield Wrong(path, "unused_kind", {"name": name})

    def _ways(self) -> Iterator[Wrong]:
        is_sound = True
        for number, step in enumerate(self._steps):
            for name, path in targets(step):
                whole = ("steps", number, *path)
                if name == END:
                    continue
                known = self._numbers.get(name)
                if known is None:
                    is_sound = False
                    values = {"name": name, "nearest": nearest(name, [*self._numbers, END])}
                    yield Wrong(whole, "unknown_step", values)
                elif known <= number:
                    is_sound = False
                    yield Wrong(whole, "goes_back", {"name": name})
        if is_sound and not any(isinstance(step, BrokenStep) for step in self._steps):
            there = reached(self._steps)
            for number, step in enumerate(self._steps):
                if step.name not in there:
                    yield Wrong(("steps", number, "name"), "never_reached", {"name": step.name})

    # steps ------------------------------------------------------------------------------------------

    def _step(self, number: int, step: Step) -> Iterator[Wrong]:
        if isinstance(step, RetrieveStep):
            yield from self._template(number, ("question",), step.question)
            for index, name in enumerate(step.collections):
                yield from _known(
                    ("collections", index), "unknown_collection", name, self._around.collections
                )
            yield from self._values(number, "filters", step.filters)
        elif isinstance(step, PromptStep):
            yield from self._prompt(number, step)
        elif isinstance(step, SqlStep):
            yield from self._sql(number, step)
        elif isinstance(step, RerankStep):
            yield from self._template(number, ("question",), step.question)
            yield from self._passages(number, ("passages",), step.passages)
        elif isinstance(step, TranscribeStep):
            yield from self._template(number, ("file",), step.file)
        elif isinstance(step, BranchStep):
            for index, case in enumerate(step.cases):
                yield from _one_of((), {"go_to": case.go_to, "say": case.say}, ("cases", index))
                yield from self._condition(number, ("cases", index, "when"), case.when)
        elif isinstance(step, CallStep):
            yield from self._call(number, step)

    def _prompt(self, number: int, step: PromptStep) -> Iterator[Wrong]:
        yield from _one_of((), {"text": step.text, "purpose": step.purpose})
        yield from self._template(number, ("question",), step.question)
        if step.text is not None:
            yield from self._template(number, ("text",), step.text)
        if step.purpose is not None:
            if not self._around.has_catalogue:
                yield Wrong(("purpose",), "no_catalogue", {})
            else:
                yield from _known(("purpose",), "unknown_purpose", step.purpose, self._around.purposes)
        if step.model is not None:
            yield from _known(("model",), "unknown_model", step.model, self._around.models)
        if step.sources is not None:
            yield from self._passages(number, ("sources",), step.sources)
        held = [one for one in _readable(step.text or "", step.question) if self._brings_passages(one)]
        if held and step.sources is not None:
            yield Wrong(("sources",), "sources_and_passages", {"name": held[0].name})
        others = [one for one in held if one.name != held[0].name]
        if others:
            yield Wrong(("text",), "two_passages", {"first": held[0].name, "name": others[0].name})
        if step.answer_schema is not None:
            from jsonschema import (  # here: with its formats it takes a second to load
                Draft202012Validator,
                SchemaError,
            )

            try:
                Draft202012Validator.check_schema(step.answer_schema)
            except SchemaError as error:
                yield Wrong(("answer_schema",), "answer_schema", {"problem": error.message[:200]})
            if step.answer_schema.get("type") != "object":
                yield Wrong(("answer_schema",), "answer_schema_object", {})

    def _brings_passages(self, reference: Reference) -> bool:
        known = self._numbers.get(reference.name) if reference.root == "steps" else None
        found = None if known is None else self._steps[known]
        return isinstance(found, RetrieveStep | RerankStep) and reference.path[:1] == ("text",)

    def _sql(self, number: int, step: SqlStep) -> Iterator[Wrong]:
        yield from _one_of((), {"query": step.query, "saved_question": step.saved_question})
        yield from _known(("source",), "unknown_source", step.source, self._around.sources)
        yield from self._values(number, "values", step.values)
        questions = self._around.questions
        if (
            step.saved_question is not None
            and questions is not None
            and step.source in (self._around.sources or ())
        ):
            asked = frozenset(questions.get(step.source, ()))
            yield from _known(("saved_question",), "unknown_question", step.saved_question, asked)
        if step.query is not None:
            if "{{" in step.query:
                yield Wrong(("query",), "sql_template", {})
            named = parameters_in(step.query)
            for name in step.values:
                if name not in named:
                    values = {"name": name, "nearest": nearest(name, named)}
                    yield Wrong(("values", name), "unknown_parameter", values)
            for name in sorted(named - set(step.values)):
                yield Wrong(("query",), "missing_parameter", {"name": name, "under": "values"})

    def _call(self, number: int, step: CallStep) -> Iterator[Wrong]:
        yield from _one_of((), {"pipeline": step.pipeline, "model": step.model, "tool": step.tool})
        yield from self._template(number, ("question",), step.question)
        yield from self._values(number, "values", step.values)
        if step.model is not None:
            yield from _known(("model",), "unknown_model", step.model, self._around.models)
        if step.tool is not None and "." not in step.tool:  # a server's own are known to those who may use it
            yield from _known(("tool",), "unknown_tool", step.tool, self._around.tools)
        pipelines = self._around.pipelines
        if step.pipeline is None or pipelines is None or step.pipeline == self._file.name:
            return
        yield from _known(("pipeline",), "unknown_pipeline", step.pipeline, frozenset(pipelines))
        called = pipelines.get(step.pipeline)
        if called is None:
            return
        for name in step.values:
            if name not in called.inputs:
                values = {"name": name, "nearest": nearest(name, called.inputs)}
                yield Wrong(("values", name), "unknown_parameter", values)
        for name, one in called.inputs.items():
            if name != "question" and one.default is None and name not in step.values:
                yield Wrong(("pipeline",), "missing_parameter", {"name": name, "under": "values"})

    # references -------------------------------------------------------------------------------------

    def _template(self, number: int, path: Path, text: str) -> Iterator[Wrong]:
        try:
            pieces = parse_template(text)
        except TemplateWrong as wrong:
            yield Wrong(path, wrong.code, wrong.values)
            return
        for piece in pieces:
            if isinstance(piece, Reference):
                yield from self._reference(number, path, piece)

    def _values(self, number: int, key: str, values: Mapping[str, Any]) -> Iterator[Wrong]:
        for name, value in values.items():
            if isinstance(value, str):
                yield from self._template(number, (key, name), value)

    def _reference(self, number: int, path: Path, reference: Reference) -> Iterator[Wrong]:
        if reference.root == "inputs":
            if reference.name not in self._file.inputs:
                hint = nearest(reference.name, self._file.inputs)
                yield Wrong(path, "unknown_input", {"name": reference.name, "nearest": hint})
            return
        wrong = self._used_step(number, path, reference.name)
        if wrong is not None:
            yield wrong
            return
        step = self._steps[self._numbers[reference.name]]
        if isinstance(step, BranchStep):
            yield Wrong(path, "unused_kind", {"name": step.name})
            return
        if type_within(step, reference.path) is None:
            field = ".".join(reference.path)
            values = {
                "kind": step.kind,  # type: ignore[attr-defined]
                "field": field,
                "known": ", ".join(fields_of(step)),
                "nearest": nearest(field, fields_of(step)),
            }
            yield Wrong(path, "unknown_field", values)

    def _used_step(self, number: int, path: Path, name: str) -> Wrong | None:
        known = self._numbers.get(name)
        if known is None:
            return Wrong(path, "unknown_step", {"name": name, "nearest": nearest(name, self._numbers)})
        if known == number:
            return Wrong(path, "own_step", {"name": name})
        if known > number:
            return Wrong(path, "later_step", {"name": name, "line": self._lines.get(f"#{known}", 1)})
        return None

    def _passages(self, number: int, path: Path, name: str) -> Iterator[Wrong]:
        wrong = self._used_step(number, path, name)
        if wrong is not None:
            yield wrong
            return
        step = self._steps[self._numbers[name]]
        if not isinstance(step, RetrieveStep | RerankStep | BrokenStep):
            kind = step.kind  # type: ignore[attr-defined]
            yield Wrong(path, "not_passages", {"name": name, "kind": kind})

    def _condition(self, number: int, path: Path, text: str) -> Iterator[Wrong]:
        try:
            condition = expressions.parse(text)
        except expressions.ExpressionWrong as wrong:
            yield Wrong(path, wrong.code, wrong.values)
            return
        is_sound = True
        for operand in expressions.operands(condition):
            if isinstance(operand, Reference):
                for found in self._reference(number, path, operand):
                    is_sound = False
                    yield found
        if is_sound:
            for compared in expressions.comparisons(condition):
                yield from self._compared(path, compared)

    def _compared(self, path: Path, part: expressions.Compared | expressions.Truth) -> Iterator[Wrong]:
        if isinstance(part, expressions.Truth):
            found = self._type(part.operand)
            if found not in ("boolean", "any"):
                what = str(part.operand) if isinstance(part.operand, Reference) else str(part.operand.value)
                yield Wrong(path, "not_true_or_false", {"what": what, "found": found or "nothing"})
            return
        left, right = self._type(part.left), self._type(part.right)
        if left is None or right is None:  # null
            fits = part.sign in ("==", "!=")
        elif part.sign == "contains":
            fits = left in _HOLDING and (left != "text" or right in ("text", "any"))
        elif part.sign in ("==", "!="):
            fits = left == right or "any" in (left, right)
        else:
            fits = left in _ORDERED and right in _ORDERED and (left == right or "any" in (left, right))
        if not fits:
            values = {"left": left or "nothing", "right": right or "nothing", "by": f"`{part.sign}`"}
            yield Wrong(path, "not_compared", values)

    def _type(self, operand: expressions.Operand) -> ResultType | None:
        if isinstance(operand, Reference):
            if operand.root == "inputs":
                return input_type(self._file.inputs[operand.name])
            return type_within(self._steps[self._numbers[operand.name]], operand.path)
        if isinstance(operand.value, bool):
            return "boolean"
        if operand.value is None:
            return None
        return "text" if isinstance(operand.value, str) else "number"

    # calls between files ------------------------------------------------------------------------------

    def _calls(self) -> Iterator[Wrong]:
        known = dict(self._around.pipelines or {})
        known[self._file.name] = self._file
        for number, step in enumerate(self._steps):
            if isinstance(step, CallStep) and step.pipeline is not None:
                way = circle(self._file.name, step.pipeline, known)
                if way:
                    yield Wrong(("steps", number, "pipeline"), "calls_itself", {"way": " → ".join(way)})


def parameters_in(sql: str) -> frozenset[str]:
    """The names of `:parameters` in SQL, outside of its texts and comments."""
    return frozenset(_PARAMETER.findall(_SQL_LITERAL.sub(" ", sql)))


def _known(path: Path, code: str, name: str, known: Collection[str] | None) -> Iterator[Wrong]:
    if known is not None and name not in known:
        yield Wrong(path, code, {"name": name, "nearest": nearest(name, known)})


def _one_of(path: Path, given: Mapping[str, Any], within: Path = ()) -> Iterator[Wrong]:
    if sum(value is not None for value in given.values()) != 1:
        yield Wrong((*within, *path), "one_of", {"names": " and ".join(f"`{name}`" for name in given)})


def _readable(*texts: str) -> list[Reference]:
    found: list[Reference] = []
    for text in texts:
        try:
            found += [piece for piece in parse_template(text) if isinstance(piece, Reference)]
        except TemplateWrong:
            continue
    return found
