"""From text to one tree: bounded, one statement, no strings in forms that hide what they hold."""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise

from sqlglot import exp
from sqlglot.errors import ParseError, SqlglotError, TokenError
from sqlglot.tokenizer_core import Token, TokenType

from querying.guard.dialects import PLAIN
from querying.guard.reasons import refused
from querying.types import Dialect

MOST_CHARACTERS = 20_000
MOST_TOKENS = 2_000
MOST_LEVELS = 20
"""Of brackets inside each other."""

NAMES: dict[Dialect, str] = {
    "postgres": "PostgreSQL",
    "mysql": "MySQL",
    "sqlite": "SQLite",
    "tsql": "SQL Server",
    "duckdb": "DuckDB",
}

_QUERY_STARTS = frozenset({TokenType.SELECT, TokenType.WITH, TokenType.L_PAREN})
_HIDING = frozenset(
    {
        TokenType.BYTE_STRING,
        TokenType.RAW_STRING,
        TokenType.HEREDOC_STRING,
        TokenType.UNICODE_STRING,
        TokenType.HEX_STRING,
        TokenType.BIT_STRING,
    }
)


def read(sql: str, dialect: Dialect) -> exp.Expr:
    """The one query in the text. Raises QueryRefused."""
    _refuse_characters(sql)
    tokens = _tokens(sql, dialect)
    _refuse_tokens(tokens, dialect)
    if dialect == "duckdb":
        _mark_parameters(tokens)
    try:
        trees = PLAIN[dialect]().parser().parse(tokens, sql)
    except ParseError as error:
        told = error.errors[0] if error.errors else {}
        near = f"{told.get('start_context', '')[-30:]}{told.get('highlight', '')}"
        raise refused("query_unreadable", dialect=NAMES[dialect], near=near or sql[:40]) from error
    except (SqlglotError, ValueError, KeyError, AttributeError, IndexError, TypeError) as error:
        raise refused("query_unreadable", dialect=NAMES[dialect], near=sql[:40]) from error
    statements = [tree for tree in trees if tree is not None]
    if len(statements) != 1:
        raise refused("statements_many", count=len(statements)) if statements else refused("query_empty")
    return _query(statements[0])


def _refuse_characters(sql: str) -> None:
    if len(sql) > MOST_CHARACTERS:
        raise refused("query_long", count=len(sql), most=MOST_CHARACTERS)
    for character in set(sql):
        if character not in "\t\n\r" and unicodedata.category(character)[0] == "C":
            raise refused("character_refused", character=f"U+{ord(character):04X}")


def _tokens(sql: str, dialect: Dialect) -> list[Token]:
    try:
        tokens: list[Token] = PLAIN[dialect]().tokenize(sql)
    except TokenError as error:
        raise refused("query_unreadable", dialect=NAMES[dialect], near=sql[-40:]) from error
    return tokens


def _refuse_tokens(tokens: list[Token], dialect: Dialect) -> None:
    if not tokens:
        raise refused("query_empty")
    if len(tokens) > MOST_TOKENS:
        raise refused("query_large", count=len(tokens), most=MOST_TOKENS)
    if tokens[0].token_type not in _QUERY_STARTS:
        raise refused("statement_refused", statement=tokens[0].text.upper()[:40])
    level = 0
    for token in tokens:
        if token.token_type in _HIDING or (
            token.token_type == TokenType.NATIONAL_STRING and dialect != "tsql"
        ):
            raise refused("string_refused", near=token.text[:40])
        if token.token_type == TokenType.L_PAREN:
            level += 1
            if level > MOST_LEVELS:
                raise refused("query_deep", most=MOST_LEVELS)
        elif token.token_type == TokenType.R_PAREN:
            level -= 1
        if dialect == "mysql" and any(re.match(r"\s*M?!", comment) for comment in token.comments):
            raise refused("construct_refused", construct="A comment that is run")
    separators = [place for place, token in enumerate(tokens) if token.token_type == TokenType.SEMICOLON]
    if separators and any(token.token_type != TokenType.SEMICOLON for token in tokens[separators[0] :]):
        raise refused("statements_many", count=len(separators) + 1)


def _mark_parameters(tokens: list[Token]) -> None:
    """To DuckDB's parser `SELECT :a` begins with the name of a column; its own mark of a parameter is a dollar."""
    for place, (token, following) in enumerate(pairwise(tokens)):
        if token.token_type == TokenType.COLON and following.start == token.end + 1:
            tokens[place] = Token(TokenType.PARAMETER, "$", token.line, token.col, token.start, token.end)


def _query(tree: exp.Expr) -> exp.Expr:
    while type(tree) is exp.Subquery and not any(
        value for name, value in tree.args.items() if name != "this"
    ):
        tree = tree.this
    if not isinstance(tree, (exp.Select, exp.SetOperation)):
        raise refused("statement_refused", statement=tree.key.upper())
    return tree
