"""How often the quoted sentences hold the answer, and whether every quote stands verbatim on the page it names.

    python scripts/eval_quoting.py --data FOLDER [--cut] [--database OWNER_URL]

FOLDER as for eval_retrieval.py; a question's `answers` are what its quote must contain (case, accents and punctuation
aside). Both languages lie in one collection, and everything goes through the real store. Questions whose first passage
the calibrated rule finds too thin are refused by the product: their share is told beside the rest.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from eval_retrieval import LANGUAGES, SECRET, Bench, opened, read, temporary_postgres

from appliance.storage.migrating import migrate
from appliance.storage.roles import DatabaseRole, url_as
from rag.citations import find_quote
from rag.quoter import Quoter


@dataclass(frozen=True)
class Outcome:
    """One question. verbatim counts quotes found to the letter on their page."""

    language: str
    is_judge: bool
    holds_answer: bool
    is_refused: bool
    characters: int
    quotes: int
    verbatim: int


def folded(text: str) -> str:
    """Without case, accents, punctuation and white space in rows."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    return re.sub(r"\W+", " ", plain).strip()


async def ask(
    bench: Bench, quoter: Quoter, pages: dict[tuple[object, object], str], row: dict, judge: bool
) -> Outcome:  # type: ignore[type-arg]
    """Search, quote, compare."""
    result = await bench.retrieval.search(row["question"], bench.scope, 8)
    quotes = await quoter.quote(row["question"], result)
    said = folded(" ".join(quote.text for quote in quotes))
    verbatim = 0
    for quote in quotes:
        page = pages[quote.passage.file_id, quote.passage.page]
        verbatim += quote.text in page and find_quote(quote.text, page) is not None
    return Outcome(
        row["lang"],
        judge,
        any(folded(answer) in said for answer in row["answers"]),
        not result.is_relevant,
        sum(len(quote.text) for quote in quotes),
        len(quotes),
        verbatim,
    )


def table(outcomes: Sequence[Outcome]) -> None:
    """One line a half and language."""
    for half, chosen in (("fit", False), ("judge", True), ("all", None)):
        for language in LANGUAGES:
            rows = [o for o in outcomes if o.language == language and chosen in (None, o.is_judge)]
            quotes = sum(o.quotes for o in rows)
            print(
                f"{half:6} {language}: answer quoted {np.mean([o.holds_answer for o in rows]):.3f} of {len(rows)}, "
                f"of those not refused {np.mean([o.holds_answer for o in rows if not o.is_refused]):.3f} "
                f"(refused {np.mean([o.is_refused for o in rows]):.3f}); "
                f"{np.mean([o.characters for o in rows]):.0f} characters; "
                f"verbatim on the page {sum(o.verbatim for o in rows)}/{quotes}"
            )


async def evaluate(arguments: argparse.Namespace, owner_url: str) -> None:
    """Index, ask, print."""
    documents, questions = read(arguments.data)
    rows = [json.loads(line) for line in (arguments.data / "questions.jsonl").read_text().splitlines()]
    await migrate(owner_url, SECRET)
    async with (
        opened(url_as(owner_url, DatabaseRole.WORKER, SECRET)) as worker,
        opened(url_as(owner_url, DatabaseRole.API, SECRET)) as api,
    ):
        bench = Bench(worker, api, arguments.models)
        await bench.prepare(documents)
        for document in documents:
            await bench.index(document, cut=arguments.cut)
        async with api.viewing(bench.viewer) as connection:
            found = await connection.execute("SELECT file_id, number, text FROM pages")
            pages = {(file_id, number): text for file_id, number, text in await found.fetchall()}
        quoter = Quoter(bench.embedder, bench.analyzer)
        table(
            [await ask(bench, quoter, pages, row, q.is_judge) for row, q in zip(rows, questions, strict=True)]
        )


def main() -> int:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--database", default="", help="owner's address of an empty database")
    parser.add_argument(
        "--models", type=Path, default=Path("data/models"), help="where built models are kept"
    )
    parser.add_argument(
        "--cut", action="store_true", help="index articles as uploads are, not a passage a chunk"
    )
    arguments = parser.parse_args()
    if arguments.database:
        asyncio.run(evaluate(arguments, arguments.database))
    else:
        with temporary_postgres() as url:
            asyncio.run(evaluate(arguments, url))
    return 0


if __name__ == "__main__":
    sys.exit(main())
