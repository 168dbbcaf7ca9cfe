"""Joins what writes answers with what keeps and finds them again."""

from __future__ import annotations

import asyncio
import logging

from redis.asyncio import Redis

from appliance.errors import PartUnavailable
from appliance.ports import Answerer, ContextMeter, Instructions
from appliance.services.accounts import LiveRequests
from appliance.services.conversation_removal import ConversationRemoval
from appliance.services.conversations import Conversations
from appliance.services.turn_ports import AttachedFiles
from appliance.services.turns import Turns
from appliance.storage.conversation_removal import PostgresConversationRemoval
from appliance.storage.conversations import PostgresConversations
from appliance.storage.database import Database
from appliance.storage.turn_log import ValkeyTurnLog
from appliance.storage.turns import PostgresTurns

logger = logging.getLogger(__name__)

_EVERY_S = 20.0


def join_turns(
    database: Database,
    valkey: Redis,
    answerer: Answerer,
    *,
    live: LiveRequests | None = None,
    files: AttachedFiles | None = None,
    meter: ContextMeter | None = None,
    instructions: Instructions | None = None,
    unanswered_are_read: bool = False,
) -> tuple[Turns, Conversations]:
    """database: as the gateway's role. valkey: returns bytes. The others as Turns and Conversations take them."""
    repository, log = PostgresConversations(database), ValkeyTurnLog(valkey)
    turns = Turns(
        PostgresTurns(database),
        repository,
        log,
        answerer,
        live=live,
        files=files,
        instructions=instructions,
        unanswered_are_read=unanswered_are_read,
    )
    conversations = Conversations(
        repository,
        ConversationRemoval(PostgresConversationRemoval(database), files, log),
        turns,
        turns.settling,
        turns.memory.of,
        meter=meter,
        instructions=instructions,
    )
    return turns, conversations


async def remove_conversations_forever(
    database: Database, files: AttachedFiles, valkey: Redis | None
) -> None:
    """Deleted ones after two minutes, temporary ones after an hour of silence. database: as the worker's role."""
    log = None if valkey is None else ValkeyTurnLog(valkey)
    removal = ConversationRemoval(PostgresConversationRemoval(database), files, log)
    while True:
        try:
            removed = await removal.remove_due()
        except PartUnavailable:
            logger.warning("conversations that are over could not be removed; trying again", exc_info=True)
        else:
            if removed:
                logger.info("%d conversations were removed", removed)
        await asyncio.sleep(_EVERY_S)
