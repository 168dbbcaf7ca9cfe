"""Which embedding model the index has, how far another one is, and the two things an administrator may say to that."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from appliance.domain.documents import CollectionProgress
from appliance.domain.people import Caller, Role
from appliance.errors import Conflict, NotPermitted
from inference.embedding.client import ServedModel
from inference.errors import EmbedderUnavailable
from rag.embedding_models import IndexedModel

Served = Callable[[], Awaitable[Sequence[ServedModel]]]


class IndexModels(Protocol):
    """What the index knows of its models."""

    models: tuple[IndexedModel, ...]

    async def look(self) -> None: ...

    async def progress(self, model_id: str) -> Sequence[CollectionProgress]: ...

    async def allow_switch(self) -> bool: ...

    async def renew(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class ModelOverview:
    """A model of the index. collections: how far each is; empty once it has been looked at no more."""

    model: IndexedModel
    collections: tuple[CollectionProgress, ...] = ()

    @property
    def chunks(self) -> int:
        return sum(one.chunks for one in self.collections)

    @property
    def done(self) -> int:
        return sum(one.done for one in self.collections)


@dataclass(frozen=True, slots=True)
class IndexStatus:
    """served: what the embedding process serves, the settings' model first. problem: why it does not answer."""

    models: tuple[ModelOverview, ...]
    served: tuple[ServedModel, ...]
    problem: str = ""
    is_by_hand: bool = False


class IndexOverview:
    """is_by_hand: search goes over to another model only when somebody says so."""

    def __init__(self, models: IndexModels, served: Served, *, is_by_hand: bool) -> None:
        self._models, self._served, self._is_by_hand = models, served, is_by_hand

    async def status(self, caller: Caller) -> IndexStatus:
        """Raises NotPermitted for whoever neither administers nor audits."""
        if caller.role is Role.USER:
            raise NotPermitted("The index is shown to administrators and auditors.")
        await self._models.look()
        models = [await self._overview(model) for model in self._models.models]
        try:
            served, problem = tuple(await self._served()), ""
        except EmbedderUnavailable as error:
            served, problem = (), str(error)
        return IndexStatus(tuple(models), served, problem, self._is_by_hand)

    async def rebuild(self, caller: Caller) -> IndexStatus:
        """The active model's vectors are made again, while search goes on. Raises NotPermitted, Conflict."""
        _require_administrator(caller)
        if not await self._models.renew():
            raise Conflict("The index has no vectors yet: nothing is there to be made again.")
        return await self.status(caller)

    async def switch(self, caller: Caller) -> IndexStatus:
        """Search goes over as soon as every passage has its vector. Raises NotPermitted, Conflict."""
        _require_administrator(caller)
        if not await self._models.allow_switch():
            raise Conflict(
                "No other model is being built. Name one in the section [embedding] of appliance.toml and start the "
                "appliance again."
            )
        return await self.status(caller)

    async def _overview(self, model: IndexedModel) -> ModelOverview:
        is_watched = model.state == "building" or model.renewing
        return ModelOverview(model, tuple(await self._models.progress(model.model_id)) if is_watched else ())


def _require_administrator(caller: Caller) -> None:
    if caller.role is not Role.ADMIN:
        raise NotPermitted("Only administrators change the index.")
