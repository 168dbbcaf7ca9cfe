"""A backup that goes to another machine leaves by ssh: through the door where that is not in the own network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from urllib.parse import urlsplit

from appliance.bootstrap.egress import WayOut
from appliance.storage.backups.errors import BackupError
from appliance.storage.backups.ssh_shelf import SshShelf
from inference.errors import EgressRefused

PURPOSE = "backup"
"""Under which it stands in the ledger of what left."""


@contextmanager
def leaving(shelf: SshShelf, out: WayOut, actor: str) -> Iterator[SshShelf]:
    """The same shelf, in the ledger while it is used, ended by the stop switch. Raises BackupError.

    The other machine is the one that somebody named, so no list has to allow it.
    """
    try:
        with out.crossing([urlsplit(shelf.url).netloc]).watched(PURPOSE, "SSH", shelf.url, actor) as passing:

            def tell_sent(size: int) -> None:
                passing.sent_bytes += size

            yield replace(shelf, stopped=passing.stopped, tell_sent=tell_sent)
    except EgressRefused as refusal:
        raise BackupError(str(refusal)) from refusal
