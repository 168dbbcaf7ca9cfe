"""Saved questions in PostgreSQL, each read with somebody's eyes; every change leaves a version and an audit line."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.errors import InsufficientPrivilege
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from appliance.domain.data import SavedParameter, SavedQuestion
from appliance.domain.people import AccountEvent, Viewer
from appliance.domain.saved_questions import SavedAction, SavedEntry, SavedPlace, SavedVersion
from appliance.errors import Conflict, NotFound
from appliance.storage.accounts import record_event
from appliance.storage.database import Database
from querying.types import Value, ValueKind

_ENTRY = """
SELECT q.id, q.source_id, q.question, q.sql, q.language, q.wordings, q.parameters, q.is_example, q.is_offered,
       q.owner_id, q.database_id, q.collection_id, q.is_proposed, q.is_verified, q.version, q.problem,
       q.problem_detail, q.changed_at
FROM saved_questions q
"""
_OF_SOURCES = f"{_ENTRY} WHERE q.source_id = ANY(%s) ORDER BY q.created_at, q.id"
_ALL = f"{_ENTRY} ORDER BY q.is_verified, lower(q.question), q.id"
_ADD = """
INSERT INTO saved_questions (id, source_id, database_id, collection_id, owner_id, question, language, wordings, sql,
                             parameters, is_example, is_offered, is_proposed)
VALUES (%(id)s, %(source)s, %(database)s, %(collection)s, %(owner)s, %(question)s, %(language)s, %(wordings)s, %(sql)s,
        %(parameters)s, %(is_example)s, %(is_offered)s, %(is_proposed)s)
"""
_CHANGE = """
UPDATE saved_questions SET question = %(question)s, language = %(language)s, wordings = %(wordings)s, sql = %(sql)s,
    parameters = %(parameters)s, is_example = %(is_example)s, is_offered = %(is_offered)s,
    is_proposed = %(is_proposed)s, is_verified = %(is_verified)s, problem = %(problem)s,
    problem_detail = %(problem_detail)s, version = version + 1, changed_at = now()
WHERE id = %(id)s AND version = %(version)s RETURNING version
"""
_NOTE_VERSION = """
INSERT INTO saved_question_versions (question_id, version, action, changed_by, body) VALUES (%s, %s, %s, %s, %s)
"""
_VERSIONS = """
SELECT version, action, changed_by, changed_at, body FROM saved_question_versions
WHERE question_id = %s ORDER BY version DESC LIMIT %s
"""
_READ: Mapping[ValueKind, Any] = {
    "date": date.fromisoformat,
    "timestamp": datetime.fromisoformat,
    "time": time.fromisoformat,
    "decimal": Decimal,
}


class PostgresSavedQuestions:
    """Fulfils services.data.saved.SavedRepository."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of_sources(self, viewer: Viewer, source_ids: Collection[UUID]) -> list[SavedEntry]:
        """What the viewer has saved, and what was verified, of these sources; oldest first."""
        async with self._database.viewing(viewer) as connection:
            rows = await connection.execute(_OF_SOURCES, (list(source_ids),))
            return [_entry_of(row) for row in await rows.fetchall()]

    async def all(self, viewer: Viewer) -> list[SavedEntry]:
        """All that the viewer may see, what waits for somebody's look first."""
        async with self._database.viewing(viewer) as connection:
            return [_entry_of(row) for row in await (await connection.execute(_ALL)).fetchall()]

    async def one(self, viewer: Viewer, question_id: UUID) -> SavedEntry:
        """Raises NotFound."""
        async with self._database.viewing(viewer) as connection:
            return await _one(connection, question_id)

    async def add(self, viewer: Viewer, entry: SavedEntry, event: AccountEvent) -> SavedEntry:
        """The first version of it."""
        async with self._database.viewing(viewer) as connection:
            await connection.execute(_ADD, _values_of(entry) | {"owner": viewer.user_id})
            await _note(connection, entry.saved, 1, "saved", viewer.user_id)
            await record_event(connection, event)
            return await _one(connection, entry.saved.id)

    async def change(
        self, viewer: Viewer, entry: SavedEntry, action: SavedAction, event: AccountEvent | None
    ) -> SavedEntry:
        """entry.version: the one that was read. Raises Conflict where it changed meanwhile, NotFound where it is gone.

        event None: the appliance found something out by itself.
        """
        try:
            async with self._database.viewing(viewer) as connection:
                row = await (await connection.execute(_CHANGE, _values_of(entry))).fetchone()
                if row is None:
                    await _one(connection, entry.saved.id)
                    raise Conflict("Somebody changed this question meanwhile. Read it anew and try again.")
                await _note(
                    connection, entry.saved, row[0], action, None if event is None else viewer.user_id
                )
                if event is not None:
                    await record_event(connection, event)
                return await _one(connection, entry.saved.id)
        except InsufficientPrivilege as error:  # seen, but not theirs to change
            raise NotFound from error

    async def remove(self, viewer: Viewer, question_id: UUID, event: AccountEvent) -> None:
        """With every version. Raises NotFound, also for one that the viewer may only ask."""
        async with self._database.viewing(viewer) as connection:
            gone = await connection.execute("DELETE FROM saved_questions WHERE id = %s", (question_id,))
            if gone.rowcount == 0:
                raise NotFound("There is no such saved question of yours.")
            await record_event(connection, event)

    async def versions(self, viewer: Viewer, question_id: UUID, limit: int) -> list[SavedVersion]:
        """Newest first. Raises NotFound."""
        async with self._database.viewing(viewer) as connection:
            entry = await _one(connection, question_id)
            rows = await connection.execute(_VERSIONS, (question_id, limit))
            return [
                SavedVersion(version, action, by, at, _saved_of(entry.saved, body))
                for version, action, by, at, body in await rows.fetchall()
            ]


async def _one(connection: AsyncConnection, question_id: UUID) -> SavedEntry:
    row = await (await connection.execute(f"{_ENTRY} WHERE q.id = %s", (question_id,))).fetchone()
    if row is None:
        raise NotFound("There is no such saved question.")
    return _entry_of(row)


async def _note(
    connection: AsyncConnection, saved: SavedQuestion, version: int, action: SavedAction, by: UUID | None
) -> None:
    await connection.execute(_NOTE_VERSION, (saved.id, version, action, by, Jsonb(_body_of(saved))))


def _values_of(entry: SavedEntry) -> dict[str, Any]:
    saved = entry.saved
    return {
        "id": saved.id,
        "source": saved.source_id,
        "database": entry.place.database_id,
        "collection": entry.place.collection_id,
        "question": saved.question,
        "language": saved.language,
        "wordings": list(saved.wordings),
        "sql": saved.sql,
        "parameters": Jsonb([_parameter_body(one) for one in saved.parameters]),
        "is_example": saved.is_example,
        "is_offered": saved.is_offered,
        "is_proposed": entry.is_proposed,
        "is_verified": entry.is_verified,
        "version": entry.version,
        "problem": entry.problem,
        "problem_detail": entry.problem_detail,
    }


def _body_of(saved: SavedQuestion) -> dict[str, Any]:
    return {
        "question": saved.question,
        "language": saved.language,
        "wordings": list(saved.wordings),
        "sql": saved.sql,
        "parameters": [_parameter_body(one) for one in saved.parameters],
        "is_example": saved.is_example,
        "is_offered": saved.is_offered,
    }


def _saved_of(now: SavedQuestion, body: Mapping[str, Any]) -> SavedQuestion:
    return replace(
        now,
        question=body["question"],
        language=body["language"],
        wordings=tuple(body["wordings"]),
        sql=body["sql"],
        parameters=tuple(_parameter_of(one) for one in body["parameters"]),
        is_example=body["is_example"],
        is_offered=body["is_offered"],
    )


def _parameter_body(parameter: SavedParameter) -> dict[str, Any]:
    default = parameter.default
    return {
        "name": parameter.name,
        "kind": parameter.kind,
        "label": parameter.label,
        "default": default if isinstance(default, bool | int | float | None) else _text_of(default),
        "choices": list(parameter.choices),
    }


def _parameter_of(body: Mapping[str, Any]) -> SavedParameter:
    kind, default = body["kind"], body["default"]
    if isinstance(default, str) and kind in _READ:
        with suppress(ValueError, InvalidOperation):  # "last month" stays as it was said
            default = _READ[kind](default)
    return SavedParameter(body["name"], kind, body["label"], default, tuple(body["choices"]))


def _text_of(value: Value) -> str:
    return value.isoformat() if isinstance(value, date | time) else str(value)


def _entry_of(row: TupleRow) -> SavedEntry:
    (id_, source, question, sql, language, wordings, parameters, is_example, is_offered, *rest) = row
    read = tuple(_parameter_of(one) for one in parameters)
    saved = SavedQuestion(id_, source, question, sql, language, tuple(wordings), read, is_example, is_offered)
    owner, database, collection, is_proposed, is_verified, version, problem, detail, changed = rest
    place = SavedPlace(database, collection)
    return SavedEntry(saved, owner, place, is_proposed, is_verified, version, problem, detail, changed)
