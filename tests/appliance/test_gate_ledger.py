"""The ledger: recorded before answered, written in groups, ended however a request ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest

from appliance.errors import PartUnavailable, QueueFull
from appliance.fairness.accounting.contact import PostgresContact, WithoutPostgres
from appliance.fairness.accounting.ledger import REVOKED, Entry, Ledger, uuid7
from appliance.fairness.accounting.ledger_rows import RowsRefused
from appliance.fairness.accounting.recording import Recording
from appliance.fairness.accounting.spool import Spool
from inference.errors import EngineStreamBroken, EngineUnavailable
from tests.gateway_harness import person, until


class Rows:
    """A repository in memory, which can be away, and refuses rows of the model `poison`."""

    def __init__(self) -> None:
        self.groups: list[int] = []
        self.started: list[UUID] = []
        self.ended: dict[UUID, dict[str, Any]] = {}
        self.is_away = False
        self.refusals = 0
        self.may_commit = asyncio.Event()
        self.may_commit.set()

    async def record(self, starts: Sequence[bytes], ends: Sequence[bytes]) -> None:
        await self.may_commit.wait()
        if self.is_away:
            self.refusals += 1
            raise PartUnavailable
        begun = [orjson.loads(row) for row in starts]
        if any(row["model"] == "poison" for row in begun):
            raise RowsRefused
        self.groups += [len(starts)] if starts else []
        self.started += [UUID(row["id"]) for row in begun]
        for row in map(orjson.loads, ends):
            if UUID(row["id"]) in self.started:
                self.ended.setdefault(UUID(row["id"]), row)

    async def beat(self, worker: UUID) -> None:
        if self.is_away:
            raise PartUnavailable

    async def end_orphans(self, dead_after_s: float) -> int:
        return 0

    async def close(self) -> None:
        return


Opening = Callable[[WithoutPostgres], AbstractAsyncContextManager[Ledger]]


@pytest.fixture
async def rows() -> Rows:
    """Where the rows go."""
    return Rows()


@pytest.fixture
def opened(rows: Rows, tmp_path: Path) -> Opening:
    """`async with opened(policy) as ledger`: one that writes to `rows`."""

    @asynccontextmanager
    async def open_ledger(policy: WithoutPostgres = "serve") -> AsyncIterator[Ledger]:
        worker = uuid4()
        spool = Spool(tmp_path / "spool", worker, 4 << 20)
        ledger = Ledger(Recording(rows, spool, PostgresContact(policy), worker))
        await ledger.open()
        await until(lambda: ledger.recording.contact.silent_s < 60)
        try:
            yield ledger
        finally:
            await ledger.close()

    return open_ledger


def begin(ledger: Ledger, model: str = "fake") -> Entry:
    """A request of Ana's."""
    return ledger.begin(person("ana"), model, "/v1/chat/completions")


async def test_requests_that_come_together_share_a_commit(rows: Rows, opened: Opening) -> None:
    """Fifty requests while one commit runs are two groups at most."""
    async with opened("serve") as ledger:
        rows.may_commit.clear()
        entries = [begin(ledger) for _ in range(50)]

        assert not any(entry.is_settled for entry in entries)
        rows.may_commit.set()
        await asyncio.gather(*(entry.committed() for entry in entries))

        assert sum(rows.groups) == 50 and len(rows.groups) <= 2


async def test_a_row_that_nobody_hurries_is_written_all_the_same(rows: Rows, opened: Opening) -> None:
    """A request in the queue is on disk soon, and so is one that begins while the timer of another runs."""
    async with opened("serve") as ledger:
        first = begin(ledger)
        await until(lambda: first.is_settled)
        second = begin(ledger)
        await until(lambda: second.is_settled)

    assert rows.started == [first.start.id, second.start.id]


async def test_ends_travel_with_the_next_starts(rows: Rows, opened: Opening) -> None:
    """One commit takes the ends of what was begun before and the starts that are new; none overtakes its start."""
    async with opened("serve") as ledger:
        for _ in range(20):
            entry = begin(ledger)
            await entry.committed()
            ledger.finish(entry)
            hasty = begin(ledger)
            ledger.finish(hasty)
            await until(lambda hasty=hasty: hasty.start.id in rows.ended)  # type: ignore[misc]

    assert sorted(rows.ended) == sorted(rows.started) and len(rows.started) == 40


async def test_by_policy_nothing_is_accepted_without_postgresql(rows: Rows, opened: Opening) -> None:
    """`refuse`: committed() raises, then begin() does; afterwards the next one is written again."""
    async with opened("refuse") as ledger:
        rows.is_away = True

        with pytest.raises(PartUnavailable):
            await begin(ledger).committed()
        with pytest.raises(PartUnavailable, match="without_postgres"):
            begin(ledger)

        rows.is_away = False
        await until(lambda: not ledger.recording.is_spooling)
        await begin(ledger).committed()


async def test_what_is_spooled_is_written_when_it_is_back(rows: Rows, opened: Opening) -> None:
    """Accepted and ended while the repository was away: nothing of it is there before, all of it afterwards, once."""
    async with opened("serve") as ledger:
        before = begin(ledger)
        await before.committed()
        rows.is_away = True
        entries = [begin(ledger) for _ in range(30)]
        await asyncio.gather(*(entry.committed() for entry in entries))
        for entry in (before, *entries[:20]):
            ledger.finish(entry)
        await until(lambda: ledger.recording.spooled_rows == 51)
        assert rows.ended == {} and len(rows.started) == 1

        rows.is_away = False
        await until(lambda: not ledger.recording.is_spooling)

        assert sorted(rows.ended) == sorted(entry.start.id for entry in (before, *entries[:20]))
        assert len(rows.started) == len(set(rows.started)) == 31
        assert ledger.recording.spooled_rows == 0
        for entry in entries[20:]:
            ledger.finish(entry)
    assert len(rows.ended) == 31


async def test_a_row_that_can_never_be_written_holds_up_no_other(rows: Rows, opened: Opening) -> None:
    """The ends that travel with it are written, and the next request is accepted."""
    async with opened("serve") as ledger:
        entry = begin(ledger)
        await entry.committed()
        ledger.finish(entry)

        with pytest.raises(PartUnavailable):
            await begin(ledger, "poison").committed()

        await begin(ledger).committed()
        await until(lambda: entry.start.id in rows.ended)
        assert not ledger.recording.is_spooling


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (asyncio.CancelledError(), "client_gone"),
        (asyncio.CancelledError(REVOKED), "revoked"),
        (GeneratorExit(), "client_gone"),
        (ConnectionResetError(), "client_gone"),
        (QueueFull(retry_after_s=1), "refused"),
        (EngineStreamBroken(), "broken"),
        (EngineUnavailable(), "failed"),
        (PartUnavailable(), "failed"),
        (RuntimeError(), "failed"),
    ],
)
async def test_every_ending_has_its_word(opened: Opening, error: BaseException, status: str) -> None:
    """The row says how a request ended; errors by their stable code."""
    async with opened("serve") as ledger:
        entry = begin(ledger)
        entry.note_failure(error)

    assert entry.end.status == status
    assert (entry.end.error_code is not None) == (status not in ("client_gone", "revoked"))


def test_ids_are_of_version_7_and_in_order_of_time() -> None:
    """The newest rows lie together in the index."""
    ids = [uuid7() for _ in range(1000)]

    assert {one.version for one in ids} == {7} and len(set(ids)) == 1000
    assert [one.int >> 80 for one in ids] == sorted(one.int >> 80 for one in ids)
