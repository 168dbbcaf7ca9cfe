"""The page, joined: turns, the page's routes, and the forwarder in front of the ui's process."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import orjson
from fastapi import APIRouter
from redis.asyncio import Redis

from appliance.api.conversations import conversation_routes
from appliance.api.identity import Identity
from appliance.api.page_assets import read_page_assets
from appliance.api.page_forwarder import PageForwarder, UiAddress
from appliance.api.page_shell import SignInOffer
from appliance.api.session_bindings import SessionBindings
from appliance.api.suggestions import suggestion_routes
from appliance.api.turns import turn_routes
from appliance.bootstrap.turns import join_turns
from appliance.domain.people import Caller
from appliance.ports import Answerer, ContextMeter, Instructions
from appliance.services.accounts import LiveRequests
from appliance.services.turn_ports import AttachedFiles
from appliance.services.turns import Turns
from appliance.storage.database import Database

# The page's scripts lie beside the ui that they belong to; the gateway reads them as files and imports nothing of it.
SCRIPTS = Path(__file__).resolve().parents[2] / "ui" / "page"


@dataclass(frozen=True, slots=True)
class Page:
    """routers: for the application. forwarder: the ASGI application for every path that no route has taken.

    `open` when the gateway starts, `close` when it stops: turns being written are then marked interrupted.
    """

    routers: Sequence[APIRouter]
    forwarder: PageForwarder
    turns: Turns

    async def open(self) -> None:
        await self.turns.open()
        await self.forwarder.open()

    async def close(self) -> None:
        await self.turns.close()
        await self.forwarder.close()


def join_page(
    database: Database,
    valkey: Redis,
    answerer: Answerer,
    identity: Identity,
    delegate: Callable[[Caller], str],
    ui_socket: Path,
    questions: Sequence[Mapping[str, Any]] | None = None,
    live: LiveRequests | None = None,
    files: AttachedFiles | None = None,
    offer: SignInOffer | None = None,
    meter: ContextMeter | None = None,
    instructions: Instructions | None = None,
    unanswered_are_read: bool = False,
) -> Page:
    """database: as the gateway's role. valkey: returns bytes. questions: None: those of the sample collection.

    live: the requests that a withdrawn session ends. files: those of chats; None: chats have none.
    offer: the ways to sign in; None: with a password. meter: measures contexts; None: they are estimated.
    instructions: what people want every answer to heed; None: nobody said anything. unanswered_are_read:
    `insights.shows_questions`.
    """
    live = live or LiveRequests()
    turns, conversations = join_turns(
        database,
        valkey,
        answerer,
        live=live,
        files=files,
        meter=meter,
        instructions=instructions,
        unanswered_are_read=unanswered_are_read,
    )
    return Page(
        routers=(
            turn_routes(turns, identity.caller, live),
            conversation_routes(conversations, identity.caller),
            suggestion_routes(_sample_questions() if questions is None else questions, identity.caller),
        ),
        forwarder=PageForwarder(
            read_page_assets(SCRIPTS),
            UiAddress(socket=str(ui_socket)),
            identity.caller,
            delegate,
            SessionBindings(valkey),
            identity.origins.own,
            live,
            offer,
        ),
        turns=turns,
    )


def _sample_questions() -> Sequence[Mapping[str, Any]]:
    file = resources.files("appliance") / "sample" / "questions.json"
    if not file.is_file():
        return ()
    found: Sequence[Mapping[str, Any]] = orjson.loads(file.read_bytes())
    return found
