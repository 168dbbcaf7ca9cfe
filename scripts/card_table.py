"""Which model for which card: the tables of README.md and docs/operating.md, computed and not measured.

    .venv/bin/python scripts/card_table.py            # prints both
    .venv/bin/python scripts/card_table.py --write    # puts them between the marks in the two files

Formula, assumptions and sources stand in deploy/fits.awk and deploy/models.tsv, which setup.sh uses as well.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CARDS = {
    "RTX 4090, 24 GB": 24564,
    "L40S, 48 GB": 46068,
    "H100, 80 GB": 81559,
    "H200, 141 GB": 143771,
}
"""Memory in MiB, as nvidia-smi tells it for each."""
SUGGESTED = {
    "RTX 4090, 24 GB": ("Qwen/Qwen2.5-7B-Instruct",),
    "L40S, 48 GB": ("Qwen/Qwen3-30B-A3B-Instruct-2507-FP8",),
    "H100, 80 GB": ("Qwen/Qwen3-30B-A3B-Instruct-2507-FP8", "Qwen/Qwen2.5-72B-Instruct-AWQ"),
    "H200, 141 GB": ("RedHatAI/Llama-3.3-70B-Instruct-FP8-dynamic",),
}
SHARE, CONTEXT = 0.90, 16384
"""GPU_MEMORY_SHARE and MODEL_CONTEXT_TOKENS of docker-compose.gpu.yml."""
HEAD = (
    "| card | model | format | weights | context, up to | at once | people |",
    "|---|---|---|---|---|---|---|",
)
BEGIN, END = "<!-- made by scripts/card_table.py -->", "<!-- end -->"


@dataclass(frozen=True)
class Fit:
    """A model on a card. at_once: conversations of 8,000 tokens. longest_context: of one alone, in tokens."""

    model: str
    format: str
    weights_gib: float
    fits: bool
    at_once: int
    people: int
    longest_context: int


def fits(memory_mib: int, engine: str = "vllm") -> list[Fit]:
    """Every model of the table, in its order."""
    values = {"engine": engine, "memory_mib": memory_mib, "share": SHARE, "context": CONTEXT}
    words = [word for name, value in values.items() for word in ("-v", f"{name}={value}")]
    command = ["awk", *words, "-f", str(ROOT / "deploy" / "fits.awk"), str(ROOT / "deploy" / "models.tsv")]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    rows = [line.split("\t") for line in printed.splitlines()]
    return [
        Fit(row[0], row[2], float(row[3]), row[5] == "yes", int(row[6]), int(row[7]), int(row[11]))
        for row in rows
    ]


def _rows(all_that_fit: bool) -> Iterator[str]:
    for card, memory_mib in CARDS.items():
        for fit in fits(memory_mib):
            if fit.model in SUGGESTED[card] or (all_that_fit and fit.fits):
                yield (
                    f"| {card} | `{fit.model}` | {fit.format} | {fit.weights_gib:.1f} GiB | "
                    f"{fit.longest_context // 1024}k | {fit.at_once} | {fit.people} |"
                )


def table(all_that_fit: bool) -> str:
    """Markdown. all_that_fit: every model that a card holds, else the one or two that make the most of it."""
    return "\n".join((BEGIN, "", *HEAD, *_rows(all_that_fit), "", END))


TABLES = {"README.md": False, "docs/operating.md": True}


def renewed(path: str) -> str:
    """The file with its table as it is computed now. Raises ValueError where the marks are missing."""
    text = (ROOT / path).read_text(encoding="utf-8")
    before, found, rest = text.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not (found and ended):
        raise ValueError(f"{path} has no table between {BEGIN} and {END}.")
    return before + table(TABLES[path]) + after


def main() -> None:
    """The command line."""
    if "--write" in sys.argv[1:]:
        for path in TABLES:
            (ROOT / path).write_text(renewed(path), encoding="utf-8")
        return
    for all_that_fit in TABLES.values():
        print(table(all_that_fit), end="\n\n")


if __name__ == "__main__":
    main()
