"""How well the index finds: dense, BM25, fused and as the product answers, in two languages in one collection.

    python scripts/eval_retrieval.py --data FOLDER [--refusals [--evidence FILE]] [--cut] [--database OWNER_URL]

FOLDER holds corpus.jsonl ({"id", "lang", "title", "text"}) and questions.jsonl ({"lang", "question", "gold": [id]}),
as made from XQuAD; a passage and its translation have ids that differ in -en- and -es- only ("twins"). Everything goes
through the real store in PostgreSQL with row-level security; without --database one is started in a temporary folder.
Every second passage is for fitting, the others judge; a question and its translation are in the same half.
--refusals asks every question again with its article taken out of the index. --cut indexes articles as uploads are.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, astuple, dataclass
from hashlib import sha256
from pathlib import Path
from uuid import UUID, uuid4

import numpy as np

from appliance.domain.people import Viewer
from appliance.storage.database import Database
from appliance.storage.migrating import migrate
from appliance.storage.roles import DatabaseRole, url_as
from appliance.supervisor.postgres import EmbeddedPostgres
from appliance.supervisor.unprivileged import account_for_servers
from inference.embedding.build_minilm import ensure
from inference.embedding.onnx_embedder import OnnxEmbedder
from inference.embedding.token_counter import TokenCounter
from rag.analysis import Analyzer
from rag.documents import Block, Chunk, Page, ParsedDocument
from rag.fusion import fuse
from rag.fusion_weights import dense_weight
from rag.indexing import Indexing
from rag.relevance import Evidence, is_relevant, strength
from rag.retrieval import Retrieval
from rag.settings import ChunkingSettings
from rag.stores.pgvector import PgvectorStore

SECRET = "evaluation"
LANGUAGES = ("en", "es")
WAYS = ("dense", "BM25", "fused", "sharpened")
DEPTH = 100

Ranking = dict[str, list[str]]
"""Way of searching -> passage ids, best first."""


@dataclass(frozen=True)
class Question:
    """gold and twin are passage ids; article is the same for both languages."""

    text: str
    language: str
    gold: str
    article: str
    is_judge: bool

    @property
    def twin(self) -> str:
        """The translation of the gold passage."""
        return twin(self.gold)


@dataclass(frozen=True)
class Document:
    """One article in one language: its passages by id."""

    file_id: UUID
    article: str
    language: str
    passages: dict[str, str]


def twin(passage: str) -> str:
    """The id of the same passage in the other language."""
    return passage.replace("-en-", "-es-", 1) if "-en-" in passage else passage.replace("-es-", "-en-", 1)


def english(passage: str) -> str:
    """One id for a passage and its translation."""
    return passage if "-en-" in passage else twin(passage)


def article_of(passage: str) -> str:
    """xquad-en-Super_Bowl_50-0 -> Super_Bowl_50."""
    return english(passage).split("-en-", 1)[1].rsplit("-", 1)[0]


def read(folder: Path) -> tuple[list[Document], list[Question]]:
    """The articles and the questions, split into halves by passage."""
    rows = [json.loads(line) for line in (folder / "corpus.jsonl").read_text().splitlines()]
    asked = [json.loads(line) for line in (folder / "questions.jsonl").read_text().splitlines()]
    grouped: dict[tuple[str, str], dict[str, str]] = {}
    for row in rows:
        grouped.setdefault((article_of(row["id"]), row["lang"]), {})[row["id"]] = row["text"]
    documents = [Document(uuid4(), *key, passages) for key, passages in grouped.items()]
    halves = {g: i % 2 for i, g in enumerate(sorted({english(q["gold"][0]) for q in asked}))}
    questions = [
        Question(
            q["question"],
            q["lang"],
            q["gold"][0],
            article_of(q["gold"][0]),
            halves[english(q["gold"][0])] == 1,
        )
        for q in asked
    ]
    return documents, questions


@contextmanager
def temporary_postgres() -> Iterator[str]:
    """The owner's address of an empty PostgreSQL that goes at the end."""
    folder = Path(tempfile.mkdtemp(prefix="eval-", dir="/tmp"))
    folder.chmod(0o755)
    postgres = EmbeddedPostgres(folder, "owner", account_for_servers())
    postgres.prepare()
    child = subprocess.Popen([*postgres.command(), "-c", "fsync=off"], stderr=subprocess.DEVNULL)
    try:
        postgres.wait_ready()
        yield postgres.url(database="postgres")
    finally:
        child.terminate()
        child.wait(20)
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    """A pool that is closed at the end."""
    database = Database(url, pool_size=4)
    await database.open()
    try:
        yield database
    finally:
        await database.close()


class Bench:
    """The collection under test, and the ways to ask it."""

    def __init__(self, worker: Database, api: Database, models: Path) -> None:
        self.worker, self.api = worker, api
        folder = ensure(models)
        self.embedder = OnnxEmbedder(folder)
        self.analyzer = Analyzer()
        self.store = PgvectorStore()
        self.retrieval = Retrieval(self.store, self.embedder, self.analyzer)
        counter = TokenCounter(models)
        self.indexing = Indexing(self.store, self.embedder, self.analyzer, ChunkingSettings(), counter)
        self.viewer = Viewer(uuid4())
        self.collection = uuid4()
        self.scope = api.scope(self.viewer, [self.collection])
        self.writing = worker.scope(self.viewer, [self.collection])
        self.passage_of: dict[int, str] = {}

    async def prepare(self, documents: Sequence[Document]) -> None:
        """The rows of the other rooms."""
        async with self.api.viewing(self.viewer) as connection:
            await connection.execute(
                "INSERT INTO collections (id, name, owner_user_id, created_by) VALUES (%s, 'Evaluation', %s, %s)",
                (self.collection, self.viewer.user_id, self.viewer.user_id),
            )
        for document in documents:
            await self.prepare_file(document.file_id, f"{document.article} {document.language}"[:80])

    async def prepare_file(self, file_id: UUID, name: str) -> None:
        """A file's own row."""
        async with self.api.viewing(self.viewer) as connection:
            await connection.execute(
                "INSERT INTO files (id, owner_id, filename, media_type, size_bytes, sha256, purpose)"
                " VALUES (%s, %s, %s, 'text/plain', 1, %s, 'assistants')",
                (file_id, self.viewer.user_id, name, sha256(file_id.bytes).digest()),
            )

    async def index(self, document: Document, *, cut: bool) -> None:
        """Each passage is a page; not cut, it is one chunk as well."""
        ids = list(document.passages)
        pages = tuple(
            Page(number, text, (Block("paragraph", 0, len(text)),))
            for number, text in enumerate(document.passages.values(), start=1)
        )
        if cut:
            parsed = ParsedDocument("text/plain", pages)
            await self.indexing.index(document.file_id, parsed, self.writing, self.collection, _silent)
        else:
            chunks = [
                Chunk(i, page.text, page.number, 0, len(page.text), (), self.analyzer.language(page.text))
                for i, page in enumerate(pages)
            ]
            vectors = await self.embedder.embed_passages([chunk.text for chunk in chunks])
            terms = [self.analyzer.counts(chunk.text, chunk.language) for chunk in chunks]
            await self.store.add(
                self.writing,
                document.file_id,
                self.collection,
                self.embedder.model_id,
                pages,
                chunks,
                terms,
                vectors,
            )
        async with self.api.viewing(self.viewer) as connection:
            rows = await connection.execute(
                "SELECT id, page FROM chunks WHERE file_id = %s", (document.file_id,)
            )
            self.passage_of.update({chunk: ids[page - 1] for chunk, page in await rows.fetchall()})

    async def rankings(self, question: Question) -> Ranking:
        """Passage ids, best first, by each way of searching."""
        vector = await self.embedder.embed_query(question.text)
        dense = await self.store.dense(self.scope, self.embedder.model_id, vector, DEPTH)
        terms = self.analyzer.terms(question.text, self.analyzer.language(question.text))
        lexical = await self.store.lexical(self.scope, terms, DEPTH)
        weight = dense_weight(self.embedder.model_id, self.analyzer.language(question.text))
        fused = fuse([(weight, dense), (1 - weight, lexical)])
        result = await self.retrieval.search(question.text, self.scope, 20)
        ways = {"dense": dense, "BM25": lexical, "fused": fused}
        found = {way: [chunk for chunk, _ in ranking] for way, ranking in ways.items()}
        found["sharpened"] = [passage.chunk_id for passage in result.passages]
        return {way: list(dict.fromkeys(self.passage_of[c] for c in ids)) for way, ids in found.items()}


async def _silent(done: int, total: int) -> None:
    """No progress is shown."""


def place(ranking: Sequence[str], wanted: set[str]) -> int:
    """The rank from 0 of the first wanted passage; the list's length beyond it."""
    return next((rank for rank, passage in enumerate(ranking) if passage in wanted), DEPTH)


@dataclass(frozen=True)
class Figures:
    """Shares of questions; lenient counts the gold passage's translation as right."""

    r1: float
    r10: float
    mrr10: float
    strict_r1: float
    strict_r10: float


def figures(
    questions: Sequence[Question], rankings: Sequence[Ranking], way: str, language: str, is_judge: bool | None
) -> Figures:
    """Of one way of searching, in one language, on one half (None: on all)."""
    rows = [
        (question, ranking[way])
        for question, ranking in zip(questions, rankings, strict=True)
        if question.language == language and is_judge in (None, question.is_judge)
    ]
    lenient = np.array([place(found, {question.gold, question.twin}) for question, found in rows])
    strict = np.array([place(found, {question.gold}) for question, found in rows])
    return Figures(
        float((lenient < 1).mean()),
        float((lenient < 10).mean()),
        float(np.where(lenient < 10, 1 / (lenient + 1), 0).mean()),
        float((strict < 1).mean()),
        float((strict < 10).mean()),
    )


def table(questions: Sequence[Question], rankings: Sequence[Ranking]) -> Iterator[str]:
    """A Markdown table of all ways and halves."""
    yield "| half | way |" + "".join(f" {x}: R@1 | R@10 | MRR@10 | strict R@1 | R@10 |" for x in LANGUAGES)
    yield "| --- | --- |" + " --- |" * 5 * len(LANGUAGES)
    for half, is_judge in (("fit", False), ("judge", True), ("all", None)):
        for way in WAYS:
            cells = [
                value
                for language in LANGUAGES
                for value in astuple(figures(questions, rankings, way, language, is_judge))
            ]
            yield f"| {half} | {way} |" + "".join(f" {value:.3f} |" for value in cells)


def auroc(right: Sequence[float], wrong: Sequence[float]) -> float:
    """The chance that a right one is above a wrong one."""
    a, b = np.array(right)[:, None], np.array(wrong)[None, :]
    return float((a > b).mean() + (a == b).mean() / 2)


async def evidence_for(bench: Bench, questions: Sequence[Question]) -> list[Evidence]:
    """What speaks for the first passage of each question; nothing found counts as nothing."""
    found = [await bench.retrieval.search_with_evidence(q.text, bench.scope, 5) for q in questions]
    return [evidence[0] if evidence else Evidence(0.0, 0.0) for _, evidence in found]


async def refusals(
    bench: Bench, documents: Sequence[Document], questions: Sequence[Question], arguments: argparse.Namespace
) -> AsyncIterator[str]:
    """Each question answered, with its article gone, and with its article left in the other language only."""
    answered = await evidence_for(bench, questions)
    gone: dict[int, Evidence] = {}
    other: dict[int, Evidence] = {}
    for article in sorted({q.article for q in questions}):
        own = [d for d in documents if d.article == article]
        asked = [i for i, q in enumerate(questions) if q.article == article]
        for document in own:
            await bench.store.remove(bench.writing, document.file_id, bench.collection)
        gone |= dict(zip(asked, await evidence_for(bench, [questions[i] for i in asked]), strict=True))
        for document in own:
            await bench.index(document, cut=arguments.cut)
            foreign = [i for i in asked if questions[i].language != document.language]
            other |= dict(
                zip(foreign, await evidence_for(bench, [questions[i] for i in foreign]), strict=True)
            )
            await bench.store.remove(bench.writing, document.file_id, bench.collection)
        for document in own:
            await bench.index(document, cut=arguments.cut)
    for half, chosen in (("fit", False), ("judge", True)):
        for language in LANGUAGES:
            rows = [i for i, q in enumerate(questions) if q.language == language and q.is_judge is chosen]
            yield (
                f"{half:6} {language}: AUROC "
                f"{auroc([strength(answered[i]) for i in rows], [strength(gone[i]) for i in rows]):.3f}, "
                f"refused though answerable {_refused([answered[i] for i in rows]):.3f}, "
                f"refused with the article gone {_refused([gone[i] for i in rows]):.3f}, "
                f"refused with the article in the other language only {_refused([other[i] for i in rows]):.3f}; "
                f"by words alone {_refused([_wordy(answered[i]) for i in rows]):.3f}, "
                f"{_refused([_wordy(gone[i]) for i in rows]):.3f}"
            )
    if arguments.evidence:
        save(arguments.evidence, questions, {"answered": answered, "gone": gone, "other": other})


def save(
    file: Path, questions: Sequence[Question], evidence: dict[str, Sequence[Evidence] | dict[int, Evidence]]
) -> None:
    """One JSON line a question, to fit the thresholds of rag.relevance from."""
    lines = [
        {"language": q.language, "is_judge": q.is_judge}
        | {case: asdict(found[index]) for case, found in evidence.items()}
        for index, q in enumerate(questions)
    ]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))


def _wordy(evidence: Evidence) -> Evidence:
    return Evidence(evidence.coverage, None, evidence.is_model_language, evidence.is_other_language)


def _refused(evidence: Sequence[Evidence]) -> float:
    return float(np.mean([not is_relevant(e) for e in evidence]))


async def evaluate(arguments: argparse.Namespace, owner_url: str, say: Callable[[str], None]) -> None:
    """Index, ask, print."""
    documents, questions = read(arguments.data)
    await migrate(owner_url, SECRET)
    async with (
        opened(url_as(owner_url, DatabaseRole.WORKER, SECRET)) as worker,
        opened(url_as(owner_url, DatabaseRole.API, SECRET)) as api,
    ):
        bench = Bench(worker, api, arguments.models)
        await bench.prepare(documents)
        started = time.perf_counter()
        for document in documents:
            await bench.index(document, cut=arguments.cut)
        say(f"{len(bench.passage_of)} chunks indexed in {time.perf_counter() - started:.1f} s")
        rankings = [await bench.rankings(question) for question in questions]
        for line in table(questions, rankings):
            say(line)
        started = time.perf_counter()
        for question in questions[:: max(1, len(questions) // 200)]:
            await bench.retrieval.search(question.text, bench.scope)
        asked = len(questions[:: max(1, len(questions) // 200)])
        say(f"{1000 * (time.perf_counter() - started) / asked:.1f} ms a search")
        if arguments.refusals:
            async for line in refusals(bench, documents, questions, arguments):
                say(line)


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
    parser.add_argument("--refusals", action="store_true")
    parser.add_argument(
        "--evidence", type=Path, help="with --refusals: where to write each question's evidence"
    )
    parser.add_argument("--cut", action="store_true")
    parser.add_argument(
        "--fit-fusion", action="store_true", help="fit rag/fusion_weights.py, and nothing else"
    )
    arguments = parser.parse_args()
    if arguments.database:
        asyncio.run(evaluate(arguments, arguments.database, print))
    else:
        with temporary_postgres() as url:
            asyncio.run(evaluate(arguments, url, print))
    return 0


if __name__ == "__main__":
    sys.exit(main())
