"""The FastAPI application that holds every route but the fast path of `/v1`, which stands in front of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from fastapi import APIRouter, FastAPI

from appliance import __version__
from appliance.api.body_limits import OWN_API_BYTES, BodyLimits
from appliance.api.callers_first import CallersFirst, Identifies
from appliance.api.errors import UnforeseenErrors, add_error_handlers
from appliance.api.request_id import RequestIds


def create_app(
    routers: Iterable[APIRouter],
    *,
    body_limits: Mapping[str, int | None] | None = None,
    identity: Identifies | None = None,
    docs: bool = False,
) -> FastAPI:
    """Routers in; one application with one table of errors, request ids and body limits out.

    body_limits: path prefix → bytes (None: the route counts for itself), beside 1 MiB under /api/ and 32 MiB elsewhere.
    identity: who may send a body under /v1 at all, asked before it is read; None: the routes alone ask.
    docs: also serve the interactive description at /api/docs, which loads its scripts from elsewhere.
    """
    app = FastAPI(
        title="LLM appliance",
        version=__version__,
        openapi_url="/api/openapi.json",
        docs_url="/api/docs" if docs else None,
        redoc_url=None,
        redirect_slashes=False,
    )
    for router in routers:
        app.include_router(router)
    add_error_handlers(app)
    app.add_middleware(UnforeseenErrors)
    if identity is not None:
        app.add_middleware(CallersFirst, identity=identity)
    app.add_middleware(BodyLimits, by_prefix={"/api/": OWN_API_BYTES, **(body_limits or {})})
    app.add_middleware(RequestIds)
    return app
