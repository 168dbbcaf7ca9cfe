"""How each database compares names. ASCII letters alone are folded, as the databases do for certain."""

from __future__ import annotations

import string
import unicodedata

from sqlglot import exp

from querying.guard.reasons import refused
from querying.types import Dialect

MOST_BYTES = 60
"""PostgreSQL cuts at 63 and says nothing; two names that differ behind that would be one."""

_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_STATEMENTS = frozenset(
    {
        *(
            "alter",
            "begin",
            "call",
            "commit",
            "create",
            "declare",
            "delete",
            "drop",
            "exec",
            "execute",
            "grant",
        ),
        *("insert", "kill", "merge", "print", "revoke", "rollback", "select", "set", "shutdown", "truncate"),
        *("update", "use", "waitfor", "with"),
    }
)
"""SQL Server needs no semicolon: `SELECT 1 DELETE FROM t` is two statements there, and no name."""
_NEVER = frozenset("\"`[]'\\;")


def folded(name: str) -> str:
    """Without regard to case, whatever the database."""
    return name.translate(_LOWER)


def alike(name: str) -> str:
    """Without regard to case and accents, as the most careless collation compares."""
    plain = unicodedata.normalize("NFKD", name.casefold())
    return "".join(character for character in plain if not unicodedata.combining(character))


def stored(name: str, dialect: Dialect, is_table: bool = False) -> str:
    """What a name that the database has is compared by.

    PostgreSQL keeps case; MySQL, on Linux, that of tables and of what stands for one; the others none.
    """
    keeps = dialect == "postgres" or (dialect == "mysql" and is_table)
    return name if keeps else folded(name)


def named(identifier: exp.Expr, dialect: Dialect, is_table: bool = False) -> str:
    """What a name in a query is compared by: PostgreSQL folds what is not quoted."""
    if dialect == "postgres" and not identifier.args.get("quoted"):
        return folded(identifier.name)
    return stored(identifier.name, dialect, is_table)


def proper(identifier: exp.Expr, dialect: Dialect) -> str:
    """Settle a name that the query gives: folded as the database would, and quoted. Returns it."""
    if not isinstance(identifier, exp.Identifier):
        raise refused("construct_refused", construct=str(identifier)[:60])
    name = identifier.name
    if dialect == "postgres" and not identifier.args.get("quoted"):
        name = folded(name)
    if not identifier.args.get("quoted") and folded(name) in _STATEMENTS:
        raise refused("name_refused", name=name, most=MOST_BYTES)
    if not name or len(name.encode()) > MOST_BYTES or _NEVER & set(name) or name != name.strip():
        raise refused("name_refused", name=name[:80], most=MOST_BYTES)
    identifier.set("this", name)
    identifier.set("quoted", True)
    return name
