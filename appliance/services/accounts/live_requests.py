"""Requests that are running in this process, so that a withdrawn credential ends them at once.

What was withdrawn stays remembered: a request that was let in just before and registers just after is ended as well.
Keys and sessions never come back, so their ids are enough; a person may be let in again, so there it counts whether it
was withdrawn after the request was let in (`moment`). Knows nothing of HTTP or of how the news arrives.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from uuid import UUID

from appliance.domain.people import Caller, Role
from appliance.errors import CredentialWithdrawn

_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """What does not hold any more: a key, a session, or all that a person with another role than `role` had.

    role None with a user_id: everything of that person (suspended). role ADMIN takes nothing away.
    """

    key_id: UUID | None = None
    session_id: UUID | None = None
    user_id: UUID | None = None
    role: Role | None = None

    def concerns(self, caller: Caller) -> bool:
        if self.user_id is not None:
            lost = self.role is None or (self.role is not Role.ADMIN and self.role is not caller.role)
            return caller.user_id == self.user_id and lost
        return (self.key_id is not None and caller.key_id == self.key_id) or (
            self.session_id is not None and caller.session_id == self.session_id
        )


class LiveRequest:
    """One running request. `is_withdrawn` tells, `on_withdrawn` calls back, `withdrawn` waits."""

    __slots__ = ("_callbacks", "_event", "caller")

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self._event = asyncio.Event()
        self._callbacks: list[Callable[[], object]] = []

    @property
    def is_withdrawn(self) -> bool:
        return self._event.is_set()

    async def withdrawn(self) -> None:
        """Returns when the credential was withdrawn."""
        await self._event.wait()

    def on_withdrawn(self, callback: Callable[[], object]) -> None:
        """Call back once, in the event loop; at once when it has happened already."""
        if self.is_withdrawn:
            callback()
        else:
            self._callbacks.append(callback)

    def _withdraw(self) -> None:
        if not self._event.is_set():
            self._event.set()
            callbacks, self._callbacks = self._callbacks, []
            for callback in callbacks:
                callback()


class LiveRequests:
    """All requests of this process that have said who they are."""

    def __init__(self) -> None:
        self._requests: set[LiveRequest] = set()
        self._gone: OrderedDict[UUID, None] = OrderedDict()
        self._people: OrderedDict[tuple[UUID, Role | None], tuple[int, Withdrawal]] = OrderedDict()
        self.moment = 0
        """Moves with every withdrawal. Take it before asking who somebody is, and hand it to `track`."""

    @contextmanager
    def track(
        self, caller: Caller, on_withdrawn: Callable[[], object] | None = None, since: int | None = None
    ) -> Iterator[LiveRequest]:
        """Register a request while it runs: `with live.track(caller, upstream.close) as request: …`.

        since: the `moment` before the caller was identified; None: just now.
        """
        request = LiveRequest(caller)
        if on_withdrawn is not None:
            request.on_withdrawn(on_withdrawn)
        self._requests.add(request)
        try:
            if self._was_withdrawn(caller, self.moment if since is None else since):
                request._withdraw()
            yield request
        finally:
            self._requests.discard(request)

    @asynccontextmanager
    async def guard(self, caller: Caller) -> AsyncIterator[LiveRequest]:
        """Like `track`, but cancels the body and raises CredentialWithdrawn in its place.

        For code that awaits; an async generator must use `track`, for it may be closed by another task.
        """
        task = asyncio.current_task()
        assert task is not None
        cancels = task.cancelling()
        with self.track(caller) as request:
            request.on_withdrawn(task.cancel)
            try:
                yield request
            except asyncio.CancelledError as error:
                if request.is_withdrawn and task.uncancel() <= cancels:
                    raise CredentialWithdrawn from error
                raise
            finally:
                request._callbacks.clear()

    def withdraw(self, withdrawal: Withdrawal) -> int:
        """End what it concerns; returns how many requests that were."""
        self._remember(withdrawal)
        concerned = [request for request in self._requests if withdrawal.concerns(request.caller)]
        for request in concerned:
            request._withdraw()
        return len(concerned)

    def _remember(self, withdrawal: Withdrawal) -> None:
        self.moment += 1
        for gone in (withdrawal.key_id, withdrawal.session_id):
            if gone is not None:
                self._gone[gone] = None
                if len(self._gone) > _REMEMBERED:
                    self._gone.popitem(last=False)
        if withdrawal.user_id is not None:
            key = (withdrawal.user_id, withdrawal.role)
            self._people.pop(key, None)
            self._people[key] = (self.moment, withdrawal)
            if len(self._people) > _REMEMBERED:
                self._people.popitem(last=False)

    def _was_withdrawn(self, caller: Caller, since: int) -> bool:
        if caller.key_id in self._gone or caller.session_id in self._gone:
            return True
        if since == self.moment:
            return False
        for role in (None, *Role):
            moment, withdrawal = self._people.get((caller.user_id, role), (0, None))
            if withdrawal is not None and moment > since and withdrawal.concerns(caller):
                return True
        return False

    @property
    def callers(self) -> list[Caller]:
        return [request.caller for request in self._requests]
