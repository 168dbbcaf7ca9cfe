"""One connection to Valkey for the hot path: many commands at once, answers matched first in, first out.

hiredis packs and parses in C; nothing else stands between a command and the socket. Messages of subscribed channels
come on the same connection (RESP3), so a message that a command causes is never overtaken by the loss of another
connection. A Valkey that does not answer in time is taken for gone. Knows nothing of queues or slots.
Why it is our own: docs/decisions/0006.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

from hiredis import HiredisError, PushNotification, Reader, ReplyError, pack_command

from appliance.errors import PartUnavailable
from appliance.fairness.background import end
from appliance.fairness.valkey.complaints import Complaints
from appliance.fairness.valkey.valkey_address import parse_valkey_url

logger = logging.getLogger(__name__)

Word = bytes | str | int | float
Reply = Any  # bytes, int, list …, as hiredis makes them
Receive = Callable[[bytes], None]

_SHORTEST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 1.0
_CALM_AFTER_S = 0.2
_LOOKS_PER_ANSWER = 8
_NOTHING_YET = object()
# What Valkey answers when it is well but cannot serve just now, or may not serve us; any other error is a mistake of
# ours, or of what is stored.
_PASSING = (
    "LOADING",
    "BUSY",
    "READONLY",
    "MASTERDOWN",
    "MISCONF",
    "OOM",
    "CLUSTERDOWN",
    "TRYAGAIN",
    "NOREPLICAS",
)
_NOT_ALLOWED = ("NOPERM", "NOAUTH", "WRONGPASS")


class ValkeyLink:
    """open() before the first command, close() after the last.

    name: shown by CLIENT LIST. answer_s: an answer that takes longer means that Valkey is away. max_pending: commands
    without an answer.
    """

    def __init__(
        self,
        url: str,
        name: str,
        *,
        answer_s: float = 0.5,
        connect_s: float = 0.5,
        max_pending: int = 10_000,
    ) -> None:
        self._address = parse_valkey_url(url)
        self._name = name
        self._channels: dict[bytes, Receive] = {}
        self._watching: list[Callable[[bool], None]] = []
        self._answer_s = answer_s
        self._connect_s = connect_s
        self._max_pending = max_pending
        self._scripts: dict[str, bytes] = {}
        self._libraries: dict[str, str] = {}
        self._complaints = Complaints(logger)
        self._connection: _Connection | None = None
        self._last_client_id: int | None = None
        self._task: asyncio.Task[None] | None = None
        self.server_run = ""
        """Valkey's name for its present life; another one after a restart. Empty where it may not be asked."""

    def listen(self, channel: str, receive: Receive) -> None:
        """What is done with every message of a channel. Before open(); every connection begins with listening."""
        self._channels[channel.encode()] = receive

    def watch(self, told: Callable[[bool], None]) -> None:
        """told: True when the connection is there, False when it is lost."""
        self._watching.append(told)

    async def open(self) -> None:
        """Connect; where that fails, go on trying beside the requests."""
        first_try = asyncio.Event()
        self._task = asyncio.create_task(self._stay_connected(first_try))
        await first_try.wait()

    async def close(self) -> None:
        """Commands that wait for their answer fail; none can be sent any more."""
        await end([self._task])
        self._task = None

    @property
    def is_connected(self) -> bool:
        """Commands can be sent; whether they are answered shows itself."""
        return self._connection is not None

    def send(self, *words: Word) -> asyncio.Future[Reply]:
        """The answer to come; it fails with PartUnavailable. Raises PartUnavailable when nothing can be sent.

        What is sent before another command is carried out before it, also across a lost connection.
        """
        connection = self._connection
        if connection is None:
            raise PartUnavailable("Valkey does not answer.")
        if len(connection.pending) >= self._max_pending:
            raise PartUnavailable("Valkey has too much to answer.")
        return connection.send(words)

    async def command(self, *words: Word) -> Reply:
        """Its answer. Raises PartUnavailable."""
        return await self.send(*words)

    def script(self, text: str) -> Script:
        """A Lua script; it is loaded with every new connection."""
        digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
        self._scripts[text] = digest.encode()
        return Script(self, text, digest.encode())

    def function(self, name: str, library: str) -> Function:
        """A function of a library; it is loaded with every new connection."""
        self._libraries[name] = library
        return Function(self, name, library)

    async def _stay_connected(self, first_try: asyncio.Event) -> None:
        pause_s, told = _SHORTEST_PAUSE_S, None
        while True:
            began = time.monotonic()
            try:
                connection = await self._connect()
            except (OSError, PartUnavailable) as error:
                if str(error) != told:
                    told = str(error)
                    logger.warning("Valkey cannot be reached: %s", error or "no answer in time")
            else:
                first_try.set()
                told = None
                await self._use(connection)
            first_try.set()
            if time.monotonic() - began >= _CALM_AFTER_S:
                pause_s = _SHORTEST_PAUSE_S
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))  # noqa: S311 – spreads the workers
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    async def _connect(self) -> _Connection:
        connection: _Connection | None = None
        try:
            async with asyncio.timeout(self._connect_s):
                connection = await self._address.connect(
                    lambda: _Connection(self._channels, self._answer_s, self._complaints)
                )
                await self._greet(connection)
        except BaseException:
            if connection is not None:
                connection.give_up("Valkey did not greet in time.")
            raise
        return connection

    async def _greet(self, connection: _Connection) -> None:
        hello = connection.send(self._address.greeting(self._name))
        answers: list[Awaitable[Reply]] = []
        if self._last_client_id is not None:
            # What still lies in the lost connection must not be carried out after what is sent from now on.
            fence = connection.send(("CLIENT", "KILL", "ID", self._last_client_id))
            answers.append(_unless_refused(fence))
        about_server = _unless_refused(connection.send(("INFO", "server")))
        if self._address.database:
            answers.append(connection.send(("SELECT", self._address.database)))
        answers += [connection.send(("SCRIPT", "LOAD", text)) for text in self._scripts]
        answers += [connection.send(_load(library)) for library in self._libraries.values()]
        answers += [connection.send(("SUBSCRIBE", channel)) for channel in self._channels]
        about, server, *_ = await asyncio.gather(hello, about_server, *answers)
        self._last_client_id = about[b"id"]
        self.server_run = _run_id(server)

    async def _use(self, connection: _Connection) -> None:
        self._connection = connection
        try:
            self._tell(True)
            await connection.lost.wait()
        finally:
            self._connection = None
            connection.give_up("This process is stopping.")
        logger.warning("the connection to Valkey is lost: %s", connection.reason)
        self._tell(False)

    def _tell(self, is_connected: bool) -> None:
        for told in self._watching:
            told(is_connected)


class Script:
    """A Lua script under its digest; made by ValkeyLink.script."""

    __slots__ = ("_digest", "_link", "_text")

    def __init__(self, link: ValkeyLink, text: str, digest: bytes) -> None:
        self._link = link
        self._text = text
        self._digest = digest

    async def __call__(self, key: str, *arguments: Word) -> Reply:
        """Its answer, for this one key. Raises PartUnavailable."""
        link = self._link
        try:
            return await link.send(b"EVALSHA", self._digest, 1, key, *arguments)
        except ScriptForgotten:  # SCRIPT FLUSH
            return await link.send(b"EVAL", self._text, 1, key, *arguments)


class Function:
    """A function that Valkey keeps; made by ValkeyLink.function."""

    __slots__ = ("_library", "_link", "_name")

    def __init__(self, link: ValkeyLink, name: str, library: str) -> None:
        self._link = link
        self._name = name.encode()
        self._library = library

    async def __call__(self, key: str, *arguments: Word) -> Reply:
        """Its answer, for this one key. Raises PartUnavailable."""
        try:
            return await self.send(key, *arguments)
        except ScriptForgotten:  # FUNCTION FLUSH
            await self._link.send(*_load(self._library))
            return await self.send(key, *arguments)

    def send(self, key: str, *arguments: Word) -> asyncio.Future[Reply]:
        """The answer to come, of one try: it may fail with ScriptForgotten. Raises PartUnavailable."""
        return self._link.send(b"FCALL", self._name, 1, key, *arguments)


def _load(library: str) -> tuple[Word, ...]:
    return ("FUNCTION", "LOAD", "REPLACE", library)


class ScriptForgotten(Exception):
    """Valkey does not know the script or function any more."""


class CommandRefused(PartUnavailable):
    """Valkey stumbled over a command or over what is stored there. Asking again brings the same answer."""


class _Connection(asyncio.Protocol):
    """One life of the connection. lost: set when it is over, by whatever cause."""

    def __init__(self, channels: Mapping[bytes, Receive], answer_s: float, complaints: Complaints) -> None:
        self._loop = asyncio.get_running_loop()
        self._complaints = complaints
        self._channels = channels
        self._answer_s = answer_s
        self._reader = Reader(notEnoughData=_NOTHING_YET)
        self._transport: asyncio.Transport | None = None
        self._look: asyncio.TimerHandle | None = None
        self._late: object | None = None
        self.pending: deque[tuple[asyncio.Future[Reply], float]] = deque()
        self.lost = asyncio.Event()
        self.reason = ""

    def send(self, words: tuple[Word, ...]) -> asyncio.Future[Reply]:
        if self._transport is None:
            raise PartUnavailable("Valkey does not answer.")
        packed = pack_command(words)  # type: ignore[arg-type]  # its stub says a tuple of one
        future: asyncio.Future[Reply] = self._loop.create_future()
        self.pending.append((future, self._loop.time()))
        self._transport.write(
            packed
        )  # uvloop sends what is written within one turn of the loop at its end, at once
        return future

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's only behave like it
        self._look_again()

    def data_received(self, data: bytes) -> None:
        reader = self._reader
        try:
            reader.feed(data)
            while (reply := reader.gets()) is not _NOTHING_YET:
                if type(reply) is PushNotification:
                    self._take_push(reply)
                else:
                    self._take(reply)
        except HiredisError as error:
            self.give_up(f"It sent what is not an answer ({error}).")

    def connection_lost(self, exc: Exception | None) -> None:
        self.give_up(str(exc) if exc is not None else "It closed the connection.")

    def give_up(self, reason: str) -> None:
        """All that waits for an answer fails at once."""
        if self.lost.is_set():
            return
        self.reason = reason
        self.lost.set()
        if self._look is not None:
            self._look.cancel()
        if self._transport is not None:
            self._transport.abort()
            self._transport = None
        while self.pending:
            future, _ = self.pending.popleft()
            if not future.done():
                future.set_exception(PartUnavailable("Valkey does not answer."))
                future.exception()  # who no longer waits need not be told

    def _take(self, reply: Reply) -> None:
        if not self.pending:
            self.give_up("It answered what was not asked.")
            return
        future, _ = self.pending.popleft()
        if future.done():
            return
        if isinstance(reply, ReplyError):
            failure = _failure(reply)
            if isinstance(failure, CommandRefused):
                self._complaints.tell(str(failure), self._loop.time())
            future.set_exception(failure)
        else:
            future.set_result(reply)

    def _take_push(self, push: list[Reply]) -> None:
        if push[0] == b"message":
            receive = self._channels.get(push[1])
            if receive is not None:
                receive(push[2])
        elif push[0] == b"subscribe":
            self._take(push)  # the answer to SUBSCRIBE comes as a push, in its turn

    def _look_again(self) -> None:
        """Is the oldest command still without an answer?

        Only its second look counts: when this process itself was held up, the answer may lie in the socket unread.
        """
        now = self._loop.time()
        head = self.pending[0] if self.pending else None
        if head is None or now - head[1] < self._answer_s:
            self._late = None
        elif self._late is head:
            self.give_up(f"It has not answered for {now - head[1]:.1f} s.")
            return
        else:
            self._late = head
        self._look = self._loop.call_later(self._answer_s / _LOOKS_PER_ANSWER, self._look_again)


async def _unless_refused(answer: asyncio.Future[Reply]) -> Reply:
    """None where we have not the right, or (CLIENT KILL) that connection is gone already."""
    try:
        return await answer
    except PartUnavailable as error:
        if not isinstance(error.__cause__, ReplyError):
            raise
        return None


def _run_id(about_server: Reply) -> str:
    text = about_server.decode() if isinstance(about_server, bytes) else str(about_server or "")
    return next((line[7:].strip() for line in text.splitlines() if line.startswith("run_id:")), "")


def _failure(reply: ReplyError) -> Exception:
    text = str(reply)
    if text.startswith("NOSCRIPT") or text == "ERR Function not found":
        return ScriptForgotten(text)
    is_refused = not text.startswith((*_PASSING, *_NOT_ALLOWED))
    failure = (CommandRefused if is_refused else PartUnavailable)(f"Valkey answered: {text[:200]}")
    failure.__cause__ = reply
    return failure
