"""What SQL Server says, as ours: by its numbers."""

from __future__ import annotations

import ssl

import pytds

from querying.connectors.settings import ServerSettings
from querying.connectors.sqlserver_transport import TdsRefused
from querying.connectors.wording import cleaned
from querying.errors import QueryFailed, QueryingError, QueryTimedOut, SchemaChanged, SourceUnavailable
from querying.source_refusals import SourceBecause

FAILURES = (pytds.Error, OSError)
DEAD = (pytds.InterfaceError, pytds.ClosedConnectionError, OSError)

_CHANGED = {207, 208, 4121, 4413}  # no such column, object, function; a view whose table is gone
_TIMED_OUT = {1222, 3617, 8649, 1205}  # a lock, our attention, the cost governor, a deadlock
_REFUSED = {18456, 18452, 18486, 18487, 18488}
_NO_DATABASE = {4060, 4064, 911, 916}


def unavailable(error: Exception) -> SourceUnavailable:
    """Why no connection came about, without the host, the login or the words that it was tried with."""
    number = getattr(error, "msg_no", 0)
    if number in _NO_DATABASE:
        return SourceUnavailable(SourceBecause("db_not_there"), "no_database")
    if number in _REFUSED or isinstance(error, pytds.LoginError):
        return SourceUnavailable(SourceBecause("db_sign_in"), "authentication")
    if isinstance(error, ssl.SSLCertVerificationError):
        return SourceUnavailable(SourceBecause("db_certificate"), "certificate")
    if isinstance(error, TdsRefused):
        is_sent_away = "another" in str(error)
        code, reason = ("db_sent_away", "sent_away") if is_sent_away else ("db_tls", "tls")
        return SourceUnavailable(SourceBecause(code), reason)
    if isinstance(error, ssl.SSLError) or "encrypt" in str(error).lower():
        return SourceUnavailable(SourceBecause("db_tls"), "tls")
    if isinstance(error, TimeoutError):
        return SourceUnavailable(SourceBecause("db_slow"), "timeout")
    return SourceUnavailable(SourceBecause("db_unreached"), "refused")


def explained(error: Exception, settings: ServerSettings) -> QueryingError:
    """An error of a connection that stood."""
    number = getattr(error, "msg_no", 0)
    said = cleaned(str(getattr(error, "text", "") or error), settings.host, settings.user)
    if isinstance(error, TimeoutError) or number in _TIMED_OUT:
        return QueryTimedOut(said)
    if number in _CHANGED:
        return SchemaChanged(said, str(number))
    if isinstance(error, pytds.DatabaseError) and number:
        return QueryFailed(said, str(number))
    return SourceUnavailable(SourceBecause("db_broken"), "broken")
