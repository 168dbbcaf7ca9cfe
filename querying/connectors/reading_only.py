"""A last look at a query's words, for databases whose read-only transaction does not hold everything back.

MySQL writes files in one (`INTO OUTFILE`), and SQL Server has none. This knows no grammar and replaces no guard: it
finds the words that could write where no text, comment or quoted name hides them.
"""

from __future__ import annotations

from sqlglot import TokenType, tokenize
from sqlglot.errors import TokenError

from querying.errors import QueryFailed
from querying.source_refusals import SourceBecause
from querying.types import Dialect

_FIRST = ("SELECT", "WITH", "(")
_WRITING = frozenset(
    (
        *(
            "INTO",
            "INSERT",
            "UPDATE",
            "DELETE",
            "MERGE",
            "REPLACE",
            "TRUNCATE",
            "CREATE",
            "ALTER",
            "DROP",
            "GRANT",
        ),
        *(
            "REVOKE",
            "EXEC",
            "EXECUTE",
            "CALL",
            "LOAD",
            "OUTFILE",
            "DUMPFILE",
            "OPENROWSET",
            "OPENQUERY",
            "SHUTDOWN",
        ),
        *(
            "OPENDATASOURCE",
            "BULK",
            "BACKUP",
            "RESTORE",
            "USE",
            "SET",
            "COMMIT",
            "ROLLBACK",
            "DECLARE",
            "WAITFOR",
        ),
    )
)
_HIDDEN = (TokenType.STRING, TokenType.NATIONAL_STRING, TokenType.IDENTIFIER)


def require_reading(sql: str, dialect: Dialect) -> None:
    """Raises QueryFailed, which names the word."""
    try:
        tokens = tokenize(sql, read=dialect)
    except TokenError as error:
        raise QueryFailed(SourceBecause("run_unreadable"), "words") from error
    if not tokens or tokens[0].text.upper() not in _FIRST:
        raise QueryFailed(SourceBecause("run_unreadable"), "words")
    for number, token in enumerate(tokens):
        if token.token_type == TokenType.SEMICOLON:
            raise QueryFailed(SourceBecause("run_unreadable"), "words")
        is_function = number + 1 < len(tokens) and tokens[number + 1].token_type == TokenType.L_PAREN
        word = token.text.upper()
        if (
            token.token_type in _HIDDEN
            or word not in _WRITING
            or (is_function and word in ("REPLACE", "TRUNCATE"))
        ):
            continue
        raise QueryFailed(SourceBecause("run_word", word=word), "words")
