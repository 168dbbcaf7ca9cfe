"""The few numbers an engine's /metrics page is asked for. Not a full reader of Prometheus' text format."""

from __future__ import annotations

from collections.abc import Mapping


def gauge_values(page: str, names: Mapping[str, str]) -> dict[str, list[float]]:
    """{our name: values of every series with that metric name}; names: our name -> the metric's name."""
    wanted = {metric: ours for ours, metric in names.items()}
    values: dict[str, list[float]] = {ours: [] for ours in names}
    for line in page.splitlines():
        metric = line.partition("{")[0].partition(" ")[0]
        if metric in wanted:
            # labels may hold spaces; what follows the closing brace is value and, rarely, a timestamp
            sample = line[len(metric) :].rpartition("}")[2].split()
            try:
                values[wanted[metric]].append(float(sample[0]))
            except (IndexError, ValueError):
                continue
    return values
