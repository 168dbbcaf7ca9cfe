"""Questions whose SQL people checked: saved by whoever asked, verified by an administrator, run with their gaps filled.

A saved question is its maker's alone until it is verified; then all who may ask its source get it as an answer to
questions like it, and the model sees it as an example. Its SQL passes the guard and a trial run before it is kept.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Protocol
from uuid import UUID

from appliance.domain.data import AskedVia, Asking, ChosenQuestion, OfferedSource, QueryRun, SavedQuestion
from appliance.domain.people import AccountEvent, Caller, Language, Viewer
from appliance.domain.saved_questions import SavedAction, SavedEntry, SavedPlace, SavedVersion
from appliance.errors import InvalidRequest, NotFound, NotPermitted
from appliance.ports.data import DataDesk
from appliance.services.data.choosing import Chooser
from appliance.services.data.gaps import resolved, typed
from querying.errors import QueryRefused, SchemaChanged
from querying.guarding import checked
from querying.types import Caps, Value

MOST_WORDINGS, MOST_PARAMETERS, MOST_OWN = 20, 10, 200
_VERSIONS_SHOWN = 50
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,39}\Z")


class SavedRepository(Protocol):
    """`storage.saved_questions` fulfils it; everything is read with the viewer's eyes. Raises PartUnavailable."""

    async def of_sources(self, viewer: Viewer, source_ids: Sequence[UUID]) -> list[SavedEntry]: ...

    async def all(self, viewer: Viewer) -> list[SavedEntry]: ...

    async def one(self, viewer: Viewer, question_id: UUID) -> SavedEntry: ...

    async def add(self, viewer: Viewer, entry: SavedEntry, event: AccountEvent) -> SavedEntry: ...

    async def change(
        self, viewer: Viewer, entry: SavedEntry, action: SavedAction, event: AccountEvent | None
    ) -> SavedEntry: ...

    async def remove(self, viewer: Viewer, question_id: UUID, event: AccountEvent) -> None: ...

    async def versions(self, viewer: Viewer, question_id: UUID, limit: int) -> list[SavedVersion]: ...


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A saved question that is close to what was asked, but not close enough to be taken for it."""

    saved: SavedQuestion
    score: float


class SavedQuestionBook:
    """Fulfils ports.data.SavedQuestions, and what people do with their own and administrators with everybody's.

    today: the day from which "last month" is reckoned.
    """

    def __init__(
        self,
        repository: SavedRepository,
        desk: DataDesk,
        chooser: Chooser,
        *,
        today: Callable[[], date],
        new_id: Callable[[], UUID],
    ) -> None:
        self._repository = repository
        self._desk = desk
        self._chooser = chooser
        self._today = today
        self._new_id = new_id

    # Asked ------------------------------------------------------------------------------------------

    async def chosen(
        self, caller: Caller, question: str, sources: Sequence[OfferedSource]
    ) -> ChosenQuestion | None:
        known = [one for one in await self._known(caller, sources) if one.is_offered]
        return await self._chooser.chosen(question, known, sources, self._today()) if known else None

    async def near(self, caller: Caller, question: str, limit: int = 3) -> Sequence[Suggestion]:
        """What somebody may have meant whose question fits none well enough; best first."""
        sources = await self._desk.offered(caller)
        known = [one for one in await self._known(caller, sources) if one.is_offered]
        ranked = await self._chooser.near(question, known, sources, self._today()) if known else []
        return [Suggestion(saved, score) for saved, score in ranked[:limit]]

    async def examples(
        self, caller: Caller, question: str, sources: Sequence[OfferedSource], limit: int
    ) -> Sequence[SavedQuestion]:
        entries = await self._entries(caller, sources)
        verified = [
            one.saved for one in entries if one.is_verified and one.saved.is_example and not one.problem
        ]
        return await self._chooser.similar(question, verified, sources, limit) if verified else []

    async def suggested(self, caller: Caller, language: Language, limit: int) -> Sequence[SavedQuestion]:
        known = await self._known(caller, await self._desk.offered(caller))
        offered = [one for one in known if one.is_offered]
        return sorted(offered, key=lambda one: one.language != language)[:limit]

    async def run(
        self,
        caller: Caller,
        question_id: UUID,
        values: Mapping[str, Value],
        asking: Asking,
    ) -> QueryRun:
        """values: as typed or as people write them ("marzo"); what is missing has its default.

        Raises InvalidRequest for a value that is none, NotFound, and what querying.errors has.
        """
        entry = await self._repository.one(caller.viewer, question_id)
        saved, today = entry.saved, self._today()
        unknown = sorted(values.keys() - {one.name for one in saved.parameters})
        if unknown:
            raise InvalidRequest(f"The question has no parameter {unknown[0]}.", param="values")
        filled = {
            one.name: typed(one, values[one.name], today) if one.name in values else resolved(one, today)
            for one in saved.parameters
        }
        missing = [name for name, value in filled.items() if value is None]
        if missing:
            raise InvalidRequest(f"Tell the value of {', '.join(missing)}.", param="values")
        asking = replace(asking, question=asking.question or saved.question, saved_id=saved.id)
        try:
            return await self._desk.run(caller, saved.source_id, saved.sql, asking, filled)
        except (SchemaChanged, QueryRefused) as error:
            await self._note_broken(caller, entry, error)
            raise

    # Kept -------------------------------------------------------------------------------------------

    async def listed(self, caller: Caller) -> Sequence[SavedEntry]:
        """One's own and the verified ones one may ask; an administrator's also what was proposed."""
        return await self._repository.all(caller.viewer)

    async def one(self, caller: Caller, question_id: UUID) -> SavedEntry:
        """Raises NotFound."""
        return await self._repository.one(caller.viewer, question_id)

    async def require_own(self, caller: Caller, question_id: UUID) -> None:
        """Raises NotFound for who may not change it."""
        _require_own(caller, await self._repository.one(caller.viewer, question_id))

    async def versions(self, caller: Caller, question_id: UUID) -> Sequence[SavedVersion]:
        """What became of it, newest first, for who may change it. Raises NotFound."""
        entry = await self._repository.one(caller.viewer, question_id)
        _require_own(caller, entry)
        return await self._repository.versions(caller.viewer, question_id, _VERSIONS_SHOWN)

    async def save(self, caller: Caller, draft: SavedQuestion, *, is_proposed: bool) -> SavedEntry:
        """draft.id is not looked at. Raises InvalidRequest, NotFound, and what querying.errors has."""
        saved = replace(draft, id=self._new_id())
        own = [one for one in await self._repository.all(caller.viewer) if one.owner_id == caller.user_id]
        if len(own) >= MOST_OWN:
            raise InvalidRequest(f"You have {MOST_OWN} saved questions. Remove some.")
        place = await self._tried(caller, saved)
        entry = SavedEntry(saved, caller.user_id, place, is_proposed)
        return await self._repository.add(caller.viewer, entry, _event("saved", caller, entry))

    async def change(
        self, caller: Caller, question_id: UUID, changed: SavedQuestion, *, is_proposed: bool | None = None
    ) -> SavedEntry:
        """A verified one that its maker changes has to be verified again; an administrator's change stays verified."""
        entry = await self._repository.one(caller.viewer, question_id)
        _require_own(caller, entry)
        saved = replace(changed, id=entry.saved.id, source_id=entry.saved.source_id)
        if (saved.sql, saved.parameters) != (entry.saved.sql, entry.saved.parameters) or entry.problem:
            await self._tried(caller, saved)
        proposed = entry.is_proposed if is_proposed is None else is_proposed
        action: SavedAction = "proposed" if proposed and not entry.is_proposed else "changed"
        new = replace(
            entry,
            saved=saved,
            is_proposed=proposed,
            is_verified=entry.is_verified and caller.is_admin,
            problem="",
            problem_detail="",
        )
        return await self._repository.change(caller.viewer, new, action, _event(action, caller, new))

    async def verify(self, caller: Caller, question_id: UUID, *, is_good: bool) -> SavedEntry:
        """is_good False: it is its maker's alone again. Raises NotPermitted for who is no administrator."""
        if not caller.is_admin:
            raise NotPermitted("Only administrators verify questions.")
        entry = await self._repository.one(caller.viewer, question_id)
        if is_good:
            await self._tried(caller, entry.saved, via="trial")
        new = replace(entry, is_verified=is_good, is_proposed=False, problem="", problem_detail="")
        action: SavedAction = "verified" if is_good else "withdrawn"
        return await self._repository.change(caller.viewer, new, action, _event(action, caller, new))

    async def remove(self, caller: Caller, question_id: UUID) -> None:
        """Raises NotFound."""
        entry = await self._repository.one(caller.viewer, question_id)
        _require_own(caller, entry)
        await self._repository.remove(caller.viewer, question_id, _event("removed", caller, entry))

    # Within -----------------------------------------------------------------------------------------

    async def _entries(self, caller: Caller, sources: Sequence[OfferedSource]) -> list[SavedEntry]:
        return await self._repository.of_sources(caller.viewer, [one.id for one in sources])

    async def _known(self, caller: Caller, sources: Sequence[OfferedSource]) -> list[SavedQuestion]:
        return [one.saved for one in await self._entries(caller, sources) if not one.problem]

    async def _tried(self, caller: Caller, saved: SavedQuestion, via: AskedVia = "api") -> SavedPlace:
        """Where its tables are, once it passed the guard and ran with its defaults."""
        today = self._today()
        _require_sound(saved, today)
        source = next((one for one in await self._desk.offered(caller) if one.id == saved.source_id), None)
        if source is None and via != "trial":
            raise NotFound(f"There is no data source {saved.source_id}.")
        values = {one.name: resolved(one, today) for one in saved.parameters}
        if source is not None:
            await asyncio.to_thread(checked, saved.sql, source.schema, Caps(), values)
        asking = Asking(via, saved.question)
        await self._desk.run(caller, saved.source_id, saved.sql, asking, values)
        collection_id = None if source is None else source.collection_id
        return SavedPlace(None if collection_id else saved.source_id, collection_id)

    async def _note_broken(
        self, caller: Caller, entry: SavedEntry, error: SchemaChanged | QueryRefused
    ) -> None:
        """For who may change it; others are told by the refusal alone."""
        if entry.problem or (entry.owner_id != caller.user_id and not caller.is_admin):
            return
        broken = replace(entry, problem=error.code, problem_detail=error.detail[:500])
        await self._repository.change(caller.viewer, broken, "broken", None)


def _require_own(caller: Caller, entry: SavedEntry) -> None:
    if entry.owner_id != caller.user_id and not caller.is_admin:
        raise NotFound("There is no such saved question of yours.")


def _require_sound(saved: SavedQuestion, today: date) -> None:
    """What can be said without the database. Raises InvalidRequest."""
    if not saved.question.strip():
        raise InvalidRequest("A question is needed.", param="question")
    if len(saved.wordings) > MOST_WORDINGS:
        raise InvalidRequest(f"At most {MOST_WORDINGS} wordings.", param="wordings")
    if len(saved.parameters) > MOST_PARAMETERS:
        raise InvalidRequest(f"At most {MOST_PARAMETERS} parameters.", param="parameters")
    names = [one.name for one in saved.parameters]
    if len(set(names)) < len(names):
        raise InvalidRequest("Two parameters have the same name.", param="parameters")
    for one in saved.parameters:
        if not _NAME.match(one.name):
            raise InvalidRequest(
                f"{one.name!r} is no name of a parameter: small letters, digits and _.", param="parameters"
            )
        if resolved(one, today) is None:
            raise InvalidRequest(
                f"The parameter {one.name} needs a default that fits its kind.", param="parameters"
            )


def _event(action: str, caller: Caller, entry: SavedEntry) -> AccountEvent:
    detail = {
        "question_id": str(entry.saved.id),
        "source": str(entry.saved.source_id),
        "question": entry.saved.question[:200],
        "sql": entry.saved.sql[:2000],
    }
    return AccountEvent(f"data.question.{action}", caller.user_id, None, detail)
