"""A declared pipeline that answers as a model name: made from a checked file, run anew for each question."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection
from uuid import UUID

from appliance.domain.answers import AnswerEvent, AnswerRequest, Restarted
from appliance.domain.people import Caller, Language
from appliance.domain.pipelines import signature_of
from appliance.errors import NotPermitted
from appliance.pipelines.declared.inputs import filled_in
from appliance.pipelines.declared.parts import DeclaredParts, Setting, Shown
from appliance.pipelines.declared.results import Values
from appliance.pipelines.declared.running import Run, ended
from appliance.pipelines.declared.schema import PipelineFile
from appliance.ports import Search
from appliance.ports.pipelines import Engines
from inference.ports import ChatEngine

_AHEAD = 32  # events a slow reader may be behind before the run waits for it


class DeclaredPipeline:
    """Fulfils ports.Pipeline and ports.pipelines.AsksModels. group_ids: who may ask it; None: everybody."""

    def __init__(
        self,
        file: PipelineFile,
        parts: DeclaredParts,
        content_hash: str,
        version: int | None = None,
        group_ids: Collection[UUID] | None = None,
    ) -> None:
        self.name = file.name
        self.file = file
        self.hash = content_hash
        self.version = version
        self._parts = parts
        self._group_ids = None if group_ids is None else frozenset(group_ids)

    @property
    def signature(self) -> str:
        """`NAME@VERSION`."""
        return signature_of(self.name, self.version, self.hash)

    @property
    def takes_files(self) -> bool:
        """Whether a chat's own file is one of its inputs."""
        return any(one.type == "file" for one in self.file.inputs.values())

    def may_ask(self, caller: Caller) -> bool:
        """Whether it is for this person; administrators may try every one."""
        return self._group_ids is None or caller.is_admin or bool(self._group_ids & caller.group_ids)

    def answer(
        self, caller: Caller, request: AnswerRequest, engine: ChatEngine | None, search: Search
    ) -> AsyncGenerator[AnswerEvent, None]:
        """With one engine for whatever model a step names."""
        return self.answer_by(caller, request, lambda _model: engine, search)

    async def answer_by(
        self, caller: Caller, request: AnswerRequest, engines: Engines, search: Search, *, depth: int = 1
    ) -> AsyncGenerator[AnswerEvent, None]:
        """Yields Stepped as steps begin and end, and between them what they tell; Cited and Finished last.

        Closing it ends the step that runs, and with it the engine's request or the query, before it returns.
        """
        if not self.may_ask(caller):
            raise NotPermitted(f"The pipeline {self.name!r} is not for this account.", param="model")
        events: asyncio.Queue[AnswerEvent | BaseException | None] = asyncio.Queue(_AHEAD)
        setting = await self._setting(caller, request, engines, search, events, depth)
        if request.partial:
            yield Restarted()
        task = asyncio.create_task(_pumped(Run(self.file, setting), events))
        try:
            while True:
                event = await events.get()
                if isinstance(event, BaseException):
                    raise event
                if event is None:
                    return
                yield event
        finally:
            await ended(task)

    async def _setting(
        self,
        caller: Caller,
        request: AnswerRequest,
        engines: Engines,
        search: Search,
        events: asyncio.Queue[AnswerEvent | BaseException | None],
        depth: int,
    ) -> Setting:
        attached = None
        if request.attached is not None and self.takes_files and self._parts.recordings is not None:
            attached = await self._parts.recordings.newest(caller, request.attached)
        values = filled_in(self.file, request.inputs, request.question, attached)
        return Setting(
            caller,
            request,
            search,
            engines,
            self._parts,
            Values(values, request.origins),
            self._language(caller, request),
            events.put,
            Shown(),
            self.signature,
            depth,
        )

    def _language(self, caller: Caller, request: AnswerRequest) -> Language:
        """The question's own where it can be told, then the one asked for, then the profile's."""
        spoken = self._parts.analyzer.language(request.question)
        if spoken == "es":
            return "es"
        if spoken == "en":
            return "en"
        return request.language or caller.language or "en"


async def _pumped(run: Run, events: asyncio.Queue[AnswerEvent | BaseException | None]) -> None:
    try:
        await run.run()
    except Exception as error:
        await events.put(error)
    else:
        await events.put(None)
