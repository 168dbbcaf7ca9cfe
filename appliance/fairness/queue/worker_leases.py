"""Which gateway processes live. Pure; times are handed in, in microseconds.

A worker that has not been heard of for a third of a lease is doubted at the next look, and given up at the first look
another third later, if still silent. Both times count from a look at the clock: one that jumps by an hour makes all
doubted and nobody dead. With looks a sixth of a lease apart, or less, all is over within the lease.
"""

from __future__ import annotations


def patience_us(lease_s: float) -> int:
    """How long a worker may be silent until it is doubted, and again until it is given up."""
    return int(lease_s * 1e6 / 3)


class WorkerLeases:
    """lease_s: within this a dead worker is given up."""

    def __init__(self, lease_s: float) -> None:
        self._patience_us = patience_us(lease_s)
        self._until_us: dict[str, int] = {}
        self._doubted_until_us: dict[str, int] = {}

    def renew(self, worker: str, now_us: int) -> None:
        """It has been heard of."""
        self._until_us[worker] = now_us + self._patience_us

    def take_dead(self, now_us: int) -> list[str]:
        """Those given up now; they are forgotten here."""
        dead = []
        for worker in sorted(self._until_us):
            if now_us < self._until_us[worker] <= now_us + self._patience_us:
                self._doubted_until_us.pop(worker, None)
                continue
            until_us = self._doubted_until_us.get(worker)
            if until_us is None or until_us > now_us + self._patience_us:
                self._doubted_until_us[worker] = now_us + self._patience_us
            elif until_us <= now_us:
                dead.append(worker)
                del self._until_us[worker], self._doubted_until_us[worker]
        return dead
