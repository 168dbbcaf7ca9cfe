"""Who a credential was found to be, for a short while: bounded, least recently used out first.

Knows nothing of databases; the clock is given in seconds that only go forward.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from appliance.domain import Credential
from appliance.services.accounts.live_requests import Withdrawal

KNOWN_S = 30.0
UNSURE_S = 1.0  # while news of withdrawals does not arrive
UNKNOWN_S = 5.0


@dataclass(frozen=True, slots=True)
class _Entry:
    credential: Credential | None
    found_at: float


class CallerCache:
    """credential None remembers that there is none. Known and unknown are bounded apart, so garbage evicts nobody."""

    def __init__(self, monotonic: Callable[[], float], *, known: int = 10_000, unknown: int = 1_000) -> None:
        self._monotonic = monotonic
        self._known: OrderedDict[bytes, _Entry] = OrderedDict()
        self._unknown: OrderedDict[bytes, _Entry] = OrderedDict()
        self._sizes = (known, unknown)
        self.is_sure = False
        self.generation = 0  # moves with every withdrawal: what was read before may be old

    def find(self, fingerprint: bytes) -> tuple[bool, Credential | None]:
        """(whether the answer is fresh enough, the answer)."""
        now = self._monotonic()
        entry = self._known.get(fingerprint)
        if entry is not None and now - entry.found_at <= (KNOWN_S if self.is_sure else UNSURE_S):
            self._known.move_to_end(fingerprint)
            return True, entry.credential
        entry = self._unknown.get(fingerprint)
        if entry is not None and now - entry.found_at <= (UNKNOWN_S if self.is_sure else UNSURE_S):
            return True, None
        return False, None

    def remember(self, fingerprint: bytes, credential: Credential | None, generation: int) -> bool:
        """Keep what was found since `generation`; False, and nothing kept, when something was withdrawn meanwhile."""
        if generation != self.generation:
            return False
        self._known.pop(fingerprint, None)
        self._unknown.pop(fingerprint, None)
        table, size = (self._unknown, self._sizes[1]) if credential is None else (self._known, self._sizes[0])
        table[fingerprint] = _Entry(credential, self._monotonic())
        if len(table) > size:
            table.popitem(last=False)
        return True

    def forget(self, withdrawal: Withdrawal) -> None:
        """Drop what it may concern. A person's entries go whatever the role is: groups may have changed too."""
        self.generation += 1
        stale = [
            fingerprint
            for fingerprint, entry in self._known.items()
            if entry.credential is not None
            and (
                withdrawal.concerns(entry.credential.caller)
                or entry.credential.caller.user_id == withdrawal.user_id
            )
        ]
        for fingerprint in stale:
            del self._known[fingerprint]

    def flush(self) -> None:
        self.generation += 1
        self._known.clear()
        self._unknown.clear()
