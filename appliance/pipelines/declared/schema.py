"""What a pipeline's file may say. The reference in docs/pipelines.md and the form in the page are made from this."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

FORMAT = 1
END = "end"

PipelineName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
StepName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Template = Annotated[str, Field(max_length=20_000)]
Expression = Annotated[str, Field(min_length=1, max_length=1_000)]
Scalar = str | int | float | bool | None
Name = Annotated[str, Field(min_length=1, max_length=200)]


class Section(BaseModel):
    """A part of the file; unknown keys and other types are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Words(Section):
    """The same in both languages."""

    en: Annotated[str, Field(min_length=1, max_length=2_000)] = Field(description="In English.")
    es: Annotated[str, Field(min_length=1, max_length=2_000)] = Field(description="In Spanish.")


InputType = Literal["text", "integer", "number", "boolean", "date", "file"]


class Input(Section):
    """A value that whoever asks gives. In a chat `question` is what was asked, and a file the chat's newest one."""

    type: InputType = Field(
        "text", description="What it is. `date`: 2026-11-22; `file`: the id of an uploaded file."
    )
    title: Words | None = Field(None, description="What it is called in the try-it form.")
    default: Scalar = Field(None, description="Taken where nobody says; without one it must be given.")
    choices: list[str] = Field(
        default_factory=list, max_length=100, description="A text may only be one of these."
    )


class Step(Section):
    """What every step has."""

    name: StepName = Field(description="By which later steps use its result: `steps.NAME.FIELD`.")
    then: StepName | None = Field(
        None, description="The step that follows, or `end`; without it the next one in the file."
    )
    timeout_s: Annotated[float, Field(gt=0, le=3600)] | None = Field(
        None,
        description="Seconds it may take; without it what the settings allow (`pipelines.step_timeout_s`).",
    )


class RetrieveStep(Step):
    """Finds passages in the documents that the asker may see."""

    kind: Literal["retrieve"]
    question: Template = Field("{{ inputs.question }}", description="What is searched for.")
    collections: list[Name] = Field(
        default_factory=list,
        max_length=100,
        description="Only in these, by name; empty: in those of the request, or all.",
    )
    limit: int = Field(8, ge=1, le=50, description="Passages at most.")
    filters: dict[str, Scalar] = Field(
        default_factory=dict, description="Only in files whose attributes have exactly these values."
    )


class PromptStep(Step):
    """Asks a language model. With `sources` every sentence is checked against the passages, as answers are."""

    kind: Literal["prompt"]
    text: Template | None = Field(None, description="What the model is told. Give this or `purpose`.")
    purpose: Name | None = Field(None, description="Words of the prompt catalogue, by their purpose.")
    question: Template = Field(
        "{{ inputs.question }}", description="What the model is asked, as the asker's own words."
    )
    sources: StepName | None = Field(
        None,
        description="A retrieve or rerank step: as many of its passages as fit go behind `text`, to be cited.",
    )
    history: bool = Field(False, description="Whether the model sees what was said before in the chat.")
    model: Name | None = Field(None, description="Which model; without it the one that answers here.")
    temperature: float | None = Field(None, ge=0, le=2, description="0 is sober; without it 0.2.")
    max_tokens: int | None = Field(None, ge=1, le=32_768, description="Tokens of the answer at most.")
    stream: bool = Field(
        True, description="Where it is the output: shown as it is written, or only when it is complete."
    )
    answer_schema: dict[str, Any] | None = Field(
        None,
        description="The answer must be JSON of this JSON Schema; its fields are `steps.NAME.json.FIELD`.",
    )


class SqlStep(Step):
    """Asks a data source: read-only, guarded, with the asker's own permissions. Give `query` or `saved_question`."""

    kind: Literal["sql"]
    source: Name = Field(description="The data source, by name.")
    query: Template | None = Field(None, description="SQL with `:parameters`; it holds no `{{ }}`.")
    saved_question: Name | None = Field(
        None, description="A saved question of that source, in its own words."
    )
    values: dict[str, Scalar] = Field(
        default_factory=dict, description="A value for each `:parameter`; texts may hold `{{ }}`."
    )
    show: bool = Field(True, description="Whether the asker sees the table beside the answer.")


class RerankStep(Step):
    """Puts passages in a better order by reading each beside the question."""

    kind: Literal["rerank"]
    passages: StepName = Field(description="The retrieve or rerank step whose passages are ordered anew.")
    question: Template = Field("{{ inputs.question }}", description="What they are held against.")
    limit: int = Field(5, ge=1, le=50, description="Passages that are kept.")


class TranscribeStep(Step):
    """The words of a recording that was uploaded, as they were heard. It waits while the recording is being heard."""

    kind: Literal["transcribe"]
    file: Template = Field("{{ inputs.file }}", description="The file's id, `file-…`.")
    times: bool = Field(True, description="Whether each paragraph begins with when it was said.")


class Case(Section):
    """One way on. Give `go_to` or `say`."""

    when: Expression = Field(
        description='Such as `steps.found.count == 0` or `inputs.question contains "price"`.'
    )
    go_to: StepName | None = Field(None, description="A later step, or `end`.")
    say: Words | None = Field(None, description="The run ends with these words.")


class BranchStep(Step):
    """Goes one of several ways: the first case whose condition holds, else on as any step."""

    kind: Literal["branch"]
    cases: list[Case] = Field(min_length=1, max_length=20, description="Looked at in this order.")


class CallStep(Step):
    """Calls another pipeline, a model as it is, or a tool. Give exactly one of them."""

    kind: Literal["call"]
    pipeline: Name | None = Field(None, description="A way to answer, declared or of the appliance.")
    model: Name | None = Field(None, description="A model, asked `question` and nothing else.")
    tool: Name | None = Field(None, description="A tool, such as `search_documents` or `SERVER.NAME`.")
    question: Template = Field(
        "{{ inputs.question }}", description="What the pipeline or the model is asked."
    )
    values: dict[str, Scalar] = Field(
        default_factory=dict,
        description="Inputs of a declared pipeline, or arguments of a tool; texts may hold `{{ }}`.",
    )


class BrokenStep(Step):
    """Stands for a step whose form is wrong, so that the others can be checked; nothing is known of its result."""

    kind: Literal["broken"] = "broken"


AnyStep = Annotated[
    RetrieveStep | PromptStep | SqlStep | RerankStep | TranscribeStep | BranchStep | CallStep,
    Field(discriminator="kind"),
]

KINDS: dict[str, type[Step]] = {
    "retrieve": RetrieveStep,
    "prompt": PromptStep,
    "sql": SqlStep,
    "rerank": RerankStep,
    "transcribe": TranscribeStep,
    "branch": BranchStep,
    "call": CallStep,
}


class PipelineFile(Section):
    """A pipeline: what it is called, what it needs, its steps in order, and which step's result is the answer."""

    format: Literal[1] = Field(description="The version of this format.")
    name: PipelineName = Field(description="The model name under which it is asked; the file is NAME.yaml.")
    enabled: bool = Field(True, description="false: it is checked and kept, but nobody can ask it.")
    title: Words = Field(description="What people call it.")
    description: Words | None = Field(None, description="What it is for.")
    groups: list[Name] = Field(
        default_factory=list,
        max_length=100,
        description="Only members of these groups may ask it; empty: everybody.",
    )
    inputs: dict[StepName, Input] = Field(
        default_factory=lambda: {"question": Input(type="text")},
        description="What whoever asks gives; without this a question.",
    )
    timeout_s: Annotated[float, Field(gt=0, le=3600)] | None = Field(
        None, description="Seconds for all of it; without it what the settings allow (`pipelines.timeout_s`)."
    )
    steps: list[AnyStep] = Field(min_length=1, max_length=50, description="What is done, from top to bottom.")
    output: StepName | list[StepName] = Field(
        description="The step whose result is the answer; of several the first one that ran."
    )

    @property
    def outputs(self) -> list[str]:
        """The steps whose result may be the answer."""
        return [self.output] if isinstance(self.output, str) else list(self.output)
