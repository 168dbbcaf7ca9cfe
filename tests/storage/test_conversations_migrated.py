"""Conversations of the version before: each becomes one path through a tree, and its words are found."""

from __future__ import annotations

from uuid import UUID, uuid4

import psycopg

from appliance.domain.conversations import ConversationFilter
from appliance.domain.people import Viewer
from appliance.storage.conversations import PostgresConversations
from appliance.storage.database import Database
from appliance.storage.migrating import migrate, packaged_migrations
from appliance.storage.roles import DatabaseRole, url_as
from tests.conftest import ROLE_SECRET, Servers

_BEFORE = "0016"


def _fill(owner_url: str, user: UUID) -> dict[str, list[UUID]]:
    """Turns by conversation, in the order they were asked; two were asked at the same moment."""
    made: dict[str, list[UUID]] = {}
    with psycopg.connect(owner_url) as connection:
        for title, seconds in (("Dogs", (1, 2, 3)), ("Cats", (5, 5)), ("Empty", ())):
            chat, made[title] = uuid4(), []
            connection.execute(
                "INSERT INTO conversations (id, user_id, title) VALUES (%s, %s, %s)", (chat, user, title)
            )
            for second in seconds:
                turn = uuid4()
                connection.execute(
                    "INSERT INTO turns (id, conversation_id, user_id, question, model, status, answer, created_at)"
                    " VALUES (%s, %s, %s, '¿Cuándo?', 'tiny', 'done', 'En la nómina de julio.',"
                    " 'epoch'::timestamptz + make_interval(secs => %s))",
                    (turn, chat, user, second),
                )
                made[title].append(turn)
    return made


async def test_what_was_kept_before_is_one_path_each(servers: Servers) -> None:
    """Nothing is lost, nothing is in two places, and old answers are found by their words."""
    ana, name = Viewer(uuid4()), f"t_{uuid4().hex[:12]}"
    with psycopg.connect(servers.postgres.url(database="postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    owner_url = servers.postgres.url(database=name)
    known = packaged_migrations()
    await migrate(owner_url, ROLE_SECRET, [one for one in known if one.name < _BEFORE])
    made = _fill(owner_url, ana.user_id)
    await migrate(owner_url, ROLE_SECRET)
    database = Database(url_as(owner_url, DatabaseRole.API, ROLE_SECRET), pool_size=2)
    await database.open()
    try:
        conversations = PostgresConversations(database)
        listed = await conversations.conversations(ana, ConversationFilter(), 10)
        found = await conversations.conversations(ana, ConversationFilter("nomina julio"), 10)
        paths = {
            one.conversation.title: await conversations.path(ana, one.conversation.id, 50, None)
            for one in listed
        }
    finally:
        await database.close()
        with psycopg.connect(servers.postgres.url(database="postgres"), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")

    assert {one.conversation.title for one in found} == {"Dogs", "Cats"}
    for title, turns in made.items():
        conversation, shown = paths[title]
        ids = [one.turn.id for one in shown]
        assert ids == (turns if title != "Cats" else sorted(turns))
        assert [one.turn.previous_id for one in shown] == [None, *ids][: len(ids)]
        assert conversation.current_turn_id == (ids[-1] if ids else None)
        assert all(one.version_ids == (one.turn.id,) for one in shown)
        assert not conversation.is_unread
