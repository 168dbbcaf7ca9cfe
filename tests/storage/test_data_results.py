"""Kept results: every value comes back as it was, and nobody but who asked reads them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.bootstrap.upkeep import build_upkeep
from appliance.domain.answers import Turn
from appliance.domain.data import Asking, QueryRun
from appliance.domain.data_results import ResultRow
from appliance.domain.people import Caller, Role, Viewer
from appliance.errors import NotFound
from appliance.services.conversation_removal import ConversationRemoval
from appliance.services.settings import KnowledgeSettings
from appliance.storage.blobs import BlobStore
from appliance.storage.conversation_removal import PostgresConversationRemoval
from appliance.storage.data_results import PostgresResults, remove_results_without_turn
from appliance.storage.database import Database
from appliance.storage.packed_rows import PAGE_ROWS, packed, unpacked
from appliance.storage.receipts import PostgresReceipts
from appliance.storage.turns import PostgresTurns
from querying.types import Blob, ResultColumn, Rows, Value

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
ANA, BEN = Caller(uuid4(), "ana@example.org"), Caller(uuid4(), "ben@example.org")
VALUES: tuple[Value, ...] = (
    None,
    True,
    -7,
    2**80,
    0.1,
    float("inf"),
    Decimal("1234567890.123456789012345678900"),
    "año \U0001f600, «x»\n;",
    date(1582, 10, 15),
    datetime(2026, 3, 31, 23, 59, 59, 999999, tzinfo=UTC),
    time(8, 30),
    Blob(123),
)


def run_of(rows: tuple[ResultRow, ...], columns: int = 1) -> QueryRun:
    """A query that brought these rows."""
    found = Rows(tuple(ResultColumn(f"c{number}", "other") for number in range(columns)), rows, None, 1.5)
    return QueryRun(uuid4(), uuid4(), "Ventas", "SELECT c0 FROM t", ("public.t",), found, NOW)


async def rows_of(
    results: PostgresResults, viewer: Viewer, result_id: UUID, start: int = 0
) -> list[ResultRow]:
    """All of them from there on."""
    return [row async for page in results.rows_from(viewer, result_id, start) for row in page]


async def begun(database: Database, viewer: Viewer) -> Turn:
    """A turn that is being written."""
    turn = Turn(uuid4(), uuid4(), "¿Ventas?", "answer-from-data", "running", datetime.now(UTC))
    await PostgresTurns(database).begin(viewer, turn, turn.question)
    return turn


async def with_account(database: Database) -> Caller:
    """Whom the worker finds among the accounts."""
    user_id = uuid4()
    async with database.connection() as connection:
        await connection.execute(
            "INSERT INTO users (id, email, email_key, role) VALUES (%s, %s, %s, 'user')",
            (user_id, f"{user_id}@example.org", f"{user_id}@example.org"),
        )
    return Caller(user_id, f"{user_id}@example.org")


_scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"])),
    st.dates(),
    st.times(),
    st.datetimes(timezones=st.just(UTC)),
    st.builds(Blob, st.integers(0, 2**40)),
)


@given(st.lists(st.tuples(_scalars, _scalars), max_size=40))
def test_every_value_comes_back_as_it_was(rows: list[ResultRow]) -> None:
    """Value and type, the digits of a decimal included."""
    found = [row for _, page in packed(rows) for row in unpacked(page)]

    assert [[(type(value), str(value)) for value in row] for row in found] == [
        [(type(value), str(value)) for value in row] for row in rows
    ]


async def test_a_result_is_read_from_any_row_by_whoever_asked(database: Database) -> None:
    """Exact, in order, from the middle too; and nobody else sees head or rows, overseers included."""
    results = PostgresResults(database)
    rows = tuple((number, *VALUES) for number in range(PAGE_ROWS * 2 + 3))
    run = run_of(rows, len(VALUES) + 1)
    assert await results.keep(ANA, run, Asking("api", "How much?")) == run.id

    head = await results.head(ANA.viewer, run.id)
    strangers = [BEN.viewer, Viewer(uuid4(), role=Role.ADMIN), Viewer(uuid4(), role=Role.AUDITOR)]

    assert (head.row_count, head.question, head.sql, head.tables) == (
        len(rows),
        "How much?",
        run.sql,
        run.tables,
    )
    assert head.columns == run.rows.columns and head.ran_at == NOW
    assert await rows_of(results, ANA.viewer, run.id) == list(rows)
    assert await rows_of(results, ANA.viewer, run.id, PAGE_ROWS + 1) == list(rows[PAGE_ROWS + 1 :])
    assert await rows_of(results, ANA.viewer, run.id, len(rows)) == []
    for stranger in strangers:
        with pytest.raises(NotFound):
            await results.head(stranger, run.id)
        assert await rows_of(results, stranger, run.id) == []


async def test_a_result_goes_with_its_conversation(
    database: Database, worker_database: Database, tmp_path: Path
) -> None:
    """Hidden at once, back again with it, and gone for good with a receipt that counts it."""
    results, owner = PostgresResults(database), await with_account(database)
    turn = await begun(database, owner.viewer)
    run = run_of(((1,), (2,)))
    await results.keep(owner, run, Asking("chat", turn_id=turn.id))
    removal = ConversationRemoval(PostgresConversationRemoval(database), None)
    await removal.hide(owner.viewer, turn.conversation_id)
    with pytest.raises(NotFound):
        await results.head(owner.viewer, run.id)
    await removal.show(owner.viewer, turn.conversation_id)
    assert (await results.head(owner.viewer, run.id)).turn_id == turn.id

    files = build_upkeep(
        worker_database, BlobStore(tmp_path, worker_database), KnowledgeSettings()
    ).chat_files
    worker = ConversationRemoval(
        PostgresConversationRemoval(worker_database),
        files,
        now=lambda: datetime.now(UTC) + timedelta(minutes=3),
    )
    await removal.hide(owner.viewer, turn.conversation_id)
    assert await worker.remove_due() == 1
    (receipt,) = await PostgresReceipts(database).receipts(owner.viewer, None, 10)

    assert receipt.removed["data_results"] == 1
    assert await rows_of(results, owner.viewer, run.id) == []


async def test_nothing_is_kept_for_a_turn_of_somebody_else(database: Database) -> None:
    """Nor for one whose conversation was deleted meanwhile."""
    results = PostgresResults(database)
    turn = await begun(database, BEN.viewer)
    run = run_of(((1,),))

    await results.keep(ANA, run, Asking("chat", turn_id=turn.id))

    for viewer in (ANA.viewer, BEN.viewer):
        with pytest.raises(NotFound):
            await results.head(viewer, run.id)


async def test_what_has_no_turn_goes_after_its_time(database: Database, worker_database: Database) -> None:
    """The worker removes it without seeing it; what belongs to a turn stays."""
    results = PostgresResults(database)
    turn = await begun(database, ANA.viewer)
    loose, held = run_of(((1,),)), run_of(((2,),))
    await results.keep(ANA, loose, Asking("api"))
    await results.keep(ANA, held, Asking("chat", turn_id=turn.id))

    early = await remove_results_without_turn(worker_database, datetime.now(UTC) - timedelta(hours=1))
    late = await remove_results_without_turn(worker_database, datetime.now(UTC) + timedelta(hours=1))

    assert (early, late) == (0, 1)
    with pytest.raises(NotFound):
        await results.head(ANA.viewer, loose.id)
    assert await rows_of(results, ANA.viewer, held.id) == [(2,)]


async def test_nobody_keeps_more_than_the_bound(database: Database) -> None:
    """The oldest of the same person go; the newest stays even where it alone is too much, and others' stay."""
    results = PostgresResults(database, most_bytes=10_000)
    runs = [run_of(((number,),)) for number in range(4)]
    await results.keep(BEN, other := run_of(((9,),)), Asking("api"))
    for run in runs:
        await results.keep(ANA, run, Asking("api"))

    kept = [run for run in runs if await rows_of(results, ANA.viewer, run.id)]

    assert kept == runs[-2:]
    assert await rows_of(results, BEN.viewer, other.id) == [(9,)]
    with pytest.raises(NotFound):
        await results.head(ANA.viewer, runs[0].id)
