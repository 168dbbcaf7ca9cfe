"""The HTTP server of a gateway process: uvicorn with our connections, a look at slow ones, and an orderly end."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from appliance.api.connections import ClientConnection, Patience
from appliance.api.draining import Draining
from appliance.fairness.cancellation import STOPPING

logger = logging.getLogger(__name__)

KEEP_ALIVE_S = 75
_LOOK_S = 1.0
_TICK_S = 0.05
_LAST_WORDS_S = 1.0
_STALLED_S = 3.0
_UNSENT_BYTES = 64 * 1024
_KEEP_ALIVE_IDLE_S, _KEEP_ALIVE_EVERY_S = 20, 10


class HttpServer(uvicorn.Server):
    """drain_s: what is being answered when SIGTERM comes has so long; a second signal takes the rest of it away.

    on_started: called when requests are accepted.
    """

    def __init__(
        self,
        application: ASGIApp,
        draining: Draining,
        *,
        drain_s: float,
        patience: Patience | None = None,
        on_started: Callable[[], None] | None = None,
        lifespan: bool = True,
    ) -> None:
        super().__init__(
            uvicorn.Config(
                application,
                http=ClientConnection,
                loop="uvloop",
                ws="none",
                lifespan="on" if lifespan else "off",
                access_log=False,
                log_config=None,
                server_header=False,
                # uvicorn would believe X-Forwarded-* of anybody on loopback: api/origins.py decides.
                proxy_headers=False,
                timeout_keep_alive=KEEP_ALIVE_S,
            )
        )
        self._draining = draining
        self._drain_s = drain_s
        self._patience = patience or Patience()
        self._on_started = on_started
        self._watch: asyncio.Task[None] | None = None
        self.is_hurried = False
        """Set it to end at once, in order."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        for listening in sockets or []:
            _prepare(listening, self._patience)
        await super().startup(sockets)
        if self.started:
            self._watch = asyncio.create_task(self._look_for_ever())
            if self._on_started is not None:
                self._on_started()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal begins the end, the next one hurries it, whichever of both they are."""
        self._captured_signals.append(sig)
        self.is_hurried = self.is_hurried or self.should_exit
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept no more, let what runs end, tell the rest, close the application. uvicorn calls it once."""
        for server in self.servers:
            server.close()  # ours alone: whoever else holds the socket keeps what waits in its backlog
        for listening in sockets or []:
            listening.close()
        self._draining.begin()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        await self._until_all_ended()
        await self._tell_the_rest()
        if self._watch is not None:
            self._watch.cancel()
        await self.lifespan.shutdown()

    async def _until_all_ended(self) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._drain_s
        stalled_at, received = loop.time() + _STALLED_S, self._received()
        while self._is_busy() and loop.time() < deadline and not self.is_hurried:
            await asyncio.sleep(_TICK_S)
            if loop.time() >= stalled_at:
                self._end_stalled(received)
                stalled_at, received = loop.time() + _STALLED_S, self._received()

    def _is_busy(self) -> bool:
        return bool(self.server_state.connections or self.server_state.tasks) or self._draining.is_working

    def _received(self) -> dict[ClientConnection, int]:
        return {connection: connection.received for connection in self._connections()}

    def _end_stalled(self, received: dict[ClientConnection, int]) -> None:
        """A request that does not go on arriving was not accepted; one that never came holds nobody up either."""
        for connection in self._connections():
            if connection.owes_a_request and received.get(connection) == connection.received:
                connection.transport.close()

    async def _tell_the_rest(self) -> None:
        """Whoever is still being answered gets an error, and its slot and its row their end."""
        tasks = set(self.server_state.tasks)
        if tasks:
            logger.warning("%d requests had not ended in time and are broken off", len(tasks))
            self._draining.give_up()
            for task in tasks:
                task.cancel(STOPPING)
            await asyncio.wait(tasks, timeout=_LAST_WORDS_S)
        for connection in self._connections():
            connection.transport.close()
        if self.server_state.connections:
            await asyncio.sleep(_TICK_S)
        for connection in self._connections():
            connection.transport.abort()

    async def _look_for_ever(self) -> None:
        loop = asyncio.get_running_loop()
        pause_s = min(_LOOK_S, self._patience.reader_s / 4, self._patience.sender_s / 4)
        while True:
            await asyncio.sleep(pause_s)
            now, slow = loop.time(), 0
            for connection in self._connections():
                try:
                    slow += not connection.look(now, self._patience)
                except Exception:  # one strange connection must not end the watch over all others
                    logger.exception("a connection could not be looked at")
                    connection.transport.abort()
            if slow:
                logger.info("%d connections were closed: their clients were too slow", slow)

    def _connections(self) -> list[ClientConnection]:
        return [one for one in self.server_state.connections if isinstance(one, ClientConnection)]


def _prepare(listening: socket.socket, patience: Patience) -> None:
    """What every accepted connection inherits: a small queue in the kernel, and an end when its machine is gone."""
    if listening.family not in (socket.AF_INET, socket.AF_INET6):
        return
    # Without it an answer may take 40 ms more; asyncio sets it only where a socket knows its protocol's number.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # Of an answer that is not taken the kernel holds this much instead of megabytes; what is on its way comes on top.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT_BYTES)
    # A machine that vanished without a word is asked while nothing is sent, and not waited for when something was.
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _KEEP_ALIVE_IDLE_S)
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, _KEEP_ALIVE_EVERY_S)
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(2000 * patience.reader_s))
