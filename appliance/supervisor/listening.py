"""The one public socket. The supervisor opens it and keeps it, so requests wait through a gateway restart."""

from __future__ import annotations

import errno
import socket
from pathlib import Path

from appliance.errors import StartupError

BACKLOG = 2048


def listen(host: str, port: int) -> socket.socket:
    """A listening TCP socket. port 0: the system chooses. Raises StartupError with the remedy."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError) as error:
        raise StartupError(
            f"{host!r} is not an address of this machine. Choose one with `--host`, for example 127.0.0.1."
        ) from error
    family, kind, protocol, _, address = found[0]
    opened = socket.socket(family, kind, protocol)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(address)
        opened.listen(BACKLOG)
        opened.setblocking(False)
    except OSError as error:
        opened.close()
        raise StartupError(_why_not(host, port, error)) from error
    return opened


def address_of(opened: socket.socket, public_url: str = "") -> str:
    """The address people type, without a slash at the end."""
    if public_url:
        return public_url.rstrip("/")
    host, port = opened.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        host = socket.gethostname()
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def loopback_address_of(opened: socket.socket) -> str:
    """The address processes of this box use, without a slash at the end."""
    host, port = opened.getsockname()[:2]
    local = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"http://[{local}]:{port}" if ":" in local else f"http://{local}:{port}"


def _why_not(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} is in use{_holder(port)}. "
            "Stop that program, or choose another port with `--port`, for example --port 8081."
        )
    if error.errno == errno.EACCES:
        return f"This user may not listen on port {port}. Choose one above 1023 with `--port`."
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{host} is not an address of this machine. Choose one with `--host`, for example 127.0.0.1."
    return f"Cannot listen on {host} port {port}: {error.strerror}."


def _holder(port: int) -> str:
    """ " by process N (name)", where /proc tells it cheaply; else nothing."""
    inodes = set()
    for table in ("tcp", "tcp6"):
        try:
            lines = Path("/proc/net", table).read_text(encoding="utf-8").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            words = line.split()
            if words[3] == "0A" and int(words[1].rpartition(":")[2], 16) == port:
                inodes.add(f"socket:[{words[9]}]")
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(str(entry.readlink()) in inodes for entry in (process / "fd").iterdir()):
                name = (process / "comm").read_text(encoding="utf-8").strip()
                return f" by process {process.name} ({name})"
        except OSError:
            continue
    return ""
