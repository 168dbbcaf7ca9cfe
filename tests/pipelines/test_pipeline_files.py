"""A pipeline's file: each fault told with line and column, none ever a crash, and a form that reads back."""

from __future__ import annotations

import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.commands.pipeline_reference import reference
from appliance.domain.pipeline_findings import SENTENCES, WORDS, Finding
from appliance.pipelines.declared.files import SHIPPED
from appliance.pipelines.declared.located import MOST_BYTES, MOST_DEPTH, read
from appliance.pipelines.declared.reading import checked, parse
from appliance.pipelines.declared.schema import PipelineFile
from appliance.pipelines.declared.surroundings import Surroundings
from appliance.pipelines.declared.writing_yaml import as_file, as_values
from ui.texts.pipeline_fields import ABOUT
from ui.texts.pipeline_findings import PIPELINE_FINDINGS

FILE = """\
format: 1
name: letter
title: {en: Letter, es: Carta}
groups: [Sales]
inputs:
  question: {type: text}
  days: {type: integer, default: 3}
steps:
  - name: found
    kind: retrieve
    collections: [Rules]
    limit: 5
  - name: total
    kind: sql
    source: Shop
    query: SELECT count(*) FROM orders WHERE day > :days
    values:
      days: "{{ inputs.days }}"
  - name: which
    kind: branch
    cases:
      - when: steps.found.count == 0 and not steps.total.value is empty
        say: {en: Nothing., es: Nada.}
      - when: inputs.question contains "total"
        go_to: told
  - name: best
    kind: rerank
    passages: found
  - name: letter
    kind: prompt
    model: fast
    text: Write a letter. The total is {{ steps.total.value }}.
    sources: best
    then: end
  - name: told
    kind: call
    pipeline: other
    question: "{{ inputs.question }}"
output: [letter, told]
"""
OTHER = """\
format: 1
name: other
title: {en: Other, es: Otro}
steps:
  - {name: asked, kind: call, tool: query_data, values: {question: "{{ inputs.question }}"}}
output: asked
"""


def _around(**more: Any) -> Surroundings:
    other = parse(OTHER, "other.yaml").file
    known: dict[str, Any] = {
        "models": frozenset(("fast", "clever")),
        "collections": frozenset(("Rules",)),
        "groups": {"Sales": None},
        "sources": frozenset(("Shop",)),
        "questions": {"Shop": ("Orders of the week",)},
        "tools": frozenset(("query_data",)),
        "purposes": frozenset(("tone",)),
        "pipelines": {"other": other, "answer-with-sources": None},
        "built_in": frozenset(("answer-with-sources",)),
    }
    return Surroundings(**{**known, **more})


def _found(text: str, file: str = "letter.yaml", **more: Any) -> list[Finding]:
    return list(checked(parse(text, file), _around(**more)))


def test_a_right_file_has_no_findings() -> None:
    """The file that every fault below is made from."""
    assert _found(FILE) == []


FAULTS = [
    ("kind: rerank", "kind: rarenk", "unknown_kind", 27, 5),
    ("limit: 5", "limit: five", "wrong_type", 12, 5),
    ("limit: 5", "limit: 0", "too_small", 12, 5),
    ("limit: 5", "limit: 51", "too_big", 12, 5),
    ("limit: 5", "limits: 5", "unknown_key", 12, 5),
    ("limit: 5", "limit: 5\n    limit: 6", "key_twice", 13, 5),
    ("limit: 5", "limit: yes", "wrong_type", 12, 5),
    ("name: best", "name: found", "name_twice", 26, 5),
    ("name: best", "name: Best One", "name_form", 26, 5),
    ("format: 1", "format: 2", "format", 1, 1),
    ("name: letter\ntitle", "name: lettre\ntitle", "name_of_file", 2, 1),
    ("title: {en: Letter, es: Carta}", "title: {en: Letter}", "missing", 3, 1),
    ("{type: text}", "{type: txt}", "not_one_of", 6, 14),
    ("default: 3", "default: three", "input_default", 7, 25),
    ("[Sales]", "[Sale]", "unknown_group", 4, 10),
    ("[Rules]", "[Rulez]", "unknown_collection", 11, 19),
    ("source: Shop", "source: Stop", "unknown_source", 15, 5),
    ("model: fast", "model: fats", "unknown_model", 31, 5),
    ("pipeline: other", "pipeline: otter", "unknown_pipeline", 37, 5),
    ("    query: SELECT", "    saved_question: Orders\n    query: SELECT", "one_of", 13, 5),
    (
        "    query: SELECT count(*) FROM orders WHERE day > :days",
        "    saved_question: Orders",
        "unknown_question",
        16,
        5,
    ),
    ("day > :days", "day > :day", "unknown_parameter", 18, 7),
    ("day > :days", "day > :days AND x = :x", "missing_parameter", 16, 5),
    ("day > :days", "day > {{ inputs.days }}", "sql_template", 16, 5),
    ("{{ inputs.days }}", "{{ inputs.day }}", "unknown_input", 18, 7),
    ("{{ inputs.days }}", "{{ inputs.days", "template_unclosed", 18, 7),
    ("{{ inputs.days }}", "{{ days() }}", "template_wrong", 18, 7),
    ("{{ steps.total.value }}", "{{ steps.totl.value }}", "unknown_step", 32, 5),
    ("{{ steps.total.value }}", "{{ steps.told.text }}", "later_step", 32, 5),
    ("{{ steps.total.value }}", "{{ steps.letter.text }}", "own_step", 32, 5),
    ("{{ steps.total.value }}", "{{ steps.total.sum }}", "unknown_field", 32, 5),
    ("{{ steps.total.value }}", "{{ steps.which.text }}", "unused_kind", 32, 5),
    ("{{ steps.total.value }}", "{{ steps.best.text }}", "sources_and_passages", 33, 5),
    ("passages: found", "passages: total", "not_passages", 28, 5),
    ("steps.found.count == 0", "steps.found.count == 0 0", "expression_more", 22, 9),
    ("steps.found.count == 0", "steps.found.count", "not_true_or_false", 22, 9),
    ("steps.found.count == 0", 'steps.found.count > "3"', "not_compared", 22, 9),
    ("steps.found.count == 0", "steps.found.cnt == 0", "unknown_field", 22, 9),
    ("go_to: told", "go_to: tolt", "unknown_step", 25, 9),
    ("go_to: told", "go_to: found", "goes_back", 25, 9),
    ("go_to: told", "say: {en: Yes., es: Si.}", "never_reached", 35, 5),
    ("go_to: told", "go_to: told\n        say: {en: A., es: A.}", "one_of", 24, 9),
    ("output: [letter, told]", "output: [letter, tolt]", "output_unknown", 39, 18),
    ("output: [letter, told]", "output: which", "unused_kind", 39, 1),
    ("text: Write a letter.", "purpose: tone\n    text: Write a letter.", "one_of", 29, 5),
    (
        "text: Write a letter. The total is {{ steps.total.value }}.",
        "purpose: tune",
        "unknown_purpose",
        32,
        5,
    ),
    ("    sources: best", "    sources: best\n    answer_schema: {type: objekt}", "answer_schema", 34, 5),
    (
        "    sources: best",
        "    sources: best\n    answer_schema: {type: array}",
        "answer_schema_object",
        34,
        5,
    ),
    ("pipeline: other", "pipeline: letter", "calls_itself", 37, 5),
    ("title: {en", "title: !!python/object:os.system {en", "tag", 3, 8),
    ("title: {en", "title: *other {en", "alias_unknown", 3, 8),
    ("output: [letter, told]", "output: [letter, told", "yaml", 40, 1),
    ("output: [letter, told]", "output: [letter, told]\n---\nformat: 1", "several_documents", 40, 1),
]


@pytest.mark.parametrize(("right", "wrong", "code", "line", "column"), FAULTS)
def test_each_fault_is_told_where_it_stands(
    right: str, wrong: str, code: str, line: int, column: int
) -> None:
    """Code, line and column; the sentence for people never breaks."""
    assert right in FILE
    found = _found(FILE.replace(right, wrong, 1))

    told = [(one.line, one.column) for one in found if one.code.startswith(code)]
    assert told == [(line, column)] or (line, column) in told, [one.at("letter.yaml") for one in found]
    assert all(one.at("letter.yaml").startswith("letter.yaml:") for one in found)


def test_all_faults_of_a_file_are_told_at_once() -> None:
    """One broken step hides nothing of another."""
    broken = (
        FILE.replace("limit: 5", "limit: five")
        .replace("kind: rerank", "kind: rarenk")
        .replace("es: Carta", "fr: Lettre")
        .replace("steps.total.value is", "steps.total.sum is")
    )

    assert [(one.line, one.code) for one in _found(broken)] == [
        (3, "missing"),
        (3, "unknown_key"),
        (12, "wrong_type"),
        (22, "unknown_field"),
        (27, "unknown_kind"),
    ]


def test_the_nearest_right_name_is_told() -> None:
    """For keys, kinds, steps, fields and what there is on the box."""
    assert _found(FILE.replace("model: fast", "model: fats"))[0].sentence.endswith(
        "Did you mean fast? `appliance models` lists them."
    )
    assert "Did you mean rerank?" in _found(FILE.replace("kind: rerank", "kind: rerankk"))[0].sentence


def test_circles_across_files_are_refused() -> None:
    """A calls B, B calls A: told in the file that is looked at, with the way."""
    other = OTHER.replace('tool: query_data, values: {question: "{{ inputs.question }}"}', "pipeline: letter")
    file = parse(other, "other.yaml").file
    assert file is not None

    (found,) = _found(FILE, pipelines={"other": file})
    assert found.code == "calls_itself" and found.values["way"] == "letter → other → letter"


def test_what_nobody_knows_refuses_nothing() -> None:
    """Without a box only the file itself can be wrong."""
    assert list(checked(parse(FILE, "letter.yaml"), Surroundings())) == []


LAUGHS = "\n".join(
    ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
)
HOSTILE = [
    (LAUGHS, "too_many_values"),
    ("[" * (MOST_DEPTH + 1), "too_deep"),
    ("{a: " * (MOST_DEPTH + 1), "too_deep"),
    ("a: " + "x" * MOST_BYTES, "too_large"),
    ("a: &a [*a]", "alias_unknown"),
    ("!!python/object/apply:os.system ['true']", "tag"),
    ("a: !!binary aGk=", "tag"),
    ("? [a, b]\n: c", "key_not_text"),
    ("a: \x00", "yaml"),
    ("%YAML 3.0\n---\na: 1", "yaml"),
    ("\ufeff", "empty"),
    ("", "empty"),
    ("just words", "not_a_section"),
    ("- a\n- b", "not_a_section"),
]


@pytest.mark.parametrize(("text", "code"), HOSTILE)
def test_hostile_yaml_is_refused_with_a_place(text: str, code: str) -> None:
    """No object is made, nothing grows, nothing is run."""
    found = parse(text, "letter.yaml").findings

    assert [one.code for one in found] == [code]
    assert found[0].line >= 1 and found[0].column >= 1


def test_yaml_is_read_by_its_core_schema() -> None:
    """`yes` and a date are words; a section's order stays."""
    tree, findings = read("a: yes\nb: 2026-11-22\nc: 0o17\nd: 1e3\ne: '1'\nf: ~\ng: .inf")

    assert not findings and tree is not None
    assert tree.plain() == {
        "a": "yes",
        "b": "2026-11-22",
        "c": 15,
        "d": 1000.0,
        "e": "1",
        "f": None,
        "g": ".inf",
    }


_LINES = FILE.splitlines(keepends=True)
_NOISE = st.text(
    alphabet=string.ascii_letters + string.digits + " \t\n:-[]{}&*!|>'\"%@`#,?\\\x00\u00e9\ud7ff", max_size=12
)


@st.composite
def _mutated(draw: st.DrawFn) -> str:
    lines = list(_LINES)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(lines) - 1))
        match draw(st.sampled_from(("drop", "double", "swap", "insert", "indent", "cut"))):
            case "drop":
                lines[at] = ""
            case "double":
                lines[at] *= 2
            case "swap":
                other = draw(st.integers(0, len(lines) - 1))
                lines[at], lines[other] = lines[other], lines[at]
            case "insert":
                place = draw(st.integers(0, len(lines[at])))
                lines[at] = lines[at][:place] + draw(_NOISE) + lines[at][place:]
            case "indent":
                lines[at] = " " * draw(st.integers(1, 6)) + lines[at]
            case _:
                lines[at] = lines[at][: draw(st.integers(0, len(lines[at])))] + "\n"
    return "".join(lines)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_mutated())
def test_no_mutation_ever_crashes(text: str) -> None:
    """A file either has no findings, or each has a line and a column in it and a sentence."""
    count = text.count("\n") + 2
    for one in _found(text):
        assert 1 <= one.line <= count and one.column >= 1 and one.sentence


_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.text(alphabet=st.characters(blacklist_categories=("Cs", "Cc")) | st.just("\n"), max_size=40)
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.text(string.ascii_letters + "_", min_size=1, max_size=8), _SCALARS, max_size=5))
def test_a_form_reads_back_as_it_was(values: dict[str, Any]) -> None:
    """Whatever a form holds stands in the file, and the form is the same again."""
    wanted = {"format": 1, "name": "letter", "steps": [{"name": "a", "kind": "call", "values": values}]}

    assert as_values(as_file(wanted)) == wanted


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.yaml")), ids=lambda path: path.stem)
def test_what_is_shipped_is_right(path: Path) -> None:
    """Each example against the format; as a form it is the same."""
    text = path.read_text(encoding="utf-8")
    parsed = parse(text, path.name)

    assert list(checked(parsed, Surroundings())) == [] and parsed.file is not None
    assert as_values(as_file(as_values(text) or {})) == as_values(text)


def test_every_finding_has_both_languages() -> None:
    """The page's English is the file's, and no place in a sentence is lost."""
    assert {f"finding_{code}" for code in SENTENCES} | {"finding_nearest"} == {
        key for key in PIPELINE_FINDINGS if key.startswith("finding_")
    }
    for code, sentence in SENTENCES.items():
        said = PIPELINE_FINDINGS[f"finding_{code}"]
        assert said.en == sentence.replace("{{", "{").replace("}}", "}")
        places = {name for _, name, _, _ in string.Formatter().parse(sentence) if name}
        assert all(f"{{{name}}}" in said.es for name in places), code
    assert {f"word_{code}" for code in WORDS} <= set(PIPELINE_FINDINGS)


def test_every_field_is_described_in_both_languages() -> None:
    """The form's English is the schema's own."""
    schema = PipelineFile.model_json_schema()
    models = {"PipelineFile": schema, **schema["$defs"]}
    for model, described in models.items():
        for name, one in described["properties"].items():
            if name in ("kind",):
                continue
            key = f"{model}_{name}" if f"{model}_{name}" in ABOUT else f"Step_{name}"
            assert ABOUT[key][0] == one["description"], (model, name)


def test_the_reference_in_the_docs_is_of_today() -> None:
    """`appliance pipeline reference` printed what stands there."""
    text = (Path(__file__).resolve().parents[2] / "docs" / "pipelines.md").read_text(encoding="utf-8")
    inside = text.split("<!-- reference -->\n", 1)[1].split("<!-- /reference -->", 1)[0]

    assert inside == reference()
