"""What every way out does before and after: looks at the host and at the stop switch, and writes both ends down."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NoReturn
from urllib.parse import urlsplit

from inference.egress.departures import Departure, Ledger
from inference.egress.hosts import AllowList
from inference.egress.switch import Switch
from inference.egress.transfers import Transfers
from inference.errors import EgressRefused, EgressStopped, EgressUnrecorded
from inference.types import LeavePermit

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Passing:
    """What goes out by other means than a session of ours. stopped: why it has to end now; empty: it need not. The
    rest is told by whoever knows it.
    """

    stopped: Callable[[], str]
    sent_bytes: int = 0
    received_bytes: int = 0
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Door:
    """What every session of one Egress shares."""

    hosts: AllowList
    ledger: Ledger
    switch: Switch
    transfers: Transfers
    now: Callable[[], datetime]

    def line(
        self,
        purpose: str,
        method: str,
        url: str,
        actor: str = "",
        *,
        body: bytes | None = None,
        permit: LeavePermit | None = None,
        engine: str = "",
    ) -> Departure:
        """What would be written down of it, before anybody looked whether it may."""
        parts = urlsplit(url)
        return Departure(
            happened="began",
            at=self.now(),
            purpose=purpose,
            actor=actor,
            method=method,
            host=parts.netloc.rpartition("@")[2],
            path=parts.path or "/",
            sent_bytes=len(body or b""),
            id=secrets.token_hex(8),
            decision=permit.id if permit else "",
            why=permit.why if permit else "",
            redactions=permit.redactions if permit else 0,
            engine=engine,
            body_sha256=hashlib.sha256(body).hexdigest() if body else "",
        )

    def require(self, line: Departure, url: str) -> None:
        """Raises EgressRefused and EgressStopped, written down."""
        if reason := self.hosts.refusal(url):
            self.refuse(line, reason)
        if why := self.switch.stopped():
            self.refuse(line, why, EgressStopped)

    def begin(self, line: Departure) -> None:
        """Written down and on the disk, or nothing leaves: raises EgressUnrecorded. Blocks."""
        try:
            self.ledger(line)
        except OSError as error:
            logger.error("nothing leaves, for it cannot be written down: %s", error)
            raise EgressUnrecorded(f"{error}.") from error

    def end(self, line: Departure) -> None:
        """What already happened is told as well as can be; only what is about to begin waits for its record."""
        try:
            self.ledger(replace(line, at=self.now()))
        except OSError as error:
            logger.error("the ledger of what left lacks a line (%s %s): %s", line.happened, line.id, error)

    def refuse(self, line: Departure, reason: str, kind: type[EgressRefused] = EgressRefused) -> NoReturn:
        self.end(replace(line, happened="refused", sent_bytes=0, reason=reason))
        raise kind(reason)

    async def begun(self, line: Departure) -> None:
        """The same beside the event loop."""
        try:
            await asyncio.to_thread(self.begin, line)
        except asyncio.CancelledError:
            self.end(replace(line, happened="ended", sent_bytes=0, reason="given up before it began"))
            raise

    @contextmanager
    def followed(self, line: Departure) -> Iterator[Passing]:
        """What has begun, until it ends; see Egress.beside."""
        passing, failure = Passing(self.switch.stopped), ""
        try:
            yield passing
        except BaseException as error:
            failure = str(error) or type(error).__name__
            raise
        finally:
            ended = replace(
                line,
                happened="ended",
                seconds=round((self.now() - line.at).total_seconds(), 3),
                sent_bytes=passing.sent_bytes,
                received_bytes=passing.received_bytes,
                status=passing.status,
                reason=failure,
            )
            self.end(ended)
