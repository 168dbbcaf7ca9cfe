"""What is asked and answered, and how it is kept. Values only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from appliance.domain.data import AskedVia, Chart, QueryRun
from appliance.domain.origins import Origins
from appliance.domain.people import Language
from appliance.domain.pipelines import Stepped
from inference.types import ChatMessage, Usage
from rag.coverage import Coverage
from rag.documents import Location, Passage, Unit, locate
from rag.filters import Filter
from rag.trace import Trace


@dataclass(frozen=True, slots=True)
class Cost:
    """What something cost by the operator's prices. currency: as ISO 4217 has it."""

    amount: float
    currency: str

    def plus(self, other: Cost | None) -> Cost:
        """Of both together."""
        return self if other is None else Cost(self.amount + other.amount, self.currency)


OnUsed = Callable[[Usage, Cost | None], None]
"""Told of every call of an engine as it ends, however it ends; no cost where nobody set a price."""


@dataclass(frozen=True, slots=True)
class AnswerRequest:
    """A question in its conversation; messages end with the question. collection_ids None: all that the caller sees.

    attached: the collection of this chat's own files. only: of files with these attributes. instructions: what the
    asker wants every answer to heed. partial: the text of an answer that broke off; told is what follows it.
    on_used: told of what engines did for it. origins: of the messages, as far as they are not their author's own words.
    via: by which door it came. turn_id: of the turn that is written; None where the client keeps its conversation.
    inputs: of a declared pipeline, by name.
    allow_tools: tools of others that its client agrees to: `SERVER.TOOL`, or `SERVER.*`.
    """

    messages: Sequence[ChatMessage]
    model: str
    collection_ids: tuple[UUID, ...] | None = None
    language: Language | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    request_id: str = ""
    attached: UUID | None = None
    only: Filter | None = None
    instructions: str = ""
    partial: str = ""
    on_used: OnUsed | None = None
    origins: Origins = None
    via: AskedVia = "api"
    turn_id: UUID | None = None
    allow_tools: tuple[str, ...] = ()
    inputs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def question(self) -> str:
        return next((m.content for m in reversed(self.messages) if m.role == "user"), "")


@dataclass(frozen=True, slots=True)
class Citation:
    """A claim's evidence. quote stands verbatim on its page when is_verified; start and end are offsets in the answer.

    marks: (start, end) offsets within quote of the words that match the question. page_start, page_end: of the quote in
    the page's text. next_page: where the quote runs on, if it does. unit, label, ref: as of a Passage, of the quote.
    """

    index: int
    file_id: UUID
    filename: str
    quote: str
    page: int | None = None
    headings: tuple[str, ...] = ()
    start: int = 0
    end: int = 0
    is_verified: bool = True
    marks: tuple[tuple[int, int], ...] = ()
    chunk_id: int | None = None
    unit: Unit = "page"
    label: str = ""
    ref: str = ""
    page_start: int | None = None
    page_end: int | None = None
    next_page: int | None = None

    @property
    def location(self) -> Location:
        """As the document's format has it: a page, a slide, or a sheet with cells."""
        return locate(self.unit, self.page, self.label, self.ref, self.headings)


@dataclass(frozen=True, slots=True)
class TextDelta:
    """More of the answer's text."""

    text: str


@dataclass(frozen=True, slots=True)
class Reasoned:
    """More of what the model thinks before it answers; no part of the answer, and not remembered."""

    text: str


@dataclass(frozen=True, slots=True)
class Restarted:
    """The answer begins anew: the text it was to go on from does not count."""


AnswerRung = Literal["same", "elsewhere", "smaller", "cloud", "quoted", ""]
"""By which way an answer came: the model that was asked for, the same on a second engine, a smaller one, a cloud, or
the documents' own words because no model answered. Empty: nobody was asked."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """The request stands in the queue; position counts from 1, eta_s is None while no rate is known.

    loading: the model that is being brought into memory for it, empty where none is; eta_s is then when it answers.
    trying: what was tried before has failed, and this way is tried now; then it stands in no queue.
    """

    position: int
    eta_s: float | None = None
    loading: str = ""
    trying: AnswerRung = ""


@dataclass(frozen=True, slots=True)
class Reached:
    """Who answers, where that is not the model that was asked for on the engine that it was meant for."""

    rung: AnswerRung
    served_by: str
    answered_as: str = ""


@dataclass(frozen=True, slots=True)
class Searched:
    """The documents have been searched; passages best first. notes are codes such as `language_mismatch`.

    origins: of documents that the answer names without having used a passage of them.
    """

    passages: tuple[Passage, ...]
    notes: tuple[str, ...] = ()
    trace: Trace | None = None
    origins: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Cited:
    """The checked citations of the whole answer, and the spans of it that nothing supports."""

    citations: tuple[Citation, ...]
    unsupported: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Tabled:
    """A result of the company's tables that the answer speaks of, to be shown beside it. chart None: it helps nobody.

    slot counts from 0 within an answer. saved_id: the saved question that was run as it is. origins: of the rows.
    """

    run: QueryRun
    chart: Chart | None = None
    slot: int = 0
    saved_id: UUID | None = None
    origins: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Progressed:
    """How far work has come before there is text: per cent of a file read, parts of a summary, steps of a query.

    origins: of tables whose names and values the answer may speak of.
    """

    stage: Literal["reading", "summarising", "querying", "repairing", "calling"]
    done: int
    total: int
    name: str = ""
    origins: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ConsentAsked:
    """The answer waits until its asker says whether a tool of others may be called: which, with what, where it goes.

    ask_id: under which they answer (`/api/tools/asked/{ask_id}`), within seconds_left. arguments: as JSON, cut.
    """

    ask_id: str
    tool: str
    title: str
    goes_to: str
    is_outside: bool
    arguments: str
    seconds_left: float


@dataclass(frozen=True, slots=True)
class ToolCalled:
    """A call that has ended, as the answer's sources tell it. arguments: as JSON, cut. outcome: a code, `done` or why
    not. slot counts from 0 within an answer. origins: of what it gave back.
    """

    tool: str
    arguments: str
    outcome: str
    ms: int
    slot: int = 0
    origins: Origins = frozenset()


@dataclass(frozen=True, slots=True)
class Dropped:
    """What of a conversation the model did not see for want of room: the oldest messages, with their tokens.

    answer_tokens: to which `max_tokens` was cut; None: it was not.
    """

    messages: int
    tokens: int
    answer_tokens: int | None = None

    def __add__(self, other: Dropped) -> Dropped:
        """What was left out in two steps, one after the other."""
        answer = other.answer_tokens if other.answer_tokens is not None else self.answer_tokens
        return Dropped(self.messages + other.messages, self.tokens + other.tokens, answer)

    def as_object(self) -> dict[str, int]:
        """As it stands in an answer."""
        told = {"messages": self.messages, "tokens": self.tokens}
        return told if self.answer_tokens is None else {**told, "max_tokens": self.answer_tokens}


@dataclass(frozen=True, slots=True)
class Finished:
    """The end of an answer. kind tells how it came about: written by a model, quoted, or refused for want of evidence.

    dropped_messages: earlier messages of the conversation that did not fit into the model's context, and dropped_tokens
    how many tokens those have, roughly where the engine was not asked. rung: by which way it came. answered_as: who
    wrote it where that was not the model that was asked for, as people are told it: `OpenAI (gpt-4o-mini)`. prompts:
    the versions of the catalogue whose words it was written with, such as `answer-with-sources@3`. pipeline: the
    declared one that made it, `NAME@VERSION`.
    """

    kind: Literal["written", "quoted", "refused"]
    finish_reason: str = "stop"
    usage: Usage = field(default_factory=Usage)
    served_by: str = "local:documents"
    model: str = ""
    notes: tuple[str, ...] = ()
    dropped_messages: int = 0
    dropped_tokens: int = 0
    coverage: tuple[Coverage, ...] = ()
    rung: AnswerRung = ""
    answered_as: str = ""
    prompts: tuple[str, ...] = ()
    pipeline: str = ""

    @property
    def dropped(self) -> Dropped | None:
        """None: the model saw all of it."""
        return Dropped(self.dropped_messages, self.dropped_tokens) if self.dropped_messages else None


AnswerEvent = (
    TextDelta
    | Reasoned
    | Restarted
    | Waiting
    | Reached
    | Searched
    | ConsentAsked
    | ToolCalled
    | Tabled
    | Progressed
    | Stepped
    | Cited
    | Finished
)


# A turn: one question and the answer that is being written to it --------------------------------------

TurnStatus = Literal["running", "done", "stopped", "failed", "interrupted"]
TurnEventKind = Literal["status", "block", "table", "tool", "citations", "done", "error"]


FeedbackReason = Literal["wrong", "incomplete", "not_in_sources", "bad_citation", "language", "slow", "other"]


@dataclass(frozen=True, slots=True)
class Conversation:
    """A tree of turns of one person. current_turn_id: the end of the path that is shown.

    is_temporary: never listed, and gone after an hour of silence. is_unread: an answer ended after they last looked.
    running_turn_ids: the turns that are being written.
    """

    id: UUID
    title: str
    created_at: datetime
    updated_at: datetime
    is_pinned: bool = False
    is_archived: bool = False
    is_temporary: bool = False
    is_unread: bool = False
    current_turn_id: UUID | None = None
    running_turn_ids: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class Figures:
    """How an answer came about; milliseconds and tokens. None: nobody knows, as of one that was cut off."""

    first_token_ms: int | None = None
    total_ms: int | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    served_by: str | None = None
    finish_reason: str | None = None
    dropped_messages: int = 0
    rung: AnswerRung = ""
    answered_as: str = ""
    cost: Cost | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """One question and what has become of it. answer is Markdown, as far as it has been saved.

    previous_id: the turn it goes on from; those with the same one are versions of each other. continues_id: whose
    unfinished answer this one completes. collection_ids None: all that the asker saw. trace_id: of OpenTelemetry.
    origins: of all that was said up to here, itself included; None until it has ended, and where nobody said.
    """

    id: UUID
    conversation_id: UUID
    question: str
    model: str
    status: TurnStatus
    created_at: datetime
    answer: str = ""
    finished_at: datetime | None = None
    previous_id: UUID | None = None
    continues_id: UUID | None = None
    collection_ids: tuple[UUID, ...] | None = None
    language: Language | None = None
    figures: Figures = field(default_factory=Figures)
    trace_id: str | None = None
    origins: Origins = None

    @property
    def is_running(self) -> bool:
        return self.status == "running"

    @property
    def request_id(self) -> str:
        """Under which the ledger and the logs know what was asked of engines for it."""
        return f"turn-{self.id}"


QUESTION_READ = "question_read"
"""Note of an answer that found nothing: administrators may read its question, and who asked is told so."""


@dataclass(frozen=True, slots=True)
class Feedback:
    """What a person thought of an answer. shares_text: administrators may read the question and the answer with it."""

    rating: Literal["up", "down"]
    reason: FeedbackReason | None = None
    comment: str | None = None
    shares_text: bool = False


@dataclass(frozen=True, slots=True)
class TurnEvent:
    """One change of what a page shows. It replaces whatever the same kind and slot showed before.

    seq counts from 1 within a turn. slot is the block's index for `block`, else 0.
    """

    seq: int
    kind: TurnEventKind
    slot: int
    data: Mapping[str, Any]

    @property
    def is_end(self) -> bool:
        return self.kind in ("done", "error")


@dataclass(frozen=True, slots=True)
class ShownTurn:
    """A turn with all that draws it. version_ids: itself and the turns beside it, in the order they were asked."""

    turn: Turn
    events: Sequence[TurnEvent] = ()
    version_ids: tuple[UUID, ...] = ()
    feedback: Feedback | None = None
