"""What can be wrong with a declared pipeline, each with the place in its file. Values only.

A code is stable; the page writes its own sentence from code and values, in the reader's language.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SENTENCES: Mapping[str, str] = {
    "yaml": "This is not YAML: {problem}.",
    "too_large": "A pipeline's file may have {most} KiB. Shorten it.",
    "too_deep": "Lists and sections may stand {most} deep in each other. Take a level out.",
    "too_many_values": "There are more than {most} values, repeated ones (`*name`) counted each time. Take some out.",
    "alias_unknown": "`*{name}` repeats something that is not there, or that holds itself. Write it out.",
    "tag": "Tags such as `{name}` are not read here. Take it out.",
    "several_documents": "A file holds one pipeline. Move what follows `---` into a file of its own.",
    "empty": "The file is empty. Begin with `format: 1` and `name:`.",
    "not_a_section": "Here must be a section: lines of `key: value`.",
    "key_twice": "`{key}` stands here twice; the first is in line {first}. Take one out.",
    "key_not_text": "A key must be a word.",
    "unknown_key": "`{key}` is not known here.{nearest}",
    "missing": "`{key}` is missing.",
    "wrong_value": "`{key}`: {problem}.",
    "wrong_type": "`{key}` must be {wanted}.",
    "not_one_of": "`{key}` must be one of {known}.",
    "too_small": "`{key}` must be at least {least}.",
    "not_above": "`{key}` must be more than {least}.",
    "too_big": "`{key}` may be {most} at most.",
    "too_long": "`{key}` may have {most} characters at most.",
    "too_short": "`{key}` is empty.",
    "too_many": "`{key}` may have {most} entries at most.",
    "too_few": "`{key}` needs at least {least}.",
    "name_form": "`{key}` has small letters, digits and `{joint}`, and begins with a letter.",
    "unknown_kind": "There is no kind of step {kind}. Kinds are {known}.{nearest}",
    "format": "This file has format {format}; {known} is read here. Update the appliance, or write `format: {known}`.",
    "name_of_file": "The pipeline {name} must stand in a file named {file}.",
    "name_taken": "{name} is a way to answer that comes with the appliance. Choose another name.",
    "name_of_model": "{name} is the name of a model. Choose another name for the pipeline.",
    "name_twice": "There are two steps named {name}; the first is in line {first}. Rename one.",
    "no_steps": "A pipeline has at least one step.",
    "template_unclosed": "`{{{{` is not closed. Write {{{{ inputs.question }}}} or {{{{ steps.NAME.text }}}}.",
    "template_wrong": "`{said}` names nothing. Write {{{{ inputs.question }}}} or {{{{ steps.NAME.text }}}}.",
    "template_many": "There are more than {most} values in it.",
    "sql_template": "SQL takes values by `:name` under `values` alone.",
    "expression_sign": "`{said}` at character {at} means nothing here.",
    "expression_more": "`{said}` at character {at} is too much. Join conditions by `and` or `or`.",
    "expression_deep": "Conditions may stand {most} deep in each other.",
    "expression_open": "At character {at} `)` is missing.",
    "expression_is": "At character {at} `empty` or `not empty` must follow `is`.",
    "expression_end": "The condition ends too early.",
    "expression_value": "At character {at} a value must stand, not `{said}`.",
    "unknown_input": "There is no input {name}.{nearest}",
    "unknown_step": "There is no step {name}.{nearest}",
    "later_step": "The step {name} comes later, in line {line}. Only what has run already can be used.",
    "own_step": "The step {name} cannot use itself.",
    "unknown_field": "A step of kind {kind} has no {field}; it has {known}.{nearest}",
    "unused_kind": "The step {name} is a branch, which has no result.",
    "not_passages": "The step {name} is of kind {kind}; here must be a retrieve or rerank step.",
    "not_true_or_false": "`{what}` is {found}; a condition needs true or false, or a comparison.",
    "not_compared": "{left} and {right} cannot be compared by {by}.",
    "goes_back": "{name} stands before this step: that would run in a circle. Go on to a later step.",
    "never_reached": "No way leads to the step {name}. Take it out, or name it in a branch.",
    "output_unknown": "The output names {name}, and there is no such step.{nearest}",
    "calls_itself": "Pipelines call each other in a circle: {way}.",
    "unknown_pipeline": "There is no pipeline {name}.{nearest}",
    "unknown_model": "No engine serves a model named {name}.{nearest} `appliance models` lists them.",
    "unknown_collection": "There is no collection named {name}.{nearest}",
    "unknown_group": "There is no group named {name}.{nearest}",
    "unknown_source": "There is no data source named {name}.{nearest} Administrators add them under "
    "Administration › Data.",
    "unknown_question": "There is no saved question {name} for that source.{nearest}",
    "unknown_tool": "There is no tool named {name}.{nearest}",
    "unknown_purpose": "The prompt catalogue has no purpose {name}.{nearest}",
    "no_catalogue": "There is no prompt catalogue here. Write the words as `text`.",
    "unknown_parameter": "Nothing takes a value named {name}.{nearest}",
    "missing_parameter": "`{name}` needs a value under `{under}`.",
    "one_of": "Give exactly one of {names}.",
    "sources_and_passages": "Passages come in by `sources` or by {{{{ steps.{name}.text }}}}, not by both.",
    "two_passages": "Passages of {first} and of {name} would have the same numbers. Put one into a prompt of its own, "
    "or rank them together.",
    "input_default": "The default of {name} must be {wanted}.",
    "answer_schema": "`answer_schema` is no JSON Schema: {problem}.",
    "answer_schema_object": "The `type` of `answer_schema` must be `object`.",
}
"""English sentences, for files, the command line and the log."""

WORDS: Mapping[str, str] = {
    "text": "text",
    "quoted_text": "text, in quotation marks if need be",
    "number": "a number",
    "whole_number": "a whole number",
    "boolean": "true or false",
    "date": "a date such as 2026-11-22",
    "list": "a list",
    "yaml_list": "a list, each entry behind `- `",
    "section": "a section of `key: value` lines",
    "table": "a table",
    "object": "a JSON object",
    "passages": "passages",
    "any": "any value",
    "nothing": "nothing",
    "choice": "one of the choices",
}
"""What stands under `wanted`, `found`, `left` and `right`."""
_IN_WORDS = frozenset(("wanted", "found", "left", "right"))


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. line, column: from 1. path: of the value, as in the file: ("steps", 0, "limit")."""

    line: int
    column: int
    code: str
    values: Mapping[str, Any] = field(default_factory=dict)
    path: tuple[str | int, ...] = ()

    @property
    def sentence(self) -> str:
        """What is wrong and what to do, in English."""
        told = {key: _told(key, value) for key, value in self.values.items()}
        return SENTENCES[self.code].format(**told).strip()

    def at(self, file: str) -> str:
        """As compilers write it: `FILE:LINE:COLUMN: sentence`."""
        return f"{file}:{self.line}:{self.column}: {self.sentence}"


def _told(key: str, value: Any) -> str:  # noqa: ANN401 - any value of a finding
    if key == "nearest":
        return f" Did you mean {value}?" if value else ""
    if key in _IN_WORDS:
        return " or ".join(WORDS[one] for one in str(value).split())
    return str(value)
