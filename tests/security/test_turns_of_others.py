"""Whose a conversation is: every id of one person is the id of nothing for everybody else, on every route."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

from tests.api.conversing import Browser, ana, box, luis
from tests.page_box import PageBox

__all__ = ["ana", "box", "luis"]

ASKING = {"question": "And?"}
# (verb, path below /api, body): every route that names a conversation or a turn
ROUTES: list[tuple[str, str, Any]] = [
    ("GET", "/conversations/{chat}", None),
    ("GET", "/conversations/{chat}?before={turn}", None),
    ("PATCH", "/conversations/{chat}", {"title": "mine"}),
    ("PATCH", "/conversations/{chat}", {"read": True}),
    ("PATCH", "/conversations/{chat}", {"current_turn_id": "{turn}"}),
    ("DELETE", "/conversations/{chat}", None),
    ("DELETE", "/conversations/{chat}?now=true", None),
    ("POST", "/conversations/{chat}/restore", None),
    ("GET", "/conversations/{chat}/export", None),
    ("GET", "/conversations/{chat}/export?format=json", None),
    ("GET", "/conversations/{chat}/context?model=tiny", None),
    ("POST", "/turns", ASKING | {"conversation_id": "{chat}"}),
    ("POST", "/turns", ASKING | {"previous_id": "{turn}"}),
    ("POST", "/turns/{turn}/versions", {}),
    ("POST", "/turns/{turn}/versions", ASKING),
    ("POST", "/turns/{turn}/continue", None),
    ("POST", "/turns/{turn}/stop", None),
    ("PUT", "/turns/{turn}/feedback", {"rating": "up"}),
    ("DELETE", "/turns/{turn}/feedback", None),
    ("GET", "/turns/{turn}/events", None),
    ("GET", "/turns/{turn}/events?after=1", None),
    ("GET", "/turns/{turn}/trace", None),
]


def _filled(value: Any, ids: dict[str, str]) -> Any:  # the table, with somebody's ids
    if isinstance(value, dict):
        return {key: _filled(one, ids) for key, one in value.items()}
    return value.format(**ids) if isinstance(value, str) else value


async def _everything(browser: Browser, chat: str) -> list[Any]:
    return [await browser.ok("GET", "/conversations"), await browser.ok("GET", f"/conversations/{chat}")]


async def test_every_id_of_somebody_else_is_unknown(box: PageBox, ana: Browser, luis: Browser) -> None:
    """404 for a stranger as for an id that never was, before and after deletion; and nothing has changed."""
    turn = await ana.ask("dogs")
    await ana.ok("PUT", f"/turns/{turn['id']}/feedback", {"rating": "down"})
    ids = {"chat": turn["conversation_id"], "turn": turn["id"]}
    nobody = {"chat": str(uuid4()), "turn": str(uuid4())}
    before = await _everything(ana, ids["chat"])
    asked = len(box.answerer.asked)

    def table(known: dict[str, str]) -> list[tuple[str, str, Any]]:
        return [(verb, path.format(**known), _filled(body, known)) for verb, path, body in ROUTES]

    seen = {one[:2]: (await luis.call(*one)).status_code for one in table(ids)}
    unknown = {one[:2]: (await ana.call(*one)).status_code for one in table(nobody)}
    after = await _everything(ana, ids["chat"])
    await ana.ok("DELETE", f"/conversations/{ids['chat']}")
    hidden = {one[:2]: (await luis.call(*one)).status_code for one in table(ids)}

    assert seen == dict.fromkeys(seen, 404)
    assert unknown == dict.fromkeys(unknown, 404)
    assert hidden == dict.fromkeys(hidden, 404)
    assert after == before
    assert len(box.answerer.asked) == asked
    assert (await luis.ok("GET", "/conversations"))["data"] == []


async def test_a_path_leads_through_one_conversation_only(ana: Browser) -> None:
    """One's own turns cannot be joined across conversations either: each is a tree of its own."""
    one, other = await ana.ask("dogs"), await ana.ask("cats")
    chat = f"/conversations/{one['conversation_id']}"
    answers = [
        await ana.call("PATCH", chat, {"current_turn_id": other["id"]}),
        await ana.call(
            "POST",
            "/turns",
            ASKING | {"conversation_id": one["conversation_id"], "previous_id": other["id"]},
        ),
    ]

    assert [answer.status_code for answer in answers] == [404, 404]


async def test_no_route_of_a_conversation_is_missing_here(box: PageBox) -> None:
    """A new route that names a conversation or a turn has to stand in the table above, or have files of its own."""
    names = {"conversation_id": "{chat}", "turn_id": "{turn}"}
    offered = set()
    for path, verbs in box.app.openapi()["paths"].items():
        if re.search(r"\{(conversation_id|turn_id)\}", path):
            short = path.removeprefix("/api").format(**names)
            offered |= {(verb.upper(), short) for verb in verbs}

    assert offered <= {(verb, path.partition("?")[0]) for verb, path, _ in ROUTES}


async def test_nobody_is_let_in_without_a_sign_in(box: PageBox, ana: Browser) -> None:
    """401 before anything is looked up."""
    ana.client.cookies.clear()
    nobody = {"chat": str(uuid4()), "turn": str(uuid4())}
    seen = {
        (verb, path): (await ana.call(verb, path.format(**nobody), _filled(body, nobody))).status_code
        for verb, path, body in ROUTES
    }

    assert seen == dict.fromkeys(seen, 401)
