"""A turn at the embedding process: queued, limited and on record like a turn at an engine.

People take turns there as with engines; the process itself serves first come, first served, and joins what comes at
the same moment. Chats never wait behind it: it has slots of its own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import orjson

from appliance.api.exchange import Exchange
from appliance.api.openai_requests import WireRequest
from appliance.api.rate_limit_headers import rate_limit_headers
from appliance.domain.people import Caller
from appliance.errors import NotPermitted
from appliance.fairness.accounting.ledger import Entry
from appliance.fairness.admission import Ask, Candidate, Spent
from appliance.fairness.answer_scan import estimated_prompt_tokens
from appliance.fairness.budgets.port import NOTHING_RESERVED
from appliance.fairness.gate import Gate
from appliance.fairness.lease import Lease
from inference.types import Usage

SERVED_BY = "local:embedder"
_POOL = ":embedder"  # no engine can have that name
_SLOTS = 16  # its process has fewer threads; those that wait there share a batch


class EmbedderTurn:
    """What a turn that has come can do."""

    def __init__(self, exchange: Exchange, entry: Entry, lease: Lease) -> None:
        self._exchange, self._entry, self._lease = exchange, entry, lease
        self.spent: Spent | None = None

    async def send(
        self,
        body: dict[str, Any],
        tokens: int,
        *,
        is_exact: bool,
        headers: Sequence[tuple[bytes, bytes]] = (),
    ) -> None:
        """The whole answer; numpy arrays in it are written as they are. tokens: what it is charged."""
        entry = self._entry
        entry.end.ttft_ms = entry.elapsed_ms()
        entry.end.usage, entry.end.is_estimated = Usage(tokens), not is_exact
        self.spent = Spent(tokens)
        await entry.committed()
        all_headers = [
            (b"x-served-by", SERVED_BY.encode()),
            (b"x-queue-wait-ms", b"%d" % round(entry.end.wait_ms or 0.0)),
            *headers,
            *rate_limit_headers(self._lease.limits),
        ]
        written = orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY)
        await self._exchange.send_whole(200, "application/json", written, all_headers)
        entry.end.status = "completed"


class EmbedderTurns:
    """The gate's turns at that process."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    @asynccontextmanager
    async def turn(
        self, exchange: Exchange, caller: Caller, request: WireRequest, names: Sequence[str]
    ) -> AsyncIterator[EmbedderTurn]:
        """names: all that the model is called. Raises NotPermitted, PartUnavailable, QueueFull, RateLimited and
        QuotaExceeded."""
        if not any(map(caller.scopes.allow_model, (request.model, *names))):
            raise NotPermitted(f"This key is not for the model {request.model!r}.", param="model")
        ledger = self._gate.ledger
        entry = ledger.begin(caller, request.model, exchange.scope["path"], exchange.request_id)
        entry.end.engine = "embedder"
        lease: Lease | None = None
        turn: EmbedderTurn | None = None
        budgets, held = self._gate.budgets, NOTHING_RESERVED
        try:
            lease = await self._gate.leases.acquire(self._ask(caller, request, entry, names))
            prompt_tokens = estimated_prompt_tokens(request.payload)
            held = await budgets.reserve(caller, request.model, "embedder", False, prompt_tokens, 0)
            lease.first_byte()  # no prompt of others waits for this one to be read
            entry.end.wait_ms = lease.wait_s * 1000
            turn = EmbedderTurn(exchange, entry, lease)
            yield turn
        except BaseException as error:
            entry.note_failure(error)
            raise
        finally:
            if lease is not None:
                lease.release(turn.spent if turn is not None else None)
            ledger.finish(entry)
            budgets.settle(held, entry.end.cost)

    def _ask(self, caller: Caller, request: WireRequest, entry: Entry, names: Sequence[str]) -> Ask:
        policy = self._gate.policy()
        return Ask(
            str(entry.start.id),
            _POOL,
            _POOL,
            policy.shares_of(caller),
            (Candidate(_POOL, _SLOTS),),
            estimated_prompt_tokens(request.payload),
            0,
            request.is_batch,
            policy.limits_for(caller, *dict.fromkeys((request.model, *names))),
            entry.start.request_id,
        )
