"""Every id of one person is nothing to another, on every route and verb that the application has.

A new route with an id in its path fails here until it stands in the tables below.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from appliance.api.identity import SECURE_COOKIE
from appliance.api.page_forwarder import _ALLOWED
from appliance.services.canaries.paper import pdf_of
from tests.conftest import Servers
from tests.knowledge_harness import data, embedder_home
from tests.whole_gateway import PASSWORD, WholeGateway, whole_gateway

__all__ = ["data", "embedder_home"]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

MODEL = "answer-with-sources"
ASKING = {"question": "And?", "model": MODEL}
# What a route needs to be a valid request: were it refused for its form, its owner's right would never be asked.
BODIES: Mapping[tuple[str, str], Any] = {
    ("POST", "/v1/vector_stores/{store_id}"): {"name": "mine"},
    ("POST", "/v1/vector_stores/{store_id}/files"): {"file_id": "{file_id}"},
    ("POST", "/v1/vector_stores/{store_id}/files/{file_id}"): {"attributes": {"seen": True}},
    ("POST", "/v1/vector_stores/{store_id}/file_batches"): {"file_ids": ["{file_id}"]},
    ("POST", "/v1/vector_stores/{store_id}/search"): {"query": "dogs"},
    ("PATCH", "/api/collections/{store_id}"): {"owner": "user:root@example.com"},
    ("PUT", "/api/collections/{store_id}/shares"): {"with": "luis@example.com", "access": "write"},
    ("POST", "/api/collections/{store_id}/known"): {"sha256": ["0" * 64]},
    ("PATCH", "/api/conversations/{conversation_id}"): {"title": "mine"},
    ("POST", "/api/turns/{turn_id}/versions"): {"question": "And?"},
    ("PUT", "/api/turns/{turn_id}/feedback"): {"rating": "up"},
    ("PATCH", "/api/users/{user_id}"): {"name": "Mine"},
    ("PATCH", "/api/groups/{group_id}"): {"name": "Mine"},
    ("PUT", "/api/groups/{group_id}/members"): {"user_ids": []},
    ("PUT", "/api/leaving/collections/{store_id}"): {"may_leave": True},
    ("POST", "/api/data/sources/{source_id}/query"): {"sql": "SELECT count(*) FROM dog"},
    ("PUT", "/api/data/sources/{source_id}/tables"): {"tables": []},
    ("PATCH", "/api/data/sources/{source_id}/tables"): {"table": "dog", "description": "mine"},
    ("PUT", "/api/data/sources/{source_id}/shares"): {"with": "luis@example.com"},
    ("PUT", "/api/data/questions/{question_id}"): {
        "source_id": "{source_id}",
        "question": "Mine?",
        "language": "en",
        "sql": "SELECT count(*) FROM dog",
    },
    ("PUT", "/api/data/questions/{question_id}/verdict"): {"is_good": True},
    ("POST", "/api/prompts/{purpose}/versions"): {"texts": {"en": "Cite as [1].", "es": "Cita: [1]."}},
    ("PUT", "/api/prompts/{purpose}/in_force"): {"version": 0},
    ("PUT", "/api/pipelines/{pipeline}"): {"text": "format: 1"},
    ("POST", "/api/pipelines/{pipeline}/check"): {"text": "format: 1"},
    ("POST", "/api/pipelines/{pipeline}/draft"): {"text": "format: 1"},
    ("POST", "/api/pipelines/{pipeline}/rollback"): {"version": 1},
    ("POST", "/api/tools/asked/{ask_id}"): {"answer": "always"},
    ("PUT", "/api/tools/consents/{tool_server_id}/{tool}"): {"answer": "always"},
    ("PATCH", "/api/tools/servers/{tool_server_id}"): {"is_paused": False},
    ("PUT", "/api/tools/servers/{tool_server_id}/tools/{tool}/approval"): {"fingerprint": "0" * 64},
}
QUERIES: Mapping[tuple[str, str], str] = {
    ("DELETE", "/api/collections/{store_id}/shares"): "?with=luis@example.com",
    ("GET", "/api/collections/{store_id}/shares/candidates"): "?q=luis",
    ("GET", "/api/conversations/{conversation_id}/context"): f"?model={MODEL}",
    ("DELETE", "/api/data/sources/{source_id}/shares"): "?with=ana@example.com",
    ("GET", "/api/prompts/{purpose}/difference"): "?before=0&after=0",
    ("GET", "/api/pipelines/{pipeline}/difference"): "?before=1&after=1",
}
# Nobody's in particular, or not made for a person; and why.
OF_NOBODY = {"/v1/models/{model}": "what is served, for everybody"}
# What a person does not read of themselves, and why.
NOT_HERS = {
    "/api/queue/{request_id}": "a request that is over is nobody's",
    **{
        f"/api/data/sources/{{source_id}}{rest}": "she asks it, and administrators manage it"
        for rest in ("", "/tables", "/drift", "/shares")
    },
    "/api/users/{user_id}/sessions": "she has /api/sessions for that",
    "/api/documents/{file_id}/transcript": "her file is no recording",
    "/api/models/library/pulls/{name}": "models are for administrators and auditors",
    "/api/models/running/{name}": "likewise",
    "/api/models/running/{name}/command": "likewise",
    "/api/tools/servers/{tool_server_id}": "servers of others are for administrators",
    "/api/data/workbooks/{file_id}": "her file is no workbook",
    "/api/prompts/{purpose}/versions": "prompts are for administrators and auditors",
    "/api/prompts/{purpose}/versions/{version}": "likewise",
    "/api/prompts/{purpose}/difference": "likewise",
    "/api/prompts/{purpose}/figures": "likewise",
    "/api/pipelines/{pipeline}": "one that is switched off is for administrators",
    "/api/pipelines/{pipeline}/versions": "likewise",
    "/api/pipelines/{pipeline}/versions/{version}": "likewise",
    "/api/pipelines/{pipeline}/difference": "likewise",
}
# An administrator's business too; who they are is asked of the others.
OF_ADMINISTRATORS = (
    *(
        "/api/users/",
        "/api/groups/",
        "/api/limits/",
        "/api/budgets/",
        "/api/jobs/",
        "/api/keys/",
        "/api/queue/",
    ),
    *(
        "/api/models/",
        "/api/leaving/",
        "/api/prompts/",
        "/api/pipelines/",
        "/api/data/sources/",
        "/api/tools/servers/",
    ),
)
# Ids in bodies: (verb, path, body).
IN_BODIES: tuple[tuple[str, str, Any], ...] = (
    ("POST", "/api/turns", ASKING | {"conversation_id": "{conversation_id}"}),
    ("POST", "/api/turns", ASKING | {"previous_id": "{turn_id}"}),
    ("POST", "/api/search", {"query": "dogs", "vector_store_ids": ["{store_id}"]}),
    ("POST", "/v1/vector_stores", {"name": "mine", "file_ids": ["{file_id}"]}),
    ("POST", "/api/data/questions/draft", {"result_id": "{result_id}"}),
    ("POST", "/v1/responses", {"model": MODEL, "input": "And?", "previous_response_id": "{response_id}"}),
    ("POST", "/v1/chat/completions",
     {"model": MODEL, "messages": [{"role": "user", "content": "dogs"}], "vector_store_ids": ["{store_id}"]}),
    ("POST", "/v1/responses",
     {"model": MODEL, "input": "dogs", "tools": [{"type": "file_search", "vector_store_ids": ["{store_id}"]}]}),
    ("POST", "/v1/responses", {"model": MODEL, "input": "dogs", "store": False,
                               "tools": [{"type": "file_search", "vector_store_ids": ["{chat_store_id}"]}]}),
)  # fmt: skip
# The tab of a browser, by the session that used it first: (verb, path, body).
TAB: tuple[tuple[str, str, Any], ...] = (
    ("GET", "/gradio_api/queue/data?session_hash=anashash01", None),
    ("GET", "/gradio_api/heartbeat/anashash01", None),
    ("POST", "/gradio_api/queue/join", {"session_hash": "anashash01", "data": []}),
    ("POST", "/gradio_api/cancel", {"session_hash": "anashash01", "event_id": "e1"}),
    ("POST", "/gradio_api/reset", {"session_hash": "anashash01", "event_id": "e1"}),
)

_MOMENT = re.compile(rb'"as_of":"[^"]+"')


def filled(value: Any, ids: Mapping[str, str]) -> Any:
    """With somebody's ids in its places."""
    if isinstance(value, dict):
        return {key: filled(one, ids) for key, one in value.items()}
    if isinstance(value, list):
        return [filled(one, ids) for one in value]
    return re.sub(r"\{(\w+)\}", lambda place: ids[place[1]], value) if isinstance(value, str) else value


async def ana_s(one: WholeGateway) -> dict[str, str]:
    """One of everything that is hers, by the names of the routes' parameters."""
    store = (await one.ok("ana", "POST", "/v1/vector_stores", {"name": "shelf"}))["id"]
    file = await one.upload("ana", "dogs.pdf", pdf_of(["Dogs are fed at nine."]))
    batches = f"/v1/vector_stores/{store}/file_batches"
    batch = (await one.ok("ana", "POST", batches, {"file_ids": [file]}))["id"]
    await one.read("ana", f"/v1/vector_stores/{store}/files/{file}")
    chat = (await one.ok("ana", "POST", "/api/conversations", {"title": "Dogs"}))["id"]
    dropped = await one.upload(
        "ana", "cats.pdf", pdf_of(["Cats are fed at ten."]), f"/api/conversations/{chat}/files"
    )
    await one.read("ana", f"/api/conversations/{chat}/files/{dropped}")
    turn = (await one.ok("ana", "POST", "/api/turns", ASKING | {"conversation_id": chat}))["id"]
    await one.ok("ana", "GET", f"/api/turns/{turn}/events")
    response = (
        await one.ok("ana", "POST", "/v1/responses", {"model": MODEL, "input": "dogs", "store": True})
    )["id"]
    await signed_in(one, "ana")
    (session,) = (await one.ok("ana", "GET", "/api/sessions"))["data"]
    (key,) = (await one.ok("ana", "GET", "/api/keys"))["data"]
    people = [str(one.people["ana"].id)]
    group = (await one.ok("root", "POST", "/api/groups", {"name": "Dogs"}))["id"]
    await one.send("root", "PUT", f"/api/groups/{group}/members", {"user_ids": people})
    limit = {"subject_kind": "user", "subject": people[0], "kind": "tokens_per_day", "most": 10**9}
    made = await one.ok("root", "POST", "/api/limits", limit)
    budget = {"subject_kind": "user", "subject": people[0], "window": "month", "amount": 1000}
    spent = await one.ok("root", "PUT", "/api/budgets", budget)
    source, result = await shared_source(one)
    dogs = {"source_id": source, "question": "Dogs?", "language": "en", "sql": "SELECT count(*) FROM dog"}
    question = (await one.ok("ana", "POST", "/api/data/questions", dogs))["id"]
    server = {"name": "crm", "url": "http://127.0.0.1:9/mcp"}
    tool_server = (await one.ok("root", "POST", "/api/tools/servers", server))["id"]
    return {
        "result_id": result, "question_id": question,
        "source_id": source, "tool_server_id": tool_server, "tool": "echo", "ask_id": "0" * 32,
        "store_id": store, "file_id": file, "batch_id": batch, "conversation_id": chat, "turn_id": turn,
        "response_id": response, "session_id": session["id"], "key_id": key["id"], "user_id": people[0],
        "group_id": group, "limit_id": made["id"], "budget_id": spent["id"], "job_id": "job-1",
        "request_id": f"turn-{turn}", "number": "1",
        "dropped_id": dropped, "chat_store_id": "vs_" + "0" * 32, "name": "tiny",
        "purpose": "summarise", "pipeline": "formal-letter", "version": "0",
    }  # fmt: skip


async def shared_source(one: WholeGateway) -> tuple[str, str]:
    """A database that she alone may ask, and what it told her."""
    path = one.box.data / "databases" / "dogs.db"
    with closing(sqlite3.connect(path)) as made:
        made.executescript("CREATE TABLE dog (id integer); INSERT INTO dog VALUES (1)")
    new = {"name": "Dogs", "kind": "sqlite", "settings": {"path": path.name}}
    source = str((await one.ok("root", "POST", "/api/data/sources", new))["id"])
    await one.ok("root", "PUT", f"/api/data/sources/{source}/tables", {"tables": [{"name": "dog"}]})
    await one.ok("root", "PUT", f"/api/data/sources/{source}/shares", {"with": "ana@example.com"})
    asked = await one.ok(
        "ana", "POST", f"/api/data/sources/{source}/query", {"sql": "SELECT count(*) FROM dog"}
    )
    assert asked["rows"] == [[1]]
    return source, asked["id"]


async def signed_in(one: WholeGateway, who: str) -> dict[str, str]:
    """The headers of a browser in which they are signed in."""
    own = {"sec-fetch-site": "same-origin"}
    body = {"email": f"{who}@example.com", "password": PASSWORD}
    async with one.session.post("/api/sessions", json=body, headers=own) as answer:
        assert answer.status == 201, await answer.text()
        return own | {"cookie": f"{SECURE_COOKIE}={answer.cookies[SECURE_COOKIE].value}"}


async def routes_of(one: WholeGateway) -> list[tuple[str, str]]:
    """(verb, path) of every route with an id in its path, of the application as it runs."""
    described = await one.ok("ana", "GET", "/api/openapi.json")
    return [
        (verb.upper(), path)
        for path, verbs in sorted(described["paths"].items())
        for verb in sorted(verbs)
        if "{" in path and path not in OF_NOBODY
    ]


def request_of(verb: str, path: str, ids: Mapping[str, str]) -> tuple[str, str, Any]:
    """A valid request for one's own, with somebody's ids."""
    known = dict(ids)
    if "/conversations/{conversation_id}/files/" in path:
        known["file_id"] = ids["dropped_id"]
    body = BODIES.get((verb, path), {} if verb in ("POST", "PUT", "PATCH") else None)
    return verb, filled(path, known) + QUERIES.get((verb, path), ""), filled(body, known)


async def state_of(
    one: WholeGateway, routes: list[tuple[str, str]], ids: Mapping[str, str]
) -> dict[str, Any]:
    """What she reads by each of her ids: the statuses, and the content of what is JSON."""
    seen = {}
    for verb, path in routes:
        if verb == "GET" and path not in NOT_HERS:
            status, content = await one.send("ana", *request_of(verb, path, ids))
            seen[path] = status, _MOMENT.sub(b"", content)
    return seen


async def test_every_id_of_somebody_else_is_refused_on_every_route(
    owner_url: str, servers: Servers, embedder_home: Path, data: Path
) -> None:
    """404 or 403 for another person, and for overseers where it is private; 401 for nobody; all is as before."""
    async with whole_gateway(owner_url, servers, embedder_home, data) as one:
        ids = await ana_s(one)
        routes = await routes_of(one)
        requests = {route: request_of(*route, ids) for route in routes}
        before = await state_of(one, routes, ids)
        answers = {
            who: {route: (await one.send(who, *request))[0] for route, request in requests.items()
                  if who == "luis" or not route[1].startswith(OF_ADMINISTRATORS)}
            for who in ("luis", "root", "otto")
        }  # fmt: skip
        nobody = {route: (await one.send(None, *request))[0] for route, request in requests.items()}
        bodies = {
            (who, place): (await one.send(who, verb, path, filled(body, ids)))
            for who in ("luis", "root", "otto")
            for place, (verb, path, body) in enumerate(IN_BODIES)
        }
        after = await state_of(one, routes, ids)

    assert len(routes) > 50
    closed = {path: status for path, (status, _) in before.items() if status != 200}
    assert closed == {}, "she does not get what is hers"
    for who, statuses in answers.items():
        assert {route: status for route, status in statuses.items() if status not in (403, 404)} == {}, who
    assert {route: status for route, status in nobody.items() if status != 401} == {}
    told = {
        key: status for key, (status, body) in bodies.items() if b"fed at" in body or status not in (403, 404)
    }
    assert told == {}
    assert {path for path, seen in before.items() if after[path] != seen} == set()


async def test_a_tab_is_its_session_s_on_every_route_that_is_let_through(
    owner_url: str, servers: Servers, embedder_home: Path, data: Path
) -> None:
    """Ana's requests pass the check (and find no page running here), Luis' are a 404 by every one of them."""
    passed = {path.partition("?")[0].replace("anashash01", r"\w+") for _, path, _ in TAB}
    named = re.findall(r"gradio_api/(?:\(\?:)?([\w/|\\+]+)", _ALLOWED.pattern)
    assert passed == {f"/gradio_api/{one}" for names in named for one in names.split("|")}
    async with whole_gateway(owner_url, servers, embedder_home, data) as one:
        statuses: dict[str, list[int]] = {}
        for who in ("ana", "luis"):
            headers = await signed_in(one, who)
            for verb, path, body in TAB:
                async with one.session.request(verb, path, json=body, headers=headers) as answer:
                    statuses.setdefault(who, []).append(answer.status)

    assert statuses == {"ana": [503] * len(TAB), "luis": [404] * len(TAB)}
