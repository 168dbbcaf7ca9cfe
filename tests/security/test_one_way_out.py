"""Nothing of ours connects to anything by itself: each place that can is known here, with the reason why it may."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("appliance", "inference", "querying", "rag", "ui")

# A call of any of these opens a connection; what goes to a unix socket leaves nothing.
OPENERS = {
    *("aiohttp.ClientSession", "aiohttp.TCPConnector", "aiohttp.request"),
    *("httpx.AsyncClient", "httpx.Client", "httpx.AsyncHTTPTransport", "httpx.HTTPTransport", "httpx.get"),
    *("httpx2.AsyncClient", "httpx2.Client", "httpx2.AsyncHTTPTransport", "mcp.client.stdio.stdio_client"),
    *("httpx.post", "httpx.request", "httpx.stream", "ollama.AsyncClient", "ollama.Client"),
    *("urllib.request.urlopen", "urllib.request.build_opener", "urllib.request.urlretrieve"),
    *("requests.Session", "requests.get", "requests.post", "requests.request", "requests.put"),
    *("http.client.HTTPConnection", "http.client.HTTPSConnection", "urllib3.PoolManager"),
    *("socket.socket", "socket.create_connection", "smtplib.SMTP", "smtplib.SMTP_SSL", "ftplib.FTP"),
    *("asyncio.open_connection", "telnetlib.Telnet", "websockets.connect"),
    *("huggingface_hub.hf_hub_download", "huggingface_hub.snapshot_download"),
    *("psycopg.AsyncConnection.connect", "psycopg.Connection.connect", "psycopg.connect"),
    *("psycopg_pool.AsyncConnectionPool", "psycopg_pool.ConnectionPool"),
    *("pymysql.connect", "pymysql.connections.Connection", "pytds.connect"),
    *("opentelemetry.exporter.otlp.proto.http.trace_exporter.OTLPSpanExporter",),
}
METHODS = {"create_connection", "sock_connect", "create_datagram_endpoint"}
PROGRAMS = {"ssh", "rsync", "curl", "wget", "scp", "nc"}

DOOR = "the door itself"
NEAR = "looks at each address: servers of the own network alone"
OWN = "our own processes, on this machine"
CLIENT = "a client of the appliance: connects to the address that its user names, from wherever it runs"
MAY = {
    "inference/egress/door.py": DOOR,
    "appliance/bootstrap/tracing.py": "through the door (a session with an adapter of ours)",
    "appliance/services/single_sign_on/outgoing.py": "through the door (around each request)",
    "appliance/storage/backups/ssh_shelf.py": "ssh; through the door (bootstrap/backups/leaving.py), or by hand",
    "inference/engines/connections.py": NEAR,
    "inference/engines/ollama.py": NEAR,
    "inference/engines/near_transport.py": NEAR,
    "inference/embedding/engine_embedder.py": NEAR,
    "appliance/bootstrap/doctor/asking.py": NEAR,
    "querying/connectors/addresses.py": NEAR,
    "appliance/bootstrap/tool_strangers.py": NEAR + "; what lies outside goes through the door",
    "inference/mcp/client.py": "over a transport of ours (door_transport.py), which connects to nothing by itself",
    "querying/connectors/postgres.py": NEAR,
    "querying/connectors/mysql.py": "addresses.py made the connection; to stop a query, once more to that address",
    "querying/connectors/sqlserver.py": "over the connection of addresses.py; sent elsewhere, it refuses",
    "inference/discovery.py": "loopback addresses that stand in its code",
    "appliance/api/page_forwarder.py": OWN,
    "appliance/bootstrap/certificates.py": "our own site, by the name that people use for it",
    "appliance/bootstrap/doctor/parts.py": OWN,
    "appliance/bootstrap/doctor/use.py": OWN,
    "appliance/bootstrap/canaries.py": OWN,
    "appliance/bootstrap/keeper/readiness.py": OWN,
    "appliance/bootstrap/gateway.py": OWN,
    "appliance/fairness/valkey/valkey_address.py": "Valkey, at the address of the settings",
    "appliance/supervisor/postgres.py": OWN,
    "appliance/supervisor/valkey.py": OWN,
    "appliance/supervisor/readiness.py": OWN,
    "appliance/supervisor/listening.py": "listens; connects to nobody",
    "appliance/commands/client.py": CLIENT,
    "appliance/demo/fairness.py": OWN,
    "appliance/demo/paced_engine.py": OWN,
    "rag/sandbox/server.py": OWN,
    "ui/client.py": CLIENT,
}
"""File → why it may open connections. A new file here is a new way out: give it the door instead."""


def _is_our_own(room: str, opener: str) -> bool:
    """The appliance itself speaks to its own PostgreSQL, wherever the settings say that is."""
    return room in ("appliance", "rag") and opener.startswith("psycopg")


def names_of(tree: ast.Module) -> dict[str, str]:
    """Name in the file → what it stands for, by its imports."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for one in node.names:
                found[one.asname or one.name.partition(".")[0]] = (
                    one.name if one.asname else one.name.partition(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for one in node.names:
                found[one.asname or one.name] = f"{node.module}.{one.name}"
    return found


def dotted(node: ast.expr) -> str:
    """`a.b.c` of such an expression; empty for any other."""
    if isinstance(node, ast.Name):
        return node.id
    inner = dotted(node.value) if isinstance(node, ast.Attribute) else ""
    return f"{inner}.{node.attr}" if isinstance(node, ast.Attribute) and inner else ""


def openings(source: str) -> list[str]:
    """What in this code opens connections."""
    tree = ast.parse(source)
    names, found = names_of(tree), []
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):  # a client of one's own
            told = [dotted(base) for base in node.bases]
        elif isinstance(node, ast.Call):
            told = [dotted(node.func)]
            if isinstance(node.func, ast.Attribute) and node.func.attr in METHODS:
                found.append(node.func.attr)
        elif isinstance(node, ast.List | ast.Tuple):  # the words of a program
            first = node.elts[0] if node.elts else None
            if isinstance(first, ast.Constant) and first.value in PROGRAMS and len(node.elts) > 1:
                found.append(str(first.value))
            continue
        else:
            continue
        for one in told:
            first_name, _, rest = one.partition(".")
            whole = names.get(first_name, first_name) + (f".{rest}" if rest else "")
            if whole in OPENERS or whole == "requests.sessions.Session":
                found.append(whole)
    return found


def test_nothing_connects_but_where_it_is_known_to() -> None:
    """A new client, socket or program that goes out has to pass the door, or be named here with its reason."""
    opening = {
        str(path.relative_to(ROOT)): told
        for room in ROOMS
        for path in sorted((ROOT / room).rglob("*.py"))
        if "testing" not in path.parts
        and (
            told := [one for one in openings(path.read_text(encoding="utf-8")) if not _is_our_own(room, one)]
        )
    }

    unknown = {file: told for file, told in opening.items() if file not in MAY}
    assert unknown == {}, "give it inference.egress.Egress, or Neighbours, or say here why it needs neither"
    assert sorted(set(MAY) - set(opening)) == [], "these open nothing any more"


def test_the_walk_finds_every_kind_of_opening() -> None:
    """However it is imported and called: a guard that sees nothing would pass everything."""
    for code in (
        "import aiohttp\naiohttp.ClientSession()",
        "from aiohttp import ClientSession as S\nS()",
        "import httpx as x\nx.AsyncClient()",
        "import urllib.request\nurllib.request.urlopen('http://x')",
        "from urllib.request import urlopen\nurlopen('http://x')",
        "import socket\nsocket.create_connection(('x', 1))",
        "import asyncio\nasyncio.open_connection('x', 1)",
        "async def f(loop):\n await loop.create_connection(None, 'x', 1)",
        "from requests import Session\nSession()",
        "words = ['ssh', '-o', 'x']",
        "import smtplib\nsmtplib.SMTP('x')",
        "import aiohttp\nclass Mine(aiohttp.ClientSession): pass",
    ):
        assert openings(code), code
    assert openings("import aiohttp\nasync def f(s: aiohttp.ClientSession): await s.get('x')") == []
