"""What starts really used is kept in one file that survives everything, and the newest counts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from inference.placement.measured import MeasuredUse, Measurement, find

START = Measurement("phi-4", "NVIDIA L40S", 1, 2048, 16, weight_bytes=28 << 30, overhead_bytes=1 << 30)


def test_the_newest_of_the_same_settings_counts(tmp_path: Path) -> None:
    """Others stay beside it."""
    kept = MeasuredUse(tmp_path / "models" / "measured.json")
    kept.record(START)
    kept.record(replace(START, gpu="NVIDIA L4"))
    kept.record(replace(START, overhead_bytes=2 << 30, at="2026-11-22T04:00:00+00:00"))

    told = kept.read()
    found = find(told, "phi-4", "NVIDIA L40S", 1, 2048, 16, "auto")
    assert len(told) == 2 and all(one.at for one in told)
    assert found is not None and (found.overhead_bytes, found.at[:10]) == (2 << 30, "2026-11-22")
    assert find(told, "phi-4", "NVIDIA L40S", 2, 2048, 16, "auto") is None


@pytest.mark.parametrize(
    "text",
    ["", "{", "[1, 2]", '[{"model": "x"}]', '[{"nonsense": 1}]', "null", '[{"model":"a","gpu":"b","tensor_parallel":-1,'
     '"max_batched_tokens":1,"max_running":1,"weight_bytes":1,"overhead_bytes":1}]'],
    ids=["empty", "cut", "numbers", "half", "foreign", "null", "negative"],
)  # fmt: skip
def test_a_spoilt_file_is_as_good_as_none(tmp_path: Path, text: str) -> None:
    """The planner estimates, and the next start is kept again."""
    path = tmp_path / "measured.json"
    path.write_text(text, encoding="utf-8")
    kept = MeasuredUse(path)

    assert kept.read() == ()
    kept.record(START)
    assert [one.model for one in kept.read()] == ["phi-4"]
    assert list(tmp_path.iterdir()) == [path]
