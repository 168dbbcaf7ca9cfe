"""Whether what is cited stands where it is said to stand: page, words and mark, looked at by a second reader.

    python scripts/eval_citations.py --data FOLDER [--sentences N] [--database OWNER_URL]

FOLDER holds documents, questions.jsonl ({"question", "answerable", "file", "page", "answers", "quote"}) and handbook/,
a folder of Markdown. All documents that can be read are put into one collection; each question is asked as the product
answers without a language model. Then every citation is judged by pdfium's own text of the cited page, which has not
gone through our parser, and by what pdfium finds inside of the marked boxes. Beside the questions, N sentences drawn
evenly from all passages of PDFs are cited and judged in the same way. A page that is a picture has no second reader:
its citations are counted apart.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pypdfium2 as pdfium
from eval_quoting import folded
from eval_retrieval import SECRET, Bench, opened, temporary_postgres

from appliance.domain.answers import AnswerRequest, Citation, Cited, Finished
from appliance.domain.people import Caller
from appliance.pipelines.answer_with_sources import AnswerWithSources
from appliance.pipelines.placing import Placing
from appliance.services.knowledge.search import KnowledgeSearch
from appliance.storage.collections import PostgresCollections
from appliance.storage.jobs import PostgresJobQueue
from appliance.storage.migrating import migrate
from appliance.storage.roles import DatabaseRole, url_as
from inference.types import ChatMessage
from rag.anchors import boxes
from rag.documents import Page
from rag.errors import DocumentRefused
from rag.parsers import PARSERS
from rag.quoter import Quoter
from rag.sandbox.client import ParsingSandbox
from rag.sentences import split_sentences
from rag.settings import ParsingSettings

MIN_ALIKE = 0.85  # of the text inside of the boxes to the quote: boxes are good to a few letters
LEAST_CHARACTERS = 25  # of a sentence that is worth looking for


@dataclass
class Judged:
    """Counts of citations: in all, then of those right in each respect; wrong ones are kept to be shown."""

    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def line(self, name: str) -> str:
        c = self.counts
        return (
            f"| {name} | {c['citations']} | {c['verbatim']}/{c['citations']} | {c['page']}/{c['second']} "
            f"| {c['marked']}/{c['second']} | {c['citations'] - c['second']} |"
        )


class SecondReader:
    """pdfium's own text of pages and of parts of them; None where a page has no text or the file is no PDF."""

    def __init__(self) -> None:
        self._open: dict[Path, pdfium.PdfDocument] = {}

    def page(self, path: Path, number: int) -> str | None:
        """All letters and digits of a page, in pdfium's order."""
        if path.suffix != ".pdf":
            return None
        text = self._document(path)[number - 1].get_textpage().get_text_range()
        return squeezed(text) or None

    def inside(self, path: Path, number: int, marks: Sequence[tuple[float, float, float, float]]) -> str:
        """The letters and digits inside of these boxes."""
        page = self._document(path)[number - 1]
        reader = page.get_textpage()
        found = ""
        for left, top, right, bottom in marks:
            (x0, y0), (x1, y1) = (_to_page(page, *corner) for corner in ((left, bottom), (right, top)))
            found += reader.get_text_bounded(min(x0, x1) - 1, min(y0, y1), max(x0, x1) + 1, max(y0, y1))
        return squeezed(found)

    def _document(self, path: Path) -> pdfium.PdfDocument:
        if path not in self._open:
            self._open[path] = pdfium.PdfDocument(path)
        return self._open[path]


def _to_page(page: pdfium.PdfPage, across: float, down: float) -> tuple[float, float]:
    """Shares of the page as it is shown to the PDF's own coordinates."""
    width, height = 100_000, 100_000
    device = pdfium.raw.FPDF_DeviceToPage
    x, y = pdfium.raw.ctypes.c_double(), pdfium.raw.ctypes.c_double()
    device(page, 0, 0, width, height, 0, round(across * width), round(down * height), x, y)
    return x.value, y.value


def squeezed(text: str) -> str:
    """Letters and digits alone, as `eval_quoting` folds them."""
    return folded(text).replace(" ", "")


class Library:
    """The documents as they were read, by file id."""

    def __init__(self, bench: Bench, reader: SecondReader) -> None:
        self.bench, self.reader = bench, reader
        self.paths: dict[UUID, Path] = {}
        self.pages: dict[tuple[UUID, int | None], Page] = {}

    async def add(self, sandbox: ParsingSandbox, path: Path) -> None:
        """Read and index; what is refused is told and left out."""
        try:
            parsed = await sandbox.parse(path)
        except DocumentRefused as refusal:
            print(f"{path.name}: {refusal.code}", file=sys.stderr)
            return
        file_id = uuid4()
        await self.bench.prepare_file(file_id, path.name)
        await self.bench.indexing.index(file_id, parsed, self.bench.writing, self.bench.collection, _silent)
        self.paths[file_id] = path
        self.pages |= {(file_id, page.number): page for page in parsed.pages}

    def judge(self, citation: Citation, judged: Judged) -> None:
        """Words, page and mark of one citation."""
        path, page = self.paths[citation.file_id], self.pages[citation.file_id, citation.page]
        judged.counts["citations"] += 1
        is_verbatim = page.text[citation.page_start : citation.page_end] == citation.quote
        judged.counts["verbatim"] += is_verbatim
        if not is_verbatim:
            judged.wrong.append(f"words: {path.name} p. {citation.page}: {citation.quote[:90]!r}")
        there = self.reader.page(path, citation.page) if citation.page else None
        if there is None:
            return
        judged.counts["second"] += 1
        quote = squeezed(citation.quote)
        holds = holds_in_pieces(quote, there)
        judged.counts["page"] += holds
        marks = boxes(page.anchors, citation.page_start or 0, citation.page_end or 0, page.text)
        seen = self.reader.inside(path, citation.page or 1, marks)
        is_marked = quote in seen or SequenceMatcher(None, quote, seen, autojunk=False).ratio() >= MIN_ALIKE
        judged.counts["marked"] += is_marked
        for name, is_right in (("page", holds), ("mark", is_marked)):
            if not is_right:
                judged.wrong.append(
                    f"{name}: {path.name} p. {citation.page}: {citation.quote[:70]!r} {seen[:50]!r}"
                )

    def sentences(self, most: int) -> Iterator[tuple[UUID, Page, int, int]]:
        """Evenly drawn from all pages of PDFs."""
        found = [
            (file_id, page, start, end)
            for (file_id, _), page in self.pages.items()
            if self.paths[file_id].suffix == ".pdf"
            for start, end in split_sentences(page.text, 0, len(page.text))
            if len(squeezed(page.text[start:end])) >= LEAST_CHARACTERS
        ]
        step = max(1, len(found) // most) if most else len(found) + 1
        yield from found[::step]


def holds_in_pieces(quote: str, page: str) -> bool:
    """Whether a page holds a quote: whole, or in long runs where the two readers order a table otherwise."""
    if quote in page:
        return True
    runs = SequenceMatcher(None, page, quote, autojunk=False).get_matching_blocks()
    return sum(run.size for run in runs if run.size >= 8) >= 0.97 * len(quote)


async def _silent(done: int, total: int) -> None:
    """No progress is shown."""


async def evaluate(arguments: argparse.Namespace, owner_url: str) -> bool:
    """Index, ask, judge, print; whether all that is promised holds."""
    questions = [json.loads(line) for line in (arguments.data / "questions.jsonl").read_text().splitlines()]
    await migrate(owner_url, SECRET)
    async with (
        opened(url_as(owner_url, DatabaseRole.WORKER, SECRET)) as worker,
        opened(url_as(owner_url, DatabaseRole.API, SECRET)) as api,
    ):
        bench = Bench(worker, api, arguments.models)
        await bench.prepare([])
        library = Library(bench, SecondReader())
        sandbox = ParsingSandbox(ParsingSettings(), PARSERS)
        for path in documents(arguments.data):
            await library.add(sandbox, path)
        await sandbox.close()
        collections = PostgresCollections(api, bench.store, PostgresJobQueue(api))
        search = KnowledgeSearch(api, collections, bench.retrieval, bench.store)
        caller = Caller(bench.viewer.user_id, "evaluation@localhost")
        return await report(library, search, caller, questions, arguments.sentences)


async def report(
    library: Library,
    search: KnowledgeSearch,
    caller: Caller,
    questions: Sequence[dict[str, Any]],
    sentences: int,
) -> bool:
    """The table."""
    bench = library.bench
    pipeline = AnswerWithSources(Quoter(bench.embedder, bench.analyzer), bench.analyzer)
    asked, outcome = Judged(), Counter[str]()
    for row in questions:
        request = AnswerRequest((ChatMessage("user", row["question"]),), pipeline.name)
        events = [event async for event in pipeline.answer(caller, request, None, search)]
        cited = next(event.citations for event in events if isinstance(event, Cited))
        is_refused = any(isinstance(event, Finished) and event.kind == "refused" for event in events)
        for citation in cited:
            library.judge(citation, asked)
        kind = "answerable" if row["answerable"] else "unanswerable"
        outcome[kind] += 1
        outcome[f"{kind} refused"] += is_refused
        if row["answerable"] and not is_refused:
            outcome["gold page cited"] += any(is_gold(library, one, row) for one in cited)
            said = folded(" ".join(one.quote for one in cited))
            outcome["gold words quoted"] += any(folded(answer) in said for answer in row["answers"])
    drawn = Judged()
    placing = Placing(caller, search, ())
    for file_id, page, start, end in library.sentences(sentences):
        wanted = Citation(1, file_id, library.paths[file_id].name, page.text[start:end], page.number)
        placed = await placing.placed(wanted)
        if placed is None:
            drawn.counts["citations"] += 1
            drawn.wrong.append(f"not found: {wanted.filename} p. {page.number}: {wanted.quote[:90]!r}")
        else:
            library.judge(placed, drawn)
    print("| citations of | in all | to the letter | page right | mark right | no second reader |")
    print("| --- | --- | --- | --- | --- | --- |")
    print(asked.line("the questions"))
    print(drawn.line("sentences of PDFs"))
    print(", ".join(f"{name}: {count}" for name, count in outcome.items()))
    for wrong in [*asked.wrong, *drawn.wrong][:40]:
        print(" ", wrong, file=sys.stderr)
    return all(is_kept(judged.counts) for judged in (asked, drawn))


def is_gold(library: Library, citation: Citation, row: dict[str, Any]) -> bool:
    """Document and page of the question's own answer."""
    return library.paths[citation.file_id].as_posix().endswith(row["file"]) and citation.page == row["page"]


def is_kept(counts: Counter[str]) -> bool:
    """All to the letter, and 99 of 100 pages right."""
    return counts["verbatim"] == counts["citations"] and counts["page"] >= 0.99 * counts["second"]


def documents(folder: Path) -> Iterator[Path]:
    """Everything but what is meant to harm."""
    kinds = ("csv", "docx", "eml", "html", "md", "pdf", "pptx", "xlsx", "handbook")
    for kind in kinds:
        yield from (path for path in sorted((folder / kind).rglob("*")) if path.is_file())


def main() -> int:
    """See the module's docstring. Exit status 1 where a promise is not kept."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sentences", type=int, default=2000, help="sentences of PDFs to be cited")
    parser.add_argument("--database", default="", help="owner's address of an empty database")
    parser.add_argument(
        "--models", type=Path, default=Path("data/models"), help="where built models are kept"
    )
    arguments = parser.parse_args()
    if arguments.database:
        return 0 if asyncio.run(evaluate(arguments, arguments.database)) else 1
    with temporary_postgres() as url:
        return 0 if asyncio.run(evaluate(arguments, url)) else 1


if __name__ == "__main__":
    sys.exit(main())
