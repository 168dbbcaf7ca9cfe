"""The worker process: reads documents into collections, one after the other and never in a chat's way."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from redis.asyncio import Redis

from appliance import jobs
from appliance.bootstrap.backups.nightly import back_up_nightly, back_up_when_asked, log_deletions_forever
from appliance.bootstrap.box import Box
from appliance.bootstrap.canaries import run_nightly
from appliance.bootstrap.data_sources import refresh_nightly
from appliance.bootstrap.disk_diary import keep_diary
from appliance.bootstrap.egress import tracing_door
from appliance.bootstrap.embedding import token_counter
from appliance.bootstrap.entry import enter
from appliance.bootstrap.index import WrittenEmbedders, build_reindexing
from appliance.bootstrap.insights import add_up_answer_times_forever
from appliance.bootstrap.leaving import remove_old_stays_forever
from appliance.bootstrap.metrics.reading import ReadingMetrics
from appliance.bootstrap.model_library import build_pull_runner
from appliance.bootstrap.responses import remove_old_responses
from appliance.bootstrap.saved_questions import remove_results_forever
from appliance.bootstrap.speech import speech_client
from appliance.bootstrap.turns import remove_conversations_forever
from appliance.bootstrap.upkeep import build_upkeep
from appliance.bootstrap.workbooks import WorkbookMaking
from appliance.errors import PartUnavailable
from appliance.services.chat_files import ChatFiles
from appliance.services.knowledge.hearing import Hearing
from appliance.services.knowledge.ingestion import Ingestion
from appliance.services.knowledge.inside import Inside
from appliance.services.settings import ResponseSettings
from appliance.storage.blobs import BlobStore, blobs_folder
from appliance.storage.completing import CompletingStore
from appliance.storage.database import Database
from appliance.storage.embedding_models import FollowedModels, alone
from appliance.storage.job_worker import JobWorker
from appliance.storage.jobs import PostgresJobQueue
from appliance.storage.reading import PostgresReading
from appliance.storage.roles import DatabaseRole
from appliance.storage.transcripts import TranscriptSpool, transcripts_folder
from appliance.supervisor.readiness import announce_ready
from inference.embedding.client import EmbedderClient
from inference.giving_way import give_way_for, give_way_process
from rag.analysis import Analyzer
from rag.indexing import Indexing
from rag.parsers import PARSERS
from rag.sandbox.client import ParsingSandbox
from rag.stores.pgvector import PgvectorStore

if TYPE_CHECKING:
    from appliance.bootstrap.tracing import Tracing

logger = logging.getLogger(__name__)

_SWEEP_S = 3600.0
_EXIT_LOST_DATABASE = 75  # sysexits(3): temporary failure


async def work(
    box: Box,
    stopping: asyncio.Event,
    metrics: ReadingMetrics | None = None,
    tracing: Tracing | None = None,
) -> None:
    """Run jobs until stopping is set. Raises PartUnavailable when PostgreSQL goes away.

    metrics, tracing: of the whole process, made by its entry; None: nothing is counted or followed.
    """
    settings = box.settings
    url = box.database_url(DatabaseRole.WORKER)
    async with _opened(
        Database(
            url,
            pool_size=settings.knowledge.ingestion_jobs + 2,
            plans_once=True,
            served_by=_giving_way(box),
        )
    ) as database:
        blobs = BlobStore(
            blobs_folder(box.data), database, min_free_bytes=settings.knowledge.min_free_mib * 2**20
        )
        blobs.open()
        store = CompletingStore(PgvectorStore())
        embedder = EmbedderClient(box.embedder_socket)
        models = FollowedModels(database)
        sandbox = ParsingSandbox(settings.parsing, PARSERS)
        analyzer = Analyzer(settings.retrieval.languages)
        indexing = Indexing(
            store,
            embedder,
            analyzer,
            settings.chunking,
            token_counter(box),
            embedders=WrittenEmbedders(embedder, models),
        )
        reading = PostgresReading(database, PostgresJobQueue(database))
        inside = Inside(reading, blobs, settings.knowledge)
        observed = () if metrics is None else (metrics.observe,)
        transcriber = speech_client(box)
        hearing = Hearing(transcriber, TranscriptSpool(transcripts_folder(blobs_folder(box.data))))
        tables = WorkbookMaking(box, database, blobs)
        ingestion = Ingestion(
            reading, blobs, sandbox, indexing, store, inside, *observed, hearing=hearing, tables=tables.making
        )
        worker = JobWorker(
            url,
            jobs.handlers(ingestion) if tracing is None else tracing.handlers(jobs.handlers(ingestion)),
            concurrency=settings.knowledge.ingestion_jobs,
            on_ready=announce_ready,
        )
        upkeep = build_upkeep(database, blobs, settings.knowledge)
        beside = [
            asyncio.create_task(_sweep_forever(blobs)),
            asyncio.create_task(_remove_forever(database, settings.responses)),
            asyncio.create_task(remove_results_forever(database)),
            asyncio.create_task(remove_old_stays_forever(database, settings.leaving.stays_kept_days)),
            asyncio.create_task(upkeep.remove_old_versions_forever()),
            asyncio.create_task(_remove_conversations(box, database, upkeep.chat_files)),
            asyncio.create_task(upkeep.folders.run()),
            asyncio.create_task(add_up_answer_times_forever(database)),
            asyncio.create_task(_keep_index(box, embedder)),
            asyncio.create_task(tables.make_missing()),
            asyncio.create_task(run_nightly(box, settings.knowledge.canaries_hour)),
            asyncio.create_task(refresh_nightly(box, database)),
            asyncio.create_task(back_up_nightly(box)),
            asyncio.create_task(back_up_when_asked(box)),
            asyncio.create_task(build_pull_runner(box).run()),
            asyncio.create_task(log_deletions_forever(box)),
            asyncio.create_task(keep_diary(box.data)),
            asyncio.create_task(_stop_when(stopping, worker)),
        ]
        try:
            await worker.run()
        finally:
            await _ended(beside)
            await sandbox.close()
            await tables.close()
            await embedder.close()
            await transcriber.close()


async def _ended(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Until Python 3.12 `wait_for` may lose a cancellation: ask again."""
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=0.2)
    await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def _opened(database: Database) -> AsyncIterator[Database]:
    await database.open()
    try:
        yield database
    finally:
        await database.close()


async def _remove_conversations(box: Box, database: Database, files: ChatFiles) -> None:
    """What is held of them in Valkey goes with them."""
    if not box.valkey_url:
        await remove_conversations_forever(database, files, None)
        return
    async with Redis.from_url(box.valkey_url) as valkey:
        await remove_conversations_forever(database, files, valkey)


async def _keep_index(box: Box, embedder: EmbedderClient) -> None:
    """The index in the model that the settings name; only one worker at a time does it."""
    url = box.database_url(DatabaseRole.MAINTENANCE)
    async with (
        _opened(Database(url, pool_size=2, served_by=_giving_way(box))) as maintenance,
        alone(maintenance),
    ):
        await build_reindexing(box, maintenance, embedder).run()


def _giving_way(box: Box) -> Callable[[int], None]:
    """PostgreSQL's processes that write for us give way as we do, where they are on this machine and ours."""
    if box.postgres is None:
        return lambda _pid: None
    return lambda pid: give_way_for(pid, "postgres")


async def _stop_when(stopping: asyncio.Event, worker: JobWorker) -> None:
    await stopping.wait()
    worker.stop()


async def _sweep_forever(blobs: BlobStore) -> None:
    """At the start, and then once an hour."""
    while True:
        try:
            removed = await blobs.sweep()
        except (PartUnavailable, OSError):
            logger.warning("leftover files could not be looked for; trying again in an hour", exc_info=True)
        else:
            if removed:
                logger.info("%d leftover files were removed", removed)
        await asyncio.sleep(_SWEEP_S)


async def _remove_forever(database: Database, settings: ResponseSettings) -> None:
    """Conversations of /v1/responses past their time: at the start, and then once an hour."""
    while True:
        try:
            removed = await remove_old_responses(database, settings)
        except PartUnavailable:
            logger.warning("old responses could not be removed; trying again in an hour", exc_info=True)
        else:
            if removed:
                logger.info("%d conversations of /v1/responses were removed", removed)
        await asyncio.sleep(_SWEEP_S)


async def _until_signalled(box: Box) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    tracing = None
    if box.settings.tracing.endpoint:
        from appliance.bootstrap.tracing import Tracing  # a tenth of a second, for those who want it

        tracing = Tracing("worker", box.settings.tracing, tracing_door(box))
    try:
        await work(box, stopping, ReadingMetrics(box.metrics_folder), tracing)
    finally:
        if tracing is not None:
            await asyncio.to_thread(tracing.close)


def _run(box: Box, _options: object) -> int:
    give_way_process()
    try:
        asyncio.run(_until_signalled(box))
    except PartUnavailable as error:
        logger.error("%s", error)
        return _EXIT_LOST_DATABASE
    return 0


def main() -> int:
    """The command line."""
    return enter("worker", _run)


if __name__ == "__main__":
    sys.exit(main())
