"""counting.py's rules in Valkey, for all processes: one call carries several operations, all or none of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from importlib import resources
from typing import Any, Protocol

import orjson

from appliance.fairness.budgets.counting import Held, NoRoom, Reserved, Unseeded, Wanted, WindowState

Operation = bytes


class Script(Protocol):
    """`valkey_link.Script` fulfils it."""

    def __call__(self, key: str, *arguments: bytes | str | int | float) -> Awaitable[Any]: ...


class RunsScripts(Protocol):
    """`valkey_link.ValkeyLink` fulfils it."""

    def script(self, text: str) -> Script: ...


class SharedCounting:
    """One process's way to the shared counters. prefix: the queue's, with its hash tag. now_ms: the wall clock."""

    def __init__(
        self, link: RunsScripts, prefix: str, worker: str, lease_s: float, now_ms: Callable[[], int]
    ) -> None:
        self.life = ""
        """Another word after Valkey has lost what it knew; empty: nothing was heard of it yet."""
        self._prefix = prefix
        self._worker = worker
        self._lease_ms = round(lease_s * 1000)
        self._now_ms = now_ms
        lua = (resources.files("appliance.fairness.budgets") / "budgets.lua").read_text(encoding="utf-8")
        self._script = link.script(lua)

    async def call(self, *operations: Operation) -> list[list[str]]:
        """Their answers. Raises PartUnavailable; `life` is then as it was."""
        told = await self._script(self._prefix, self._worker, self._now_ms(), self._lease_ms, *operations)
        self.life = told[0].decode()
        return [[word.decode() for word in answer] for answer in told[1:]]


def reserve(id: str, micros: int, wanted: Sequence[Wanted]) -> Operation:
    """Answered as `read_reserved` reads it."""
    return orjson.dumps(("reserve", id, micros, _rows(wanted)))


def settle(id: str, cost: int, wanted: Sequence[Wanted]) -> Operation:
    """Answered as `read_states` reads it."""
    return orjson.dumps(("settle", id, cost, _rows(wanted)))


def seed(name: str, micros: int, end_ms: int) -> Operation:
    """What the accounts have of a window that is not counted yet."""
    return orjson.dumps(("seed", name, micros, end_ms))


def sync(
    live: Iterable[tuple[str, int, Sequence[str]]], known: Iterable[tuple[str, int, int]] = ()
) -> Operation:
    """live: (id, micros, names); known: (name, micros, end_ms)."""
    return orjson.dumps(("sync", list(live), list(known)))


def renew(done: Iterable[str], names: Iterable[str]) -> Operation:
    """Answered as `read_renewed` reads it."""
    return orjson.dumps(("renew", list(done), list(names)))


def read_reserved(answer: Sequence[str]) -> Reserved:
    """Of `reserve`."""
    if answer[0] == "unseeded":
        return Unseeded(tuple(answer[1:]))
    states = read_states(answer)
    return Held(states) if answer[0] == "held" else NoRoom(states)


def read_states(answer: Sequence[str]) -> tuple[WindowState, ...]:
    """Of `settle`."""
    return tuple(_state(words) for words in answer[1:])


def read_renewed(answer: Sequence[str]) -> tuple[int, tuple[WindowState | None, ...]]:
    """Of `renew`: how many ids are kept for this process; None: that window is not counted yet."""
    return int(answer[0]), tuple(_state(words) if words else None for words in answer[1:])


def _rows(wanted: Sequence[Wanted]) -> list[tuple[str, int, int]]:
    return [(one.name, one.most, one.end_ms) for one in wanted]


def _state(words: str) -> WindowState:
    spent, held, crossed, fits = map(int, words.split(" "))
    return WindowState(spent, held, crossed, bool(fits))
