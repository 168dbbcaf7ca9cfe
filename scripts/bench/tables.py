"""Rows of figures as one Markdown table, with the circumstances above it."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

Row = Mapping[str, object]


def circumstances(load_before: tuple[float, float, float]) -> str:
    """When and on what, as a sentence."""
    now = datetime.now(UTC)
    cores = len(os.sched_getaffinity(0))
    return (
        f"{now.day} {now:%B %Y %H:%M} UTC, {cores} cores, load average before {load_before[0]:.2f} (1 min) and "
        f"{load_before[1]:.2f} (5 min), Python {platform.python_version()}."
    )


def markdown(rows: Sequence[Row]) -> str:
    """One line a row; columns in the order in which they first come."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    lines = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    lines += [f"| {' | '.join(str(row.get(column, '–')) for column in columns)} |" for row in rows]
    return "\n".join(lines)


def quantile(values: Sequence[float], q: float) -> float:
    """By the nearest rank; nan of nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))] if ordered else float("nan")
