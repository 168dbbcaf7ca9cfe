"""Where a database server is: in the own network, at an address that was looked at and is then connected to itself.

A name is asked for once a connection, so it cannot point elsewhere between the look and the connection.
"""

from __future__ import annotations

import asyncio
import socket

from inference.egress import Neighbours
from inference.egress.hosts import is_address
from inference.egress.resolving import AddressRefused
from querying.errors import SourceRefused, SourceUnavailable
from querying.source_refusals import SourceBecause

CONNECT_TIMEOUT_S = 10.0


async def near_address(neighbours: Neighbours, host: str, port: int) -> str:
    """An address of this host in the own network, as numbers. Raises SourceRefused, SourceUnavailable."""
    if is_address(host):
        shown = f"[{host}]" if ":" in host else host
        if neighbours.refusal(f"http://{shown}:{port}", asks=False):
            raise SourceRefused(SourceBecause("db_public", host=host), "address")
        return host
    resolver = neighbours.resolver()
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            found = await resolver.resolve(host, port, socket.AF_UNSPEC)
    except AddressRefused as error:
        raise SourceRefused(SourceBecause("db_public", host=host), "address") from error
    except (OSError, TimeoutError) as error:
        raise SourceUnavailable(SourceBecause("db_name_unknown"), "name") from error
    finally:
        await resolver.close()
    if not found:
        raise SourceUnavailable(SourceBecause("db_name_unknown"), "name")
    return found[0]["host"]


async def connected_socket(neighbours: Neighbours, host: str, port: int) -> socket.socket:
    """A connection for a driver that would look the name up itself. Blocking, as drivers in threads want it."""
    address = await near_address(neighbours, host, port)
    try:
        return await asyncio.to_thread(_connected, address, port)
    except OSError as error:
        raise SourceUnavailable(SourceBecause("db_unreached"), "refused") from error


def _connected(address: str, port: int) -> socket.socket:
    return socket.create_connection((address, port), CONNECT_TIMEOUT_S)
