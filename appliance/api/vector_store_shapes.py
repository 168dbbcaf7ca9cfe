"""What `/v1/vector_stores` reads and writes, in OpenAI's shapes; `owner`, `progress` and `location` are ours."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from appliance.domain.documents import Audience, Collection, CollectionFile, FileBatch, FileCounts
from appliance.domain.people import Caller
from appliance.errors import InvalidRequest
from appliance.services.knowledge import identifiers
from rag.documents import Passage
from rag.filters import Comparator, Comparison, Compound, Filter
from rag.notes import Note

_UNWRITABLE = re.compile("[\0\ud800-\udfff]")
_MAX_FILTER_DEPTH = 5
_MAX_COMPARISONS = 64
_OWN_CHUNKING = {"type": "other"}
_LONGEST_SOURCE = 4096
_ABOUT_THE_FILE = {"unsupported_format": "unsupported_file"}
_ABOUT_US = {
    "reading_failed",
    "reading_interrupted",
    "part_unavailable",
    "embedder_unavailable",
    "index_unavailable",
}


def _shallow(value: object) -> object:
    """Refuse a tower of nested conditions before pydantic climbs it."""
    level, depth = [value], 0
    while level := [part for one in level if isinstance(one, dict) for part in _parts(one)]:
        depth += 1
        if depth >= _MAX_FILTER_DEPTH:
            raise ValueError(f"nested more than {_MAX_FILTER_DEPTH} deep")
    return value


def _parts(filter_: dict[str, object]) -> list[object]:
    inner = filter_.get("filters")
    return inner if isinstance(inner, list) else []


def _writable(text: str) -> str:
    if _UNWRITABLE.search(text):
        raise ValueError("NUL characters and half surrogate pairs cannot be kept")
    return text


Text = Annotated[str, AfterValidator(_writable)]
Key = Annotated[Text, Field(min_length=1, max_length=64)]
Value = Annotated[Text, Field(max_length=512)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Metadata = Annotated[dict[Key, Value], Field(max_length=16)]
AttributeMap = Annotated[dict[Key, bool | Number | Value], Field(max_length=16)]
Id = Annotated[str, Field(max_length=64)]


def _short_path(text: str) -> str:
    if len(text.encode()) > _LONGEST_SOURCE:
        raise ValueError(f"a path may have {_LONGEST_SOURCE} bytes in UTF-8")
    return text


Source = Annotated[Text, AfterValidator(_short_path), Field(min_length=1)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ChunkingStrategy(_Body):
    """This appliance cuts along the structure of the document; a fixed size is refused rather than ignored."""

    type: Literal["auto"]


class NewVectorStore(_Body):
    """POST /v1/vector_stores."""

    name: Text | None = Field(None, max_length=512)
    description: Text = Field("", max_length=4096)
    file_ids: list[Id] = Field(default_factory=list, max_length=2000)
    metadata: Metadata | None = None
    chunking_strategy: ChunkingStrategy | None = None
    expires_after: None = None
    owner: str = Field("user", pattern=r"^(user|everybody|group:[0-9a-fA-F-]{36})$")


class VectorStoreChange(_Body):
    """POST /v1/vector_stores/{id}."""

    name: Text | None = Field(None, min_length=1, max_length=512)
    description: Text | None = Field(None, max_length=4096)
    metadata: Metadata | None = None
    expires_after: None = None


class NewVectorStoreFile(_Body):
    """POST /v1/vector_stores/{id}/files."""

    file_id: Id
    attributes: AttributeMap | None = None
    chunking_strategy: ChunkingStrategy | None = None
    source: Source | None = None
    replaces: Id | None = None


class AttributesChange(_Body):
    """POST /v1/vector_stores/{id}/files/{file_id}."""

    attributes: AttributeMap | None


class NewFileBatch(_Body):
    """POST /v1/vector_stores/{id}/file_batches: ids with attributes for all, or files with their own."""

    file_ids: list[Id] | None = Field(None, min_length=1, max_length=2000)
    files: list[NewVectorStoreFile] | None = Field(None, min_length=1, max_length=2000)
    attributes: AttributeMap | None = None
    chunking_strategy: ChunkingStrategy | None = None

    def additions(self) -> list[tuple[UUID, dict[str, bool | float | str]]]:
        """Raises InvalidRequest unless exactly one form was used."""
        if (self.file_ids is None) == (self.files is None):
            raise InvalidRequest("Send either `file_ids` or `files`.", param="file_ids")
        if self.files is not None:
            return [(file_id_of(file.file_id), file.attributes or {}) for file in self.files]
        return [(file_id_of(file_id), self.attributes or {}) for file_id in self.file_ids or ()]


class ComparisonBody(_Body):
    """One attribute against a value, or a list of them for `in` and `nin`."""

    type: Comparator
    key: Key
    value: bool | Number | Value | Annotated[list[bool | Number | Value], Field(max_length=100)]

    @model_validator(mode="after")
    def _lists_where_they_belong(self) -> Self:
        if isinstance(self.value, list) != (self.type in ("in", "nin")):
            raise ValueError("`in` and `nin` take a list of values, the others a single one")
        return self

    def condition(self) -> Filter:
        value = tuple(self.value) if isinstance(self.value, list) else self.value
        return Comparison(self.type, self.key, value)


class CompoundBody(_Body):
    """Several conditions, nested at will within the limits of FilterBody."""

    type: Literal["and", "or"]
    filters: Annotated[list[ComparisonBody | CompoundBody], Field(min_length=1, max_length=32)]

    def condition(self) -> Filter:
        return Compound(self.type, tuple(part.condition() for part in self.filters))


def _bounded(body: ComparisonBody | CompoundBody) -> ComparisonBody | CompoundBody:
    def measure(part: ComparisonBody | CompoundBody) -> tuple[int, int]:
        if isinstance(part, ComparisonBody):
            return 1, 1
        parts = [measure(one) for one in part.filters]
        return 1 + max(depth for depth, _ in parts), sum(count for _, count in parts)

    depth, count = measure(body)
    if depth > _MAX_FILTER_DEPTH or count > _MAX_COMPARISONS:
        raise ValueError(f"at most {_MAX_COMPARISONS} comparisons, nested {_MAX_FILTER_DEPTH} deep")
    return body


FilterBody = Annotated[ComparisonBody | CompoundBody, BeforeValidator(_shallow), AfterValidator(_bounded)]
"""OpenAI's `filters`; `.condition()` is the value that a search takes."""


class RankingOptions(_Body):
    """The score is 0 to 1 within one search."""

    ranker: str | None = Field(None, max_length=64)
    score_threshold: float = Field(0.0, ge=0, le=1)


class SearchBody(_Body):
    """POST /v1/vector_stores/{id}/search."""

    query: Annotated[
        list[Annotated[Text, Field(min_length=1, max_length=32_000)]], Field(min_length=1, max_length=8)
    ]
    max_num_results: int = Field(10, ge=1, le=50)
    filters: FilterBody | None = None
    ranking_options: RankingOptions = Field(default_factory=RankingOptions)
    rewrite_query: bool = False

    @field_validator("query", mode="before")
    @classmethod
    def _one_is_a_list(cls, query: object) -> object:
        return [query] if isinstance(query, str) else query

    @property
    def echo(self) -> str | list[str]:
        """The query as OpenAI repeats it."""
        return self.query[0] if len(self.query) == 1 else self.query


def file_id_of(text: str) -> UUID:
    """Raises NotFound."""
    return identifiers.parse(identifiers.FILE, text, param="file_id")


def audience_of(owner: str, caller: Caller) -> Audience:
    """`user`, `everybody` or `group:ID`, as sent."""
    if owner == "user":
        return Audience(user_id=caller.user_id)
    if owner == "everybody":
        return Audience()
    try:
        return Audience(group_id=UUID(owner.removeprefix("group:")))
    except ValueError as error:
        raise InvalidRequest("Write `user`, `everybody` or `group:ID`.", param="owner") from error


def as_vector_store(collection: Collection) -> dict[str, Any]:
    """OpenAI's vector store object, with `owner`."""
    return {
        "id": identifiers.wire(identifiers.COLLECTION, collection.id),
        "object": "vector_store",
        "created_at": int(collection.created_at.timestamp()),
        "name": collection.name,
        "description": collection.description,
        "usage_bytes": collection.size_bytes,
        "file_counts": as_counts(collection.counts),
        "status": "in_progress" if collection.counts.in_progress else "completed",
        "expires_after": None,
        "expires_at": None,
        "last_active_at": int(collection.last_active_at.timestamp()),
        "metadata": dict(collection.metadata),
        "owner": _owner(collection.audience),
        "owner_name": collection.owner_name or None,
        "can_write": collection.can_write,
        "can_manage": collection.can_manage,
        "may_leave": collection.may_leave,
    }


def _owner(audience: Audience) -> str:
    if audience.is_everybody:
        return "everybody"
    return "user" if audience.group_id is None else f"group:{audience.group_id}"


def as_counts(counts: FileCounts) -> dict[str, int]:
    """OpenAI's file counts."""
    return {**asdict(counts), "total": counts.total}


def as_vector_store_file(file: CollectionFile) -> dict[str, Any]:
    """OpenAI's vector store file object; `reason` is our own code, `message` the sentence for people.

    What follows `attributes` is ours: docs/api.md.
    """
    error = None
    if file.status == "failed" and file.error_code is not None:
        error = {
            "code": _openai_code(file.error_code),
            "message": file.error_message or "",
            "reason": file.error_code,
        }
    return {
        "id": identifiers.wire(identifiers.FILE, file.file_id),
        "object": "vector_store.file",
        "created_at": int(file.added_at.timestamp()),
        "vector_store_id": identifiers.wire(identifiers.COLLECTION, file.collection_id),
        "status": file.status,
        "last_error": error,
        "usage_bytes": file.size_bytes if file.status == "completed" else 0,
        "chunking_strategy": _OWN_CHUNKING,
        "attributes": dict(file.attributes),
        "filename": file.filename,
        "progress": round(file.progress, 3),
        "pages": file.pages,
        "chunks": file.chunks,
        "stage": file.stage,
        "pages_done": file.pages_done,
        "pages_per_s": None
        if file.pages_per_s is None or file.stage == "hearing"
        else round(file.pages_per_s, 2),
        "notes": list(file.notes),
        "note_codes": note_codes(file.notes),
        "sha256": file.sha256.hex(),
        "source": file.source,
        "parent_id": _file_or_none(file.parent_id),
        "inside": file.inside,
        "recording": as_recording(file.heard_s, file.spoken),
        "duplicate_of": _file_or_none(file.duplicate_of),
        "superseded_by": _file_or_none(file.superseded_by),
    }


def as_recording(heard_s: float | None, spoken: str | None) -> dict[str, Any] | None:
    """How long a recording is, and the language in it; null for what is none, or was not heard yet."""
    return None if heard_s is None else {"duration_s": round(heard_s, 2), "language": spoken}


def note_codes(notes: Sequence[str]) -> list[dict[str, Any] | None]:
    """Code and values of each note, in their order; null where a sentence has no code."""
    return [
        {"code": one.code, "values": dict(one.values)} if isinstance(one, Note) else None for one in notes
    ]


def _file_or_none(file_id: UUID | None) -> str | None:
    return None if file_id is None else identifiers.wire(identifiers.FILE, file_id)


def _openai_code(code: str) -> str:
    return "server_error" if code in _ABOUT_US else _ABOUT_THE_FILE.get(code, "invalid_file")


def as_batch(batch: FileBatch) -> dict[str, Any]:
    """OpenAI's file batch object."""
    status = "in_progress" if batch.counts.in_progress else "completed"
    return {
        "id": identifiers.wire(identifiers.BATCH, batch.id),
        "object": "vector_store.files_batch",
        "created_at": int(batch.created_at.timestamp()),
        "vector_store_id": identifiers.wire(identifiers.COLLECTION, batch.collection_id),
        "status": "cancelled" if batch.is_cancelled else status,
        "file_counts": as_counts(batch.counts),
    }


def as_search_result(passage: Passage, attributes: dict[str, Any]) -> dict[str, Any]:
    """OpenAI's search result, with `location`: only what the document's format has."""
    location = {key: value for key, value in asdict(passage.location).items() if value is not None}
    return {
        "file_id": identifiers.wire(identifiers.FILE, passage.file_id),
        "filename": passage.filename,
        "score": round(passage.score, 6),
        "attributes": attributes,
        "content": [{"type": "text", "text": passage.text}],
        "location": {
            **location,
            "headings": list(passage.headings),
            "start": passage.start,
            "end": passage.end,
        },
    }
