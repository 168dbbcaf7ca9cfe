"""/api/models/library: the models on this box's disk, one more, how far it is, its end, and which is searched with."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, StringConstraints

from appliance.api.account_bodies import Json
from appliance.api.identity import Identity
from appliance.api.strict_json import StrictJsonRoute
from appliance.domain.people import Caller
from appliance.services.models.library import LibraryOverview, ModelShelf
from inference.errors import InferenceError
from inference.getting.desk import Pull
from inference.library import InstalledModel

_Short = Annotated[str, StringConstraints(max_length=128)]


class PullBody(BaseModel):
    """source: a card's name, hf:OWNER/NAME@REVISION:QUANTISATION, ollama:NAME, or a whole path on the machine."""

    model_config = ConfigDict(extra="forbid")

    source: Annotated[str, StringConstraints(min_length=1, max_length=1024)]
    name: _Short = ""
    quantisation: _Short = ""
    use_for_search: bool = False


class SearchBody(BaseModel):
    """model: of the library; empty: the settings' one."""

    model_config = ConfigDict(extra="forbid")

    model: _Short


def model_library_routes(shelf: ModelShelf, identity: Identity) -> APIRouter:
    """The routes of this room, for `create_app`."""
    routes = APIRouter(prefix="/api/models/library", tags=["models"], route_class=StrictJsonRoute)

    @routes.get("")
    async def overview(response: Response, caller: Caller = Depends(identity.caller)) -> Json:
        response.headers["cache-control"] = "no-store"
        return overview_json(await shelf.overview(caller))

    @routes.post("", status_code=202)
    async def pull(body: PullBody, caller: Caller = Depends(identity.caller)) -> Json:
        return pull_json(
            await shelf.pull(
                caller,
                body.source,
                name=body.name,
                quantisation=body.quantisation,
                for_search=body.use_for_search,
            )
        )

    @routes.put("/search")
    async def search(body: SearchBody, caller: Caller = Depends(identity.caller)) -> Json:
        return overview_json(await shelf.use_for_search(caller, body.model))

    @routes.get("/pulls/{name}")
    async def progress(name: str, response: Response, caller: Caller = Depends(identity.caller)) -> Json:
        response.headers["cache-control"] = "no-store"
        return pull_json(await shelf.progress(caller, name))

    @routes.delete("/pulls/{name}", status_code=202)
    async def cancel(name: str, caller: Caller = Depends(identity.caller)) -> Json:
        return pull_json(await shelf.cancel(caller, name))

    @routes.delete("/{name}")
    async def remove(name: str, caller: Caller = Depends(identity.caller)) -> Json:
        await shelf.remove(caller, name)
        return {"name": name, "deleted": True}

    return routes


def overview_json(overview: LibraryOverview) -> Json:
    """searched_with: null where it is none of these."""
    return {
        "models": [_model_json(model) for model in overview.models],
        "pulls": [pull_json(pull) for pull in overview.pulls],
        "searched_with": overview.searched_with or None,
    }


def pull_json(pull: Pull) -> Json:
    """failure: null unless it failed; code is one of the errors', detail says what only this one knows."""
    order, progress = pull.order, pull.progress
    return {
        "name": order.name,
        "source": order.source,
        "state": pull.state,
        "done_bytes": progress.done_bytes,
        "total_bytes": progress.total_bytes,
        "bytes_per_second": round(progress.rate),
        "seconds_left": None if progress.seconds_left is None else round(progress.seconds_left),
        "file": progress.file or None,
        "failure": None
        if not pull.code
        else {"code": pull.code, "message": _sentence(pull), "detail": pull.detail or None},
        "asked_by": order.actor or None,
        "asked_at": order.asked_at or None,
        "ended_at": pull.ended_at or None,
        "use_for_search": order.for_search,
    }


def _sentence(pull: Pull) -> str:
    classes = {error.code: error for error in _errors(InferenceError)}
    known = classes.get(pull.code)
    sentence = (known.__doc__ or "").strip().splitlines()[0] if known is not None else ""
    return f"{sentence} {pull.detail}".strip()


def _errors(tree: type[InferenceError]) -> list[type[InferenceError]]:
    return [tree, *(below for child in tree.__subclasses__() for below in _errors(child))]


def _model_json(model: InstalledModel) -> Json:
    return {
        "name": model.name,
        "kind": model.kind,
        "format": model.format,
        "size_bytes": model.size_bytes,
        "source": model.source,
        "revision": model.revision or None,
        "licence": model.licence or None,
        "pulled_at": model.pulled_at.isoformat(),
    }
