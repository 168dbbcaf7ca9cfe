"""Who may see what of the index: the filter by collections above, row-level security below."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import AsyncConnection

from appliance.domain.people import Role, Viewer
from appliance.storage.database import Database
from tests.library import MODEL, Library, vector_of

SECRET = "the merger is planned for march"
TABLES = ("pages", "chunks", "embeddings", "postings", "terms", "collection_totals")


async def test_another_person_finds_nothing_even_with_the_collection_id(
    library: Library, ana: Viewer, ben: Viewer
) -> None:
    """Guessing or remembering a collection's id opens none of the store's five doors."""
    collection, file = await library.collection(ana), await library.file(ana)
    await library.index(ana, file, collection, [SECRET])
    own = library.scope(ana, collection)
    ((chunk, _),) = await library.store.dense(own, MODEL, vector_of(SECRET), 5)
    foreign = library.scope(ben, collection)

    assert await library.store.dense(foreign, MODEL, vector_of(SECRET), 5) == []
    assert await library.store.lexical(foreign, ["merger"], 5) == []
    assert await library.store.passages(foreign, [chunk]) == []
    assert await library.store.frequencies(foreign, ["merger"]) == (0, {})
    assert await library.store.page_text(foreign, file, 1) is None


@pytest.mark.parametrize("role", list(Role))
async def test_row_level_security_hides_the_rows_without_any_filter(
    library: Library, ana: Viewer, role: Role
) -> None:
    """A query that forgets the collections shows another person none of the tables' rows, whatever their role."""
    await library.index(ana, await library.file(ana), await library.collection(ana), [SECRET])

    for database in (library.api, library.worker):
        async with database.viewing(Viewer(uuid4(), role=role)) as connection:
            for table in TABLES:
                counted = await connection.execute(f"SELECT count(*) FROM {table}")
                assert await counted.fetchone() == (0,), table


async def test_nobodys_eyes_see_no_row(library: Library, ana: Viewer) -> None:
    """A transaction that never said who looks is shown nothing."""
    await library.index(ana, await library.file(ana), await library.collection(ana), [SECRET])

    async with library.api.transaction() as connection:
        for table in TABLES:
            counted = await connection.execute(f"SELECT count(*) FROM {table}")
            assert await counted.fetchone() == (0,), table


async def test_the_owner_sees_the_rows(library: Library, ana: Viewer) -> None:
    """The promises above are not kept by empty tables."""
    await library.index(ana, await library.file(ana), await library.collection(ana), [SECRET])

    async with library.api.viewing(ana) as connection:
        for table in TABLES:
            counted = await (await connection.execute(f"SELECT count(*) FROM {table}")).fetchone()
            assert counted is not None
            assert counted[0] > 0, table


async def test_even_the_tables_owner_is_held_by_the_policies(
    library: Library, ana: Viewer, owner_url: str
) -> None:
    """FORCE: the migration's role reads no documents by accident."""
    await library.index(ana, await library.file(ana), await library.collection(ana), [SECRET])

    async with await psycopg.AsyncConnection.connect(owner_url) as connection:
        forced = await connection.execute(
            "SELECT relname FROM pg_class WHERE relforcerowsecurity AND relrowsecurity AND relname = ANY(%s)",
            (list(TABLES),),
        )
        assert {name for (name,) in await forced.fetchall()} == set(TABLES)


async def test_nobody_writes_into_another_persons_collection(
    library: Library, ana: Viewer, ben: Viewer
) -> None:
    """A job that runs as Ben cannot put passages before Ana's eyes, nor take hers away."""
    collection, file = await library.collection(ana), await library.file(ana)
    await library.index(ana, file, collection, [SECRET])

    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        await library.index(ben, await library.file(ben), collection, ["planted words"])
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        await library.store.remove(library.worker.scope(ben, [collection]), file, collection)

    assert (await library.store.frequencies(library.scope(ana, collection), ["merger"]))[0] == 1


async def test_the_gateway_takes_documents_out_and_never_puts_any_in(library: Library, ana: Viewer) -> None:
    """Deleting takes effect at once; what is said to be in a document comes from the worker alone."""
    collection, file = await library.collection(ana), await library.file(ana)
    await library.index(ana, file, collection, [SECRET])
    gateway = Library(library.api, library.api, library.store)

    assert await library.store.remove(library.scope(ana, collection), file, collection) == 1
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        await gateway.index(ana, file, collection, ["planted words"])


async def test_a_group_reads_what_belongs_to_it(library: Library, ana: Viewer) -> None:
    """Members find the passages of their group's collection; with the membership the sight goes."""
    group, collection = uuid4(), uuid4()
    member = Viewer(ana.user_id, frozenset({group}))
    colleague = Viewer(uuid4(), frozenset({group}))
    async with library.api.viewing(member) as connection:
        await connection.execute(
            "INSERT INTO collections (id, name, owner_group_id, created_by) VALUES (%s, 'Team', %s, %s)",
            (collection, group, ana.user_id),
        )
    file = await library.file(member)
    await library.link(member, file, collection)
    await library.index(member, file, collection, [SECRET])

    found = await library.store.lexical(library.scope(colleague, collection), ["merger"], 5)
    passages = await library.store.passages(
        library.scope(colleague, collection), [chunk for chunk, _ in found]
    )
    former = library.scope(Viewer(colleague.user_id), collection)

    assert [passage.text for passage in passages] == [SECRET]
    assert await library.store.lexical(former, ["merger"], 5) == []


async def test_deleting_a_collection_takes_its_index_along(
    library: Library, ana: Viewer, maintenance_database: Database
) -> None:
    """No vector, word or page outlives the collection; a file that is indexed cannot vanish beneath its rows."""
    collection, file = await library.collection(ana), await library.file(ana)
    await library.index(ana, file, collection, [SECRET])

    async with maintenance_database.transaction() as connection:
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            async with connection.transaction():
                await connection.execute("DELETE FROM files WHERE id = %s", (file,))
        await connection.execute("DELETE FROM collections WHERE id = %s", (collection,))
        for table in TABLES:
            counted = await connection.execute(f"SELECT count(*) FROM {table}")
            assert await counted.fetchone() == (0,), table


@dataclass(frozen=True)
class MaintenanceScope:
    """Maintenance has no viewer; its role passes by the policies."""

    database: Database
    collection_ids: tuple[UUID, ...] = ()

    def connection(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """One transaction as maintenance."""
        return self.database.transaction()


async def test_maintenance_removes_any_document(
    library: Library, ana: Viewer, maintenance_database: Database
) -> None:
    """Deletion runs as a role that sees every row, so that no forgotten right keeps a text alive."""
    collection, file = await library.collection(ana), await library.file(ana)
    await library.index(ana, file, collection, [SECRET])

    assert await library.store.remove(MaintenanceScope(maintenance_database), file, collection) == 1
