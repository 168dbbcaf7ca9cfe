"""How fast documents are read, what that costs, and whether anybody who asks notices; prints Markdown tables.

    python scripts/bench_ingestion.py --pdf HANDBOOK.pdf            # everything, in a box of its own
    python scripts/bench_ingestion.py --files 20 200 --turns 0      # small files only
    python scripts/bench_ingestion.py --data DATA [--model NAME]    # against an appliance that runs

Small files are notes of 150 words in the sample documents' words, sent one by one over the public API, four at a time;
the time is from the first upload until the last one is found. Processor time changes less than the clock with other
work on the machine, but it grows with that too: compare within a run. A PDF is read three ways: its bare text by
pypdfium2 alone, by our confined reader, and to the end, with embeddings and index. Then one person asks again and
again, searches and (with an engine) chats, in turns alone and while a batch is read.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pypdfium2
from bench.box_processes import MemoryWatch, processor_line, processor_s
from bench.tables import Row, circumstances, markdown, quantile
from bench.whole_box import MODEL, whole_box

import appliance
from rag.parsers import PARSERS
from rag.sandbox.client import ParsingSandbox
from rag.settings import ParsingSettings

_SAMPLE = Path(appliance.__file__).parent / "sample"
_WORDS = sorted(
    {w for page in _SAMPLE.glob("*.md") for w in re.findall(r"[^\W\d_]+", page.read_text("utf-8"))}
)
_NOTE_WORDS = 150
_AT_ONCE = 4
_ROUNDS = 3  # of reading a PDF without embeddings; the fastest counts
_MOST = 1_000_000  # askings beside a batch, which ends them
_RUN = time.time_ns()  # no run's documents are those of another, which need not be read again


@dataclass(frozen=True, slots=True)
class Bench:
    """One collection of a running appliance."""

    session: aiohttp.ClientSession
    store: str

    async def read(self, documents: Sequence[tuple[str, bytes]]) -> float:
        """Upload all; returns the seconds until all of them are found. Raises SystemExit where one is refused."""
        begun, queue = time.monotonic(), iter(documents)
        done = (await self._counts())["completed"] + len(documents)

        async def send() -> None:
            for name, content in queue:
                form = aiohttp.FormData({"purpose": "assistants"})
                form.add_field("file", content, filename=name)
                file = await self._json("POST", "/v1/files", data=form)
                await self._json("POST", f"{self._path}/files", json={"file_id": file["id"]})

        await asyncio.gather(*(send() for _ in range(_AT_ONCE)))
        while (counts := await self._counts())["in_progress"]:  # noqa: ASYNC110 - nobody announces it
            await asyncio.sleep(0.2)
        if counts["completed"] != done:
            raise SystemExit(f"not every document was read: {counts}")
        return time.monotonic() - begun

    async def search(self) -> float:
        """Seconds of one search."""
        words = " ".join(random.sample(_WORDS, 6))
        begun = time.monotonic()
        await self._json("POST", f"{self._path}/search", json={"query": words})
        return time.monotonic() - begun

    async def chat(self, model: str) -> float:
        """Seconds to the first piece of an answer."""
        messages = [{"role": "user", "content": "Hello"}]
        body = {"model": model, "stream": True, "max_tokens": 8, "messages": messages}
        begun, first_at = time.monotonic(), None
        async with self.session.post("/v1/chat/completions", json=body) as response:
            response.raise_for_status()
            async for line in response.content:
                if first_at is None and line.startswith(b"data: {"):
                    first_at = time.monotonic()
        if first_at is None:
            raise SystemExit("an answer had no pieces")
        return first_at - begun

    async def remove(self) -> float:
        """Delete the collection; returns the seconds."""
        begun = time.monotonic()
        await self._json("DELETE", self._path)
        return time.monotonic() - begun

    @property
    def _path(self) -> str:
        return f"/v1/vector_stores/{self.store}"

    async def _counts(self) -> dict[str, int]:
        counts: dict[str, int] = (await self._json("GET", self._path))["file_counts"]
        return counts

    async def _json(self, method: str, path: str, **more: object) -> dict:  # type: ignore[type-arg]
        async with self.session.request(method, path, **more) as response:  # type: ignore[arg-type]
            response.raise_for_status()
            return await response.json()  # type: ignore[no-any-return]


def note(batch: str, number: int) -> tuple[str, bytes]:
    """A small document that no other one equals."""
    seeded = random.Random(f"{_RUN}-{batch}-{number}")
    body = " ".join(seeded.choice(_WORDS) for _ in range(_NOTE_WORDS))
    return f"note-{batch}-{number}.md", f"# Note {_RUN}-{batch}-{number}\n\n{body}\n".encode()


def notes(batch: str, count: int) -> list[tuple[str, bytes]]:
    """So many of them."""
    return [note(batch, number) for number in range(count)]


@asynccontextmanager
async def collection(data: Path) -> AsyncIterator[Bench]:
    """A new one in the appliance of that data folder."""
    told = json.loads((data / "credentials.json").read_text())
    headers = {"authorization": f"Bearer {told['api_key']}"}
    timeout = aiohttp.ClientTimeout(total=3600)
    async with aiohttp.ClientSession(told["url"], headers=headers, timeout=timeout) as session:
        async with session.post("/v1/vector_stores", json={"name": "bench"}) as response:
            store = (await response.json())["id"]
        yield Bench(session, store)


async def small_files(data: Path, counts: Sequence[int]) -> list[Row]:
    """A batch a row, each in a collection of its own that is deleted afterwards."""
    rows: list[Row] = []
    for count in counts:
        async with collection(data) as bench:
            used = processor_s(data)
            async with MemoryWatch(data) as memory:
                seconds = await bench.read(notes(f"{count}", count))
            spent = processor_line(used, processor_s(data), count)
            removed_s = await bench.remove()
        rows.append(
            {
                "small files": f"{count:,}",
                "seconds": f"{seconds:.1f}",
                "each, s": f"{seconds / count:.3f}",
                "processor ms a file": spent,
                "worker, MiB": memory.told("worker"),
                "embedder, MiB": memory.told("embedder"),
                "collection deleted, s": f"{removed_s:.2f}",
                "load": f"{os.getloadavg()[0]:.1f}",
            }
        )
    return rows


async def large_file(data: Path, pdf: Path) -> list[Row]:
    """Pages a second, three ways."""
    pages, bare_s = bare_text(pdf)
    sandbox = ParsingSandbox(ParsingSettings(), PARSERS)
    try:
        await sandbox.start()
        read_s = min([await _timed(sandbox.parse(pdf)) for _ in range(_ROUNDS)])
    finally:
        await sandbox.close()
    content = await asyncio.to_thread(pdf.read_bytes)
    async with collection(data) as bench:
        used = processor_s(data)
        async with MemoryWatch(data) as memory:
            whole_s = await bench.read([(pdf.name, content)])
        spent = processor_line(used, processor_s(data), pages)
        await bench.remove()
    more = {"processor ms a page": spent}
    more |= {"worker, MiB": memory.told("worker"), "embedder, MiB": memory.told("embedder")}
    ways = (
        ("pypdfium2, bare text", bare_s),
        ("read, without embeddings", read_s),
        ("with embeddings", whole_s),
    )
    return [
        {"way": way, "pages": pages, "seconds": f"{seconds:.2f}", "pages/s": f"{pages / seconds:.1f}"}
        | (more if way == "with embeddings" else {})
        for way, seconds in ways
    ]


def bare_text(pdf: Path) -> tuple[int, float]:
    """Pages, and seconds by the clock of the fastest round."""
    fastest = float("inf")
    for _ in range(_ROUNDS):
        begun = time.monotonic()
        document = pypdfium2.PdfDocument(pdf)
        for page in document:
            page.get_textpage().get_text_range()
        fastest = min(fastest, time.monotonic() - begun)
    return len(document), fastest


async def beside(data: Path, model: str | None, turns: int, askings: int, batch: int) -> list[Row]:
    """What is asked alone and while a batch is read, in turns, so that the machine's mood is shared."""
    rows: list[Row] = []
    async with collection(data) as bench:
        await bench.read(notes("first", 5))  # searching an empty collection costs nothing
        measures: dict[str, Callable[[], Awaitable[float]]] = {"search": bench.search}
        if model:
            measures["chat, to the first token"] = lambda: bench.chat(model)
        for name, measure in measures.items():
            alone: list[float] = []
            busy: list[float] = []
            for turn in range(turns):
                alone += await _ask(measure, asyncio.Event(), askings)
                ended = asyncio.Event()
                asking = asyncio.create_task(_ask(measure, ended, _MOST))
                await bench.read(notes(f"{name}-{turn}", batch))
                ended.set()
                busy += await asking
            rows += [_latency(name, "alone", alone, alone), _latency(name, "beside", busy, alone)]
        await bench.remove()
    return rows


def _latency(name: str, when: str, values: Sequence[float], alone: Sequence[float]) -> Row:
    half, most = statistics.median(values), quantile(values, 0.95)
    return {
        "asked": name,
        "when": when,
        "times": f"{len(values):,}",
        "p50, ms": f"{half * 1000:.1f}",
        "p95, ms": f"{most * 1000:.1f}",
        "p50 ratio": f"{half / statistics.median(alone):.2f}",
        "p95 ratio": f"{most / quantile(alone, 0.95):.2f}",
        "load": f"{os.getloadavg()[0]:.1f}",
    }


async def _ask(measure: Callable[[], Awaitable[float]], until: asyncio.Event, most: int) -> list[float]:
    """One after the other, until told to stop or so many."""
    values: list[float] = []
    while len(values) < most and not until.is_set():
        values.append(await measure())
    return values


async def _timed(work: Awaitable[object]) -> float:
    begun = time.monotonic()
    await work
    return time.monotonic() - begun


async def run(arguments: argparse.Namespace, data: Path, model: str | None) -> None:
    """All measurements; each table is printed as soon as it stands."""
    _show(await small_files(data, arguments.files))
    if arguments.pdf:
        _show(await large_file(data, arguments.pdf))
    if arguments.turns:
        _show(await beside(data, model, arguments.turns, arguments.askings, arguments.batch))


def _show(rows: Sequence[Row]) -> None:
    print(f"\n{markdown(rows)}", flush=True)


@contextmanager
def _box(arguments: argparse.Namespace) -> Iterator[tuple[Path, str | None]]:
    """The data folder and a chat model of it."""
    if arguments.data:
        yield arguments.data, arguments.model
        return
    with whole_box() as data:
        yield data, MODEL


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, help="data folder of an appliance that runs; else one is started"
    )
    parser.add_argument("--model", help="with --data: a chat model of it, for the time to its first token")
    parser.add_argument("--files", type=int, nargs="*", default=[20, 1000], help="sizes of the batches")
    parser.add_argument("--pdf", type=Path, help="a large PDF")
    parser.add_argument(
        "--turns", type=int, default=5, help="of asking alone and beside a batch; 0: no asking"
    )
    parser.add_argument("--askings", type=int, default=200, help="a turn alone: a p95 of few is a mood")
    parser.add_argument(
        "--batch", type=int, default=60, help="documents that are read beside the asking, a turn"
    )
    arguments = parser.parse_args()
    print(circumstances(os.getloadavg()), flush=True)
    with _box(arguments) as (data, model):
        asyncio.run(run(arguments, data, model))


if __name__ == "__main__":
    main()
