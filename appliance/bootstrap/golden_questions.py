"""Questions asked of a copy of the data before and after an upgrade: what was found has to be found again.

The operator's own, from a file, and a handful made of the box's own documents. They are searched as people's are: with
the eyes of whoever asks, by meaning and by words. What a language model would say to the passages is not asked: it is
another program's, and never twice the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from pathlib import Path

from psycopg import AsyncConnection, ProgrammingError

from appliance.bootstrap.box import Box
from appliance.bootstrap.embedding import keep_specs
from appliance.bootstrap.index import calibration_of, chosen_embedder
from appliance.bootstrap.reranker import choose_reranking
from appliance.domain.people import Caller, Role
from appliance.errors import StartupError
from appliance.services.knowledge.search import KnowledgeSearch
from appliance.storage.collections import PostgresCollections
from appliance.storage.database import Database
from appliance.storage.embedding_models import FollowedModels
from appliance.storage.jobs import PostgresJobQueue
from appliance.storage.roles import DatabaseRole, url_as
from appliance.supervisor.parting import ends_with_us
from inference.embedding.client import EmbedderClient
from inference.errors import EmbedderUnavailable
from rag.analysis import Analyzer
from rag.documents import Passage
from rag.retrieval import EMBEDDER_UNAVAILABLE, Retrieval
from rag.stores.pgvector import PgvectorStore

_SAMPLES = 5
_WORDS = 12  # of a passage, as a question
_DEPTH = 3
_AROUND = 40  # characters before and after where two texts part
_READY_S, _PAUSE_S, _PATIENCE_S = 120.0, 0.2, 15.0
_LINE = re.compile(r"(?:(?P<email>[^\s:@]+@[^\s:]+):\s+)?(?P<text>.+)")
_PERSON = """
SELECT u.id, u.email, u.role, ARRAY(SELECT group_id FROM group_members m WHERE m.user_id = u.id)
FROM users u WHERE NOT u.is_suspended AND {which} ORDER BY u.created_at, u.id LIMIT 1
"""
# Passages from all over the index, with their owners' eyes.
_SAMPLE = """
WITH bounds AS (SELECT min(id) AS first, max(id) AS last FROM chunks),
     chosen AS (SELECT (SELECT min(id) FROM chunks WHERE id >= first + (last - first) * step / %(last)s) AS id
                FROM bounds, generate_series(0, %(last)s) step)
SELECT c.id, c.text, coalesce(k.owner_user_id, k.created_by), k.owner_group_id
FROM chunks c JOIN collections k ON k.id = c.collection_id
WHERE c.id IN (SELECT id FROM chosen) AND k.conversation_id IS NULL ORDER BY c.id
"""


@dataclass(frozen=True, slots=True)
class Golden:
    """A question and who asks it. email: for people; empty for one that was made of a document."""

    text: str
    caller: Caller
    email: str = ""

    @property
    def told(self) -> str:
        who = f"as {self.email}" if self.email else "made of a document"
        return f"{self.text!r} ({who})"


@dataclass(frozen=True, slots=True)
class Finding:
    """passages: name and place of the first ones. texts: what they say, so that another text is another finding.

    by_words: the embedding model could not be asked, so it is nothing to compare with what was found by meaning.
    """

    is_relevant: bool
    passages: tuple[str, ...]
    texts: tuple[str, ...]
    by_words: bool = False

    @property
    def told(self) -> str:
        if not self.passages:
            return "nothing"
        return "; ".join(self.passages) + ("" if self.is_relevant else " (no answer in them)")


Findings = Mapping[Golden, Finding]


def differences(before: Findings, after: Findings) -> list[str]:
    """A paragraph for each question that finds something else."""
    return [
        f"{golden.told}\n    before: {told}\n    after:  {told_after}"
        for golden, found in before.items()
        for told, told_after in [_apart(found, after[golden])]
        if after[golden] != found and after[golden].by_words == found.by_words
    ]


def _apart(before: Finding, after: Finding) -> tuple[str, str]:
    """What tells them apart: the places, or else the words where the first text begins to be another."""
    if before.told != after.told:
        return before.told, after.told
    for place, text, other in zip(before.passages, before.texts, after.texts, strict=True):
        if text != other:
            alike = takewhile(lambda pair: pair[0] == pair[1], zip(text, other, strict=False))
            begin = max(0, sum(1 for _ in alike) - _AROUND)
            cut = slice(begin, begin + 2 * _AROUND)
            return f"{place}: …{text[cut]}…", f"{place}: …{other[cut]}…"
    return before.told, after.told


def read_questions(path: Path) -> list[tuple[str, str]]:
    """(e-mail or nothing, question) of each line, `ana@example.com: question`; those with # are left out.

    Raises StartupError.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise StartupError(f"The questions for upgrades in {path} cannot be read: {error}.") from error
    asked = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    found = [_LINE.fullmatch(line) for line in asked]
    return [(one["email"] or "", one["text"]) for one in found if one is not None]


async def golden_questions(owner_url: str, box: Box, file: Path | None) -> list[Golden]:
    """The operator's, and a handful of the box's own. Raises StartupError for a person who is not there.

    Without an e-mail a question is asked by the first administrator.
    """
    async with await AsyncConnection.connect(owner_url) as connection:
        found = [] if file is None else [await _own(connection, *one) for one in read_questions(file)]
        rows = await (await connection.execute(_SAMPLE, {"last": _SAMPLES - 1})).fetchall()
    for _, text, owner, group in rows:
        words = " ".join(str(text).split()[:_WORDS])
        if words:
            found.append(Golden(words, Caller(owner, "", Role.USER, frozenset({group} if group else ()))))
    return list(dict.fromkeys(found))


async def _own(connection: AsyncConnection, email: str, text: str) -> Golden:
    which = "u.email_key = lower(%(email)s)" if email else "u.role = 'admin'"
    found = await connection.execute(_PERSON.format(which=which).encode(), {"email": email})
    row = await found.fetchone()
    if row is None:
        who = email or "an administrator"
        raise StartupError(
            f"The question {text!r} is to be asked by {who}, who is not there or is suspended."
        )
    return Golden(text, Caller(row[0], row[1], Role(row[2]), frozenset(row[3])), row[1])


class Asking:
    """Asks with the box's own way of searching, and an embedding process of its own."""

    def __init__(self, box: Box, client: EmbedderClient) -> None:
        self._box, self._client = box, client

    async def findings(self, copy_url: str, questions: Sequence[Golden]) -> Findings:
        """copy_url: of the owner."""
        database = Database(url_as(copy_url, DatabaseRole.API, self._box.role_secret), pool_size=4)
        await database.open()
        try:
            search = await self._search(database)
            return {one: await _finding(search, one) for one in questions}
        finally:
            await database.close()

    async def findings_before(self, copy_url: str, questions: Sequence[Golden]) -> Findings:
        """Of a copy that is not migrated yet; nothing where this version cannot search in it."""
        try:
            return await self.findings(copy_url, questions)
        except ProgrammingError:  # a column or table that the upgrade is about to make
            return {}

    async def _search(self, database: Database) -> KnowledgeSearch:
        settings = self._box.settings.retrieval
        store, models = PgvectorStore(), FollowedModels(database)
        await models.look()
        retrieval = Retrieval(
            store,
            chosen_embedder(self._client, models),
            Analyzer(settings.languages),
            candidates=settings.candidates,
            reranking=choose_reranking(settings),
            calibrate=partial(calibration_of, self._client, models),
        )
        collections = PostgresCollections(database, store, PostgresJobQueue(database))
        return KnowledgeSearch(database, collections, retrieval, store)


async def _finding(search: KnowledgeSearch, golden: Golden) -> Finding:
    found = await search.search(golden.caller, golden.text, None, _DEPTH)
    passages = found.passages[:_DEPTH]
    by_words = EMBEDDER_UNAVAILABLE in found.notes
    places, texts = (tuple(map(tell, passages)) for tell in (_place, _text))
    return Finding(found.is_relevant, places, texts, by_words)


def _text(passage: Passage) -> str:
    return " ".join(passage.text.split())


def _place(passage: Passage) -> str:
    where = passage.label or (f"p. {passage.page}" if passage.page is not None else "")
    return f"{passage.filename} {where}".strip()


@asynccontextmanager
async def asking(box: Box) -> AsyncIterator[Asking]:
    """With the models of the settings. One that cannot be had is done without: by words alone, before and after."""
    with tempfile.TemporaryDirectory(prefix="apl-ask-") as folder:
        socket = Path(folder) / "embedder.sock"
        words = [sys.executable, "-P", "-m", "inference.embedding.server", "--socket", str(socket)]
        words += ["--models", str(box.models_folder), "--specs", str(keep_specs(box))]
        process = await asyncio.create_subprocess_exec(
            *words,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=dict(os.environ),
            preexec_fn=ends_with_us(),
        )
        client = EmbedderClient(socket, query_patience_s=_PATIENCE_S)
        try:
            await _wait_ready(client, process)
            yield Asking(box, client)
        finally:
            await client.close()
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await process.wait()


async def _wait_ready(client: EmbedderClient, process: asyncio.subprocess.Process) -> None:
    for _ in range(round(_READY_S / _PAUSE_S)):
        if process.returncode is not None:
            return
        try:
            await client.connect()
        except EmbedderUnavailable:
            await asyncio.sleep(_PAUSE_S)
        else:
            return
