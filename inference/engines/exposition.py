"""The few numbers an engine's /metrics page is asked for. Not a full reader of Prometheus' text format."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping

_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def series_values(page: str, names: Mapping[str, str]) -> dict[str, list[float]]:
    """{our name: values of every series with that metric name}; names: our name -> the metric's name.

    What cannot be a count or a share is left out: a value that is no number, not finite, or negative.
    """
    wanted = {metric: ours for ours, metric in names.items()}
    values: dict[str, list[float]] = {ours: [] for ours in names}
    for metric, _, sample in _samples(page):
        if metric not in wanted:
            continue
        try:
            value = float(sample)
        except ValueError:
            continue
        if math.isfinite(value) and value >= 0:
            values[wanted[metric]].append(value)
    return values


def series_labels(page: str, name: str) -> list[dict[str, str]]:
    """The labels of every series of one metric: servers tell their configuration so."""
    return [dict(_LABEL.findall(labels)) for metric, labels, _ in _samples(page) if metric == name]


def _samples(page: str) -> Iterator[tuple[str, str, str]]:
    """(metric, its labels as written, value)."""
    for line in page.splitlines():
        metric = line.partition("{")[0].partition(" ")[0]
        if not metric or metric.startswith("#"):
            continue
        # labels may hold spaces; what follows the closing brace is value and, rarely, a timestamp
        labels, _, rest = line[len(metric) :].rpartition("}")
        words = rest.split()
        if words:
            yield metric, labels, words[0]
