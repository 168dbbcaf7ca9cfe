"""How often a follow-up finds its answer: as it was asked, and as the product words it without a chat engine.

    python scripts/eval_follow_ups.py [--models FOLDER]

scripts/calibration/conversations.jsonl holds short conversations about the sample collection: what was said, the next
question, what its answer must contain, and whether it is a follow-up at all. Found is an answer that stands in the
first or the first three passages.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from eval_citations import Library, SecondReader
from eval_quoting import folded
from eval_retrieval import LANGUAGES, SECRET, Bench, opened, temporary_postgres

from appliance.pipelines.following_up import FollowingUp, Wording
from appliance.storage.migrating import migrate
from appliance.storage.roles import DatabaseRole, url_as
from inference.types import ChatMessage
from rag.parsers import PARSERS
from rag.sandbox.client import ParsingSandbox
from rag.settings import ParsingSettings

HERE = Path(__file__).parent
WAYS = ("as asked", "as worded")


@dataclass(frozen=True)
class Outcome:
    """Ranks from 0 of the first passage that holds the answer, by way; is_touched: another wording was made."""

    language: str
    is_follow_up: bool
    is_touched: bool
    ranks: dict[str, int]


async def follow_up(bench: Bench, following: FollowingUp, row: dict[str, Any]) -> Outcome:
    """Search both ways."""
    said = [ChatMessage(role, text) for text in row["said"] for role in ("user", "assistant")]
    messages = [*said, ChatMessage("user", row["question"])]
    worded = await following.wording(messages, row["lang"], None, "evaluation")
    ranks = {}
    for way, wording in zip(WAYS, (Wording(row["question"]), worded), strict=True):
        result = await bench.retrieval.search(wording.question, bench.scope, 5, also=wording.also)
        texts = [folded(passage.text) for passage in result.passages]
        holds = [any(folded(answer) in text for answer in row["answers"]) for text in texts]
        ranks[way] = holds.index(True) if True in holds else len(holds) + 5
        if way == "as worded" and ranks[way] > 2:
            print(f"not found: {row['question']!r} as {wording.question!r}", file=sys.stderr)
    return Outcome(row["lang"], row["is_follow_up"], worded.question != row["question"], ranks)


async def evaluate(models: Path, url: str) -> None:
    """Index, ask, print."""
    rows = [
        json.loads(line) for line in (HERE / "calibration" / "conversations.jsonl").read_text().splitlines()
    ]
    await migrate(url, SECRET)
    async with (
        opened(url_as(url, DatabaseRole.WORKER, SECRET)) as worker,
        opened(url_as(url, DatabaseRole.API, SECRET)) as api,
    ):
        bench = Bench(worker, api, models)
        await bench.prepare([])
        library = Library(bench, SecondReader())
        sandbox = ParsingSandbox(ParsingSettings(), PARSERS)
        for path in sorted((HERE / "sample_collection").glob("*.md")):
            await library.add(sandbox, path)
        await sandbox.close()
        following = FollowingUp(bench.analyzer)
        outcomes = [await follow_up(bench, following, row) for row in rows]
    print(
        "| language | follow-ups | way | first passage | first three | known as follow-ups | others left alone |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for language in LANGUAGES:
        its = [one for one in outcomes if one.language == language and one.is_follow_up]
        others = [one for one in outcomes if one.language == language and not one.is_follow_up]
        for way in WAYS:
            ranks = np.array([one.ranks[way] for one in its])
            print(
                f"| {language} | {len(its)} | {way} | {(ranks < 1).mean():.2f} | {(ranks < 3).mean():.2f} "
                f"| {sum(one.is_touched for one in its)}/{len(its)} "
                f"| {sum(not one.is_touched for one in others)}/{len(others)} |"
            )


def main() -> int:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", type=Path, default=Path("data/models"))
    arguments = parser.parse_args()
    with temporary_postgres() as url:
        asyncio.run(evaluate(arguments.models, url))
    return 0


if __name__ == "__main__":
    sys.exit(main())
