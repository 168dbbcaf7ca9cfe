"""Answering one request of a raw ASGI door, for as long as its client is there and its credential holds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from appliance import telemetry
from appliance.api.draining import restarting
from appliance.api.exchange import Exchange
from appliance.api.interruption import Interruption
from appliance.api.json_bodies import ClientGone
from appliance.domain.people import Caller
from appliance.errors import CredentialWithdrawn
from appliance.fairness.cancellation import GONE, REVOKED, STOPPING
from appliance.services.accounts.live_requests import LiveRequests


async def answer_one(exchange: Exchange, handle: Callable[[Exchange], Awaitable[None]]) -> None:
    """Handle the request; whatever it fails with is told to whoever still reads."""
    token = telemetry.request_id.set(exchange.request_id)
    try:
        await handle(exchange)
    except ClientGone:
        pass
    except asyncio.CancelledError as error:
        # The process stops: whoever still reads is told, so that a cut answer is not taken for a whole one.
        if STOPPING not in error.args:
            raise
        await exchange.fail(restarting())
    except Exception as error:
        await exchange.fail(error)
    finally:
        telemetry.request_id.reset(token)


async def while_present(
    exchange: Exchange, live: LiveRequests, caller: Caller, answering: Awaitable[None], *, since: int
) -> None:
    """Answer, unless the client leaves or its credential is withdrawn: either cancels the work at once.

    since: live.moment before the caller was identified.
    """
    interruption = Interruption()

    async def watch() -> None:
        await exchange.until_gone()
        interruption.now(exchange.cut_off or GONE)

    with live.track(caller, lambda: interruption.now(REVOKED), since=since):
        watcher = asyncio.create_task(watch())
        try:
            with interruption:
                await answering
        except asyncio.CancelledError as error:
            if interruption.reason is None:
                raise
            raise (CredentialWithdrawn if interruption.reason == REVOKED else ClientGone) from error
        finally:
            watcher.cancel()
