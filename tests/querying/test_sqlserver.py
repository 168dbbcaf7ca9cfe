"""What is sent to SQL Server, and how its protocol is encrypted. No real server ever answered here.

The statements are held to a double of the driver that knows what was sent; the handshake is done with a server of
fifty lines that speaks the beginning of MS-TDS: the packets before the login, TLS inside them, and a refused login.
"""

from __future__ import annotations

import re
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytds
import pytest
import trustme

from inference.egress import Neighbours
from querying.connectors.opening import open_connector
from querying.connectors.sqlserver import SqlServerConnector, SqlServerSettings
from querying.connectors.sqlserver_catalog import sqlserver_grants
from querying.errors import QueryFailed, SchemaChanged, SourceUnavailable
from querying.types import Blob, Caps, CheckedQuery

HEAD = struct.Struct(">BBHHBB")
ENCRYPTION_ON, ENCRYPTION_NOT_SUPPORTED = 1, 2
NOT_ENCRYPTING = (
    b"\x00\x00\x0b\x00\x06\x01\x00\x11\x00\x01\xff" + bytes(6) + bytes([ENCRYPTION_NOT_SUPPORTED])
)
"""What a server answers first: where its version and the byte about encryption stand, and these."""


class SaidConnection:
    """A double of the driver: remembers what was executed, and answers by pattern; an exception is raised."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers, self.said, self.is_closed = answers, list[str](), False

    def cursor(self) -> SaidCursor:
        return SaidCursor(self)

    def close(self) -> None:
        self.is_closed = True


class SaidCursor:
    """Of one statement. An answer is (names, rows)."""

    def __init__(self, connection: SaidConnection) -> None:
        self._connection = connection
        self.description: list[tuple[Any, ...]] | None = None
        self._rows: list[tuple[Any, ...]] = []

    def execute(self, statement: str) -> None:
        self._connection.said.append(statement)
        for pattern, answer in self._connection.answers.items():
            if re.search(pattern, statement):
                if isinstance(answer, Exception):
                    raise answer
                names, rows = answer
                self.description, self._rows = [(name, None) for name in names], list(rows)
                return

    def fetchmany(self, size: int) -> list[tuple[Any, ...]]:
        taken, self._rows = self._rows[:size], self._rows[size:]
        return taken

    def close(self) -> None:
        pass


def failed(number: int, text: str) -> pytds.ProgrammingError:
    """As the driver tells an error of the server."""
    error = pytds.ProgrammingError(text)
    error.msg_no, error.text = number, text
    return error


@contextmanager
def listening() -> Iterator[int]:
    """A port that takes connections and says nothing."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield server.getsockname()[1]


@contextmanager
def answering(answers: dict[str, Any]) -> Iterator[tuple[SqlServerConnector, SaidConnection]]:
    """A connector whose driver is the double."""
    said = SaidConnection({"snapshot_isolation_state": (["s"], [(1,)]), **answers})
    with listening() as port:
        settings = SqlServerSettings(host="127.0.0.1", port=port, database="Tienda", user="u", tls="off")
        yield SqlServerConnector(settings, Neighbours(), lambda _settings, _transport: said), said


def checked(sql: str) -> CheckedQuery:
    """As the guard would hand it on."""
    return CheckedQuery(sql, sql, "tsql", frozenset())


async def test_a_query_stands_in_a_transaction_that_is_rolled_back() -> None:
    """With bounds that the server keeps, and a snapshot where the database has them."""
    with answering({"^SELECT a": (["a"], [(1,), (2,)])}) as (connector, said):
        rows = await connector.run(checked("SELECT a FROM [dbo].[t]"), Caps(rows=10))
        await connector.close()

    assert rows.rows == ((1,), (2,)) and rows.cut is None
    settings, _, level, begin, query, end = said.said
    assert "SET ROWCOUNT 11" in settings and "LOCK_TIMEOUT" in settings and "TEXTSIZE 131072" in settings
    assert level == "SET TRANSACTION ISOLATION LEVEL SNAPSHOT" and begin == "BEGIN TRANSACTION"
    assert query == "SELECT a FROM [dbo].[t]" and end == "IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION"


async def test_values_come_as_ours() -> None:
    """Identifiers as text, bytes as their number, decimals exact."""
    row = (
        UUID(int=1),
        b"abc",
        Decimal("1.10"),
        True,
        date(2026, 3, 1),
        datetime(2026, 3, 1, 12),
        None,
        2**62,
    )
    with answering({"^SELECT": (list("abcdefgh"), [row])}) as (connector, _):
        rows = await connector.run(checked("SELECT *"), Caps())
        await connector.close()

    assert rows.rows[0][:4] == ("00000000-0000-0000-0000-000000000001", Blob(3), Decimal("1.10"), True)
    assert [column.kind for column in rows.columns] == [
        *("text", "binary", "decimal", "boolean", "date", "timestamp", "text", "integer"),
    ]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * INTO stolen FROM t",
        "DELETE FROM t",
        "SELECT 1; DROP TABLE t",
        "WITH x AS (SELECT 1 AS a) INSERT INTO t SELECT a FROM x",
        "SELECT * FROM OPENROWSET('SQLNCLI', 'x', 'DELETE FROM t')",
        "EXEC xp_cmdshell 'dir'",
        "SELECT 1 WAITFOR DELAY '00:00:10'",
    ],
)
async def test_what_writes_is_not_even_sent(sql: str) -> None:
    """There is no read-only transaction that would hold it back."""
    with answering({}) as (connector, said):
        with pytest.raises(QueryFailed):
            await connector.run(checked(sql), Caps())
        await connector.close()
    assert said.said == []


async def test_words_inside_texts_and_names_are_only_words() -> None:
    """A product may be called INSERT INTO; a column Update."""
    with answering({"^SELECT": (["a"], [(1,)])}) as (connector, _):
        rows = await connector.run(
            checked("SELECT [Update] FROM [t] WHERE a = 'INSERT INTO x; DROP'"), Caps()
        )
        await connector.close()
    assert rows.rows == ((1,),)


async def test_its_errors_are_told_by_number() -> None:
    """A column that went is a changed schema; what else it says is repeated without the host and the user."""
    with answering(
        {"gone": failed(207, "Invalid column name 'gone'."), "zero": failed(8134, "Divide by zero")}
    ) as (
        connector,
        _,
    ):
        with pytest.raises(SchemaChanged, match="gone"):
            await connector.run(checked("SELECT gone FROM t"), Caps())
        with pytest.raises(QueryFailed, match="Divide by zero"):
            await connector.run(checked("SELECT 1 AS zero"), Caps())
        await connector.close()


async def test_the_cost_stands_in_the_plan() -> None:
    """Where the role may not see plans there is none."""
    plan = '<ShowPlanXML><StmtSimple StatementSubTreeCost="12.5" /></ShowPlanXML>'
    with answering({"^SELECT a": (["p"], [(plan,)])}) as (connector, said):
        assert await connector.cost(checked("SELECT a FROM t")) == 12.5
        await connector.close()
    assert "SET SHOWPLAN_XML OFF" in said.said
    with answering({"SHOWPLAN": failed(262, "SHOWPLAN permission denied")}) as (connector, _):
        assert await connector.cost(checked("SELECT a FROM t")) is None
        await connector.close()


async def test_its_schema_is_read_in_four_queries() -> None:
    """However many tables there are; other schemas than the chosen are left out."""
    answers = {
        "FROM sys.columns": (
            list("abcdefgh"),
            [(1, "Id", "int", 4, 10, 0, False, "número"), (1, "Nombre", "nvarchar", 160, 0, 0, True, None)],
        ),
        "FROM sys.key_constraints": (["a", "b"], [(1, "Id")]),
        "FROM sys.foreign_key_columns": (list("abcdef"), [(1, 7, "Id", "dbo", "Otra", "Id")]),
        "FROM sys.objects": (
            list("abcdef"),
            [(1, "dbo", "Cosas", "U ", "todas", 12), (2, "secreto", "Nada", "V ", None, None)],
        ),
    }
    with answering(answers) as (connector, _):
        schema = await connector.schema()
        await connector.close()

    first, second = schema.tables
    assert (first.full_name, first.kind, first.rows, first.description) == ("dbo.Cosas", "table", 12, "todas")
    assert [(column.name, column.kind, column.database_type) for column in first.columns] == [
        ("Id", "integer", "int"),
        ("Nombre", "text", "nvarchar(80)"),
    ]
    assert first.primary_key == ("Id",) and first.foreign_keys[0].table == "Otra" and second.kind == "view"


async def test_what_its_role_could_do_is_told() -> None:
    """By membership, by permission, by table."""
    answers = {
        "SUSER_SNAME": (["a", "b"], [("lector", 0)]),
        "IS_ROLEMEMBER": (list("abcdef"), [(0, 1, 0, 0, 0, 0)]),
        "'SERVER'": (["p"], [("CONNECT SQL",), ("VIEW ANY DATABASE",)]),
        "'DATABASE'": (["p"], [("CONNECT",), ("EXECUTE",), ("SELECT",)]),
        "SELECT TOP 20": (["n"], [("dbo.Cosas",)]),
        r"SELECT COUNT\(\*\)": (["n"], [(0,)]),
    }
    with answering(answers) as (connector, _):
        report = await connector.role(["dbo.Cosas"])
        await connector.close()

    assert report.can_write and not report.is_superuser and report.name == "lector"
    assert report.problems == (
        *("member_of:db_datawriter", "privilege:EXECUTE", "reads_everything", "writes:dbo.Cosas"),
    )
    assert report.grants[-1] == "GRANT SELECT ON OBJECT::[dbo].[Cosas] TO [appliance_reader]"


def test_a_hostile_name_stays_a_name() -> None:
    """In the statements that a database administrator will run."""
    granted = sqlserver_grants("Tien]da", ["dbo.a]; DROP TABLE b; --"])
    assert "USE [Tien]]da]" in granted
    assert granted[-1] == "GRANT SELECT ON OBJECT::[dbo].[a]]; DROP TABLE b; --] TO [appliance_reader]"


class ServersBeginning:
    """Speaks MS-TDS as far as the login, which it refuses; with a context inside TLS. seen: packets before that."""

    def __init__(self, context: ssl.SSLContext | None) -> None:
        self._context, self.seen = context, list[bytes]()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.close()
        self._thread.join(10)

    def _serve(self) -> None:
        with suppress(OSError, ValueError), closing(self._server.accept()[0]) as client:
            client.settimeout(10)
            self.seen.append(self.packet(client))
            answer = ENCRYPTION_NOT_SUPPORTED if self._context is None else ENCRYPTION_ON
            client.sendall(
                self.wrapped(4, b"\x00\x00\x0b\x00\x06\x01\x00\x11\x00\x01\xff" + bytes(6) + bytes([answer]))
            )
            if self._context is not None:
                self._inside_tls(client, self._context)

    def _inside_tls(self, client: socket.socket, context: ssl.SSLContext) -> None:
        coming, going = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(coming, going, server_side=True)
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                if going.pending:
                    client.sendall(self.wrapped(0x12, going.read()))
                coming.write(self.packet(client)[8:])
        client.sendall(self.wrapped(0x12, going.read()))
        while True:
            with suppress(ssl.SSLWantReadError):
                self.seen.append(tls.read(65536))
                break
            coming.write(client.recv(65536))
        text, name = "Login failed for user 'u'.".encode("utf-16-le"), "s".encode("utf-16-le")
        body = struct.pack("<IBBH", 18456, 1, 14, len(text) // 2) + text + bytes([1]) + name + bytes([0])
        body += struct.pack("<I", 1)
        told = b"\xaa" + struct.pack("<H", len(body)) + body + b"\xfd" + struct.pack("<HHQ", 2, 0, 0)
        tls.write(self.wrapped(4, told))
        client.sendall(going.read())

    @staticmethod
    def wrapped(kind: int, data: bytes) -> bytes:
        return HEAD.pack(kind, 1, len(data) + 8, 0, 1, 0) + data

    @staticmethod
    def packet(client: socket.socket) -> bytes:
        head = client.recv(8, socket.MSG_WAITALL)
        return head + client.recv(int.from_bytes(head[2:4], "big") - 8, socket.MSG_WAITALL)


async def test_it_goes_to_no_other_server(tmp_path: Path) -> None:
    """A server may send a client to another one, which nobody looked at; the connection ends there."""
    name = "127.0.0.1"
    with (
        closing(socket.create_server((name, 0))) as server,
        closing(socket.create_server((name, 0))) as other,
    ):

        def serve() -> None:
            with suppress(OSError, ValueError), closing(server.accept()[0]) as client:
                ServersBeginning.packet(client)
                client.sendall(ServersBeginning.wrapped(4, NOT_ENCRYPTING))
                ServersBeginning.packet(client)
                value = (
                    bytes([0])
                    + struct.pack("<HH", other.getsockname()[1], len(name))
                    + name.encode("utf-16-le")
                )
                sent = bytes([20]) + struct.pack("<H", len(value)) + value + bytes(2)
                greeting = bytes([1]) + b"\x74\x00\x00\x04" + bytes([1]) + "s".encode("utf-16-le") + bytes(4)
                told = b"\xad" + struct.pack("<H", len(greeting)) + greeting
                told += b"\xe3" + struct.pack("<H", len(sent)) + sent + b"\xfd" + struct.pack("<HHQ", 0, 0, 0)
                client.sendall(ServersBeginning.wrapped(4, told))
                client.recv(1)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        settings = {"host": name, "port": server.getsockname()[1], "database": "d", "user": "u", "tls": "off"}
        connector = open_connector("sqlserver", settings, Neighbours())
        with pytest.raises(SourceUnavailable) as error:
            await connector.schema()
        await connector.close()
        thread.join(10)

        assert error.value.reason == "sent_away"
        other.settimeout(0)
        with pytest.raises(BlockingIOError):
            other.accept()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Who signs certificates here."""
    return trustme.CA()


@contextmanager
def serving(authority: trustme.CA | None, name: str = "localhost") -> Iterator[ServersBeginning]:
    """The beginning of a server, with a certificate for this name; None: without any."""
    context = None
    if authority is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(name).configure_cert(context)
    server = ServersBeginning(context)
    try:
        yield server
    finally:
        server.close()


async def refused_by(server: ServersBeginning, ca_file: Path, tls: str = "verify-full") -> str:
    """Why the connection did not come about."""
    told = {
        "host": "localhost",
        "port": server.port,
        "database": "d",
        "user": "someone",
        "tls": tls,
        "ca_file": ca_file,
    }
    connector = open_connector("sqlserver", told, Neighbours())
    with pytest.raises(SourceUnavailable) as error:
        await connector.schema()
    await connector.close()
    return error.value.reason


async def test_the_login_travels_inside_tls(authority: trustme.CA, tmp_path: Path) -> None:
    """The name and the password are seen by the server alone; its refusal is understood."""
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with serving(authority) as server:
        assert await refused_by(server, tmp_path / "ca.pem") == "authentication"
        hello, login = server.seen
        assert hello[0] == 0x12 and login[0] == 0x10 and "someone".encode("utf-16-le") in login


async def test_a_certificate_of_somebody_else_is_refused(authority: trustme.CA, tmp_path: Path) -> None:
    """Of another name, or of another authority; before the login is sent."""
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "other.pem"))
    with serving(authority, "elsewhere.example") as server:
        assert await refused_by(server, tmp_path / "ca.pem") == "certificate"
        assert len(server.seen) == 1
    with serving(authority) as server:
        assert await refused_by(server, tmp_path / "other.pem") == "certificate"
        assert len(server.seen) == 1


async def test_a_server_that_does_not_encrypt_gets_no_login(authority: trustme.CA, tmp_path: Path) -> None:
    """Also where nobody looks at certificates: what was asked for is asked for."""
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    for tls in ("verify-full", "encrypted"):
        with serving(None) as server:
            assert await refused_by(server, tmp_path / "ca.pem", tls) == "tls"
            assert len(server.seen) == 1
