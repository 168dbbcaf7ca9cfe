"""What PostgreSQL says, as ours: by its codes, so a server that speaks Spanish is understood as well."""

from __future__ import annotations

import psycopg

from querying.connectors.settings import ServerSettings
from querying.connectors.wording import cleaned
from querying.errors import QueryFailed, QueryingError, QueryTimedOut, SchemaChanged, SourceUnavailable

_CHANGED = {"42P01", "42703", "3F000"}  # no such table, no such column, no such schema
_TIMED_OUT = {
    "57014",
    "55P03",
    "25P03",
    "25P04",
}  # cancelled, a lock that was not to be had, idle, transaction
_GONE = (
    "08",
    "57P",
    "53300",
    "58",
)  # connection, the server stops or starts, too many connections, its system

_REFUSALS = (
    (
        "certificate",
        "certificate",
        "Its certificate could not be verified; check ca_file and the host's name.",
    ),
    ("ssl", "tls", "It does not speak TLS as asked for; check tls."),
    ("password", "authentication", "It refused the user or the password."),
    ("authentication", "authentication", "It refused the user or the password."),
    ("pg_hba", "authentication", "It takes no connections from this box for this user (pg_hba.conf)."),
    ("role", "authentication", "It refused the user or the password."),
    ("database", "no_database", "It has no such database, or this user may not connect to it."),
    ("too many", "busy", "It takes no more connections now."),
    ("starting up", "starting", "It is starting; ask again in a moment."),
    ("timeout", "timeout", "It did not answer in time; check host, port and the firewall."),
    ("refused", "refused", "Nothing listens there; check host and port."),
    ("no such file", "refused", "There is no socket of a server in that folder."),
)


def unavailable(error: psycopg.Error) -> SourceUnavailable:
    """Why no connection came about, without the host, the user or the words that it was tried with."""
    said = str(error).lower()
    for word, reason, detail in _REFUSALS:
        if word in said:
            return SourceUnavailable(detail, reason)
    return SourceUnavailable("Check host, port and the firewall.", "refused")


def explained(error: psycopg.Error, settings: ServerSettings) -> QueryingError:
    """An error of a connection that stood."""
    code = error.sqlstate or ""
    said = cleaned(error.diag.message_primary or "", settings.host, settings.user)
    if code in _TIMED_OUT:
        return QueryTimedOut(said)
    if code in _CHANGED:
        return SchemaChanged(said, code)
    if not code or code.startswith(_GONE):
        return SourceUnavailable("The connection to it broke; ask again.", "broken")
    hint = cleaned(error.diag.message_hint or "", settings.host, settings.user)
    return QueryFailed(f"{said} ({hint})" if hint else said, code)
