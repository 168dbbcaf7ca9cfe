"""`/api/data/questions`: questions whose SQL people checked. Everybody has their own; administrators verify."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field, StringConstraints

from appliance.api.account_bodies import Body, Json
from appliance.api.identity import Identity
from appliance.api.strict_json import StrictJsonRoute
from appliance.api.turn_shapes import Writable
from appliance.domain.answers import Tabled
from appliance.domain.data import Asking, Chart, SavedParameter, SavedQuestion
from appliance.domain.people import Caller, Language
from appliance.domain.saved_questions import SavedEntry, SavedVersion
from appliance.services.data.drafting import Draft, Drafting
from appliance.services.data.saved import SavedQuestionBook, Suggestion
from appliance.services.table_shapes import as_cell, as_table
from querying.types import Rows, Value

_NONE = UUID(int=0)
Words = Annotated[Writable, StringConstraints(min_length=1, max_length=500, strip_whitespace=True)]
Sql = Annotated[Writable, StringConstraints(min_length=1, max_length=20_000)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_]{0,39}$")]
Kind = Literal["text", "integer", "decimal", "float", "boolean", "date", "timestamp"]
Told = bool | int | float | Annotated[Writable, StringConstraints(max_length=200)]


class ParameterBody(Body):
    """A gap, `:name` in the SQL. default: of its kind, or words such as "last month" for a date."""

    name: Name
    kind: Kind
    label: Annotated[Writable, StringConstraints(max_length=100)] = ""
    default: Told
    choices: list[Words] = Field(default_factory=list, max_length=200)

    def parameter(self) -> SavedParameter:
        return SavedParameter(self.name, self.kind, self.label, self.default, tuple(self.choices))


class QuestionBody(Body):
    """POST and PUT. gaps: names for values that stand in the SQL, by their number in a draft; else it has them."""

    source_id: UUID
    question: Words
    language: Language
    wordings: list[Words] = Field(default_factory=list, max_length=20)
    sql: Sql
    gaps: dict[int, Name] = Field(default_factory=dict, max_length=10)
    parameters: list[ParameterBody] = Field(default_factory=list, max_length=10)
    is_example: bool = True
    is_offered: bool = True
    is_proposed: bool = False

    def saved(self, sql: str) -> SavedQuestion:
        """With this SQL; its id is nobody's."""
        return SavedQuestion(
            _NONE,
            self.source_id,
            self.question,
            sql,
            self.language,
            tuple(self.wordings),
            tuple(one.parameter() for one in self.parameters),
            self.is_example,
            self.is_offered,
        )


class DraftBody(Body):
    """POST .../draft. language: of the names that are proposed."""

    result_id: UUID
    language: Language = "en"


class VerdictBody(Body):
    """PUT .../verdict. is_good: everybody who may ask the source may use it; else it is its maker's alone again."""

    is_good: bool


class RunBody(Body):
    """POST .../run. values: of parameters, also as people write them: "marzo", "last month". turn_id: never."""

    values: dict[Name, Told] = Field(default_factory=dict, max_length=10)


def saved_question_routes(
    book: SavedQuestionBook, drafting: Drafting, identity: Identity, chart: Callable[[Rows], Chart | None]
) -> APIRouter:
    """The routes of this room. chart: the picture that helps to see some rows."""
    routes = APIRouter(prefix="/api/data/questions", tags=["data"], route_class=StrictJsonRoute)

    @routes.get("")
    async def listed(caller: Caller = Depends(identity.caller)) -> Json:
        return {"data": [entry_json(one, caller) for one in await book.listed(caller)]}

    @routes.post("", status_code=201)
    async def save(body: QuestionBody, caller: Caller = Depends(identity.caller)) -> Json:
        saved = body.saved(await _sql_of(body, caller))
        return entry_json(await book.save(caller, saved, is_proposed=body.is_proposed), caller)

    @routes.post("/draft")
    async def draft(body: DraftBody, caller: Caller = Depends(identity.caller)) -> Json:
        return draft_json(await drafting.draft(caller, body.result_id, body.language))

    @routes.get("/suggested")
    async def suggested(
        limit: Annotated[int, Query(ge=1, le=50)] = 6,
        language: Language | None = None,
        caller: Caller = Depends(identity.caller),
    ) -> Json:
        found = await book.suggested(caller, language or caller.language or "en", limit)
        return {
            "data": [{"id": str(one.id), "question": one.question, "language": one.language} for one in found]
        }

    @routes.get("/near")
    async def near(
        words: Annotated[str, Query(alias="q", min_length=2, max_length=500)],
        caller: Caller = Depends(identity.caller),
    ) -> Json:
        return {"data": [suggestion_json(one) for one in await book.near(caller, words)]}

    @routes.get("/{question_id}")
    async def one(question_id: UUID, caller: Caller = Depends(identity.caller)) -> Json:
        return entry_json(await book.one(caller, question_id), caller)

    @routes.put("/{question_id}")
    async def change(
        question_id: UUID, body: QuestionBody, caller: Caller = Depends(identity.caller)
    ) -> Json:
        await book.require_own(caller, question_id)
        saved = body.saved(await _sql_of(body, caller))
        entry = await book.change(caller, question_id, saved, is_proposed=body.is_proposed)
        return entry_json(entry, caller)

    @routes.delete("/{question_id}", status_code=204)
    async def remove(question_id: UUID, caller: Caller = Depends(identity.caller)) -> Response:
        await book.remove(caller, question_id)
        return Response(status_code=204)

    @routes.get("/{question_id}/versions")
    async def versions(question_id: UUID, caller: Caller = Depends(identity.caller)) -> Json:
        return {"data": [version_json(one) for one in await book.versions(caller, question_id)]}

    @routes.put("/{question_id}/verdict")
    async def verdict(
        question_id: UUID, body: VerdictBody, caller: Caller = Depends(identity.caller)
    ) -> Json:
        return entry_json(await book.verify(caller, question_id, is_good=body.is_good), caller)

    @routes.post("/{question_id}/run")
    async def run(question_id: UUID, body: RunBody, caller: Caller = Depends(identity.caller)) -> Json:
        values: Mapping[str, Value] = body.values
        found = await book.run(caller, question_id, values, Asking("api"))
        return as_table(Tabled(found, chart(found.rows), saved_id=question_id))

    async def _sql_of(body: QuestionBody, caller: Caller) -> str:
        return await drafting.filled(caller, body.source_id, body.sql, body.gaps) if body.gaps else body.sql

    return routes


def entry_json(entry: SavedEntry, caller: Caller) -> Json:
    """A saved question. may_change: by whoever reads this. problem: code of why it cannot run, or null."""
    is_own = entry.owner_id == caller.user_id
    return {
        **question_json(entry.saved),
        "is_own": is_own,
        "may_change": is_own or caller.is_admin,
        "is_proposed": entry.is_proposed,
        "is_verified": entry.is_verified,
        "version": entry.version,
        "problem": {"code": entry.problem, "detail": entry.problem_detail} if entry.problem else None,
        "changed_at": None if entry.changed_at is None else entry.changed_at.isoformat(),
    }


def question_json(saved: SavedQuestion) -> Json:
    """What it asks, and of what."""
    return {
        "id": str(saved.id),
        "source_id": str(saved.source_id),
        "question": saved.question,
        "language": saved.language,
        "wordings": list(saved.wordings),
        "sql": saved.sql,
        "parameters": [parameter_json(one) for one in saved.parameters],
        "is_example": saved.is_example,
        "is_offered": saved.is_offered,
    }


def parameter_json(parameter: SavedParameter) -> Json:
    """A gap."""
    return {
        "name": parameter.name,
        "kind": parameter.kind,
        "label": parameter.label,
        "default": as_cell(parameter.default),
        "choices": list(parameter.choices),
    }


def version_json(version: SavedVersion) -> Json:
    """What became of it, and its text then."""
    return {
        "version": version.version,
        "action": version.action,
        "changed_by": None if version.changed_by is None else str(version.changed_by),
        "changed_at": version.changed_at.isoformat(),
        "question": version.saved.question,
        "wordings": list(version.saved.wordings),
        "sql": version.saved.sql,
        "parameters": [parameter_json(one) for one in version.saved.parameters],
    }


def draft_json(draft: Draft) -> dict[str, Any]:
    """What the dialog begins with."""
    gaps: Sequence[Json] = [
        {
            "number": gap.literal.number,
            "name": gap.name,
            "kind": gap.literal.kind,
            "value": as_cell(gap.literal.value),
            "column": gap.literal.column,
        }
        for gap in draft.gaps
    ]
    return {
        "source": {"id": str(draft.source.id), "name": draft.source.name},
        "question": draft.result.question,
        "sql": draft.result.sql,
        "gaps": gaps,
    }


def suggestion_json(one: Suggestion) -> Json:
    """A question that may have been meant."""
    return {"id": str(one.saved.id), "question": one.saved.question, "score": round(one.score, 3)}
