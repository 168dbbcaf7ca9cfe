"""Which gateway processes live. Pure; times are handed in, in microseconds.

A worker that has not been heard of for half a lease is doubted, and given up when it is still silent another half
later. Both times count from a look at the clock: one that jumps by an hour makes everybody doubted and nobody dead.
"""

from __future__ import annotations


class WorkerLeases:
    """lease_s: how long a worker may be silent; it is found out at the next look after that."""

    def __init__(self, lease_s: float) -> None:
        self._half_us = int(lease_s * 500_000)
        self._until_us: dict[str, int] = {}
        self._doubted_until_us: dict[str, int] = {}

    def renew(self, worker: str, now_us: int) -> None:
        """It has been heard of."""
        self._until_us[worker] = now_us + self._half_us

    def take_dead(self, now_us: int) -> list[str]:
        """Those given up now; they are forgotten here."""
        dead = []
        for worker in sorted(self._until_us):
            if now_us < self._until_us[worker] <= now_us + self._half_us:
                self._doubted_until_us.pop(worker, None)
                continue
            until_us = self._doubted_until_us.get(worker)
            if until_us is None or until_us > now_us + self._half_us:
                self._doubted_until_us[worker] = now_us + self._half_us
            elif until_us <= now_us:
                dead.append(worker)
                del self._until_us[worker], self._doubted_until_us[worker]
        return dead
