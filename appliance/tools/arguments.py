"""Kinds of arguments that several tools take, bounded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from appliance.ports.tools import Wire

Question = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=8_000)]
CollectionIds = Annotated[list[Annotated[str, StringConstraints(max_length=64)]], Field(max_length=100)]
AnswerLanguage = Literal["en", "es"]


class Arguments(BaseModel):
    """Nothing but what is named, so that a model that invents an argument is told."""

    model_config = ConfigDict(extra="forbid")


def collections_of(ids: Sequence[str], wire: Wire) -> tuple[UUID, ...] | None:
    """None: all that the caller sees. Raises NotFound."""
    return tuple(wire.collection(one) for one in ids) or None
