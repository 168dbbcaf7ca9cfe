"""Asks a person whether a tool may be called, and waits for what they say; any process may hear it.

A question lies in Valkey under its person and a number nobody can guess; the answer is pushed beside it. Silence is no.
"""

from __future__ import annotations

import secrets
import time
from typing import Literal, Protocol, cast
from uuid import UUID

import orjson
from redis.asyncio import Redis
from redis.exceptions import RedisError

from appliance.domain.people import AccountEvent, Caller
from appliance.domain.tools import ConsentAnswer, KeptConsent, UsableTool
from appliance.errors import NotFound, PartUnavailable
from appliance.services.tools.ports import ToolUse

PATIENCE_S = 180.0
_KEPT_S = 900
_LISTEN_S = 2.0
_ASK_ID = frozenset("0123456789abcdef")


class Waits(Protocol):
    """Told of a question's number once it can be answered."""

    async def __call__(self, ask_id: str) -> None: ...


class Consents:
    """patience_s: how long an answer waits for its person."""

    def __init__(self, valkey: Redis, use: ToolUse, *, patience_s: float = PATIENCE_S) -> None:
        self._valkey, self._use = valkey, use
        self.patience_s = patience_s

    async def asked(self, caller: Caller, tool: UsableTool, tell: Waits) -> ConsentAnswer | None:
        """What they say; None: nothing in time. What counts for good is kept by `answer`. Raises PartUnavailable."""
        ask_id = secrets.token_hex(16)
        question, answer = _keys(caller.user_id, ask_id)
        about = {
            "server_id": str(tool.server.id),
            "tool": tool.tool.name,
            "fingerprint": tool.tool.fingerprint,
        }
        try:
            await self._valkey.set(question, orjson.dumps(about), ex=_KEPT_S)
            await tell(ask_id)
            said = await self._heard(answer)
            await self._valkey.delete(question, answer)
        except RedisError as error:
            raise PartUnavailable("Valkey does not answer.") from error
        return said

    async def _heard(self, answer: str) -> ConsentAnswer | None:
        """Asked anew every now and then: a connection gives up when nothing comes for longer."""
        until = time.monotonic() + self.patience_s
        while (left := until - time.monotonic()) > 0:
            said = await self._valkey.blpop([answer], timeout=min(_LISTEN_S, max(left, 0.1)))
            if said:
                answered = said[1]
                return cast(ConsentAnswer, answered if isinstance(answered, str) else answered.decode())
        return None

    async def answer(self, caller: Caller, ask_id: str, said: ConsentAnswer) -> None:
        """Raises NotFound for a question of somebody else, one that is over, or one that was answered."""
        if not (len(ask_id) == 32 and _ASK_ID.issuperset(ask_id)):
            raise _not_asked()
        question, answer = _keys(caller.user_id, ask_id)
        try:
            found = await self._valkey.getdel(question)
            if found is None:
                raise _not_asked()
            about = orjson.loads(found)
            if said != "once":
                await self._remember(
                    caller, UUID(about["server_id"]), about["tool"], said, about["fingerprint"]
                )
            await self._valkey.rpush(answer, said)
            await self._valkey.expire(answer, _KEPT_S)
        except RedisError as error:
            raise PartUnavailable("Valkey does not answer.") from error

    async def say(self, caller: Caller, server_id: UUID, tool: str, said: Literal["always", "never"]) -> None:
        """Before anybody asks. Raises NotFound for a tool that may not be called for them."""
        if not await self._remember(caller, server_id, tool, said):
            raise NotFound("There is no such tool that may be called for you.")

    async def _remember(
        self, caller: Caller, server_id: UUID, name: str, said: str, fingerprint: str = ""
    ) -> bool:
        """fingerprint: of the tool as it was when they were asked; where it changed since, nothing is kept."""
        for tool in await self._use.usable(caller.viewer):
            is_it = (tool.server.id, tool.tool.name) == (server_id, name)
            if is_it and fingerprint in ("", tool.tool.fingerprint):
                event = AccountEvent(
                    f"tools.consent_{said}", caller.user_id, tool.server.id, {"tool": tool.full_name}
                )
                await self._use.remember(caller.viewer, tool, said, event)
                return True
        return False

    async def kept(self, caller: Caller) -> list[KeptConsent]:
        """What they said for good."""
        return list(await self._use.consents(caller.viewer))

    async def forget(self, caller: Caller, server_id: UUID, tool: str) -> None:
        """They will be asked again. Raises NotFound."""
        event = AccountEvent("tools.consent_forgotten", caller.user_id, server_id, {"tool": tool})
        await self._use.forget(caller.viewer, server_id, tool, event)


def _keys(user_id: UUID, ask_id: str) -> tuple[str, str]:
    return f"tools:asked:{user_id}:{ask_id}", f"tools:answered:{user_id}:{ask_id}"


def _not_asked() -> NotFound:
    return NotFound("Nobody waits for that answer any more.")
