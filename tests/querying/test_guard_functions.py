"""The lists of allowed functions, held against what the databases themselves say of them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import get_args

import duckdb
import psycopg
from sqlglot import exp

from querying.guard.dialects import PLAIN
from querying.guard.functions import ALLOWED
from querying.types import Dialect

_OF_THE_GRAMMAR = {"coalesce", "nullif", "greatest", "least", "grouping", "trim"}
"""Words of PostgreSQL's language that no catalog lists as functions."""

_INNOCUOUS, _ONLY_FROM_OUTSIDE = 0x200000, 0x80000


def test_every_function_of_postgres_is_its_own_and_has_no_effect(shop_postgres: str) -> None:
    """Each is in pg_catalog, and the server calls none of its forms volatile, which what has an effect must be."""
    with psycopg.connect(shop_postgres) as connection:
        known = connection.execute(
            "SELECT proname, bool_or(provolatile = 'v'), bool_or(proretset) FROM pg_proc WHERE pronamespace = "
            "'pg_catalog'::regnamespace GROUP BY 1"
        ).fetchall()
    names = {name for name, _, _ in known}
    assert ALLOWED["postgres"] - names <= _OF_THE_GRAMMAR
    assert not {name for name, is_volatile, of_rows in known if is_volatile or of_rows} & ALLOWED["postgres"]


def test_every_function_of_sqlite_is_innocuous() -> None:
    """By its own flags; functions that this version does not have yet are left to later ones."""
    with closing(sqlite3.connect(":memory:")) as memory:
        known = memory.execute("SELECT name, flags, type FROM pragma_function_list").fetchall()
    flags = {name: flag for name, flag, _ in known if name in ALLOWED["sqlite"]}
    assert len(flags) > 60
    assert not {name for name, flag in flags.items() if flag & _ONLY_FROM_OUTSIDE or not flag & _INNOCUOUS}


def test_every_function_of_duckdb_has_no_effect() -> None:
    """By its own word; macros are not among them, nor functions that make tables."""
    with duckdb.connect(":memory:") as memory:
        known = memory.execute(
            "SELECT function_name, bool_or(coalesce(has_side_effects, false)), list(DISTINCT function_type) "
            "FROM duckdb_functions() GROUP BY 1"
        ).fetchall()
    effects = {name: effect for name, effect, _ in known}
    assert not {name for name in ALLOWED["duckdb"] if effects.get(name)}
    assert not {name for name, _, kinds in known if name in ALLOWED["duckdb"] and "table" in kinds}


def test_no_function_is_translated() -> None:
    """Each stays the name that it was, in every dialect, whatever sqlglot would make of it."""
    for dialect in get_args(Dialect):
        for name in ALLOWED[dialect]:
            tree = PLAIN[dialect]().parse(f"SELECT {name}({_ARGUMENTS.get(name, '1')})")[0]
            assert tree is not None
            found = tree.find(exp.Func)
            assert isinstance(found, (exp.Anonymous, *_WITH_A_GRAMMAR)), (dialect, name, repr(found))


_ARGUMENTS = {"if": "1, 2, 3", "position": "'a' IN 'b'"}
_WITH_A_GRAMMAR = (exp.If, exp.GroupConcat, exp.Trim, exp.Substring, exp.StrPosition, exp.Insert)
