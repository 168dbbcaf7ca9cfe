"""How fast and how surely a large index is searched by whoever may see all, a hundredth or a thousandth of it.

    python scripts/bench_retrieval.py --data FOLDER [--passages 100000] [--questions 200] [--keep FOLDER]

FOLDER as for eval_retrieval.py: its passages go in as they are, the rest are made of its sentences, half of their
words exchanged for other words of its texts (one in eight for a word that hardly another passage has), their vectors
the mean of the sentences' own with jitter. Three collections of three groups; a viewer is in one group, or in all of
them. Rows are copied into the tables and the indexes built once. --keep leaves the database there for the next run.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from uuid import UUID, uuid5

import numpy as np
import psycopg
from eval_retrieval import SECRET, Question, opened, read
from numpy.typing import NDArray

from appliance.domain.people import Viewer
from appliance.storage.database import Database, ViewerScope
from appliance.storage.migrating import migrate
from appliance.storage.roles import DatabaseRole, url_as
from appliance.supervisor.postgres import EmbeddedPostgres
from appliance.supervisor.unprivileged import account_for_servers
from inference.embedding.build_minilm import ensure
from inference.embedding.onnx_embedder import OnnxEmbedder
from rag.analysis import Analyzer
from rag.retrieval import Retrieval
from rag.sentences import split_sentences
from rag.stores.pgvector import PgvectorStore

SPACE = UUID("6f1c4c7e-5a0c-4b57-9d7e-0c8f1f0f7b11")
OWNER = uuid5(SPACE, "owner")
CHUNKS_PER_FILE = 20
SHARES = ("100 %", "1 %", "0.1 %")
_BATCH = 2_000
_WARM_UP = 10


@dataclass(frozen=True)
class Made:
    """One passage of the corpus."""

    text: str
    language: str | None
    vector: NDArray[np.float32]
    gold: str = ""


@contextmanager
def kept_postgres(folder: Path) -> Iterator[str]:
    """The owner's address of the PostgreSQL in folder, made where there is none."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    postgres = EmbeddedPostgres(folder, "owner", account_for_servers())
    postgres.prepare()
    quick = ["-c", "fsync=off", "-c", "max_wal_size=8GB", "-c", "maintenance_work_mem=1GB"]
    child = subprocess.Popen([*postgres.command(), *quick], stderr=subprocess.DEVNULL)
    try:
        postgres.wait_ready()
        yield postgres.url(database="postgres")
    finally:
        child.send_signal(2)
        child.wait(60)


class Corpus:
    """Passages without end, the same for the same seed."""

    def __init__(self, data: Path, embedder: OnnxEmbedder, analyzer: Analyzer) -> None:
        documents, self.questions = read(data)
        self._random, self._analyzer = random.Random(4), analyzer
        self._noise = np.random.default_rng(4)
        self._gold = [(key, text, d.language) for d in documents for key, text in d.passages.items()]
        self._gold_vectors = [embedder.vector(text) for _, text, _ in self._gold]
        self._sentences: dict[str, list[tuple[str, NDArray[np.float32]]]] = {"en": [], "es": []}
        words: dict[str, Counter[str]] = {"en": Counter(), "es": Counter()}
        for _, text, language in self._gold:
            for start, end in split_sentences(text, 0, len(text)):
                self._sentences[language].append((text[start:end], embedder.vector(text[start:end])))
            spans = analyzer.content_words(text, language)
            words[language].update(text[word.start : word.end] for word in spans)
        self._words = {language: (list(c), list(c.values())) for language, c in words.items()}

    def passages(self, count: int) -> Iterator[Made]:
        """The given ones first, then made ones."""
        for (key, text, language), vector in zip(self._gold, self._gold_vectors, strict=True):
            yield Made(text, language, vector, key)
        for number in range(count - len(self._gold)):
            language = "en" if number % 2 else "es"
            parts = self._random.sample(self._sentences[language], 4)
            text = self._changed(" ".join(part for part, _ in parts), language, number)
            vector = np.mean([v for _, v in parts], axis=0) + 0.03 * self._noise.standard_normal(384)
            yield Made(text, language, (vector / np.linalg.norm(vector)).astype(np.float32))

    def _changed(self, text: str, language: str, number: int) -> str:
        spans = list(self._analyzer.content_words(text, language))
        drawn = iter(self._random.choices(*self._words[language], k=len(spans)))
        pieces, at = [], 0
        for word in spans:
            other, chance = next(drawn), self._random.random()
            if chance < 0.125:
                other = f"{other}{number % 9973}x{word.start}"
            elif chance > 0.625:
                other = text[word.start : word.end]
            pieces += [text[at : word.start], other]
            at = word.end
        return "".join([*pieces, text[at:]])


def place_of(index: int, total: int) -> int:
    """Which of the three collections a passage is in: the last thousandth, the hundredth before it, the rest."""
    if index >= total - total // 1000:
        return 2
    return 1 if index >= total - total // 1000 - total // 100 else 0


class Loading:
    """Copies a corpus into the index's tables as its owner."""

    def __init__(self, owner_url: str, model_id: str, analyzer: Analyzer) -> None:
        self._url, self._model, self._analyzer = owner_url, model_id, analyzer

    def load(self, passages: Iterator[Made], total: int) -> None:
        """Everything, then the indexes, then statistics."""
        with psycopg.connect(self._url, autocommit=True) as connection:
            indexes = self._without_indexes(connection)
            self._rooms(connection, total)
            df: list[Counter[str]] = [Counter(), Counter(), Counter()]
            lengths, counts = [0, 0, 0], [0, 0, 0]
            batch: list[tuple[int, Made, dict[str, int]]] = []
            for index, made in enumerate(passages):
                terms = self._analyzer.counts(made.text, made.language)
                place = place_of(index, total)
                df[place].update(terms.keys())
                lengths[place] += sum(terms.values())
                counts[place] += 1
                batch.append((index, made, terms))
                if len(batch) == _BATCH or index == total - 1:
                    self._copy(connection, batch, total)
                    batch = []
            self._sums(connection, df, lengths, counts)
            for statement in indexes:
                connection.execute(statement.encode())
            connection.execute("SELECT setval(pg_get_serial_sequence('chunks', 'id'), %s)", (total,))
            connection.execute("VACUUM ANALYZE")

    def _without_indexes(self, connection: psycopg.Connection) -> list[str]:
        (hnsw,) = connection.execute(
            "SELECT pg_get_indexdef('embeddings_hnsw_384'::regclass)"
        ).fetchone() or ("",)
        found = connection.execute(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE conrelid = 'postings'::regclass AND contype = 'p'"
        ).fetchone()
        assert found is not None
        connection.execute("DROP INDEX embeddings_hnsw_384")
        connection.execute(f'ALTER TABLE postings DROP CONSTRAINT "{found[0]}"'.encode())
        return [f'ALTER TABLE postings ADD CONSTRAINT "{found[0]}" {found[1]}', hnsw]

    def _rooms(self, connection: psycopg.Connection, total: int) -> None:
        for place in range(3):
            connection.execute(
                "INSERT INTO collections (id, name, owner_group_id, created_by) VALUES (%s, 'Bench', %s, %s)",
                (uuid5(SPACE, f"collection {place}"), uuid5(SPACE, f"group {place}"), OWNER),
            )
        for number in range(total // CHUNKS_PER_FILE + 1):
            file = uuid5(SPACE, f"file {number}")
            connection.execute(
                "INSERT INTO files (id, owner_id, filename, media_type, size_bytes, sha256, purpose)"
                " VALUES (%s, %s, %s, 'text/plain', 1, %s, 'assistants')",
                (file, OWNER, f"file {number}.txt", sha256(file.bytes).digest()),
            )
            # Without these nobody may see the file, and every search ends with no passage.
            connection.execute(
                "INSERT INTO collection_files (collection_id, file_id, owner_id, status, size_bytes)"
                " SELECT id, %s, %s, 'completed', 1 FROM collections",
                (file, OWNER),
            )

    def _copy(
        self, connection: psycopg.Connection, batch: Sequence[tuple[int, Made, dict[str, int]]], total: int
    ) -> None:
        names = [str(uuid5(SPACE, f"collection {place}")) for place in range(3)]
        with connection.cursor() as cursor:
            with cursor.copy(
                "COPY chunks (id, collection_id, file_id, ordinal, page, start_offset, end_offset, headings, language,"
                " text, terms) FROM STDIN"
            ) as copy:
                for index, made, terms in batch:
                    file = uuid5(SPACE, f"file {index // CHUNKS_PER_FILE}")
                    copy.write_row(
                        (index + 1, names[place_of(index, total)], file, index, 1, 0, len(made.text), [],
                         made.language, made.text, sorted(terms))
                    )  # fmt: skip
            with cursor.copy(
                "COPY embeddings (chunk_id, collection_id, model_id, dimension, embedding) FROM STDIN"
            ) as copy:
                for index, made, _ in batch:
                    vector = "[" + ",".join(map(str, made.vector.astype(np.float16).tolist())) + "]"
                    copy.write_row((index + 1, names[place_of(index, total)], self._model, 384, vector))
            with cursor.copy("COPY postings (collection_id, term, chunk_id, tf, length) FROM STDIN") as copy:
                for index, _, terms in batch:
                    name, length = names[place_of(index, total)], sum(terms.values())
                    copy.write(
                        "".join(
                            f"{name}\t{term}\t{index + 1}\t{tf}\t{length}\n" for term, tf in terms.items()
                        )
                    )

    def _sums(
        self,
        connection: psycopg.Connection,
        df: Sequence[Counter[str]],
        lengths: Sequence[int],
        counts: Sequence[int],
    ) -> None:
        for place in range(3):
            name = uuid5(SPACE, f"collection {place}")
            with (
                connection.cursor() as cursor,
                cursor.copy("COPY terms (collection_id, term, df) FROM STDIN") as copy,
            ):
                for term, count in df[place].items():
                    copy.write_row((name, term, count))
            connection.execute(
                "INSERT INTO collection_totals (collection_id, chunks, length) VALUES (%s, %s, %s)",
                (name, counts[place], lengths[place]),
            )


def scope_of(database: Database, share: str) -> ViewerScope:
    """Who may see that share: a member of all three groups, or of one."""
    places = {"100 %": (0, 1, 2), "1 %": (1,), "0.1 %": (2,)}[share]
    groups = frozenset(uuid5(SPACE, f"group {place}") for place in places)
    viewer = Viewer(uuid5(SPACE, share), groups)
    return database.scope(viewer, [uuid5(SPACE, f"collection {place}") for place in places])


async def timed(calls: Sequence[Callable[[], Awaitable[object]]]) -> str:
    """p50 / p95 in ms of the calls, one after the other, the first ten left out; and the processors' share of a call.

    The latter is what an idle machine would take at most: server and this process, all calls, mean.
    """
    took: list[float] = []
    cpu = 0.0
    for number, call in enumerate(calls):
        if number == _WARM_UP:
            cpu = _cpu_s()
        started = time.perf_counter()
        await call()
        took.append(1000 * (time.perf_counter() - started))
    p50, p95 = np.percentile(took[_WARM_UP:], [50, 95])
    mean = 1000 * (_cpu_s() - cpu) / (len(took) - _WARM_UP)
    return f"{p50:.0f} / {p95:.0f} ({mean:.0f})"


def _cpu_s() -> float:
    """What this process and all below it have used of the processors so far, in seconds."""
    parents, used = {}, {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            process = int(path.parent.name)
            parents[process], used[process] = int(fields[1]), int(fields[11]) + int(fields[12])
    ours, before = {os.getpid()}, 0
    while len(ours) > before:
        before = len(ours)
        ours |= {process for process, parent in parents.items() if parent in ours}
    return sum(used.get(process, 0) for process in ours) / os.sysconf("SC_CLK_TCK")


def overlap(found: Sequence[tuple[int, float]], exact: Sequence[tuple[int, float]], depth: int = 10) -> float:
    """How many of the first of exact are among the first of found; those of equal score are as good."""
    wanted = exact[:depth]
    least = wanted[-1][1] if wanted else 0.0
    right = {chunk for chunk, _ in wanted} | {chunk for chunk, score in exact if score >= least - 1e-3}
    return len({c for c, _ in found[:depth]} & right) / len(wanted) if wanted else 1.0


async def measure(
    database: Database, embedder: OnnxEmbedder, questions: Sequence[Question], say: Callable[[str], None]
) -> None:
    """The table of times, and what the short ways lose."""
    analyzer, store, whole = (
        Analyzer(),
        PgvectorStore(),
        PgvectorStore(exact_below=10**9, rare_postings=10**9),
    )
    retrieval = Retrieval(store, embedder, analyzer)
    vectors = [embedder.vector(question.text) for question in questions]
    terms = [sorted(set(analyzer.terms(q.text, analyzer.language(q.text)))) for q in questions]
    say("Times in ms: p50 / p95 (processor time of a call).")
    say("| sees | vector | recall@10 | words | overlap@10 with full BM25 | hybrid |")
    say("| --- | --- | --- | --- | --- | --- |")
    model = embedder.model_id
    for share in SHARES:
        scope = scope_of(database, share)
        dense = await timed([partial(store.dense, scope, model, vector, 100) for vector in vectors])
        words = await timed([partial(store.lexical, scope, one, 100) for one in terms])
        hybrid = await timed([partial(retrieval.search, question.text, scope) for question in questions])
        near = [
            overlap(await store.dense(scope, model, v, 10), await whole.dense(scope, model, v, 20))
            for v in vectors
        ]
        same = [overlap(await store.lexical(scope, t, 10), await whole.lexical(scope, t, 20)) for t in terms]
        say(f"| {share} | {dense} | {np.mean(near):.3f} | {words} | {np.mean(same):.3f} | {hybrid} |")


async def loss(
    database: Database, gold: Sequence[str], questions: Sequence[Question], say: Callable[[str], None]
) -> None:
    """R@1 and R@10 of the right passage among all, by words: scored in full, and as the store does."""
    analyzer, scope = Analyzer(), scope_of(database, "100 %")
    number = {key: index + 1 for index, key in enumerate(gold)}
    say("| by words | R@1 | R@10 |\n| --- | --- | --- |")
    for name, store in (("full BM25", PgvectorStore(rare_postings=10**9)), ("as searched", PgvectorStore())):
        ranks = []
        for question in questions:
            terms = sorted(set(analyzer.terms(question.text, analyzer.language(question.text))))
            found = [chunk for chunk, _ in await store.lexical(scope, terms, 10)]
            right = {number[question.gold], number[question.twin]}
            ranks.append(next((rank for rank, chunk in enumerate(found) if chunk in right), 10))
        say(f"| {name} | {np.mean(np.array(ranks) < 1):.3f} | {np.mean(np.array(ranks) < 10):.3f} |")


def sizes(owner_url: str, total: int) -> Iterator[str]:
    """Bytes a passage of each table and index."""
    with psycopg.connect(owner_url) as connection:
        rows = connection.execute(
            "SELECT relname, pg_table_size(oid), pg_indexes_size(oid) FROM pg_class WHERE relname IN"
            " ('chunks', 'embeddings', 'postings', 'terms') ORDER BY 2 DESC"
        ).fetchall()
        (postings,) = connection.execute("SELECT count(*) FROM postings").fetchone() or (0,)
    for name, table, indexes in rows:
        yield f"{name}: {table / total / 1000:.1f} KB a passage, its indexes {indexes / total / 1000:.1f} KB"
    yield f"{postings / total:.0f} postings a passage"


async def bench(arguments: argparse.Namespace, owner_url: str) -> None:
    """Load what is not there yet, then measure."""
    embedder, analyzer = OnnxEmbedder(ensure(arguments.models)), Analyzer()
    await migrate(owner_url, SECRET)
    with psycopg.connect(owner_url) as connection:
        (there,) = connection.execute("SELECT count(*) FROM collection_totals").fetchone() or (0,)
    documents, questions = read(arguments.data)
    if not there:
        started = time.perf_counter()
        corpus = Corpus(arguments.data, embedder, analyzer)
        passages = corpus.passages(arguments.passages)
        Loading(owner_url, embedder.model_id, analyzer).load(passages, arguments.passages)
        print(f"{arguments.passages} passages loaded in {time.perf_counter() - started:.0f} s")
    gold = [key for document in documents for key in document.passages]
    asked = random.Random(5).sample(questions, min(arguments.questions, len(questions)))
    print(f"load average at the beginning: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", flush=True)
    async with opened(url_as(owner_url, DatabaseRole.API, SECRET)) as database:
        await measure(database, embedder, asked, print)
        await loss(database, gold, asked, print)
    for line in sizes(owner_url, arguments.passages):
        print(line)
    print(f"load average at the end: {os.getloadavg()[0]:.1f}")


def main() -> int:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--keep", type=Path, help="where the database stays for another run")
    parser.add_argument(
        "--models", type=Path, default=Path("data/models"), help="where built models are kept"
    )
    arguments = parser.parse_args()
    folder = arguments.keep or Path(f"/tmp/bench-retrieval-{os.getpid()}")
    try:
        with kept_postgres(folder) as url:
            asyncio.run(bench(arguments, url))
    finally:
        if arguments.keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
