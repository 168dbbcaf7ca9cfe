"""What a pipeline may name, as far as it is known where it is checked. Values only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from appliance.pipelines.declared.schema import PipelineFile

Names = frozenset[str]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """None: nobody knows here, as without a running box; then no such name is refused.

    pipelines: every way to answer by name, with the file of those that are declared. questions: saved ones by source.
    purposes: of the prompt catalogue. built_in: ways to answer whose names are taken.
    """

    models: Names | None = None
    collections: Names | None = None
    groups: Mapping[str, UUID] | None = None
    sources: Names | None = None
    questions: Mapping[str, Sequence[str]] | None = None
    tools: Names | None = None
    purposes: Names | None = None
    has_catalogue: bool = True
    pipelines: Mapping[str, PipelineFile | None] | None = None
    built_in: Names = field(default_factory=frozenset)
