"""From when and until when the certificate of server.public_url is valid, looked at once an hour."""

from __future__ import annotations

import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Protocol

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

_EVERY_S = 3600.0
_RETRY_S = 300.0


class Lasts(Protocol):
    """`services.doctor.certificate.Certificate` fulfils it. Unix times."""

    @property
    def begins(self) -> float: ...

    @property
    def ends(self) -> float: ...


class CertificateMetrics(Collector):
    """look: asks the server, which may take seconds; None where it does not answer. Nothing is told before it did."""

    def __init__(self, look: Callable[[], Lasts | None], clock: Callable[[], float] = time.monotonic) -> None:
        self._look, self._clock = look, clock
        self._seen: Lasts | None = None
        self._next = 0.0
        self._looking: threading.Thread | None = None

    def before_scrape(self, others: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
        """Others, and now and then a look that no scrape waits for, nor the end of the process."""

        async def refresh() -> None:
            if self._clock() >= self._next and (self._looking is None or not self._looking.is_alive()):
                self._looking = threading.Thread(target=self.look, name="certificate", daemon=True)
                self._looking.start()
            await others()

        return refresh

    def look(self) -> None:
        """Ask; what is known stays while nobody answers."""
        seen = self._look()
        self._seen = seen or self._seen
        self._next = self._clock() + (_EVERY_S if seen else _RETRY_S)

    def collect(self) -> Iterator[Metric]:
        if self._seen is None:
            return
        yield GaugeMetricFamily(
            "appliance_certificate_expiry_timestamp_seconds",
            "Until when the certificate of server.public_url is valid.",
            value=self._seen.ends,
        )
        yield GaugeMetricFamily(
            "appliance_certificate_start_timestamp_seconds",
            "From when it is.",
            value=self._seen.begins,
        )
