"""The one table of a check, and the sentence above it. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from appliance.demo.phases import Figures
from scripts.bench.streams import Pairs

GIB = 1024**3


@dataclass(frozen=True, slots=True)
class Line:
    """part: of the check; measured: what; figure: the number with its unit; note: what it is beside, or how it was."""

    part: str
    measured: str
    figure: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Load:
    """One of the memory check. Bytes on the device. measured: most in use, by NVML or as resident memory."""

    model: str
    is_calibrated: bool
    predicted: int
    measured: int
    ran_out: bool = False

    @property
    def error(self) -> float:
        """Positive: more was foreseen than used."""
        return (self.predicted - self.measured) / self.measured


def speed_line(size: str, engine: str, pairs: Pairs) -> Line:
    """One number of streams."""
    told = pairs.figures()
    return Line(
        "speed",
        f"{size}, {engine}, {pairs.streams} streams",
        f"{told['through_tokens_per_s']:,.0f} tokens/s through, {told['direct_tokens_per_s']:,.0f} direct: "
        f"**{told['ratio']:.3f}**; TTFT {told['through_ttft_ms']:.1f} / {told['direct_ttft_ms']:.1f} ms: "
        f"**{told['added_ttft_ms']:+.1f} ms**",
        f"{told['pairs']} pairs, ratios {told['ratio_low']:.3f} to {told['ratio_high']:.3f}, {told['failed']} failed",
    )


def fairness_lines(size: str, phases: Mapping[str, Figures]) -> list[Line]:
    """Alone, first come first served, fair."""
    lines = []
    for name, one in phases.items():
        beside = f", ×{one.ratio_p50} / ×{one.ratio_p95} of alone" if one.ratio_p50 is not None else ""
        lines.append(
            Line(
                "fairness",
                f"{size}, polite people, {name.replace('_', ' ')}",
                f"TTFT p50 {one.ttft_p50_ms} ms, p95 {one.ttft_p95_ms} ms{beside}",
                f"{one.answered} of {one.asked} answered, {one.failed} failed, slots used {one.slots_used}",
            )
        )
    return lines


def memory_lines(loads: Sequence[Load], note: str) -> list[Line]:
    """Loads by whether the prediction was calibrated; and how often memory ran out at all."""
    lines = []
    for is_calibrated in (False, True):
        own = [one for one in loads if one.is_calibrated is is_calibrated and not one.ran_out]
        if not own:
            continue
        errors = [one.error for one in own]
        least, most = min(errors), max(errors)
        lines.append(
            Line(
                "memory",
                f"prediction, {'calibrated' if is_calibrated else 'uncalibrated'}, {len(own)} loads",
                f"error median {statistics.median(map(abs, errors)):.1%}, {least:+.1%} to {most:+.1%}",
                f"{sum(one.error < 0 for one in own)} used more than foreseen; "
                f"{min(one.measured for one in own) / GIB:.1f} to {max(one.measured for one in own) / GIB:.1f} GiB",
            )
        )
    ran_out = sum(one.ran_out for one in loads)
    lines.append(
        Line("memory", f"{len(loads)} random loads with long prompts", f"**{ran_out} out of memory**", note)
    )
    return lines


def table(lines: Sequence[Line]) -> str:
    """Markdown."""
    rows = [f"| {one.part} | {one.measured} | {one.figure} | {one.note or '–'} |" for one in lines]
    return "\n".join(["| part | measured | figure | note |", "|---|---|---|---|", *rows])
