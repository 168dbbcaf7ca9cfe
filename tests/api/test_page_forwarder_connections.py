"""The connections from the page's door to the ui's server, which closes them whenever it likes."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.api.test_page_forwarder import _client, box
from tests.page_box import PageBox

__all__ = ["box"]

ANSWER = b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 17\r\n\r\n{"event_id":"e1"}'


async def _once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers one request and promises to go on; whatever comes on the same connection finds it closed."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        (length,) = [
            int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")
        ]
        await reader.readexactly(length)
        writer.write(ANSWER)
        await writer.drain()
        await reader.read(1)
    except asyncio.IncompleteReadError:
        pass
    finally:
        writer.close()


async def test_what_is_sent_never_meets_a_connection_that_is_being_closed(
    box: PageBox, tmp_path: Path
) -> None:
    """Every click reaches the ui, also when its server ends connections that it had promised to keep."""
    server = await asyncio.start_unix_server(_once, tmp_path / "ui.sock")
    async with server, _client(box) as client:
        statuses = [
            (
                await client.post("/gradio_api/queue/join", json={"session_hash": "anashash01", "data": []})
            ).status_code
            for _ in range(5)
        ]

    assert statuses == [200] * 5
