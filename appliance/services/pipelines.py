"""Declared pipelines as people manage them: who sees what, saving, comparing, going back.

Files are the source of truth: what is saved here is written into the folder, and what is changed there counts.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from appliance.domain.people import AccountEvent, Caller
from appliance.domain.pipeline_findings import Finding
from appliance.domain.pipelines import PipelineState, PipelineVersion, SavedVia
from appliance.errors import InvalidRequest, NotFound
from appliance.ports.pipelines import PipelineShelf, PipelineVersions
from appliance.services.accounts.people import require_admin

MOST_VERSIONS = 100
_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}\Z")


@dataclass(frozen=True, slots=True)
class Draft:
    """A text and a form of the same file. values None: the text is no YAML, so that no form can show it."""

    text: str
    values: Mapping[str, Any] | None
    findings: tuple[Finding, ...]


class ManagedPipelines:
    """The use cases of /api/pipelines but running, which is Chat's."""

    def __init__(self, shelf: PipelineShelf, versions: PipelineVersions) -> None:
        self._shelf = shelf
        self._versions = versions

    def offered(self, caller: Caller) -> Sequence[PipelineState]:
        """Administrators see all of them; everybody else what they may ask."""
        states = self._shelf.states()
        if caller.is_admin:
            return states
        return [
            one
            for one in states
            if one.status in ("serving", "outdated")
            and caller.scopes.allow_model(one.name)
            and self._shelf.may_ask(caller, one.name)
        ]

    def one(self, caller: Caller, name: str) -> PipelineState:
        """Raises NotFound."""
        for state in self.offered(caller):
            if state.name == name:
                return state
        raise _unknown(name)

    def schema(self) -> Mapping[str, Any]:
        """JSON Schema of a file."""
        return self._shelf.schema()

    async def check(self, caller: Caller, name: str, text: str) -> Sequence[Finding]:
        """Everything that is wrong. Raises NotPermitted: findings say what there is on the box."""
        require_admin(caller)
        return await self._shelf.check(_named(name), text)

    async def draft(
        self, caller: Caller, name: str, text: str | None, values: Mapping[str, Any] | None
    ) -> Draft:
        """The other form of what is being edited, with its findings. Raises NotPermitted, InvalidRequest."""
        require_admin(caller)
        if (text is None) == (values is None):
            raise InvalidRequest("Give `text` or `values`.", param="text")
        if text is None:
            text = self._shelf.as_file(values or {})
        return Draft(text, self._shelf.as_values(text), tuple(await self._shelf.check(_named(name), text)))

    async def save(self, caller: Caller, name: str, text: str) -> PipelineState:
        """Write the file. Raises NotPermitted, PipelineRefused with every finding."""
        return await self._save(caller, name, text, "page")

    async def remove(self, caller: Caller, name: str) -> None:
        """Take the file away; its versions stay. Raises NotPermitted, NotFound."""
        require_admin(caller)
        await self._shelf.remove(_named(name))
        event = AccountEvent("pipeline.removed", caller.user_id, detail={"name": name})
        await self._versions.note(event)

    async def history(self, caller: Caller, name: str) -> Sequence[PipelineVersion]:
        """Accepted contents, the latest first. Raises NotPermitted, NotFound."""
        require_admin(caller)
        found = await self._versions.versions(_named(name), MOST_VERSIONS)
        if not found and all(one.name != name for one in self._shelf.states()):
            raise _unknown(name)
        return found

    async def version(self, caller: Caller, name: str, number: int) -> PipelineVersion:
        """Raises NotPermitted, NotFound."""
        require_admin(caller)
        found = await self._versions.version(_named(name), number)
        if found is None:
            raise NotFound(f"The pipeline {name!r} has no version {number}.")
        return found

    async def difference(self, caller: Caller, name: str, before: int, after: int) -> Sequence[str]:
        """Lines as `diff -u` writes them. Raises NotPermitted, NotFound."""
        old = await self.version(caller, name, before)
        new = await self.version(caller, name, after)
        return list(
            difflib.unified_diff(
                old.text.splitlines(),
                new.text.splitlines(),
                f"{name}@{before}",
                f"{name}@{after}",
                lineterm="",
            )
        )

    async def roll_back(self, caller: Caller, name: str, number: int) -> PipelineState:
        """Write an older content into the file again; it becomes the latest version. Raises as save does."""
        version = await self.version(caller, name, number)
        return await self._save(caller, name, version.text, "rollback")

    async def _save(self, caller: Caller, name: str, text: str, via: SavedVia) -> PipelineState:
        require_admin(caller)
        await self._shelf.save(_named(name), text, via, caller.user_id)
        return self.one(caller, name)


def _named(name: str) -> str:
    """The name as a file's. Raises InvalidRequest: nothing else becomes a path."""
    if not _NAME.match(name):
        raise InvalidRequest(
            "A pipeline's name has small letters, digits and hyphens, and begins with a letter.", param="name"
        )
    return name


def _unknown(name: str) -> NotFound:
    return NotFound(f"There is no pipeline {name[:80]!r}.")
