"""Real neighbours for the tests: one PostgreSQL and one Valkey a run, a fresh database and a flushed Valkey a test."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from playwright.async_api import expect
from redis.asyncio import Redis

from appliance.storage.database import Database
from appliance.storage.roles import DatabaseRole, url_as
from appliance.supervisor.postgres import EmbeddedPostgres
from appliance.supervisor.unprivileged import account_for_servers
from appliance.supervisor.valkey import EmbeddedValkey
from tests.databases import FreshDatabases
from tests.ports import free_port
from tests.scheduling import group, pytest_xdist_make_scheduler
from tests.whole_box import RUN_FOLDER, prepared_data, quoting_box, writing_box

__all__ = ["prepared_data", "pytest_xdist_make_scheduler", "quoting_box", "writing_box"]

ROLE_SECRET = "secret-of-the-tests"

expect.set_options(timeout=60_000)  # a browser on a machine that does three other things

for _name in [name for name in os.environ if name.startswith(("APPLIANCE_", "PG"))]:
    if _name not in ("APPLIANCE_TEST_DATA", "APPLIANCE_TEST_VLLM_URL"):
        del os.environ[_name]


def pytest_configure(config: pytest.Config) -> None:
    """One folder for all processes of a run; they are started later and inherit its name."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # A run that a shell began in the background; what the tests start would inherit it and be deaf to Ctrl-C.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if not hasattr(config, "workerinput"):
        os.environ[RUN_FOLDER] = tempfile.mkdtemp(prefix="apl-run-", dir="/tmp")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Its maker removes it."""
    if not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ.pop(RUN_FOLDER), ignore_errors=True)


# Not slow one by one, but all of them take half of the time: they start servers, read real documents, wait for others.
_NOT_AMONG_THE_QUICK = re.compile(
    r"tests/(?:faults|deploy|contracts/stores)/"
    r"|tests/rag/test_(?:parsers_real|recognition|sandbox|hostile_files)\b"
    r"|tests/api/test_(?:vector_stores|page_forwarder|documents|shelf|receipts|single_sign_on|giving|shares|chat_files|files|responses)"
    r"|tests/commands/test_ingest|tests/inference/test_embedding_server|tests/fairness/test_fairness_simulated"
    r"|tests/appliance/test_reading_documents"
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Who has the most slow tests begins: no long group is left for the end, when the other processes are done."""
    slow = Counter(group(item.nodeid) for item in items if "slow" in item.keywords)
    items.sort(key=lambda item: (-slow[group(item.nodeid)], group(item.nodeid)))
    for item in items:
        if _NOT_AMONG_THE_QUICK.match(item.nodeid):
            item.add_marker(pytest.mark.slow)


@dataclass(frozen=True)
class Servers:
    """The neighbours of one test run."""

    postgres: EmbeddedPostgres
    valkey: EmbeddedValkey


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """PostgreSQL and Valkey, both on unix sockets in a temporary folder."""
    folder = Path(tempfile.mkdtemp(prefix="apl-", dir="/tmp"))
    folder.chmod(0o755)
    account = account_for_servers()
    postgres = EmbeddedPostgres(folder, "owner-password", account)
    valkey = EmbeddedValkey(folder, "valkey-password", account)
    postgres.prepare()
    valkey.prepare()
    children = [
        subprocess.Popen(
            _ending_with_us([*postgres.command(), "-c", "fsync=off"]), stderr=subprocess.DEVNULL
        ),
        subprocess.Popen(_ending_with_us(valkey.command()), stdout=subprocess.DEVNULL),
    ]
    try:
        postgres.wait_ready()
        valkey.wait_ready()
        yield Servers(postgres, valkey)
    finally:
        for child in children:
            child.terminate()
        for child in children:
            try:
                child.wait(60)
            except subprocess.TimeoutExpired:
                child.kill()
        shutil.rmtree(folder, ignore_errors=True)


def _ending_with_us(words: list[str]) -> list[str]:
    """A killed test run leaves no servers behind."""
    if words[0] == "setpriv":
        return ["setpriv", "--pdeathsig=TERM", *words[1:]]
    return ["setpriv", "--pdeathsig=TERM", "--", *words] if shutil.which("setpriv") else words


@pytest.fixture(scope="session")
def fresh_databases(servers: Servers) -> Iterator[FreshDatabases]:
    """Of the shared server."""
    made = FreshDatabases(servers.postgres, ROLE_SECRET)
    yield made
    made.close()


@pytest.fixture
def owner_url(fresh_databases: FreshDatabases) -> Iterator[str]:
    """The owner's address of a fresh, migrated database that is the test's own."""
    with fresh_databases.one() as url:
        yield url


async def _open(owner_url: str, role: DatabaseRole) -> AsyncIterator[Database]:
    database = Database(url_as(owner_url, role, ROLE_SECRET), pool_size=5)
    await database.open()
    try:
        yield database
    finally:
        await database.close()


@pytest.fixture
async def database(owner_url: str) -> AsyncIterator[Database]:
    """As the gateway sees it: row-level security applies."""
    async for opened in _open(owner_url, DatabaseRole.API):
        yield opened


@pytest.fixture
async def worker_database(owner_url: str) -> AsyncIterator[Database]:
    """As the worker sees it: row-level security applies."""
    async for opened in _open(owner_url, DatabaseRole.WORKER):
        yield opened


@pytest.fixture
async def maintenance_database(owner_url: str) -> AsyncIterator[Database]:
    """Sees every row."""
    async for opened in _open(owner_url, DatabaseRole.MAINTENANCE):
        yield opened


@pytest.fixture
async def valkey(servers: Servers) -> AsyncIterator[Redis]:
    """An empty Valkey."""
    client = Redis.from_url(servers.valkey.url)
    await client.flushall()
    try:
        yield client
    finally:
        await client.aclose()


@pytest.fixture
def unused_tcp_port() -> int:
    """Nobody listens there. In place of pytest-asyncio's, whose port any other test may be given a moment later."""
    return free_port()


@pytest.fixture
def test_data() -> Path:
    """Real documents and questions kept outside the repository; their absence skips the test by name."""
    default = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
    folder = Path(os.environ.get("APPLIANCE_TEST_DATA", default))
    if not folder.exists():
        pytest.skip("APPLIANCE_TEST_DATA: the folder of real test documents is not on this machine")
    return folder


@pytest.fixture
def empty_database(owner_url: str, servers: Servers) -> Iterator[str]:
    """The address of one more on the same server, for a machine that is restored onto."""
    name = f"{owner_url.partition('?')[0].rpartition('/')[2]}_new"
    server = servers.postgres.url(database="postgres")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    yield servers.postgres.url(database=name)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
