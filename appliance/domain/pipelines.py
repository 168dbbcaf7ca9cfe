"""Declared pipelines as they are kept, served and run. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from appliance.domain.origins import Origins
from appliance.domain.pipeline_findings import Finding

StepOutcome = Literal["running", "done", "passed", "failed", "timed_out"]
PipelineStatus = Literal["serving", "outdated", "refused", "disabled"]
"""serving: as its file says. outdated: its file is refused and the last good version serves. refused: and there is
none. disabled: nobody can ask it, by its own word."""

SavedVia = Literal["file", "page", "rollback", "shipped"]


@dataclass(frozen=True, slots=True)
class StepRun:
    """What one step did, for whoever asked. outcome `passed`: the way led past it. error: a code.

    figures: numbers and names, never words of documents or people.
    """

    name: str
    kind: str
    outcome: StepOutcome
    took_ms: float = 0.0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    error: str = ""
    figures: Mapping[str, int | float | str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """For keeping and showing."""
        return {
            "name": self.name,
            "kind": self.kind,
            "outcome": self.outcome,
            "took_ms": round(self.took_ms, 2),
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "error": self.error or None,
            "figures": dict(self.figures),
        }


@dataclass(frozen=True, slots=True)
class Stepped:
    """A step of a declared pipeline begins or has ended. pipeline: `NAME@VERSION`. number counts from 1.

    origins: of what it brought. result: the fields of its result as JSON, once it has ended.
    """

    pipeline: str
    number: int
    total: int
    step: StepRun
    origins: Origins
    result: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PipelineVersion:
    """A content that was accepted. number counts from 1 within a name. saved_by: an e-mail; empty: the file was
    changed on the box, or whoever did it has no account any more.
    """

    name: str
    number: int
    hash: str
    text: str
    saved_at: datetime
    via: SavedVia
    saved_by: str = ""


@dataclass(frozen=True, slots=True)
class PipelineState:
    """How a pipeline stands. version None: PostgreSQL has not said yet. text: of its file as it is now.

    origin: `folder`, or `shipped` with the appliance. inputs: by name, as the schema has them.
    """

    name: str
    status: PipelineStatus
    origin: Literal["folder", "shipped"]
    file: str
    text: str
    title: Mapping[str, str] = field(default_factory=dict)
    description: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    steps: tuple[tuple[str, str], ...] = ()
    findings: tuple[Finding, ...] = ()
    version: int | None = None
    served_hash: str = ""

    @property
    def signature(self) -> str:
        """`NAME@VERSION`, as answers carry it."""
        return signature_of(self.name, self.version, self.served_hash)


def signature_of(name: str, version: int | None, content_hash: str) -> str:
    """`letter@3`; while nobody can say the number, the first letters of the content's hash."""
    return f"{name}@{version if version is not None else content_hash[:8]}"
