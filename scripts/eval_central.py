"""How much of what people asked about a text its most central sentences hold: by words, and by meaning too.

    python scripts/eval_central.py --data FOLDER [--each N] [--models FOLDER]

FOLDER as for eval_retrieval.py: passages, and questions with their answers. Of each passage, or with --whole of each
article, N sentences are chosen as a summary without a language model chooses them; a share of its questions' answers
stands in them. Beside it: the first N sentences, and N drawn by chance. The threshold of likeness in rag/central.py was
chosen on every second article (`fit`), the others judge.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from eval_quoting import folded
from eval_retrieval import LANGUAGES, article_of
from numpy.typing import NDArray

from inference.embedding.build_minilm import ensure
from inference.embedding.onnx_embedder import OnnxEmbedder
from rag import central
from rag.analysis import Analyzer
from rag.central import Candidate, candidates

Vectors = NDArray[np.float32]
CHANCE = random.Random(7)


async def evaluate(data: Path, models: Path, each: int, whole: bool) -> None:
    """Choose, look for the answers, print."""
    passages = [json.loads(line) for line in (data / "corpus.jsonl").read_text().splitlines()]
    asked = [json.loads(line) for line in (data / "questions.jsonl").read_text().splitlines()]
    answers: dict[str, list[str]] = {}
    for row in asked:
        answers.setdefault(row["gold"][0], []).append(folded(row["answers"][0]))
    embedder, analyzer = OnnxEmbedder(ensure(models)), Analyzer()
    articles = sorted({article_of(passage["id"]) for passage in passages})
    print("| language | half | by words | none that mean the same | first | by chance |")
    print("| --- | --- | --- | --- | --- | --- |")
    for language in LANGUAGES:
        for half in (0, 1):
            found: list[tuple[dict[str, str], list[Candidate], Vectors]] = []
            for article in articles[half::2]:
                its = [p for p in passages if p["lang"] == language and article_of(p["id"]) == article]
                if whole:
                    its = [_joined(its, answers)]
                listed = candidates([p["text"] for p in its], _terms(analyzer), 99)
                for passage, ones in zip(its, listed, strict=True):
                    texts = [passage["text"][one.start : one.end] for one in ones]
                    vectors = [await embedder.embed_query(text) for text in texts]
                    found.append((passage, ones, np.array(vectors, np.float32)))
            cells = [
                _share(found, answers, lambda ones, v: central.choose(ones, each)),
                _share(found, answers, lambda ones, v: central.choose(ones, each, v if len(v) else None)),
            ]
            cells.append(_share(found, answers, lambda ones, v: [(o.start, o.end) for o in ones[:each]]))

            def drawn(
                ones: Sequence[Candidate], v: Vectors, chance: random.Random = CHANCE
            ) -> list[tuple[int, int]]:
                return [(o.start, o.end) for o in chance.sample(list(ones), min(each, len(ones)))]

            cells.append(_share(found, answers, drawn))
            print(
                f"| {language} | {'judge' if half else 'fit'} | {' | '.join(f'{cell:.3f}' for cell in cells)} |"
            )


def _joined(passages: Sequence[dict[str, str]], answers: dict[str, list[str]]) -> dict[str, str]:
    name = f"whole {passages[0]['id']}"
    answers[name] = [answer for passage in passages for answer in answers.get(passage["id"], ())]
    return {"id": name, "text": "\n".join(passage["text"] for passage in passages)}


def _terms(analyzer: Analyzer) -> Callable[[str], list[str]]:
    def terms(sentence: str) -> list[str]:
        words = analyzer.content_words(sentence, analyzer.language(sentence))
        return ["".join(sorted(word.terms)) for word in words]

    return terms


def _share(
    found: Sequence[tuple[dict[str, str], list[Candidate], Vectors]],
    answers: dict[str, list[str]],
    choose: Callable[[Sequence[Candidate], Vectors], list[tuple[int, int]]],
) -> float:
    held = total = 0
    for passage, ones, vectors in found:
        said = folded(" ".join(passage["text"][start:end] for start, end in choose(ones, vectors)))
        for answer in answers.get(passage["id"], ()):
            held += answer in said
            total += 1
    return held / total


def main() -> int:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--each", type=int, default=2)
    parser.add_argument("--whole", action="store_true", help="of each article instead of each passage")
    parser.add_argument("--models", type=Path, default=Path("data/models"))
    arguments = parser.parse_args()
    asyncio.run(evaluate(arguments.data, arguments.models, arguments.each, arguments.whole))
    return 0


if __name__ == "__main__":
    sys.exit(main())
