"""/api/prompts: the words with which models are asked, in versions."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import Field

from appliance.api.account_bodies import Body, Json
from appliance.api.identity import Identity
from appliance.api.strict_json import StrictJsonRoute
from appliance.api.turn_shapes import Writable
from appliance.domain.people import Caller, Language
from appliance.domain.prompts import PromptFigures, PromptVersion, PromptWords
from appliance.services.prompts.catalogue import Kept, PromptCatalogue

Number = Annotated[int, Field(ge=0, le=1_000_000)]


class ExampleBody(Body):
    """What was asked, and how it is to be answered."""

    asked: Writable
    answered: Writable


class VersionBody(Body):
    """POST /api/prompts/{purpose}/versions. texts: by language; in_force: it is used from now on."""

    texts: dict[Language, Writable]
    examples: dict[Language, list[ExampleBody]] = Field(default_factory=dict)
    temperature: Annotated[float, Field(allow_inf_nan=False)] | None = None
    model: Annotated[Writable, Field(max_length=200)] = ""
    note: Writable = ""
    in_force: bool = False

    def words(self) -> PromptWords:
        """As the catalogue takes them."""
        examples = {
            language: tuple((one.asked, one.answered) for one in each)
            for language, each in self.examples.items()
        }
        return PromptWords(self.texts, examples, self.temperature, self.model)


class InForceBody(Body):
    """PUT /api/prompts/{purpose}/in_force. version 0: the shipped words."""

    version: Number


def prompt_routes(catalogue: PromptCatalogue, identity: Identity) -> APIRouter:
    """The routes of this room, for `create_app`."""
    routes = APIRouter(prefix="/api/prompts", tags=["prompts"], route_class=StrictJsonRoute)

    @routes.get("")
    async def listed(caller: Caller = Depends(identity.caller)) -> Json:
        return {"data": [_kept(one) for one in await catalogue.all(caller)]}

    @routes.get("/{purpose}/versions")
    async def versions(purpose: str, caller: Caller = Depends(identity.caller)) -> Json:
        return {"data": [version_json(one) for one in await catalogue.versions(caller, purpose)]}

    @routes.post("/{purpose}/versions", status_code=201)
    async def save(purpose: str, body: VersionBody, caller: Caller = Depends(identity.caller)) -> Json:
        saved = await catalogue.save(caller, purpose, body.words(), body.note.strip(), in_force=body.in_force)
        return version_json(saved)

    @routes.get("/{purpose}/versions/{version}")
    async def one(purpose: str, version: int, caller: Caller = Depends(identity.caller)) -> Json:
        return version_json(await catalogue.version(caller, purpose, version))

    @routes.put("/{purpose}/in_force")
    async def put_in_force(
        purpose: str, body: InForceBody, caller: Caller = Depends(identity.caller)
    ) -> Json:
        await catalogue.put_in_force(caller, purpose, body.version)
        return {"purpose": purpose, "version": body.version}

    @routes.get("/{purpose}/difference")
    async def difference(
        purpose: str,
        before: Annotated[int, Query(ge=0)],
        after: Annotated[int, Query(ge=0)],
        caller: Caller = Depends(identity.caller),
    ) -> Json:
        found = await catalogue.difference(caller, purpose, before, after)
        settings = {name: {"before": old, "after": new} for name, (old, new) in found.settings.items()}
        lines = {language: list(each) for language, each in found.lines.items()}
        return {"purpose": purpose, "before": before, "after": after, "lines": lines, "settings": settings}

    @routes.get("/{purpose}/figures")
    async def figures(
        purpose: str,
        days: Annotated[int, Query(ge=1, le=3650)] = 30,
        caller: Caller = Depends(identity.caller),
    ) -> Json:
        found = await catalogue.figures(caller, purpose, days)
        return {"purpose": purpose, "days": days, "data": [figures_json(one) for one in found]}

    return routes


def _kept(kept: Kept) -> Json:
    shipped = kept.shipped
    return {
        "purpose": kept.name,
        "is_shipped": shipped is not None,
        "version": kept.number,
        "versions": kept.versions,
        **_words(kept.words),
        "must_hold": [] if shipped is None else list(shipped.must_hold),
        "takes_examples": shipped is None or shipped.takes_examples,
        "takes_temperature": shipped is None or shipped.takes_temperature,
        "takes_model": shipped is None or shipped.takes_model,
    }


def version_json(version: PromptVersion) -> Json:
    """A version whole. version 0 is the shipped one."""
    return {
        "purpose": version.purpose,
        "version": version.number,
        **_words(version.words),
        "note": version.note,
        "author": version.author,
        "created_at": None if version.created_at is None else version.created_at.isoformat(),
    }


def _words(words: PromptWords) -> dict[str, Any]:
    examples = {
        language: [{"asked": asked, "answered": answered} for asked, answered in each]
        for language, each in words.examples.items()
    }
    return {
        "texts": dict(words.texts),
        "examples": examples,
        "temperature": words.temperature,
        "model": words.model,
    }


def figures_json(figures: PromptFigures) -> Json:
    """How a version did. first_ms, total_ms: medians; completion_tokens: a mean."""
    return {
        "version": figures.version,
        "answers": figures.answers,
        "nothing_found": figures.nothing_found,
        "failed": figures.failed,
        "up": figures.up,
        "down": figures.down,
        "first_ms": _rounded(figures.first_ms),
        "total_ms": _rounded(figures.total_ms),
        "completion_tokens": _rounded(figures.completion_tokens),
        "last_at": None if figures.last_at is None else figures.last_at.isoformat(),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
