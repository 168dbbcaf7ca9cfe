"""What MySQL and MariaDB say, as ours: by their numbers."""

from __future__ import annotations

import ssl

import pymysql

from querying.connectors.settings import ServerSettings
from querying.connectors.wording import cleaned
from querying.errors import QueryFailed, QueryingError, QueryTimedOut, SchemaChanged, SourceUnavailable
from querying.source_refusals import SourceBecause

DEAD = (pymysql.err.InterfaceError, pymysql.err.OperationalError)

_CHANGED = {1146, 1054, 1049, 1356}  # no such table, column, database; a view whose table is gone
_TIMED_OUT = {1969, 3024, 1317, 1205, 1028}  # its time, our KILL QUERY, a lock
_GONE = {0, 1040, 1053, 1077, 1152, 1158, 1159, 1160, 1161, 1184, 1927, 2002, 2003, 2006, 2013, 2026, 2055}
_REFUSED = {1044: "no_database", 1049: "no_database", 1045: "authentication", 1698: "authentication"}
_REFUSED |= {1130: "authentication", 1251: "authentication", 2059: "authentication", 2061: "authentication"}
_REFUSED |= {1040: "busy", 1203: "busy", 1226: "busy", 2026: "tls", 3159: "tls"}
_CODES = {
    "authentication": "db_sign_in",
    "no_database": "db_not_there",
    "busy": "db_full",
    "tls": "db_tls",
    "certificate": "db_certificate",
    "timeout": "db_slow",
    "clear_password": "db_clear_password",
    "refused": "db_unreached",
}


def unavailable(error: Exception) -> SourceUnavailable:
    """Why no connection came about, without the host, the user or the words that it was tried with."""
    cause = getattr(error, "original_exception", error)
    number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    reason = _REFUSED.get(number, "refused")
    if number == 2061:
        reason = "clear_password"
    elif isinstance(cause, ssl.SSLCertVerificationError):
        reason = "certificate"
    elif isinstance(cause, ssl.SSLError):
        reason = "tls"
    elif isinstance(cause, TimeoutError):
        reason = "timeout"
    return SourceUnavailable(SourceBecause(_CODES[reason]), reason)


def is_gone(error: pymysql.err.Error) -> bool:
    """Whether nothing more can be asked on that connection."""
    number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    return number in _GONE or isinstance(error, pymysql.err.InterfaceError)


def explained(error: pymysql.err.Error, settings: ServerSettings) -> QueryingError:
    """An error of a connection that stood."""
    number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    said = cleaned(str(error.args[1]) if len(error.args) > 1 else "", settings.host, settings.user)
    if number in _TIMED_OUT:
        return QueryTimedOut(said)
    if number in _CHANGED:
        return SchemaChanged(said, str(number))
    if is_gone(error):
        return SourceUnavailable(SourceBecause("db_broken"), "broken")
    return QueryFailed(said, str(number))
