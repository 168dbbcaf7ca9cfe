"""Fits how much meaning counts against words, per language, for rag/fusion_weights.py.

    python scripts/fit_fusion.py --data FOLDER

FOLDER as for eval_retrieval.py. Half of the questions choose the weight by MRR@10, the other half says what it is worth
beside one weight for all; it is worth a row where the judging half gains.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import numpy as np
from eval_retrieval import DEPTH, LANGUAGES, SECRET, Bench, Question, opened, place, read, temporary_postgres

from appliance.storage.migrating import migrate
from appliance.storage.roles import DatabaseRole, url_as
from rag.fusion import fuse
from rag.fusion_weights import UNFITTED

WITHIN = 0.005  # of MRR@10: less than two questions of a half, which another half would not confirm


async def fitted_weights(bench: Bench, questions: Sequence[Question]) -> AsyncIterator[str]:
    """For each language the dense weight that puts most of the fitting half right, and what it does on the other half.

    Judged by MRR@10; of those that WITHIN does not tell apart the one nearest to 0.3. Prints a row for
    rag/fusion_weights.py.
    """
    lists = []
    for question in questions:
        vector = await bench.embedder.embed_query(question.text)
        dense = await bench.store.dense(bench.scope, bench.embedder.model_id, vector, DEPTH)
        terms = bench.analyzer.terms(question.text, bench.analyzer.language(question.text))
        lists.append((dense, await bench.store.lexical(bench.scope, terms, DEPTH)))

    def quality(weight: float, language: str, is_judge: bool) -> tuple[float, float, float]:
        places = []
        for question, (dense, lexical) in zip(questions, lists, strict=True):
            if question.language == language and question.is_judge is is_judge:
                ranked = [bench.passage_of[c] for c, _ in fuse([(weight, dense), (1 - weight, lexical)])]
                places.append(place(list(dict.fromkeys(ranked)), {question.gold, question.twin}))
        ranks = np.array(places)
        return (
            float(np.where(ranks < 10, 1 / (ranks + 1), 0).mean()),
            float((ranks < 1).mean()),
            float((ranks < 10).mean()),
        )

    row = {}
    for language in LANGUAGES:
        fits = {n / 20: quality(n / 20, language, False) for n in range(21)}
        enough = max(mrr for mrr, _, _ in fits.values()) - WITHIN
        best = min((w for w in fits if fits[w][0] >= enough), key=lambda weight: abs(weight - UNFITTED))
        row[language] = best
        for name, weight in (("fitted", best), ("one for all", UNFITTED)):
            judged = quality(weight, language, True)
            yield (
                f"{language} {name} {weight:.2f}: fit MRR {fits[weight][0]:.3f} R@1 {fits[weight][1]:.3f}; "
                f"judge MRR {judged[0]:.3f} R@1 {judged[1]:.3f} R@10 {judged[2]:.3f}"
            )
    yield f"{bench.embedder.model_id.partition('@')[0]!r}: {row}"


async def fit(arguments: argparse.Namespace, owner_url: str, say: Callable[[str], None]) -> None:
    """Index, ask, print."""
    documents, questions = read(arguments.data)
    await migrate(owner_url, SECRET)
    async with (
        opened(url_as(owner_url, DatabaseRole.WORKER, SECRET)) as worker,
        opened(url_as(owner_url, DatabaseRole.API, SECRET)) as api,
    ):
        bench = Bench(worker, api, arguments.models)
        await bench.prepare(documents)
        for document in documents:
            await bench.index(document, cut=False)
        async for line in fitted_weights(bench, questions):
            say(line)


def main() -> int:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument(
        "--models", type=Path, default=Path("data/models"), help="where built models are kept"
    )
    arguments = parser.parse_args()
    with temporary_postgres() as url:
        asyncio.run(fit(arguments, url, print))
    return 0


if __name__ == "__main__":
    sys.exit(main())
