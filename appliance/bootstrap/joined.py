"""All rooms of the gateway, joined: one ASGI application over everything behind it."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from redis.asyncio import Redis
from starlette.types import ASGIApp, Receive, Scope, Send

from appliance.api.accounts import account_routers
from appliance.api.answer_counts import AnswerCounts
from appliance.api.app import create_app
from appliance.api.draining import Draining
from appliance.api.fast_path import FastPath
from appliance.api.health import health_router
from appliance.api.index import index_routes
from appliance.api.limits import limit_routes
from appliance.api.metrics import metrics_router
from appliance.api.models import models_router
from appliance.api.pipeline_runs import PipelineRuns
from appliance.api.queue import queue_routes
from appliance.api.responses.routes import responses_router
from appliance.api.speech.door import SpeechDoor
from appliance.api.watchdog import watchdog_routes
from appliance.bootstrap.accounts import build_accounts, build_identity
from appliance.bootstrap.administration import administration_routers
from appliance.bootstrap.answering import build_chat
from appliance.bootstrap.backups.desk import build_backup_routes
from appliance.bootstrap.box import Box
from appliance.bootstrap.breakers import build_circuits
from appliance.bootstrap.budgets import build_budgets
from appliance.bootstrap.data import build_data
from appliance.bootstrap.doctor.room import build_doctor_routes
from appliance.bootstrap.documents import build_documents
from appliance.bootstrap.doors import build_fast_path, build_speech_door
from appliance.bootstrap.egress import way_out
from appliance.bootstrap.egress_desk import build_egress_routes
from appliance.bootstrap.energy import following_energy
from appliance.bootstrap.first_start import forget_password
from appliance.bootstrap.gate import build_gate, postgres_contact
from appliance.bootstrap.health import build_health
from appliance.bootstrap.index import build_index_room, calibration_of, chosen_embedder
from appliance.bootstrap.inference import (
    Inference,
    adopt_local_engines,
    clouds_of,
    has_only_clouds,
    read_engine_settings,
)
from appliance.bootstrap.joined_metrics import join_metrics
from appliance.bootstrap.keeper.following import KeptRoster
from appliance.bootstrap.keeper.link import KeeperLink
from appliance.bootstrap.keeper.preparing import engine_key
from appliance.bootstrap.keeper.wanted_file import WantedFile
from appliance.bootstrap.knowledge import UPLOAD_BODY_LIMITS, build_knowledge
from appliance.bootstrap.ladder import LadderPlan
from appliance.bootstrap.leaving import build_leaving
from appliance.bootstrap.limits import build_limits
from appliance.bootstrap.model_library import build_model_library_routes
from appliance.bootstrap.model_planning import build_model_planning_routes
from appliance.bootstrap.neighbours import open_engines, require_neighbours
from appliance.bootstrap.page import join_page
from appliance.bootstrap.pipelines import build_pipelines
from appliance.bootstrap.prompts import build_prompts
from appliance.bootstrap.queue_overview import build_queue_overview
from appliance.bootstrap.reranker import served_reranker
from appliance.bootstrap.responses import build_responses
from appliance.bootstrap.running_models import build_running_models_routes
from appliance.bootstrap.speech import speech_client
from appliance.bootstrap.tools import ToolRoom
from appliance.bootstrap.watching import build_watchman
from appliance.errors import PartUnavailable
from appliance.fairness.accounting.cloud_prices import with_clouds
from appliance.fairness.accounting.ledger import Entry
from appliance.fairness.queue.script import PREFIX
from appliance.services.offered_models import OfferedModels
from appliance.storage.database import Database
from appliance.storage.embedding_models import FollowedModels
from appliance.storage.preferences import PostgresPreferences
from appliance.storage.roles import DatabaseRole
from inference.embedding.client import EmbedderClient
from inference.errors import EmbedderUnavailable

if TYPE_CHECKING:
    from appliance.bootstrap.tracing import Tracing

logger = logging.getLogger(__name__)

_KEEPER_S = 5.0  # what a gateway gives the keeper to say which models were started
_API_PREFIXES = ("/v1/", "/api/", "/healthz", "/readyz", "/metrics")


class Gateway:
    """The application. Everything opens when the server starts and closes, in the opposite order, when it stops."""

    def __init__(self, box: Box, tracing: Tracing | None = None) -> None:
        self._box = box
        self._tracing = tracing
        self._stack = AsyncExitStack()
        self.draining = Draining()
        self._answers: AnswerCounts | None = None
        self._fast: FastPath | None = None
        self._speech: SpeechDoor | None = None
        self._tools: ToolRoom | None = None
        self._runs: PipelineRuns | None = None
        self._api: ASGIApp | None = None
        self._page: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        assert self._fast is not None and self._api is not None and self._page is not None
        if self._answers is not None:
            send = self._answers.counting(scope, send)
        if self._fast.serves(scope):
            await self._fast(scope, receive, send)
        elif self._speech is not None and self._speech.serves(scope):
            await self._speech(scope, receive, send)
        elif self._runs is not None and self._runs.serves(scope):
            await self._runs(scope, receive, send)
        elif self._tools is not None and self._tools.door.serves(scope):
            await self._tools.door(scope, receive, send)
        elif scope["path"].startswith(_API_PREFIXES):
            await self.draining.serve(self._api, scope, receive, send)
        else:
            await self.draining.serve(self._page, scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self._open()
        except Exception:
            logger.exception("the gateway could not start")
            await self._stack.aclose()
            await send({"type": "lifespan.startup.failed", "message": "the gateway could not start"})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._stack.aclose()
        await send({"type": "lifespan.shutdown.complete"})

    async def _open(self) -> None:
        box, settings = self._box, self._box.settings
        if settings.server.allow_plain_http:
            logger.warning(
                "server.allow_plain_http is set: passwords and sessions travel readable to everybody on the network"
            )
        contact = postgres_contact(settings.gate)
        database = Database(
            box.database_url(DatabaseRole.API), pool_size=settings.database.pool_size, require=contact.require
        )
        await self._keep(database.open, database.close)
        valkey = Redis.from_url(box.valkey_url)
        self._stack.push_async_callback(valkey.aclose)
        client = EmbedderClient(box.embedder_socket)
        self._stack.push_async_callback(client.close)
        self._in_background(_learn_embedded_model(client), "embedded model")
        models = FollowedModels(database)
        with suppress(PartUnavailable):
            await models.look()
        self._in_background(models.follow(), "embedding models of the index")
        embedder = chosen_embedder(client, models)
        limits = build_limits(database, valkey, aliases=settings.models.aliases, prefix=PREFIX)
        await self._keep(limits.open, limits.close)
        accounts = build_accounts(
            database,
            valkey,
            settings,
            box.secrets.session_secret,
            partial(forget_password, box.credentials_path),
            contact,
            limits.watch.announce,
        )
        await self._keep(accounts.start, accounts.close)
        identity = build_identity(accounts, settings.server)
        single_sign_on = None
        if settings.identity.oidc.is_on:
            # Here: its cryptography takes a fifth of a second to load, and most boxes have no provider.
            from appliance.bootstrap.single_sign_on import build_single_sign_on

            single_sign_on = build_single_sign_on(
                settings.identity.oidc,
                accounts,
                identity,
                database,
                valkey,
                box.secrets.session_secret,
                way_out(box),
            )
            self._stack.push_async_callback(single_sign_on.http.close)
            self._in_background(single_sign_on.rechecking.run(), "sign-ins checked again")
        inference = await self._open_inference()
        engines = read_engine_settings(settings.engines, box.engine_socket)
        prices = with_clouds(settings.models.all_prices, clouds_of(engines), settings.models.us_dollar)
        link = KeeperLink(box.keeper_socket, f"gateway {os.getpid()}")
        kept = KeptRoster(
            link, inference.roster, inference.connections, taken=settings.engines, key=engine_key(box)
        )
        leaving = build_leaving(settings.leaving, database, inference.roster, settings.models.aliases)
        await self._keep(leaving.open, leaving.close)
        room = build_gate(
            settings.gate,
            inference.roster,
            valkey_url=box.valkey_url,
            database_url=box.database_url(DatabaseRole.API),
            spool_folder=box.data / "spool",
            contact=contact,
            workers=settings.server.workers,
            policy=lambda: limits.watch.policy,
            prices=prices,
            kept=kept,
            failover=settings.failover,
            breaker=settings.breaker,
            engines=engines,
            on_end=_nowhere if self._tracing is None else self._tracing.ended,
            plan=LadderPlan(settings.models, settings.models.aliases, leaving.decisions),
            money=partial(build_budgets, settings, database, limits.watch, prices),
        )
        await self._keep(room.open, room.close)
        leaving.count_in(room.metrics)
        self._in_background(following_energy(room.gate, room.metrics), "energy")
        kept.attach(room.gate.leases)
        link.attach(kept)
        self._in_background(link.run(), "keeper")
        if await asyncio.to_thread(WantedFile(box.data / "engines.json").read):
            await link.first_heard(_KEEPER_S)
        self._answers = AnswerCounts(room.metrics)
        knowledge = build_knowledge(
            database,
            embedder,
            settings,
            box.data,
            calibrate=partial(calibration_of, client, models),
            metrics=room.metrics,
            tracing=self._tracing,
        )
        if knowledge.follow_index is not None:
            self._in_background(knowledge.follow_index(), "vectors in memory")
        documents = build_documents(database, knowledge, settings, box.data)
        self._stack.push_async_callback(documents.close)
        data = build_data(box, database, room.metrics, embedder, self._tracing)
        self._stack.push_async_callback(data.close)
        self._tools = tools = ToolRoom(box, database, valkey, knowledge, data, identity, accounts.live)
        await self._keep(tools.open, tools.close)
        prompts = build_prompts(database)
        await self._keep(prompts.followed.open, prompts.followed.close)
        chat, every = build_chat(room, knowledge, data, embedder, settings, tools.tools, prompts.followed)
        tools.attach(chat)
        pipelines = build_pipelines(
            every,
            database,
            knowledge,
            documents,
            data,
            prompts,
            tools.tools,
            embedder,
            client,
            lambda: {model.id for model in room.gate.models()},
            settings,
            box.data,
            room.metrics,
            self._tracing,
        )
        await self._keep(pipelines.open, pipelines.close)
        self._runs = pipelines.door(identity, accounts.live, chat)
        responses = build_responses(database, settings.responses)
        self._fast = build_fast_path(
            room,
            chat,
            knowledge,
            prompts.followed,
            responses,
            embedder,
            client,
            identity,
            accounts.live,
            settings,
        )
        transcriber = speech_client(box)
        self._speech = build_speech_door(box, room, transcriber, identity, accounts.live)
        preferences = PostgresPreferences(database)
        page = join_page(
            database,
            valkey,
            chat if self._tracing is None else self._tracing.answerer(chat),
            identity,
            accounts.authentication.delegate,
            box.page_socket,
            live=accounts.live,
            files=knowledge.chat_files,
            meter=chat,
            instructions=preferences,
            unanswered_are_read=settings.insights.shows_questions,
            offer=None if single_sign_on is None else single_sign_on.offer,
        )
        await self._keep(page.open, page.close)
        self.draining.add_work(lambda: page.turns.is_writing)
        watchman = build_watchman(
            box, room, inference.roster, database, kept=lambda: kept.models, restart_kept=link.restart
        )
        self._in_background(watchman.run(), "watchdog")
        health = build_health(box, database, valkey, client, room, lambda: watchman.found)
        reranker = served_reranker(settings.retrieval, client)
        offered = OfferedModels(
            room.gate,
            chat,
            embedder,
            settings.models.aliases,
            transcriber,
            reranker=reranker.model if reranker else "",
        )
        operator_limits = limits.operator_limits(accounts.people, offered.names)
        before_scrape = join_metrics(room, box, database)
        queue = build_queue_overview(room, database)
        routers: list[APIRouter] = [
            *account_routers(
                accounts, identity, preferences, None if single_sign_on is None else single_sign_on.leave
            ),
            *([] if single_sign_on is None else [single_sign_on.routes]),
            limit_routes(operator_limits, identity),
            *([] if room.budgets is None else [room.budgets.routes(accounts.people, identity)]),
            leaving.routes(identity),
            queue_routes(queue, identity),
            build_circuits(room.circuits, database, identity),
            build_doctor_routes(box, queue, identity),
            index_routes(build_index_room(box, client, models), identity),
            build_backup_routes(box.data, settings.backup, database, identity),
            build_model_planning_routes(box, identity),
            build_egress_routes(way_out(box), database, identity),
            build_running_models_routes(box, link, database, identity),
            build_model_library_routes(box, database, identity, partial(_serves, inference)),
            *administration_routers(
                database,
                accounts,
                identity,
                prices.told_currency,
                shows_questions=settings.insights.shows_questions,
            ),
            *knowledge.routers(identity.caller),
            *data.routers(identity),
            *tools.routers(),
            prompts.routes(offered.names, identity),
            pipelines.routes(identity),
            documents.routes(identity.caller),
            responses_router(responses, identity.caller),
            *page.routers,
            watchdog_routes(lambda: watchman.found, identity),
            health_router(health, inference.roster.states, identity.caller),
            models_router(offered, identity.caller),
            metrics_router(
                room.metrics, identity.caller, before_scrape, settings.server.metrics_key.get_secret_value()
            ),
        ]
        self._api = create_app(routers, body_limits=UPLOAD_BODY_LIMITS, identity=identity)
        self._page = page.forwarder

    async def _open_inference(self) -> Inference:
        box = self._box
        engines = read_engine_settings(box.settings.engines, box.engine_socket)
        watched_by = None if self._tracing is None else self._tracing.engine_calls()
        await asyncio.to_thread(require_neighbours, box)
        inference = open_engines(box, engines, watched_by)
        self._stack.push_async_callback(inference.close)
        await inference.roster.refresh()
        self._in_background(inference.roster.run(), "roster")
        if has_only_clouds(box.settings.engines):
            looking = adopt_local_engines(inference, lambda found: logger.info(found.sentence()))
            self._in_background(looking, "discovery")
        return inference

    def _in_background(self, work: Coroutine[Any, Any, None], name: str) -> None:
        self._stack.push_async_callback(partial(_end, asyncio.create_task(work, name=name)))

    async def _keep(self, open_: Callable[[], Any], close: Callable[[], Any]) -> None:
        await open_()
        self._stack.push_async_callback(close)


def _nowhere(_entry: Entry) -> None:
    """Nobody follows requests."""


async def _serves(inference: Inference, model: str) -> bool:
    """Whether an engine has the model of that name just now."""
    return any(model == each.id for state in inference.roster.states() for each in state.models)


async def _learn_embedded_model(embedder: EmbedderClient) -> None:
    """Ask the embedding process, which starts beside this one, what it serves: `/v1/models` lists it from then on."""
    while True:
        try:
            await embedder.connect_when_ready()
            return
        except EmbedderUnavailable as error:
            logger.info("the embedded model is not listed yet: %s", error)
            await asyncio.sleep(1)


async def _end(task: asyncio.Task[None]) -> None:
    while not task.done():  # until Python 3.12 `wait_for` may lose a cancellation: ask again
        task.cancel()
        await asyncio.wait({task}, timeout=0.2)
