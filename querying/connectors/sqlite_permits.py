"""SQLite asks before a statement does anything; it may read the tables that were checked, and call known functions."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from querying.types import CheckedQuery

# What SQLite brings and what only computes: no files, no extensions, nothing that tells of the machine.
_NAMES = """
abs acos acosh asin asinh atan atan2 atanh avg ceil ceiling char coalesce concat concat_ws cos cosh count
cume_dist current_date current_time current_timestamp date datetime degrees dense_rank exp first_value floor
format glob group_concat hex if ifnull iif instr json json_array json_array_length json_extract json_group_array
json_group_object json_object json_patch json_quote json_type json_valid julianday lag last_value lead length
like ln log log10 log2 lower ltrim max min mod nth_value ntile nullif octet_length percent_rank pi pow power
printf quote radians rank replace round row_number rtrim sign sin sinh sqrt string_agg strftime substr
substring sum tan tanh time timediff total trim trunc typeof unicode unixepoch upper -> ->>
"""
FUNCTIONS = frozenset(_NAMES.split())


class Permits:
    """What one checked query may do: read its tables, of these the columns that the guard traced, where it says which.

    known: every table and view of the file, those of the system as well.
    """

    def __init__(self, query: CheckedQuery, known: Iterable[str]) -> None:
        self._tables = {name.lower() for name in query.tables}
        self._columns = {(table.lower(), column.lower()) for table, column in query.columns}
        self._known = {name.lower() for name in known}

    def __call__(
        self, action: int, first: str | None, second: str | None, place: str | None, source: str | None
    ) -> int:
        """source: the view on whose behalf something is read."""
        if action in (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_RECURSIVE):
            return sqlite3.SQLITE_OK
        if action == sqlite3.SQLITE_FUNCTION:
            known = (second or "").lower() in FUNCTIONS
            return sqlite3.SQLITE_OK if known else sqlite3.SQLITE_DENY
        if action == sqlite3.SQLITE_READ and place in ("main", None):
            is_named_here = place is None and not second and self._is_no_table(first or "")
            may_read = is_named_here or self._may_read(first or "", second or "", source or "")
            return sqlite3.SQLITE_OK if may_read else sqlite3.SQLITE_DENY
        return sqlite3.SQLITE_DENY

    def _is_no_table(self, name: str) -> bool:
        """The rows of a WITH are counted under the name that they have there."""
        return name.lower() not in self._known and not name.lower().startswith(("pragma_", "sqlite_"))

    def _may_read(self, table: str, column: str, source: str) -> bool:
        """A view that was chosen reads on its own account. An empty column: the rows are counted."""
        if source.lower() in self._tables:
            return True
        if table.lower() not in self._tables:
            return False
        return not self._columns or not column or (table.lower(), column.lower()) in self._columns
