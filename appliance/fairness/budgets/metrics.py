"""What Prometheus may know of budgets: by whose they are, never who it is."""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge

from appliance.fairness.budgets.keeping import Known
from appliance.fairness.budgets.windows import Window
from appliance.fairness.shared_metrics import own

_LABELS = ("subject", "window", "covers")


class BudgetMetrics:
    """registry: what is scraped."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._refusals = Counter(
            "appliance_budget_refusals",
            "Calls that were refused because a budget in money had no room.",
            _LABELS,
            registry=own(registry),
        )
        self._warnings = Counter(
            "appliance_budget_warnings",
            "Budgets in money that reached 50, 80 or 100 per cent.",
            (*_LABELS, "level"),
            registry=own(registry),
        )
        self._used = Gauge(
            "appliance_budget_used_ratio",
            "The fullest budget of its kind: what is spent of it.",
            _LABELS,
            registry=own(registry),
            multiprocess_mode="livemax",
        )
        self._shown: set[tuple[str, str, str]] = set()

    def refused(self, windows: Sequence[Window]) -> None:
        """These had no room."""
        for labels in sorted({_labels(window) for window in windows}):
            self._refusals.labels(*labels).inc()

    def warned(self, window: Window, level: int) -> None:
        """So many per cent were reached, for the first time in the window."""
        self._warnings.labels(*_labels(window), str(level)).inc()

    def show(self, known: Sequence[Known]) -> None:
        """How the budgets stand that are counted now."""
        fullest: dict[tuple[str, str, str], float] = dict.fromkeys(self._shown, 0.0)
        for one in known:
            labels = _labels(one.window)
            fullest[labels] = max(fullest.get(labels, 0.0), one.spent / one.window.most)
        self._shown = set(fullest)
        for labels, ratio in fullest.items():
            self._used.labels(*labels).set(ratio)


def _labels(window: Window) -> tuple[str, str, str]:
    return window.cap.subject_kind, window.cap.window, window.cap.covers
