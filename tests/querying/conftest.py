"""The shop in a running PostgreSQL and a running MariaDB, once for all tests that only read it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import Servers
from tests.own_mariadb import OwnMariaDB, own_mariadb
from tests.querying.shop_databases import fill_mariadb, shop_in_postgres


@pytest.fixture(scope="session")
def shop_postgres(servers: Servers) -> Iterator[str]:
    """Its owner's address."""
    with shop_in_postgres(servers.postgres) as url:
        yield url


@pytest.fixture(scope="session")
def shop_mariadb() -> Iterator[OwnMariaDB]:
    """The server; skips by name where there is none."""
    with own_mariadb() as server:
        fill_mariadb(server)
        yield server
