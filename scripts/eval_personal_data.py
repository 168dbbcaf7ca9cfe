"""How much personal data the built-in detector finds, and how often it is wrong, as a table for docs/failover.md.

Two hand-written sets in Spanish and English (the rules were made while looking at one of them, never at the other) and
a generated one. A value counts as found when no letter or digit of it is left readable. `--presidio` measures
Presidio's own recognisers instead, where that package is installed.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from inference.personal_data.detector import Finding
from inference.personal_data.patterns import PatternDetector
from scripts.personal_data.generated import Sample, samples

_SETS = Path(__file__).parent / "personal_data"
_MARK = re.compile(r"<([a-z_]+)>(.*?)</\1>")

Find = Callable[[str], Sequence[Finding]]


@dataclass
class Score:
    """By kind: values there are, those covered whole, and findings that touch no value."""

    there: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    misses: list[str] = field(default_factory=list)

    @property
    def recall(self) -> float:
        """Share of the values that are covered whole."""
        return self.found.total() / max(1, self.there.total())

    @property
    def precision(self) -> float:
        """Share of what was found that was there."""
        return self.found.total() / max(1, self.found.total() + self.wrong.total())


def read(name: str) -> list[Sample]:
    """A set of ours: a text a line, values marked by their kind."""
    known = []
    for line in (_SETS / f"{name}.txt").read_text("utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        text, marks, at = "", [], 0
        for mark in _MARK.finditer(line):
            text += line[at : mark.start()]
            marks.append((mark[1], len(text), len(text) + len(mark[2])))
            text += mark[2]
            at = mark.end()
        known.append(Sample(text + line[at:], tuple(marks)))
    return known


def score(texts: Iterable[Sample], find: Find) -> Score:
    """Of one set."""
    result = Score()
    for sample in texts:
        findings = find(sample.text)
        covered = {at for one in findings for at in range(one.start, one.end)}
        for kind, start, end in sample.marks:
            result.there[kind] += 1
            readable = [at for at in range(start, end) if sample.text[at].isalnum() and at not in covered]
            if readable:
                result.misses.append(f"missed {kind}: {sample.text}")
            else:
                result.found[kind] += 1
        for one in findings:
            if not any(one.start < end and start < one.end for _, start, end in sample.marks):
                result.wrong[one.kind] += 1
                result.misses.append(f"wrong {one.kind} {sample.text[one.start : one.end]!r}: {sample.text}")
    return result


def presidio() -> Find:
    """Presidio's recognisers of the same kinds, without a language model; scores as they come, from 0.4."""
    from presidio_analyzer import predefined_recognizers as given  # type: ignore[import-not-found]

    names = ("Email", "Iban", "CreditCard", "Ip")
    rows = [getattr(given, f"{name}Recognizer")(supported_language="es") for name in names]
    rows += [given.PhoneRecognizer(supported_language="es", supported_regions=("ES", "US", "GB", "DE", "FR"))]
    rows += [given.EsNifRecognizer(), given.EsNieRecognizer()]

    def find(text: str) -> Sequence[Finding]:
        found = [one for row in rows for one in row.analyze(text, row.supported_entities, None)]
        return [Finding("email", one.start, one.end, one.score) for one in found if one.score >= 0.4]

    return find


def table(sets: dict[str, list[Sample]], find: Find) -> tuple[list[str], dict[str, Score]]:
    """Lines of Markdown, and the scores."""
    scores = {name: score(texts, find) for name, texts in sets.items()}
    kinds = sorted({kind for one in scores.values() for kind in one.there})
    lines = [f"| kind | {' | '.join(scores)} |", f"|---|{'---|' * len(scores)}"]
    for kind in kinds:
        cells = [
            f"{one.found[kind]} of {one.there[kind]}" if one.there[kind] else "–" for one in scores.values()
        ]
        lines.append(f"| {kind} | {' | '.join(cells)} |")
    recalls = [f"{one.recall:.3f}" if one.there else "–" for one in scores.values()]
    precisions = [f"{one.precision:.3f}" if one.there else "–" for one in scores.values()]
    lines.append(f"| **recall** | {' | '.join(recalls)} |")
    lines.append(f"| **precision** | {' | '.join(precisions)} |")
    lines.append("| false alarms | " + " | ".join(str(one.wrong.total()) for one in scores.values()) + " |")
    return lines, scores


def main() -> int:
    """Print the table, and what it costs in processor time."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--count", type=int, default=200, help="generated texts of each sort (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=8, help="of the generated texts (default: %(default)s)")
    parser.add_argument("--misses", choices=("development", "named", "bare"), help="print a set's mistakes")
    parser.add_argument(
        "--presidio", action="store_true", help="measure Presidio instead, if it is installed"
    )
    wish = parser.parse_args()
    made = list(samples(wish.count, wish.seed))
    sets = {
        "development": read("development"),
        "held out": read("held_out"),
        "named": [one for one in made if one.is_named],
        "bare": [one for one in made if one.marks and not one.is_named],
        "decoys": [one for one in made if not one.marks],
    }
    find = presidio() if wish.presidio else PatternDetector().find
    began_s = time.process_time()
    lines, scores = table(sets, find)
    took_s = time.process_time() - began_s
    print("\n".join(lines))
    signs = sum(len(one.text) for texts in sets.values() for one in texts)
    print(f"\n{sum(map(len, sets.values()))} texts, {signs} characters: {took_s:.2f} s of processor time")
    if wish.misses:
        print("\n".join(scores[wish.misses].misses))
    return 0


if __name__ == "__main__":
    sys.exit(main())
