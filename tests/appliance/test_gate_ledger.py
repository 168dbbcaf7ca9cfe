"""The ledger: recorded before answered, written in groups, ended however a request ends."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import UUID

import pytest

from appliance.errors import PartUnavailable, QueueFull
from appliance.fairness.ledger import REVOKED, Entry, Ledger, RequestEnd, RequestStart, uuid7
from inference.errors import EngineStreamBroken, EngineUnavailable
from tests.gateway_harness import person, until


class Rows:
    """A repository in memory, which can be away."""

    def __init__(self) -> None:
        self.groups: list[int] = []
        self.ended: dict[UUID, RequestEnd] = {}
        self.is_away = False
        self.refusals = 0
        self.may_commit = asyncio.Event()
        self.may_commit.set()

    async def record_starts(self, worker: UUID, starts: Sequence[RequestStart]) -> None:
        await self.may_commit.wait()
        if self.is_away:
            raise PartUnavailable
        self.groups.append(len(starts))

    async def record_ends(self, ends: Sequence[tuple[UUID, RequestEnd]]) -> None:
        if self.is_away:
            self.refusals += 1
            raise PartUnavailable
        self.ended |= dict(ends)

    async def beat(self, worker: UUID) -> None:
        return

    async def end_orphans(self, dead_after_s: float) -> int:
        return 0

    async def close(self) -> None:
        return


@pytest.fixture
async def rows() -> Rows:
    """Where the rows go."""
    return Rows()


def begin(ledger: Ledger) -> Entry:
    """A request of Ana's."""
    return ledger.begin(person("ana"), "fake", "/v1/chat/completions")


async def test_requests_that_come_together_share_a_commit(rows: Rows) -> None:
    """Fifty requests while one commit runs are two groups at most."""
    ledger = Ledger(rows)
    await ledger.open()
    rows.may_commit.clear()
    entries = [begin(ledger) for _ in range(50)]

    assert not any(entry.is_settled for entry in entries)
    rows.may_commit.set()
    await asyncio.gather(*(entry.committed() for entry in entries))

    assert sum(rows.groups) == 50 and len(rows.groups) <= 2
    await ledger.close()


async def test_nothing_is_committed_that_was_not_written(rows: Rows) -> None:
    """While the repository is away committed() raises; afterwards the next one is written again."""
    ledger = Ledger(rows)
    await ledger.open()
    rows.is_away = True

    with pytest.raises(PartUnavailable):
        await begin(ledger).committed()

    rows.is_away = False
    await begin(ledger).committed()
    await ledger.close()


async def test_ends_wait_for_the_repository_and_are_not_lost(rows: Rows) -> None:
    """What ended while it was away is written when it is back, also at the very end."""
    ledger = Ledger(rows)
    await ledger.open()
    entry, last = begin(ledger), begin(ledger)
    await entry.committed()
    rows.is_away = True
    ledger.finish(entry)
    await until(lambda: rows.refusals > 0)
    assert rows.ended == {}

    rows.is_away = False
    await until(lambda: entry.start.id in rows.ended)
    ledger.finish(last)
    await ledger.close()

    assert last.start.id in rows.ended


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
async def test_every_ending_has_its_word(rows: Rows, error: BaseException, status: str) -> None:
    """The row says how a request ended; errors by their stable code."""
    entry = begin(Ledger(rows))

    entry.note_failure(error)

    assert entry.end.status == status
    assert (entry.end.error_code is not None) == (status not in ("client_gone", "revoked"))


def test_ids_are_of_version_7_and_in_order_of_time() -> None:
    """The newest rows lie together in the index."""
    ids = [uuid7() for _ in range(1000)]

    assert {one.version for one in ids} == {7} and len(set(ids)) == 1000
    assert [one.int >> 80 for one in ids] == sorted(one.int >> 80 for one in ids)
