"""Joins what gets models, lists and removes them: the gateway's side, and the worker's."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from fastapi import APIRouter

from appliance.api.identity import Identity
from appliance.api.model_library import model_library_routes
from appliance.bootstrap.box import Box
from appliance.bootstrap.egress import way_out
from appliance.bootstrap.inference import read_engine_settings
from appliance.bootstrap.search_model import FileSearchChoice
from appliance.domain.people import AccountEvent
from appliance.services.models.library import CatalogueSource, ModelShelf
from appliance.storage.accounts import record_event
from appliance.storage.database import Database
from inference.errors import ModelSourceUnknown
from inference.getting.desk import Order, PullDesk
from inference.getting.pulling import PURPOSE, HubAccess, Pulling, Tell, Wanted
from inference.getting.running import PullRunner
from inference.getting.sources import OllamaSource, parse_source
from inference.getting.through_ollama import OllamaPuller
from inference.library import ModelLibrary
from inference.models.catalogue import Catalogue
from inference.settings import OllamaSettings


def model_library(box: Box) -> ModelLibrary:
    """The models on this box's disk."""
    return ModelLibrary(box.models_folder / "library")


def pull_desk(box: Box) -> PullDesk:
    """What was asked for, on the library's disk."""
    return PullDesk(box.models_folder / "pulls")


def build_model_library_routes(
    box: Box,
    database: Database,
    identity: Identity,
    runs: Callable[[str], Awaitable[bool]],
) -> APIRouter:
    """database: of the api role. runs: whether an engine has the model of that name."""
    shelf = ModelShelf(
        model_library(box), pull_desk(box), FileSearchChoice(box), _Events(database), catalogue_source, runs
    )
    return model_library_routes(shelf, identity)


def catalogue_source(name: str) -> CatalogueSource | None:
    """Where the model of a card's name comes from; None where there is no such card."""
    card = Catalogue().find(name)
    if card is None:
        return None
    quantisation = f":{card.quantisation}" if card.file.endswith(".gguf") else ""
    return CatalogueSource(f"hf:{card.repository}{quantisation}", card.purpose, card.licence)


def build_pull_runner(box: Box) -> PullRunner:
    """The worker's: gets what lies on the desk."""
    models, out = box.settings.models, way_out(box)
    door = out.door([*out.settings.models, urlsplit(models.hub).netloc], inside=out.settings.inside)
    pulling = Pulling(
        model_library(box),
        door,
        HubAccess(models.hub, models.token),
        reserve_bytes=int(models.reserve_gib * 2**30),
    )
    desk, search = pull_desk(box), FileSearchChoice(box)
    ollama = _ollama_address(box)
    beside = out.door([], inside=[urlsplit(ollama).netloc], silence_timeout_s=600.0)

    async def get(order: Order, tell: Tell) -> None:
        source = parse_source(order.source)
        if source is None:
            raise ModelSourceUnknown(f"{order.source!r} is no source.")
        if isinstance(source, OllamaSource):
            if not ollama:
                raise ModelSourceUnknown('No [engines.NAME] section has engine = "ollama".')
            # It goes out by itself: what we know is that it was asked to, and that it ended.
            with door.beside(PURPOSE, "PULL", source.registry_url, order.actor):
                await through_ollama(source, order, tell)
            return
        wanted = Wanted(order.name, source, order.kind, order.licence, order.actor)
        await pulling.pull(wanted, desk.place(order.name), tell)

    async def through_ollama(source: OllamaSource, order: Order, tell: Tell) -> None:
        async with beside.session(PURPOSE, order.actor) as session:
            async for meter, step in OllamaPuller(session, ollama).pull(source):
                tell(meter.read(0.0, step))

    async def done(order: Order) -> None:
        if order.for_search:
            search.choose(order.name)

    return PullRunner(desk, get, done)


def _ollama_address(box: Box) -> str:
    """Of the first Ollama that the settings name; empty where there is none."""
    engines = read_engine_settings(box.settings.engines, box.engine_socket)
    return next((one.base_url for one in engines.values() if isinstance(one, OllamaSettings)), "")


class _Events:
    """Fulfils services.models.library.LibraryEvents."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(self, event: AccountEvent) -> None:
        async with self._database.transaction() as connection:
            await record_event(connection, event)
