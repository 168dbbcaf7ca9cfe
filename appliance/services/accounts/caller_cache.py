"""Who a credential was found to be, for a short while: bounded, least recently used out first.

What is not fresh any more stays remembered until it is withdrawn or replaced: it is what is known of a caller while
the database is away. Knows nothing of databases; the clock is given in seconds that only go forward.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from appliance.domain.people import Credential
from appliance.services.accounts.live_requests import Withdrawal

KNOWN_S = 30.0
UNSURE_S = 1.0  # while news of withdrawals does not arrive
UNKNOWN_S = 5.0
PARTITION_S = 30.0  # neither the database nor news: a withdrawn credential lives no longer than this


@dataclass(slots=True)
class _Entry:
    """doubted_at: since when a withdrawal of it may have been missed; None: it would have been heard."""

    credential: Credential | None
    found_at: float
    doubted_at: float | None


class CallerCache:
    """credential None remembers that there is none. Known and unknown are bounded apart, so garbage evicts nobody."""

    def __init__(self, monotonic: Callable[[], float], *, known: int = 10_000, unknown: int = 1_000) -> None:
        self._monotonic = monotonic
        self._known: OrderedDict[bytes, _Entry] = OrderedDict()
        self._unknown: OrderedDict[bytes, _Entry] = OrderedDict()
        self._sizes = (known, unknown)
        self._is_sure = False
        self.generation = 0  # moves with every withdrawal: what was read before may be old

    @property
    def is_sure(self) -> bool:
        """Whether news of withdrawals arrives."""
        return self._is_sure

    def find(self, fingerprint: bytes) -> tuple[bool, Credential | None]:
        """(whether the answer is fresh enough, the answer)."""
        now = self._monotonic()
        entry = self._known.get(fingerprint)
        if entry is not None and self._is_fresh(entry, KNOWN_S, now):
            self._known.move_to_end(fingerprint)
            return True, entry.credential
        entry = self._unknown.get(fingerprint)
        if entry is not None and self._is_fresh(entry, UNKNOWN_S, now):
            return True, None
        return False, None

    def _is_fresh(self, entry: _Entry, sure_s: float, now: float) -> bool:
        if self._is_sure:
            return entry.doubted_at is None and now - entry.found_at <= sure_s
        # Without news only what was read since they stopped, and that for a moment.
        return entry.doubted_at == entry.found_at and now - entry.found_at <= UNSURE_S

    def remembered(self, fingerprint: bytes) -> Credential | None:
        """What was found once and not withdrawn since, however old; for when the database cannot be asked."""
        entry = self._known.get(fingerprint)
        if entry is None:
            return None
        if entry.doubted_at is not None and self._monotonic() - entry.doubted_at > PARTITION_S:
            return None
        self._known.move_to_end(fingerprint)
        return entry.credential

    def remember(self, fingerprint: bytes, credential: Credential | None, generation: int) -> bool:
        """Keep what was found since `generation`; False, and nothing kept, when something was withdrawn meanwhile."""
        if generation != self.generation:
            return False
        self._known.pop(fingerprint, None)
        self._unknown.pop(fingerprint, None)
        table, size = (self._unknown, self._sizes[1]) if credential is None else (self._known, self._sizes[0])
        now = self._monotonic()
        table[fingerprint] = _Entry(credential, now, None if self._is_sure else now)
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

    def lose_news(self) -> None:
        """From now on a withdrawal may be missed: everything has to be read again."""
        self.generation += 1
        self._is_sure = False
        self._unknown.clear()
        now = self._monotonic()
        for entry in self._known.values():
            if entry.doubted_at is None:
                entry.doubted_at = now

    def hear_news(self) -> None:
        """News arrive; what was read before may have been withdrawn while they did not."""
        self.lose_news()
        self._is_sure = True
