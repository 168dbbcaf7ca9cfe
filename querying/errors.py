"""Everything `querying` can refuse, in the words of the docstring; the detail names the thing and the remedy.

QueryingError
├── QueryRefused               the SQL is not one that may run
├── QueryTooExpensive          the database expects more work than the caps allow
├── QueryTimedOut              it ran longer than the caps allow, and was cancelled
├── QueryFailed                the database refused it, with its own words
├── SchemaChanged              a table or a column is not there any more
├── SourceBusy                 as many queries as are allowed at a time are running
├── SourceRefused              the source cannot be used as it is: its role could write, its address is not near …
└── SourceUnavailable          the database does not answer
"""

from __future__ import annotations


class QueryingError(Exception):
    """The tables could not be asked."""

    code = "querying_error"

    def __init__(self, detail: str = "", reason: str = "") -> None:
        sentence = (type(self).__doc__ or "").strip().splitlines()[0]
        super().__init__(f"{sentence} {detail}".strip())
        self.detail = detail
        self.reason = reason


class QueryRefused(QueryingError):
    """This query may not run."""

    code = "query_refused"


class QueryTooExpensive(QueryingError):
    """The database expects this query to take more work than is allowed. Ask for less: a shorter time, fewer tables."""

    code = "query_too_expensive"


class QueryTimedOut(QueryingError):
    """The query took longer than is allowed and was stopped. Ask for less: a shorter time, fewer tables."""

    code = "query_timed_out"


class QueryFailed(QueryingError):
    """The database could not run this query."""

    code = "query_failed"


class SchemaChanged(QueryingError):
    """A table or a column is not there any more. An administrator reads the tables anew under Administration › Data."""

    code = "schema_changed"


class SourceBusy(QueryingError):
    """As many queries of this database as are allowed at a time are running. Try again in a moment."""

    code = "source_busy"


class SourceRefused(QueryingError):
    """This database cannot be used as it is."""

    code = "source_refused"


class SourceUnavailable(QueryingError):
    """The database does not answer."""

    code = "source_unavailable"
