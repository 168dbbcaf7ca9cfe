"""What a gateway does with what the keeper says: engines come and go on its roster, its line opens and closes.

Fulfils `fairness.kept_engines.KeptEngines` and `link.Follower`.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from pydantic import SecretStr

from appliance.bootstrap.keeper.link import KeeperLink
from appliance.errors import PartUnavailable
from appliance.fairness.admission import Capacity
from appliance.fairness.kept_engines import Loading
from appliance.fairness.leases import Leases
from inference.engines import load_engine_class
from inference.engines.connections import Connections
from inference.errors import ModelLoadFailed, ModelNotLoaded
from inference.keeping.states import KeptModel
from inference.roster import Membership, Roster
from inference.settings import EngineSettings, LlamaCppSettings, VllmSettings
from inference.types import ModelInfo

logger = logging.getLogger(__name__)

_PHASES_OF_LOADING = ("unloaded", "loading", "draining", "restarting")
_RETURN_S = 10.0  # in which the keeper tells of an engine that died; it hears of it at once


class KeptRoster:
    """taken: names of engines that are configured. key: that our own vLLM asks for.

    Give it the leases by `attach` before the link runs.
    """

    def __init__(
        self,
        link: KeeperLink,
        roster: Roster,
        connections: Connections,
        *,
        taken: Collection[str],
        key: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._link = link
        self._roster = roster
        self._connections = connections
        self._taken = frozenset(taken)
        self._key = key
        self._clock = clock
        self._leases: Leases | None = None
        self._models: dict[str, KeptModel] = {}  # by the engine's name
        self._doubted: set[str] = set()

    def attach(self, leases: Leases) -> None:
        """The line in which people wait for these engines."""
        self._leases = leases

    # fairness.kept_engines.KeptEngines ------------------------------------------------------------------

    @property
    def models(self) -> Mapping[str, KeptModel]:
        """By the name of their engine on the roster."""
        return self._models

    def is_kept(self, engine: str) -> bool:
        """Whether the keeper has it."""
        return engine in self._models

    def capacities(self) -> Sequence[Capacity]:
        """Of those that take nobody just now."""
        return [Capacity(name, 0) for name in self._models if self._is_closed(name)]

    def loading(self, engine: str) -> Loading | None:
        """How long until it answers."""
        model = self._models.get(engine)
        if model is None or model.phase not in _PHASES_OF_LOADING:
            return None
        return Loading(model.name, model.eta_s(self._clock()), model.phase == "restarting")

    def refusal(self, engine: str) -> Exception | None:
        """It cannot be loaded, or is not to be."""
        model = self._models.get(engine)
        if model is None:
            return None
        if model.phase == "failed" and (model.retry_at or 0.0) > self._clock():
            return ModelLoadFailed(f"Asked for: {model.name}.")
        if model.phase == "unloaded" and not self._link.loads_on_use:
            return ModelNotLoaded(f"Asked for: {model.name}.")
        return None

    def use(self, engine: str) -> None:
        """The next report says that somebody waits for it."""
        self._link.report()

    async def failed(self, engine: str) -> bool:
        """Close it until the keeper has told what became of it."""
        if engine not in self._models:
            return False
        before = self._models[engine]
        self._doubted.add(engine)
        try:
            await self._learn([Capacity(engine, 0)])
            until_s = self._clock() + _RETURN_S
            while self._models.get(engine) == before and self._clock() < until_s:
                await self._link.changed(until_s - self._clock())
        finally:
            self._doubted.discard(engine)
        model = self._models.get(engine)
        if model is None:
            return False
        await self._learn([self._capacity(engine)])
        return self.refusal(engine) is None

    # link.Follower ------------------------------------------------------------------------------------

    async def follow(self, models: Mapping[str, KeptModel]) -> None:
        """Take on who is new, let go who was stopped, open and close the rest."""
        before, wanted = self._models, {self._engine_name(name): model for name, model in models.items()}
        woken = [
            name
            for name, model in wanted.items()
            if model.phase == "ready" and (name not in before or before[name].phase != "ready")
        ]
        self._models = dict(wanted)
        for name in before.keys() - wanted.keys():
            await self._let_go(name, before[name])
        for name, model in wanted.items():
            known = before.get(name)
            if known is None or (known.context_tokens, known.slots) != (model.context_tokens, model.slots):
                if known is not None:
                    await self._roster.remove(name)
                self._roster.add(self._membership(name, model))
        if self._is_told_apart(before, wanted):
            await self._roster.refresh()
        await self._learn([self._capacity(name) for name in wanted])
        for name in wanted:
            refusal = self.refusal(name)
            if refusal is not None and self._leases is not None:
                self._leases.requests.refuse_waiting(name, refusal)
        for name in woken:
            logger.info("model %s is served by %s", wanted[name].name, name)

    def running(self) -> Mapping[str, int]:
        """Answers under way here, by model."""
        held = self._leases.requests.running if self._leases is not None else Counter[str]()
        return {model.name: held[name] for name, model in self._models.items() if held[name]}

    def waiting(self) -> Mapping[str, int]:
        """Requests in line here, by model. One that another engine could answer as well waits for none of ours."""
        if self._leases is None:
            return {}
        found: Counter[str] = Counter()
        for request in self._leases.requests.in_line():
            names = {candidate.engine for candidate in request.ask.candidates}
            for name in names if names <= self._models.keys() else ():
                found[self._models[name].name] += 1
        return found

    # helpers of the above -----------------------------------------------------------------------------

    def _engine_name(self, model: str) -> str:
        return f"own-{model}" if model in self._taken else model

    def _is_closed(self, engine: str) -> bool:
        return self._models[engine].phase != "ready" or engine in self._doubted

    def _capacity(self, engine: str) -> Capacity:
        model = self._models[engine]
        return Capacity(engine, 0 if self._is_closed(engine) else model.slots)

    @staticmethod
    def _is_told_apart(before: Mapping[str, KeptModel], now: Mapping[str, KeptModel]) -> bool:
        return {name: (model.phase, model.reason) for name, model in before.items()} != {
            name: (model.phase, model.reason) for name, model in now.items()
        }

    async def _let_go(self, name: str, model: KeptModel) -> None:
        await self._roster.remove(name)
        if self._leases is not None:
            self._leases.requests.refuse_waiting(name, ModelNotLoaded(f"{model.name} has been stopped."))

    async def _learn(self, capacities: Sequence[Capacity]) -> None:
        if self._leases is not None:
            with suppress(PartUnavailable):  # the next look at the engines tells it
                await self._leases.learn(capacities)

    def _membership(self, name: str, model: KeptModel) -> Membership:
        settings = self._settings(model)
        engine = load_engine_class(model.engine)(name, settings, self._connections)
        served = ModelInfo(model.name, model.kind, model.context_tokens)
        return Membership(
            engine,
            model.engine,
            f"unix:{model.socket}",
            models=(served,),
            asleep=lambda: self._why_asleep(name),
        )

    def _settings(self, model: KeptModel) -> EngineSettings:
        common = {
            "engine": model.engine,
            "socket_path": Path(model.socket),
            "models": [model.name],
            "kind": model.kind,
            "context_tokens": model.context_tokens,
            "max_running": model.slots,
        }
        if model.engine == "llama_cpp":
            return LlamaCppSettings.model_validate({**common, "model_path": "/", "slots": model.slots})
        return VllmSettings.model_validate(
            {**common, "api_key": SecretStr(self._key), "priority_scheduling": True}
        )

    def _why_asleep(self, engine: str) -> str:
        model = self._models.get(engine)
        if model is None or model.phase == "ready":
            return ""
        return model.reason or f"The model is {model.phase}."
