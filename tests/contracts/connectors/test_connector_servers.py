"""A server of its own that proves who it is, goes away and comes again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from inference.egress import Neighbours
from querying.connectors.opening import open_connector
from querying.errors import SourceUnavailable
from querying.types import Caps, CheckedQuery
from tests.contracts.connectors.rooms import private
from tests.own_mariadb import OWNER, OWNER_PASSWORD, OwnMariaDB, own_mariadb
from tests.ports import free_port

ONE = CheckedQuery("SELECT 1 AS one", "SELECT 1 AS one", "mysql", frozenset())


class Secured:
    """A MariaDB with a certificate for `localhost`, and the files that a client has."""

    def __init__(self, server: OwnMariaDB, port: int, folder: Path) -> None:
        self.server, self._port, self.folder = server, port, folder

    def settings(self, **other: Any) -> dict[str, Any]:
        made = {
            "host": "localhost",
            "port": self._port,
            "database": "mysql",
            "user": OWNER,
            "password_file": self.folder / "password",
            "ca_file": self.folder / "ca.pem",
        }
        return {**made, **other}


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """One for these tests."""
    folder = tmp_path_factory.mktemp("secured")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    trustme.CA().cert_pem.write_to_path(str(folder / "other.pem"))
    private(folder / "password", OWNER_PASSWORD)
    port = free_port()
    issued = authority.issue_cert("localhost")
    files = {"cert.pem": issued.cert_chain_pems[0].bytes(), "key.pem": issued.private_key_pem.bytes()}
    options = [
        "--bind-address=127.0.0.1",
        f"--port={port}",
        "--ssl-cert={files}/cert.pem",
        "--ssl-key={files}/key.pem",
    ]
    with own_mariadb(*options, files=files) as server:
        yield Secured(server, port, folder)


async def _cipher(settings: dict[str, Any]) -> str:
    connector = open_connector("mysql", settings, Neighbours())
    sql = "SELECT variable_value FROM information_schema.session_status WHERE variable_name = 'Ssl_cipher'"
    try:
        rows = await connector.run(CheckedQuery(sql, sql, "mysql", frozenset()), Caps())
    finally:
        await connector.close()
    return str(rows.rows[0][0])


@pytest.mark.parametrize(
    ("tls", "is_encrypted"), [("verify-full", True), ("encrypted", True), ("off", False)]
)
async def test_a_connection_is_as_private_as_was_asked_for(
    secured: Secured, tls: str, is_encrypted: bool
) -> None:
    """The server itself says whether this session is encrypted."""
    assert bool(await _cipher(secured.settings(tls=tls))) is is_encrypted


async def test_a_name_that_the_certificate_does_not_have_is_refused(secured: Secured) -> None:
    """By verify-full; verify-ca looks at the authority alone."""
    with pytest.raises(SourceUnavailable) as refused:
        await _cipher(secured.settings(host="127.0.0.1"))
    assert refused.value.reason == "certificate"
    assert await _cipher(secured.settings(host="127.0.0.1", tls="verify-ca"))


async def test_another_authority_is_not_believed(secured: Secured) -> None:
    """Whoever answers in the server's place has no certificate of ours."""
    for tls in ("verify-full", "verify-ca"):
        with pytest.raises(SourceUnavailable) as refused:
            await _cipher(secured.settings(ca_file=secured.folder / "other.pem", tls=tls))
        assert refused.value.reason == "certificate"


async def test_a_server_that_restarts_is_found_again(secured: Secured) -> None:
    """While it is away that is said; then the next query comes, on a new connection."""
    connector = open_connector("mysql", secured.settings(), Neighbours())
    await connector.run(ONE, Caps())
    secured.server.stop()
    with pytest.raises(SourceUnavailable):
        await connector.run(ONE, Caps())
    secured.server.start()

    assert (await connector.run(ONE, Caps())).rows == ((1,),)
    secured.server.stop()
    secured.server.start()
    assert (await connector.run(ONE, Caps())).rows == ((1,),)
    await connector.close()
