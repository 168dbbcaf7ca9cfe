"""Whether PostgreSQL answers, as the ledger finds out, and for how long what it told before may be gone by.

The ledger speaks with PostgreSQL all the time, so it is the one that knows: every write and every beat is heard here.
Whoever needs PostgreSQL asks here first, and is refused at once instead of after a wait. Knows nothing of SQL.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

from appliance.errors import PartUnavailable

WithoutPostgres = Literal["serve", "refuse"]


class PostgresContact:
    """One a process. policy, serve_s: see GateSettings. monotonic: seconds that only go forward."""

    def __init__(
        self,
        policy: WithoutPostgres = "serve",
        serve_s: float = 600.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._policy = policy
        self._serve_s = serve_s
        self._monotonic = monotonic
        self._heard_at: float | None = None
        self.is_away = False
        """True from the first failure to the next answer."""

    def heard(self) -> None:
        """PostgreSQL has answered just now."""
        self.is_away = False
        self._heard_at = self._monotonic()

    def lost(self) -> None:
        """It did not answer, or the connection broke."""
        self.is_away = True

    @property
    def silent_s(self) -> float:
        """Seconds since it answered last; infinite when it never has."""
        return float("inf") if self._heard_at is None else self._monotonic() - self._heard_at

    @property
    def left_s(self) -> float:
        """Seconds for which known callers are still served without it; 0: no more, or by policy never."""
        if self._policy == "refuse":
            return 0.0
        return max(0.0, self._serve_s - self.silent_s)

    @property
    def may_serve(self) -> bool:
        """Whether a request may be accepted: PostgreSQL is there, or has not been away for too long."""
        return not self.is_away or self.left_s > 0

    def require(self) -> None:
        """For what cannot go on without it. Raises PartUnavailable at once while it is away."""
        if self.is_away:
            raise PartUnavailable("PostgreSQL is away.")

    def require_service(self) -> None:
        """Raises PartUnavailable where requests are not accepted without PostgreSQL, or not any more."""
        if self.may_serve:
            return
        if self._policy == "refuse":
            raise PartUnavailable("PostgreSQL is away, and `gate.without_postgres` says to refuse.")
        raise PartUnavailable(
            f"PostgreSQL has been away for longer than the {self._serve_s:.0f} s of `gate.serve_without_postgres_s`."
        )
