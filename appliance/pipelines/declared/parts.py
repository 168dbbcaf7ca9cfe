"""What declared pipelines are run with, and what one step is told. Values and protocols only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

from appliance.domain.answers import AnswerEvent, AnswerRequest, Cited, Finished
from appliance.domain.people import Caller, Language
from appliance.pipelines.declared.results import Result, Values
from appliance.ports import Documents, Pipeline, Search
from appliance.ports.data import DataDesk
from appliance.ports.pipelines import CollectionNames, Engines, Recordings, Reranks, SavedByWords
from appliance.ports.prompts import Prompts
from appliance.ports.tools import Tools
from rag.analysis import Analyzer
from rag.documents import Passage
from rag.quoter import Quoter


@dataclass(frozen=True, slots=True)
class Limits:
    """step_s, run_s: seconds where the file names none, and its most. depth: pipelines that call each other."""

    step_s: float = 300.0
    run_s: float = 900.0
    depth: int = 5


Span = Callable[[str, str, str], AbstractContextManager[object]]
"""(signature, step, kind) → around the step, for traces."""


def _no_span(_signature: str, _step: str, _kind: str) -> AbstractContextManager[object]:
    return nullcontext()


@dataclass(frozen=True, slots=True)
class DeclaredParts:
    """None: there is no such thing here, and a step that needs it says so. pipelines: every way to
    answer, as it is now.
    """

    quoter: Quoter
    analyzer: Analyzer
    documents: Documents
    pipelines: Mapping[str, Pipeline]
    collections: CollectionNames | None = None
    recordings: Recordings | None = None
    reranks: Reranks | None = None
    data: DataDesk | None = None
    saved: SavedByWords | None = None
    tools: Tools | None = None
    prompts: Prompts | None = None
    limits: Limits = field(default_factory=Limits)
    span: Span = _no_span


@dataclass(slots=True)
class Shown:
    """What the asker has been shown of all steps: passages, so that links go on working, and tables."""

    passages: list[Passage] = field(default_factory=list)
    tables: int = 0


@dataclass(frozen=True, slots=True)
class Setting:
    """One run, as a step sees it. emit: tells the asker. depth: 1 for the pipeline that was asked. is_answer: what the
    step brings is the answer, unless it fails.
    """

    caller: Caller
    request: AnswerRequest
    search: Search
    engines: Engines
    parts: DeclaredParts
    values: Values
    language: Language
    emit: Callable[[AnswerEvent], Awaitable[None]]
    shown: Shown
    signature: str
    depth: int = 1
    is_answer: bool = False


@dataclass(frozen=True, slots=True)
class Done:
    """What a step brought. ending: how an answer ends that is this. is_told: its text has been streamed already.

    cited: the checked citations of its text. figures: for the trace.
    """

    result: Result
    ending: Finished = field(default_factory=lambda: Finished("quoted"))
    figures: Mapping[str, int | float | str] = field(default_factory=dict)
    cited: Cited | None = None
    is_told: bool = False
