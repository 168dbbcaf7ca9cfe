"""What PostgreSQL says, as ours: by its codes, so a server that speaks Spanish is understood as well."""

from __future__ import annotations

import psycopg

from querying.connectors.settings import ServerSettings
from querying.connectors.wording import cleaned
from querying.errors import QueryFailed, QueryingError, QueryTimedOut, SchemaChanged, SourceUnavailable
from querying.source_refusals import SourceBecause

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

# libpq tells no code for what happens before the login is over; a server that speaks Spanish is a plain refusal then.
_REFUSALS = (
    ("certificate", "certificate", "db_certificate"),
    ("ssl", "tls", "db_tls"),
    ("cleartext", "clear_password", "db_clear_password"),
    ("password", "authentication", "db_sign_in"),
    ("authentication", "authentication", "db_sign_in"),
    ("pg_hba", "authentication", "db_not_permitted"),
    ("role", "authentication", "db_sign_in"),
    ("database", "no_database", "db_not_there"),
    ("too many", "busy", "db_full"),
    ("starting up", "starting", "db_starting"),
    ("timeout", "timeout", "db_slow"),
    ("refused", "refused", "db_unreached"),
    ("no such file", "refused", "db_no_socket"),
)


def unavailable(error: psycopg.Error) -> SourceUnavailable:
    """Why no connection came about, without the host, the user or the words that it was tried with."""
    said = str(error).lower()
    for word, reason, code in _REFUSALS:
        if word in said:
            return SourceUnavailable(SourceBecause(code), reason)
    return SourceUnavailable(SourceBecause("db_unreached"), "refused")


def explained(error: psycopg.Error, settings: ServerSettings) -> QueryingError:
    """An error of a connection that stood."""
    code = error.sqlstate or ""
    said = cleaned(error.diag.message_primary or "", settings.host, settings.user)
    if code in _TIMED_OUT:
        return QueryTimedOut(said)
    if code in _CHANGED:
        return SchemaChanged(said, code)
    if not code or code.startswith(_GONE):
        return SourceUnavailable(SourceBecause("db_broken"), "broken")
    hint = cleaned(error.diag.message_hint or "", settings.host, settings.user)
    return QueryFailed(f"{said} ({hint})" if hint else said, code)
