"""Fits from which evidence on a question is answered (rag/relevance.py), and says what the fit is worth.

    python scripts/fit_relevance.py --data FOLDER [--documents FOLDER] [--every N] [--evidence FILE] [--models FOLDER]

Three sources of questions, none of them those of docs/retrieval.md's last table:
- FOLDER, XQuAD as for eval_retrieval.py: each question as it is, with its article taken out of the index, and with the
  article left in the other language only.
- scripts/calibration/questions.jsonl on the sample collection and, with --documents, on documents of that folder beside
  it: as they are, and with their document taken out.
- the same file's questions on what no such document holds.
Half of each fits, the other half judges. A question whose answer was not found does not fit the weights, as there is
nothing right to answer; it counts as refused though answerable all the same. --evidence keeps what was collected (and
takes it from there when the file exists).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import UUID

import numpy as np
from eval_citations import Library, SecondReader, documents
from eval_quoting import folded
from eval_retrieval import LANGUAGES, SECRET, Bench, auroc, opened, read, temporary_postgres, twin
from numpy.typing import NDArray

from appliance.storage.migrating import migrate
from appliance.storage.roles import DatabaseRole, url_as
from rag.parsers import PARSERS
from rag.relevance import Evidence, Kind, is_relevant, kind_of, strength
from rag.sandbox.client import ParsingSandbox
from rag.settings import ParsingSettings

HERE = Path(__file__).parent
_ACROSS = ("other language", "bridged")
SPARE_REFUSALS = 0.05  # of the answerable ones that were found, refused on the fitting half


@dataclass(frozen=True)
class Asked:
    """One question in one state of the index. source: xquad, staff or stray; is_found: its answer was on top."""

    source: str
    language: str
    case: str
    is_judge: bool
    is_found: bool
    evidence: tuple[Evidence, ...]

    @property
    def is_refused(self) -> bool:
        return not any(map(is_relevant, self.evidence))


async def ask(
    bench: Bench, source: str, language: str, case: str, question: str, judge: bool, answers: Sequence[str]
) -> Asked:
    """Search, and see whether one of the answers stands in the first passages."""
    result, evidence = await bench.retrieval.search_with_evidence(question, bench.scope, 5)
    text = folded(" ".join(passage.text for passage in result.passages[:3]))
    is_found = any(folded(answer) in text for answer in answers)
    return Asked(source, language, case, judge, is_found, tuple(evidence))


async def xquad(bench: Bench, data: Path, every: int) -> list[Asked]:
    """All there, the article gone, and there in the other language only."""
    articles, questions = read(data)
    rows = [json.loads(line) for line in (data / "questions.jsonl").read_text().splitlines()]
    kept = {twin(row["id"]) if "-es-" in row["id"] else row["id"] for row in rows}
    kept = set(sorted(kept)[::every])  # a question and its translation
    is_kept = [(twin(row["id"]) if "-es-" in row["id"] else row["id"]) in kept for row in rows]
    questions = [question for question, is_one in zip(questions, is_kept, strict=True) if is_one]
    answers_of = {row["id"]: row["answers"] for row in rows}
    rows = [row for row, is_one in zip(rows, is_kept, strict=True) if is_one]
    await bench.prepare(articles)
    for document in articles:
        await bench.index(document, cut=False)

    async def asked(index: int, case: str) -> Asked:
        question = questions[index]
        row = rows[index]["id"]
        answers = answers_of.get(twin(row) if case == "other" else row, ()) if case != "gone" else ()
        return await ask(bench, "xquad", question.language, case, question.text, question.is_judge, answers)

    found = [await asked(index, "answered") for index in range(len(questions))]
    for article in sorted({question.article for question in questions}):
        own = [document for document in articles if document.article == article]
        here = [index for index, question in enumerate(questions) if question.article == article]
        for document in own:
            await bench.store.remove(bench.writing, document.file_id, bench.collection)
        found += [await asked(index, "gone") for index in here]
        for document in own:
            await bench.index(document, cut=False)
            found += [
                await asked(index, "other")
                for index in here
                if questions[index].language != document.language
            ]
            await bench.store.remove(bench.writing, document.file_id, bench.collection)
        for document in own:
            await bench.index(document, cut=False)
    return found


async def staff(bench: Bench, folder: Path | None) -> list[Asked]:
    """What people ask of documents of a company, and what none of them holds."""
    rows = [json.loads(line) for line in (HERE / "calibration" / "questions.jsonl").read_text().splitlines()]
    await bench.prepare([])
    library = Library(bench, SecondReader())
    sandbox = ParsingSandbox(ParsingSettings(), PARSERS)
    paths = sorted((HERE / "sample_collection").glob("*.md"))
    for path in [*paths, *(documents(folder) if folder else ())]:
        await library.add(sandbox, path)
    found: list[Asked] = []
    of: dict[UUID, list[dict[str, object]]] = {}

    async def asked(row: dict[str, object], case: str) -> Asked:
        source, text = ("staff" if row["answerable"] else "stray"), str(row["question"])
        answers = row["answers"] if case == "answered" else ()
        judge = bool(zlib.crc32(text.encode()) % 2)
        return await ask(bench, source, str(row["lang"]), case, text, judge, answers)  # type: ignore[arg-type]

    for row in rows:
        if not row["answerable"]:
            found.append(await asked(row, "gone"))
            continue
        file = next((f for f, p in library.paths.items() if p.as_posix().endswith("/" + row["file"])), None)
        if file is not None:
            of.setdefault(file, []).append(row)
            found.append(await asked(row, "answered"))
    for file, its in of.items():
        await bench.store.remove(bench.writing, file, bench.collection)
        found += [await asked(row, "gone") for row in its]
        parsed = await sandbox.parse(library.paths[file])
        await bench.indexing.index(file, parsed, bench.writing, bench.collection, _silent)
    await sandbox.close()
    return found


async def _silent(done: int, total: int) -> None:
    """No progress is shown."""


async def collected(arguments: argparse.Namespace) -> list[Asked]:
    """Everything asked, each source of documents in a database of its own."""
    found: list[Asked] = []
    for source in ("xquad", "staff"):
        with temporary_postgres() as url:
            await migrate(url, SECRET)
            async with (
                opened(url_as(url, DatabaseRole.WORKER, SECRET)) as worker,
                opened(url_as(url, DatabaseRole.API, SECRET)) as api,
            ):
                bench = Bench(worker, api, arguments.models)
                found += await (
                    xquad(bench, arguments.data, arguments.every)
                    if source == "xquad"
                    else staff(bench, arguments.documents)
                )
    return found


# Fitting ----------------------------------------------------------------------------------------------


def signals(evidence: Evidence) -> list[float]:
    """What the weights are for, in the order of rag/relevance.py's rows."""
    unknown = 0.0 if evidence.is_bridged else -evidence.unknown  # of a translation it says nothing
    return [
        evidence.coverage,
        evidence.cosine or 0.0,
        evidence.sentence,
        evidence.sentence_cosine,
        unknown,
    ]


def logistic(x: NDArray[np.float64], y: NDArray[np.float64], w: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights and, last, the constant, by Newton's method; a slight preference for small weights."""
    x = np.c_[x, np.ones(len(x))]
    b, small = np.zeros(x.shape[1]), np.diag([1.0] * (x.shape[1] - 1) + [1e-6])
    for _ in range(50):
        p = 1 / (1 + np.exp(-x @ b))
        slope, bend = x.T @ (w * (p - y)) + small @ b, (x.T * (w * p * (1 - p))) @ x + small
        b -= np.linalg.solve(bend, slope)
    return b


def fitted_rows(asked: Sequence[Asked]) -> Iterator[str]:
    """A row of rag/relevance.py for each kind of evidence: weights beside coverage's 1, and the least sum.

    The sources count alike, and so do the two outcomes. The least is where SPARE_REFUSALS of what was found is refused.
    """
    kinds: dict[Kind, list[tuple[Asked, Evidence]]] = {}
    for one in asked:
        if not one.is_judge and (one.case == "gone" or one.is_found):
            for evidence in one.evidence:
                kind = kind_of(evidence)
                if not evidence.lacks_kind and (
                    one.case != "other" or kind in _ACROSS
                ):  # found in one language says nothing of the other's evidence
                    kinds.setdefault(kind, []).append((one, evidence))
    for kind, rows in kinds.items():
        x = np.array([signals(evidence) for _, evidence in rows])
        y = np.array([float(one.case != "gone") for one, _ in rows])
        source = np.array([one.source == "xquad" for one, _ in rows])
        w = np.ones(len(rows))
        for side in (True, False):
            for outcome in (0.0, 1.0):
                group = (source == side) & (y == outcome)
                w[group] /= max(1, group.sum()) / len(rows)
        b = logistic(x, y, w)
        sums = x @ (b[:-1] / b[0])
        right = sums[y == 1]
        order = np.argsort(right)
        share = np.cumsum(w[y == 1][order]) / w[y == 1].sum()
        least = right[order][int(np.searchsorted(share, SPARE_REFUSALS))]
        weights = ", ".join(f"{weight / b[0]:.2f}" for weight in b[1:-1])
        yield (
            f"{kind}: {weights}, least={least:.2f} "
            f"(even odds at {-b[-1] / b[0]:.2f}; {int(y.sum())} right, {int((1 - y).sum())} gone)"
        )


def fitted_leasts(asked: Sequence[Asked]) -> Iterator[str]:
    """For each language which least sums, as multiples of those in force, cost least on the fitting half.

    The cost: shares refused of what was found, plus shares answered of what was gone; the sources count alike, what is
    in the other language half.
    """
    factors = np.arange(0.7, 1.41, 0.02)
    for language in LANGUAGES:
        rows = [
            a for a in asked if a.language == language and not a.is_judge and (a.case == "gone" or a.is_found)
        ]
        sums = np.array([[_best(a, is_across=False), _best(a, is_across=True)] for a in rows])
        of = [np.array([_group(a) == group for a in rows]) for group in _COSTS]
        costs = []
        for own in factors:
            for across in factors:
                refused = (sums[:, 0] < own) & (sums[:, 1] < across)
                shares = [refused[group].mean() if group.any() else 0.0 for group in of]
                costs.append(
                    (
                        sum(
                            abs(weight) * (share if weight > 0 else 1 - share)
                            for weight, share in zip(_COSTS.values(), shares, strict=True)
                        ),
                        own,
                        across,
                    )
                )
        for cost, own, across in sorted(costs)[:3]:
            yield f"{language}: cost {cost:.3f} at {own:.2f} times its own least, {across:.2f} times bridged"


_COSTS = {  # above 0: of what is refused; below: of what is answered
    ("xquad", "answered"): 1.0,
    ("staff", "answered"): 1.0,
    ("xquad", "other"): 0.5,
    ("xquad", "gone"): -1.0,
    ("staff", "gone"): -0.5,
    ("stray", "gone"): -0.5,
}


def _group(asked: Asked) -> tuple[str, str]:
    return asked.source, asked.case


def table(asked: Sequence[Asked]) -> Iterator[str]:
    """What the rows that are in force do, on both halves."""
    yield "| questions | language | half | AUROC | refused, answerable | of those found | refused, nothing there |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for source, case in (("xquad", "answered"), ("xquad", "other"), ("staff", "answered"), ("stray", "")):
        for language in LANGUAGES:
            for half in (False, True):
                rows = [a for a in asked if a.language == language and a.is_judge is half]
                there = [a for a in rows if a.source == source and a.case == case]
                gone = [a for a in rows if a.source == source and a.case == "gone"]
                area = auroc([_best(a) for a in there], [_best(a) for a in gone]) if there else float("nan")
                yield (
                    f"| {source}{' across' if case == 'other' else ''} | {language} | "
                    f"{'judge' if half else 'fit'} | {area:.3f} | {_refused(there)} | "
                    f"{_refused([a for a in there if a.is_found])} | {_refused(gone)} |"
                )


def curve(asked: Sequence[Asked]) -> Iterator[str]:
    """What other thresholds would do on the judging half: shares refused at so many times the least."""
    yield (
        "| times the least | " + " | ".join(f"{x}: answerable | {x}: nothing there" for x in LANGUAGES) + " |"
    )
    yield "| --- |" + " --- | --- |" * len(LANGUAGES)
    for factor in (0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3):
        cells = []
        for language in LANGUAGES:
            rows = [a for a in asked if a.is_judge and a.language == language and a.case != "other"]
            for case in ("answered", "gone"):
                cells.append(f"{np.mean([_best(a) < factor for a in rows if a.case == case]):.3f}")
        yield f"| {factor} | {' | '.join(cells)} |"


def _best(asked: Asked, *, is_across: bool | None = None) -> float:
    """The strongest evidence; is_across: of what was asked in translated words alone, or of all but that."""
    sums = (strength(one) for one in asked.evidence if is_across is None or one.is_bridged is is_across)
    return max(sums, default=0.0)


def _refused(asked: Sequence[Asked]) -> str:
    return f"{np.mean([one.is_refused for one in asked]):.3f} of {len(asked)}" if asked else "–"


def main() -> int:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--documents", type=Path, help="a folder of documents, as for eval_citations.py")
    parser.add_argument("--every", type=int, default=1, help="ask only every so manieth question of XQuAD")
    parser.add_argument("--evidence", type=Path, help="where to keep what was collected, or to take it from")
    parser.add_argument("--models", type=Path, default=Path("data/models"))
    arguments = parser.parse_args()
    if arguments.evidence and arguments.evidence.exists():
        lines = [json.loads(line) for line in arguments.evidence.read_text().splitlines()]
        asked = [
            Asked(**line | {"evidence": tuple(Evidence(**e) for e in line["evidence"])}) for line in lines
        ]
    else:
        asked = asyncio.run(collected(arguments))
        if arguments.evidence:
            arguments.evidence.write_text("".join(json.dumps(asdict(one)) + "\n" for one in asked))
    for lines_of in (fitted_rows, fitted_leasts, table, curve):
        for line in lines_of(asked):
            print(line)
        print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
