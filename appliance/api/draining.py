"""How a process stops politely: what is being answered gets its time, what can be resumed is ended at once.

Knows nothing of uvicorn: `http_server.py` says when. Streams of `/v1` say themselves that they are cut (fast_path.py).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from appliance.api.errors import send_error
from appliance.errors import PartUnavailable

# The page comes back to these by itself, where it left off; they would never end on their own.
_RESUMABLE = re.compile(r"/api/turns/[^/]+/events|/gradio_api/(?:queue/data|heartbeat/\w+)")


def restarting() -> PartUnavailable:
    """What whoever still waits is told."""
    return PartUnavailable("The gateway is restarting; ask again.")


class Draining:
    """One a process. begin() when it stops, then give_up() once there is no more time.

    add_work: something that is not a request and deserves the time too; the function tells whether it goes on.
    """

    def __init__(self) -> None:
        self.has_begun = False
        self._is_over = False
        self._resumable: set[asyncio.Task[object]] = set()
        self._work: list[Callable[[], bool]] = []

    def add_work(self, goes_on: Callable[[], bool]) -> None:
        self._work.append(goes_on)

    @property
    def is_working(self) -> bool:
        return any(goes_on() for goes_on in self._work)

    def begin(self) -> None:
        """End what can be resumed; from now on none of it is begun."""
        self.has_begun = True
        for task in list(self._resumable):
            task.cancel()

    def give_up(self) -> None:
        """Requests that are cancelled from now on are told why."""
        self._is_over = True

    async def serve(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request by app, in the task that calls."""
        is_resumable = scope["method"] == "GET" and _RESUMABLE.fullmatch(scope["path"]) is not None
        if is_resumable and self.has_begun:
            await send_error(restarting(), scope, send)
            return
        has_begun = False

        async def watched(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        task = asyncio.current_task()
        assert task is not None
        if is_resumable:
            self._resumable.add(task)
        try:
            await app(scope, receive, watched)
        except asyncio.CancelledError:
            if not (self._is_over or (is_resumable and self.has_begun)):
                raise
            task.uncancel()
            if not has_begun:
                await send_error(restarting(), scope, send)
            elif is_resumable:
                await send({"type": "http.response.body", "body": b""})
            else:
                raise  # half an answer: the connection is closed, so that nobody takes it for a whole one
        finally:
            self._resumable.discard(task)
