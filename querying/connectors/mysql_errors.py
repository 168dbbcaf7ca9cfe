"""What MySQL and MariaDB say, as ours: by their numbers."""

from __future__ import annotations

import ssl

import pymysql

from querying.connectors.settings import ServerSettings
from querying.connectors.wording import cleaned
from querying.errors import QueryFailed, QueryingError, QueryTimedOut, SchemaChanged, SourceUnavailable

DEAD = (pymysql.err.InterfaceError, pymysql.err.OperationalError)

_CHANGED = {1146, 1054, 1049, 1356}  # no such table, column, database; a view whose table is gone
_TIMED_OUT = {1969, 3024, 1317, 1205, 1028}  # its time, our KILL QUERY, a lock
_GONE = {0, 1040, 1053, 1077, 1152, 1158, 1159, 1160, 1161, 1184, 1927, 2002, 2003, 2006, 2013, 2026, 2055}
_REFUSED = {1044: "no_database", 1049: "no_database", 1045: "authentication", 1698: "authentication"}
_REFUSED |= {1130: "authentication", 1251: "authentication", 2059: "authentication", 2061: "authentication"}
_REFUSED |= {1040: "busy", 1203: "busy", 1226: "busy", 2026: "tls", 3159: "tls"}
_DETAILS = {
    "authentication": "It refused the user or the password.",
    "no_database": "It has no such database, or this user may not use it.",
    "busy": "It takes no more connections now.",
    "tls": "It does not speak TLS as asked for; check tls.",
    "certificate": "Its certificate could not be verified; check ca_file and the host's name.",
    "timeout": "It did not answer in time; check host, port and the firewall.",
    "clear_password": "It asked for the password in clear letters, which only a server with tls = verify-full may.",
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
    return SourceUnavailable(_DETAILS.get(reason, "Check host, port and the firewall."), reason)


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
        return SourceUnavailable("The connection to it broke; ask again.", "broken")
    return QueryFailed(said, str(number))
