"""The watch over GPUs and engines: one process looks for all, everybody knows what it found.

Whoever holds the lease of the engines' watcher looks; what it finds and what it knows of better days is kept in
Valkey, so that the next one misses what was lost. Without Valkey each process looks for itself and restarts nothing.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import orjson
from redis.exceptions import RedisError

from appliance.errors import PartUnavailable
from inference.watchdog.baseline import Baseline
from inference.watchdog.findings import Finding, Remedy
from inference.watchdog.readings import Reading
from inference.watchdog.restarting import Restarts, next_step, restartable
from inference.watchdog.vigil import Vigil, look

logger = logging.getLogger(__name__)

KEPT_S = 86_400
_FRESH_S = 60.0
SHARED_KEY = "{gate}:watchdog"
"""In Valkey: what was found last."""

Command = Callable[..., Awaitable[Any]]
"""One command of Valkey, word by word, and its answer."""


@dataclass(frozen=True, slots=True)
class Restart:
    """What the watchdog started again, and why. was_done: there was a process to end."""

    engine: str
    finding: Finding
    was_done: bool


@dataclass(frozen=True, slots=True)
class Found:
    """looked_at_s: Unix time of the last look. given_up: engines started again as often as may be."""

    findings: tuple[Finding, ...] = ()
    looked_at_s: float = 0.0
    restarts: Restarts = field(default_factory=Restarts)
    given_up: frozenset[str] = frozenset()


class Watchman:
    """Run run() as a task, or look() by hand.

    read: a reading of the box. epoch: names this start of the machine and its supervisor; what was known of another is
    forgotten. restart: ends the process of an engine of ours, so that it comes back; False: there was none.
    on_restart: told of each, for the audit. clock: Unix time.
    """

    def __init__(
        self,
        read: Callable[[], Awaitable[Reading]],
        valkey: Command,
        *,
        is_watcher: Callable[[], bool],
        restart: Callable[[str], Awaitable[bool]],
        on_restart: Callable[[Restart], Awaitable[None]],
        most_per_hour: int,
        every_s: float,
        epoch: Callable[[], str] = str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._read = read
        self._valkey = valkey
        self._is_watcher = is_watcher
        self._restart = restart
        self._on_restart = on_restart
        self._most_per_hour = most_per_hour
        self._every_s = every_s
        self._epoch = epoch
        self._clock = clock
        self._vigil: Vigil | None = None
        self._found = Found()

    @property
    def found(self) -> Found:
        """As of the last look, of whichever process."""
        return self._found

    async def run(self) -> None:
        """Look for ever."""
        while True:
            began = time.monotonic()
            try:
                await self.look()
            except Exception:
                logger.exception("the watchdog could not look")
            await asyncio.sleep(max(0.1, self._every_s - (time.monotonic() - began)))

    async def look(self) -> None:
        """Look if that is this process's task, else learn what the one who looks has found."""
        is_watcher, shared = self._is_watcher(), None
        try:
            shared = _unpacked(await self._valkey("GET", SHARED_KEY), self._epoch())
        except (RedisError, OSError, PartUnavailable):
            is_watcher = False
        else:
            if not is_watcher and shared is not None and self._clock() - shared[0].looked_at_s < _FRESH_S:
                self._vigil, self._found = None, shared[0]
                return
        is_behind = shared is not None and shared[0].looked_at_s > self._found.looked_at_s
        if self._vigil is None or is_behind:
            self._vigil = Vigil() if shared is None else _taken_over(*shared)
            self._found = self._found if shared is None else shared[0]
        await self._look(self._vigil, may_act=is_watcher)

    async def _look(self, vigil: Vigil, *, may_act: bool) -> None:
        reading = await self._read()
        self._vigil = vigil = look(vigil, reading)
        before, told = {one.key: one for one in self._found.findings}, tuple(vigil.told)
        _log_changes(before, told)
        self._found = replace(self._found, findings=told, looked_at_s=reading.at_s)
        if not may_act:
            return
        await self._start_again(restartable(told, reading), reading.at_s)
        try:
            packed = _packed(self._found, vigil.baseline, self._epoch())
            await self._valkey("SET", SHARED_KEY, packed, "EX", KEPT_S)
        except (RedisError, OSError, PartUnavailable):
            logger.debug("what the watchdog found is not shared just now")

    async def _start_again(self, findings: Sequence[Finding], now_s: float) -> None:
        given_up = set()
        for finding in findings:
            engine = finding.subject
            step = next_step(engine, self._found.restarts, now_s, self._most_per_hour)
            if step == "give_up":
                given_up.add(engine)
                if engine not in self._found.given_up:
                    logger.error(
                        "engine %s was started again %d times within an hour: it is left as it is (%s)",
                        engine,
                        self._most_per_hour,
                        finding.kind,
                    )
            if step != "restart":
                continue
            was_done = await self._restart(engine)
            logger.warning(
                "watchdog: engine %s %s (%s)",
                engine,
                "is started again" if was_done else "has no process to start again",
                finding.kind,
            )
            self._found = replace(self._found, restarts=self._found.restarts.with_one(engine, now_s))
            await self._on_restart(Restart(engine, finding, was_done))
        self._found = replace(self._found, given_up=frozenset(given_up))


def _log_changes(before: Mapping[Any, Finding], told: Sequence[Finding]) -> None:
    for finding in told:
        if finding.key not in before:
            evidence = ", ".join(f"{name} {value}" for name, value in finding.values.items() if value != "")
            level = logging.ERROR if finding.severity == "error" else logging.WARNING
            logger.log(level, "watchdog: %s of %s (%s)", finding.kind, finding.subject, evidence)
    now = {finding.key for finding in told}
    for key, finding in before.items():
        if key not in now:
            logger.info("watchdog: %s of %s is over", finding.kind, finding.subject)


def _taken_over(found: Found, baseline: Baseline) -> Vigil:
    """What another process found stays told until this one has looked for as long as it takes to know better."""
    findings = {one.key: one for one in found.findings}
    return Vigil(baseline=baseline, findings=findings, seen=dict.fromkeys(findings, (found.looked_at_s,)))


def _packed(found: Found, baseline: Baseline, epoch: str) -> bytes:
    return orjson.dumps(
        {
            "epoch": epoch,
            "looked_at_s": found.looked_at_s,
            "findings": [asdict(one) for one in found.findings],
            "restarts": found.restarts.past,
            "given_up": sorted(found.given_up),
            "baseline": asdict(baseline),
        }
    )


def found_in(packed: bytes | None, epoch: str) -> Found | None:
    """What lies under SHARED_KEY; None: nobody has looked yet."""
    shared = _unpacked(packed, epoch)
    return None if shared is None else shared[0]


def _unpacked(packed: bytes | None, epoch: str) -> tuple[Found, Baseline] | None:
    """None: nobody has looked since this machine and its supervisor started, or another version of ours has."""
    if not packed:
        return None
    try:
        told = orjson.loads(packed)
        if told["epoch"] != epoch:
            return None
        findings = tuple(Finding(**{**one, "remedy": Remedy(one["remedy"])}) for one in told["findings"])
        past = {name: tuple(times) for name, times in told["restarts"].items()}
        known = told["baseline"]
        rates = {name: tuple(rates) for name, rates in known["rates"].items()}
        found = Found(findings, told["looked_at_s"], Restarts(past), frozenset(told["given_up"]))
        return found, Baseline(known["gpus"], known["gpu_shares"], rates, known["pauses_s"])
    except (orjson.JSONDecodeError, TypeError, ValueError, KeyError, AttributeError) as error:
        logger.info("what another process's watchdog found cannot be read: %s", error)
        return None
