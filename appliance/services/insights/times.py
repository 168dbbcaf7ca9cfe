"""Percentiles from how many answers took about so long. Pure.

Of a million answers nobody keeps the times in memory: they are counted in buckets that are five per cent wide, which a
percentile is then right to within three per cent of.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from appliance.domain.insights import Measure, ModelTimes

_PER_E = 20  # buckets for each factor of e, as time_bucket() in migration 0023 has them

Buckets = dict[int, int]
Times = Mapping[tuple[str, Measure], Buckets]


def collected(rows: Iterable[tuple[str, Measure, int, int]]) -> Times:
    """rows: (model, measure, bucket, count), in any order and repeated."""
    found: dict[tuple[str, Measure], Buckets] = {}
    for model, measure, bucket, count in rows:
        buckets = found.setdefault((model, measure), {})
        buckets[bucket] = buckets.get(bucket, 0) + count
    return found


def percentile(buckets: Mapping[int, int], share: float) -> float | None:
    """In milliseconds, the middle of the bucket in which it lies. share: 0.95 for the 95th. None: nothing counted."""
    total = sum(buckets.values())
    if not total:
        return None
    rank, seen = math.ceil(share * total), 0
    for bucket in sorted(buckets):
        seen += buckets[bucket]
        if seen >= rank:
            return math.exp(bucket / _PER_E)
    raise AssertionError("unreachable")


def by_model(now: Times, before: Times) -> list[ModelTimes]:
    """Each model that was asked or called in either span, the most used first."""
    models = {model for model, _ in now}
    told = [_told(model, now, before) for model in models]
    return sorted(told, key=lambda one: (-one.answers, one.model))


def _told(model: str, now: Times, before: Times) -> ModelTimes:
    first, total, queue = (now.get((model, measure), {}) for measure in ("first", "total", "queue"))
    old_first, old_total = before.get((model, "first"), {}), before.get((model, "total"), {})
    return ModelTimes(
        model=model,
        answers=sum(total.values()),
        first_p50=percentile(first, 0.5),
        first_p95=percentile(first, 0.95),
        total_p50=percentile(total, 0.5),
        total_p95=percentile(total, 0.95),
        queue_p95=percentile(queue, 0.95),
        before_answers=sum(old_total.values()),
        before_first_p95=percentile(old_first, 0.95),
        before_total_p95=percentile(old_total, 0.95),
    )
