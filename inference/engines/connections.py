"""The way to every engine: one pool of TCP connections for all of them, one more per unix socket.

Bytes pass as they are: nothing is decompressed, no redirect is followed, no cookie kept, no proxy or password
taken from the environment. There is no limit on connections here: how many may run is the gate's decision.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import aiohttp

from inference.egress import Egress, Neighbours

# What the kernel hands over at once is passed on at once; beyond this an engine waits for a slow reader.
READ_BUFFER_BYTES = 64 * 1024


async def _note_reuse(
    _session: aiohttp.ClientSession, context: SimpleNamespace, _params: aiohttp.TraceConnectionReuseconnParams
) -> None:
    context.trace_request_ctx["is_reused"] = True


class Connections:
    """Opened on first use, inside the running event loop; close() it at the end. watched_by: told of every request.

    egress: the way out of the box, for engines elsewhere; None: there is none. neighbours: which hosts are of the own
    network; a name that leads to none is not connected to.
    """

    def __init__(
        self,
        watched_by: aiohttp.TraceConfig | None = None,
        egress: Egress | None = None,
        neighbours: Neighbours | None = None,
    ) -> None:
        self.egress, self.neighbours = egress, neighbours or Neighbours()
        self._watched_by = [] if watched_by is None else [watched_by]
        self._sessions: dict[tuple[Path | None, bool], aiohttp.ClientSession] = {}

    def session(self, socket_path: Path | None = None, *, is_reusing: bool = True) -> aiohttp.ClientSession:
        """The session over TCP, or the one that reaches whoever listens on that unix socket.

        is_reusing False: every request gets a new connection, for a second try after one that had gone stale.
        """
        key = (socket_path, is_reusing)
        if key not in self._sessions:
            self._sessions[key] = self._open(socket_path, is_reusing)
        return self._sessions[key]

    def _open(self, socket_path: Path | None, is_reusing: bool) -> aiohttp.ClientSession:
        connector: aiohttp.BaseConnector
        if socket_path is None:
            connector = aiohttp.TCPConnector(
                limit=0,
                ttl_dns_cache=60,
                force_close=not is_reusing,
                resolver=self.neighbours.resolver(),
            )
        else:
            # llama.cpp keeps a thread for every open connection, idle ones too, and dropped 137 of 1,500 requests
            # that came over a used one (xllamacpp 2026.10, 24 at once); with new ones it was 0 of 4,500, and faster.
            connector = aiohttp.UnixConnector(path=str(socket_path), limit=0, force_close=True)
        tracing = aiohttp.TraceConfig()
        tracing.on_connection_reuseconn.append(_note_reuse)
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),
            headers={"Accept-Encoding": "identity"},
            read_bufsize=READ_BUFFER_BYTES,
            trace_configs=[tracing, *self._watched_by],
            trust_env=False,
            auto_decompress=False,
        )

    async def close(self) -> None:
        """Close every connection; running answers break off."""
        for session in self._sessions.values():
            await session.close()
        self._sessions.clear()
        if self.egress is not None:
            await self.egress.close()
