"""limits.lua in a real Valkey, asked as limits.py is."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from itertools import count
from typing import Any

import orjson
from redis import Redis

from appliance.fairness.admission import AppliedLimit

_PREFIXES = count()
_CALLS = """
local operation, call = ARGV[1], cjson.decode(ARGV[2])
if operation == 'take' then
  local refusal, states = limits.take(KEYS[1], call.now_ms, call.entries, call.tokens)
  return { refusal or {}, states }
elseif operation == 'settle' then
  limits.settle(KEYS[1], call.now_ms, call.entries, call.charged, call.actual, call.is_over, call.taken_ms)
elseif operation == 'restore' then
  limits.restore(KEYS[1], call.entries)
elseif operation == 'seed' then
  limits.seed(KEYS[1], call.member, call.tokens)
else
  return limits.states(KEYS[1], call.now_ms, call.entries)
end
"""


class LimitsInValkey:
    """limits.lua, asked as limits.py is."""

    def __init__(self, valkey: Redis) -> None:
        lua = (resources.files("appliance.fairness.limits") / "limits.lua").read_text(encoding="utf-8")
        self._script = valkey.register_script(lua + _CALLS)
        self._valkey = valkey
        self.prefix = f"{{test}}:{next(_PREFIXES)}:"

    def take(
        self, now_ms: int, limits: Sequence[AppliedLimit], tokens: int
    ) -> tuple[list[int], list[list[int]]]:
        refusal, states = self._call("take", now_ms=now_ms, entries=_entries(limits), tokens=tokens)
        return refusal, states

    def settle(self, now_ms: int, limits: Sequence[AppliedLimit], **values: object) -> None:
        self._call("settle", now_ms=now_ms, entries=_entries(limits), **values)

    def restore(self, limits: Sequence[AppliedLimit]) -> None:
        self._call("restore", entries=_entries(limits))

    def states(self, now_ms: int, limits: Sequence[AppliedLimit]) -> list[list[int]]:
        found: list[list[int]] = self._call("states", now_ms=now_ms, entries=_entries(limits))
        return found

    def unseeded(self) -> set[str]:
        members: Any = self._valkey.smembers(self.prefix + "limit:unseeded")
        return {member.decode() for member in members}

    def seed(self, member: str, tokens: int) -> None:
        self._call("seed", member=member, tokens=tokens)

    def empty(self) -> None:
        keys: Any = self._valkey.keys(self.prefix + "*")
        if keys:
            self._valkey.delete(*keys)

    def lifetimes(self) -> list[int]:
        """Of every key that there is, in ms; -1 would be for ever."""
        keys: Any = self._valkey.keys(self.prefix + "*")
        return [int(self._valkey.pttl(key)) for key in keys]

    def _call(self, operation: str, **call: object) -> Any:
        return self._script(keys=[self.prefix], args=[operation, orjson.dumps(call)])


def _entries(limits: Sequence[AppliedLimit]) -> list[dict[str, object]]:
    return [{"scope": limit.scope, "kind": limit.kind, "most": limit.most} for limit in limits]
