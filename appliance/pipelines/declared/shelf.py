"""The declared pipelines of this process: followed on the disk, checked, and served in their last good version.

A file that is refused changes nothing for those who ask: what it said when it was last accepted goes on serving.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

from appliance.domain.people import Caller
from appliance.domain.pipeline_findings import Finding
from appliance.domain.pipelines import PipelineState, PipelineStatus, SavedVia
from appliance.errors import NotFound, PartUnavailable, PipelineRefused
from appliance.fairness.background import end, for_ever
from appliance.pipelines.declared import files, writing_yaml
from appliance.pipelines.declared.files import FileFound
from appliance.pipelines.declared.parts import DeclaredParts
from appliance.pipelines.declared.pipeline import DeclaredPipeline
from appliance.pipelines.declared.reading import Parsed, checked, parse
from appliance.pipelines.declared.schema import PipelineFile, RetrieveStep
from appliance.pipelines.declared.surroundings import Surroundings
from appliance.ports import Pipeline
from appliance.ports.pipelines import PipelineVersions

logger = logging.getLogger(__name__)

_LOOK_S = 3.0
_KEPT = 20  # of the versions of one name so many are looked through for a good one


class Surveys(Protocol):
    """What there is that a pipeline may name."""

    async def look(self, collections: frozenset[str]) -> Surroundings:
        """collections: names of which it is asked whether they exist."""
        ...


@dataclass(slots=True)
class _Held:
    """One pipeline. serving: what answers. version: of that."""

    file: FileFound
    parsed: Parsed
    findings: tuple[Finding, ...] = ()
    serving: DeclaredPipeline | None = None
    logged: tuple[str, ...] = field(default_factory=tuple)


class Shelf:
    """Fulfils ports.pipelines.PipelineShelf. One a process: open() before use, close() at the end.

    told: is given every state after each look, for metrics.
    """

    def __init__(
        self,
        folder: Path,
        parts: DeclaredParts,
        versions: PipelineVersions,
        surveys: Surveys,
        *,
        every_s: float = _LOOK_S,
        told: Callable[[Sequence[PipelineState]], None] = lambda _states: None,
    ) -> None:
        self._folder = folder
        self._parts = parts
        self._versions = versions
        self._surveys = surveys
        self._every_s = every_s
        self._told = told
        self._held: dict[str, _Held] = {}
        self._looking = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        await self.look()
        self._task = asyncio.create_task(for_ever(self._follow))

    async def close(self) -> None:
        await end([self._task])

    # what answers -----------------------------------------------------------------------------------

    def serving(self) -> dict[str, DeclaredPipeline]:
        """By name, those that can be asked."""
        return {
            name: held.serving
            for name, held in sorted(self._held.items())
            if held.serving is not None and held.serving.file.enabled
        }

    def may_ask(self, caller: Caller, name: str) -> bool:
        held = self._held.get(name)
        return held is not None and held.serving is not None and held.serving.may_ask(caller)

    def states(self) -> Sequence[PipelineState]:
        return [_state(held) for _, held in sorted(self._held.items())]

    # what is there ----------------------------------------------------------------------------------

    async def look(self) -> None:
        """Read what has changed, check everything against what there is now, and serve what is good."""
        async with self._looking:
            there = await asyncio.to_thread(files.found, self._folder)
            for name in [name for name in self._held if name not in there]:
                del self._held[name]
            read = {name: await self._read(name, file) for name, file in there.items()}
            parsed = {name: one for name, one in read.items() if one is not None}
            around = await self._around(parsed)
            for name, one in parsed.items():
                held = self._held.setdefault(name, _Held(there[name], one))
                held.file, held.parsed = there[name], one
                await self._serve(held, around)
            self._told(self.states())

    async def check(self, name: str, text: str) -> Sequence[Finding]:
        parsed = parse(text, f"{name}{files.SUFFIX}")
        others = {other: held.parsed for other, held in self._held.items()}
        return checked(parsed, await self._around({**others, name: parsed}))

    async def save(self, name: str, text: str, via: SavedVia, saved_by: UUID) -> None:
        findings = await self.check(name, text)
        if findings:
            raise PipelineRefused(f"{len(findings)} found.", findings=tuple(findings))
        async with self._looking:  # nobody takes the old file for a change meanwhile
            await self._versions.accept(name, parse(text, name).hash, text, via, saved_by)
            await asyncio.to_thread(files.write, self._folder, name, text)
        await self.look()

    async def remove(self, name: str) -> None:
        if not await asyncio.to_thread(files.remove, self._folder, name):
            raise NotFound(f"There is no file {name}{files.SUFFIX} in the folder of pipelines.")
        await self.look()

    def schema(self) -> Mapping[str, Any]:
        return PipelineFile.model_json_schema()

    def as_file(self, values: Mapping[str, Any]) -> str:
        return writing_yaml.as_file(values)

    def as_values(self, text: str) -> Mapping[str, Any] | None:
        return writing_yaml.as_values(text)

    # steps of a look --------------------------------------------------------------------------------

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(self._every_s)
            await self.look()

    async def _read(self, name: str, file: FileFound) -> Parsed | None:
        """What was read before, where the file is the same; None where it has never been readable."""
        held = self._held.get(name)
        if held is not None and held.file == file:
            return held.parsed
        try:
            text = await asyncio.to_thread(files.text_of, file)
        except OSError as error:
            logger.warning("The pipeline %s cannot be read: %s", file.path, error)
            return None if held is None else held.parsed
        return parse(text, file.path.name)

    async def _around(self, parsed: Mapping[str, Parsed]) -> Surroundings:
        """Files that are refused may be called as they were when they were good."""
        known: dict[str, PipelineFile | None] = {}
        wanted: set[str] = set()
        for name, one in parsed.items():
            held = self._held.get(name)
            served = None if held is None or held.serving is None else held.serving.file
            file = one.file or served
            if file is not None:
                known[name] = file
            looked_at = one.file or one.partial
            for step in () if looked_at is None else looked_at.steps:
                if isinstance(step, RetrieveStep):
                    wanted.update(step.collections)
        around = await self._surveys.look(frozenset(wanted))
        return replace(around, pipelines={**dict.fromkeys(around.built_in), **known})

    async def _serve(self, held: _Held, around: Surroundings) -> None:
        held.findings = checked(held.parsed, around)
        self._log(held)
        if not held.findings and held.parsed.file is not None:
            await self._take_over(held, held.parsed, held.parsed.file, around)
        elif held.serving is None:
            await self._last_good(held, around)
        else:
            held.serving = self._made(held.serving.file, held.serving.hash, held.serving.version, around)

    async def _take_over(self, held: _Held, parsed: Parsed, file: PipelineFile, around: Surroundings) -> None:
        version = None
        if held.serving is not None and held.serving.hash == parsed.hash:
            version = held.serving.version
        if version is None:
            via: SavedVia = "shipped" if held.file.origin == "shipped" else "file"
            try:
                version = await self._versions.accept(file.name, parsed.hash, parsed.text, via)
            except PartUnavailable as error:
                logger.warning("The pipeline %s serves without a version number: %s", file.name, error)
        held.serving = self._made(file, parsed.hash, version, around)

    async def _last_good(self, held: _Held, around: Surroundings) -> None:
        """After a start: what was accepted last, and can still be read, serves on."""
        try:
            kept = await self._versions.versions(held.file.name, _KEPT)
        except PartUnavailable:
            return
        for version in kept:
            parsed = parse(version.text, held.file.path.name)
            if parsed.file is not None:
                held.serving = self._made(parsed.file, version.hash, version.number, around)
                return

    def _made(
        self, file: PipelineFile, content_hash: str, version: int | None, around: Surroundings
    ) -> DeclaredPipeline:
        """Groups that nobody knows let nobody in."""
        ids = None
        if file.groups:
            known = around.groups or {}
            ids = [known[name] for name in file.groups if name in known]
        return DeclaredPipeline(file, self._parts, content_hash, version, ids)

    def _log(self, held: _Held) -> None:
        told = tuple(one.at(held.file.path.name) for one in held.findings)
        if told and told != held.logged:
            logger.warning(
                "The pipeline %s is refused%s:\n%s",
                held.file.name,
                "" if held.serving is None else "; its last good version goes on serving",
                "\n".join(told),
            )
        held.logged = told


class EveryPipeline(Mapping[str, Pipeline]):
    """Every way to answer by its name: those of the appliance, then the declared ones as they are just now."""

    def __init__(self, built_in: Mapping[str, Pipeline]) -> None:
        self._built_in = built_in
        self._shelf: Shelf | None = None

    def follow(self, shelf: Shelf) -> None:
        """From now on its pipelines are among them."""
        self._shelf = shelf

    def __getitem__(self, name: str) -> Pipeline:
        if name in self._built_in:
            return self._built_in[name]
        declared = {} if self._shelf is None else self._shelf.serving()
        return declared[name]

    def __iter__(self) -> Iterator[str]:
        yield from self._built_in
        if self._shelf is not None:
            yield from self._shelf.serving()

    def __len__(self) -> int:
        return len(self._built_in) + (0 if self._shelf is None else len(self._shelf.serving()))


def _state(held: _Held) -> PipelineState:
    served, parsed = held.serving, held.parsed
    file = parsed.file or (None if served is None else served.file)
    return PipelineState(
        held.file.name,
        _status(held),
        held.file.origin,
        held.file.path.name,
        parsed.text,
        {} if file is None else file.title.model_dump(),
        {} if file is None or file.description is None else file.description.model_dump(),
        {} if served is None else {name: one.model_dump() for name, one in served.file.inputs.items()},
        () if file is None else tuple((step.name, step.kind) for step in file.steps),
        held.findings,
        None if served is None else served.version,
        "" if served is None else served.hash,
    )


def _status(held: _Held) -> PipelineStatus:
    served = held.serving
    if served is None:
        return "refused"
    if not served.file.enabled:
        return "disabled"
    is_outdated = held.findings and served.hash != held.parsed.hash
    return "outdated" if is_outdated else "serving"
