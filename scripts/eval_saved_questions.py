"""How often a question in other words finds its saved question, and how often a wrong one is refused.

    .venv/bin/python -m scripts.eval_saved_questions [--without-embedder] [--list]

The paraphrases are ours (tests/paraphrases): the thresholds were set on the development half, the other half judges.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from appliance.services.data.choosing import Chooser
from inference.embedding.build_minilm import ensure
from inference.embedding.onnx_embedder import OnnxEmbedder
from inference.errors import EmbedderUnavailable
from inference.ports import Embedder
from rag.analysis import Analyzer
from tests.paraphrases.reading import HERE, Asked, Half, Paraphrases, paraphrases

HALVES: tuple[Half, ...] = ("development", "held-out")


@dataclass(frozen=True)
class Judged:
    """What was chosen for a question; None: none."""

    asked: Asked
    chosen: str | None

    @property
    def is_right(self) -> bool:
        return self.chosen == self.asked.wanted


class Away:
    """An embedder that is not there."""

    model_id, dimension, max_tokens = "none", 1, 256

    async def embed_query(self, text: str) -> NDArray[np.float32]:
        raise EmbedderUnavailable("There is none.")

    async def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        raise EmbedderUnavailable("There is none.")

    async def close(self) -> None:
        pass


async def judged(found: Paraphrases, embedder: Embedder) -> list[Judged]:
    """Every question of a file, all of its saved questions before it."""
    chooser = Chooser(Analyzer(), embedder)
    ids = {one.id: name for name, one in found.saved.items()}
    answers = []
    for asked in found.asked:
        chosen = await chooser.chosen(asked.text, list(found.saved.values()), [found.source], found.today)
        answers.append(Judged(asked, None if chosen is None else ids[chosen.saved.id]))
    return answers


def share(judgements: Sequence[Judged]) -> str:
    """As it stands in the table."""
    right = sum(one.is_right for one in judgements)
    return f"{right}/{len(judgements)} ({right / len(judgements):.1%})" if judgements else "–"


def row(name: str, found: Paraphrases, answers: Sequence[Judged], half: Half) -> str:
    """A line of the table."""
    inside = set(found.half(half))
    these = [one for one in answers if one.asked in inside]
    right = [one for one in these if one.asked.wanted]
    cells = [
        share(right),
        share([one for one in right if one.asked.language == "es"]),
        share([one for one in right if one.asked.language != "es"]),
        str(sum(one.chosen not in (None, one.asked.wanted) for one in right)),
        share([one for one in these if not one.asked.wanted]),
    ]
    return f"| {name}, {half} | {' | '.join(cells)} |"


async def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--without-embedder", action="store_true", help="the rules alone")
    parser.add_argument("--list", action="store_true", help="name what went wrong in the development half")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        embedder: Embedder = Away() if options.without_embedder else OnnxEmbedder(ensure(Path(folder)))
        print("| paraphrases | right one chosen | Spanish | English | another one chosen | wrong refused |")
        print("|---|---|---|---|---|---|")
        for name in ("shop", "chinook"):
            found = paraphrases(HERE / f"{name}.yaml")
            answers = await judged(found, embedder)
            for half in HALVES:
                print(row(name, found, answers, half))
            if options.list:
                inside = set(found.half("development"))
                for one in answers:
                    if one.asked in inside and not one.is_right:
                        print(f"  {one.asked.text!r}: wanted {one.asked.wanted}, chosen {one.chosen}")


if __name__ == "__main__":
    asyncio.run(main())
