"""SQL as each database writes it, read without translating it.

sqlglot turns functions into its own vocabulary, to write them in another database's. Here nothing goes to another
database, and whatever is turned can be turned wrongly: so a function stays a name with its arguments, and the
allow-list speaks of the functions of the database itself. Only what has a grammar of its own inside its brackets is
parsed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from sqlglot.dialects.dialect import Dialect as SqlDialect
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.dialects.mysql import MySQL
from sqlglot.dialects.postgres import Postgres
from sqlglot.dialects.sqlite import SQLite
from sqlglot.dialects.tsql import TSQL
from sqlglot.generators.duckdb import DuckDBGenerator
from sqlglot.generators.mysql import MySQLGenerator
from sqlglot.generators.postgres import PostgresGenerator
from sqlglot.generators.sqlite import SQLiteGenerator
from sqlglot.generators.tsql import TSQLGenerator
from sqlglot.parsers.duckdb import DuckDBParser
from sqlglot.parsers.mysql import MySQLParser
from sqlglot.parsers.postgres import PostgresParser
from sqlglot.parsers.sqlite import SQLiteParser
from sqlglot.parsers.tsql import TSQLParser

from querying.types import Dialect

_Parsers = dict[str, Callable[..., Any]]


def _only(parsers: Mapping[str, Callable[..., Any]], *names: str) -> _Parsers:
    return {name: parsers[name] for name in names}


class _PostgresParser(PostgresParser):
    FUNCTIONS: ClassVar[_Parsers] = {}
    FUNCTION_PARSERS: ClassVar[_Parsers] = _only(
        PostgresParser.FUNCTION_PARSERS, "CAST", "EXTRACT", "POSITION", "SUBSTRING", "TRIM"
    )


class _PostgresGenerator(PostgresGenerator):
    MULTI_ARG_DISTINCT = True


class _PlainPostgres(Postgres):
    Parser = _PostgresParser
    Generator = _PostgresGenerator


class _MySQLParser(MySQLParser):
    FUNCTIONS: ClassVar[_Parsers] = {}
    FUNCTION_PARSERS: ClassVar[_Parsers] = _only(
        MySQLParser.FUNCTION_PARSERS, "CAST", "EXTRACT", "GROUP_CONCAT", "POSITION", "SUBSTRING", "TRIM"
    )


class _MySQLGenerator(MySQLGenerator):
    MULTI_ARG_DISTINCT = True


class _PlainMySQL(MySQL):
    Parser = _MySQLParser
    Generator = _MySQLGenerator


class _SQLiteParser(SQLiteParser):
    FUNCTIONS: ClassVar[_Parsers] = {}
    FUNCTION_PARSERS: ClassVar[_Parsers] = _only(SQLiteParser.FUNCTION_PARSERS, "CAST")


class _SQLiteGenerator(SQLiteGenerator):
    MULTI_ARG_DISTINCT = True


class _PlainSQLite(SQLite):
    Parser = _SQLiteParser
    Generator = _SQLiteGenerator


class _TSQLParser(TSQLParser):
    FUNCTIONS: ClassVar[_Parsers] = {}
    FUNCTION_PARSERS: ClassVar[_Parsers] = _only(TSQLParser.FUNCTION_PARSERS, "CAST", "TRY_CAST", "TRIM")


class _TSQLGenerator(TSQLGenerator):
    MULTI_ARG_DISTINCT = True


class _PlainTSQL(TSQL):
    Parser = _TSQLParser
    Generator = _TSQLGenerator


class _DuckDBParser(DuckDBParser):
    FUNCTIONS: ClassVar[_Parsers] = {}
    FUNCTION_PARSERS: ClassVar[_Parsers] = _only(
        DuckDBParser.FUNCTION_PARSERS, "CAST", "TRY_CAST", "EXTRACT", "POSITION", "SUBSTRING", "TRIM"
    )


class _DuckDBGenerator(DuckDBGenerator):
    MULTI_ARG_DISTINCT = True


class _PlainDuckDB(DuckDB):
    Parser = _DuckDBParser
    Generator = _DuckDBGenerator


PLAIN: Mapping[Dialect, type[SqlDialect]] = {
    "postgres": _PlainPostgres,
    "mysql": _PlainMySQL,
    "sqlite": _PlainSQLite,
    "tsql": _PlainTSQL,
    "duckdb": _PlainDuckDB,
}
