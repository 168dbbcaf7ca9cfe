"""What a query may be made of: kinds of nodes, and what each may carry. Whatever is not named here is refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from sqlglot import exp

from querying.guard.functions import (
    ALLOWED,
    AS_LITERALS,
    COUNT_STAR,
    MOST_PADDED,
    PADDING,
    UNIT_FIRST,
    UNITS,
)
from querying.guard.reasons import refused
from querying.types import Dialect


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ANY: frozenset[str] = frozenset()

QUERIES = (exp.Select, exp.SetOperation, exp.Subquery)
"""Nodes that are a query of their own inside another one."""

_MODIFIERS = frozenset({"order", "limit", "offset"})

NODES: Mapping[type[exp.Expr], frozenset[str]] = {
    exp.Select: _MODIFIERS
    | {"with_", "expressions", "distinct", "from_", "joins", "laterals", "where", "group", "having", "qualify"}
    | {"windows"},
    exp.Union: _MODIFIERS | {"with_", "this", "expression", "distinct"},
    exp.Intersect: _MODIFIERS | {"with_", "this", "expression", "distinct"},
    exp.Except: _MODIFIERS | {"with_", "this", "expression", "distinct"},
    exp.Subquery: frozenset({"this", "alias"}),
    exp.With: frozenset({"expressions"}),
    exp.CTE: frozenset({"this", "alias", "materialized"}),
    exp.TableAlias: frozenset({"this", "columns"}),
    exp.From: frozenset({"this"}),
    exp.Table: frozenset({"this", "db", "alias"}),
    exp.Join: frozenset({"this", "on", "using", "side", "kind"}),
    exp.Lateral: frozenset({"this", "alias", "cross_apply", "outer"}),
    exp.Where: frozenset({"this"}),
    exp.Group: frozenset({"expressions", "grouping_sets", "cube", "rollup", "all"}),
    exp.GroupingSets: frozenset({"expressions"}),
    exp.Cube: frozenset({"expressions"}),
    exp.Rollup: frozenset({"expressions"}),
    exp.Having: frozenset({"this"}),
    exp.Qualify: frozenset({"this"}),
    exp.Order: frozenset({"this", "expressions"}),
    exp.Ordered: frozenset({"this", "desc", "nulls_first"}),
    exp.Limit: frozenset({"expression", "limit_options"}),
    exp.Fetch: frozenset({"direction", "count", "limit_options"}),
    exp.LimitOptions: frozenset({"rows"}),
    exp.Offset: frozenset({"expression"}),
    exp.Distinct: frozenset({"expressions", "on"}),
    exp.Window: frozenset({"this", "partition_by", "order", "spec", "alias", "over", "first"}),
    exp.WindowSpec: frozenset({"kind", "start", "start_side", "end", "end_side", "exclude"}),
    exp.WithinGroup: frozenset({"this", "expression"}),
    exp.Filter: frozenset({"this", "expression"}),
    exp.IgnoreNulls: frozenset({"this"}),
    exp.RespectNulls: frozenset({"this"}),
    exp.Alias: frozenset({"this", "alias"}),
    exp.Identifier: frozenset({"this", "quoted"}),
    exp.Column: frozenset({"this", "table", "db"}),
    exp.Star: _ANY,
    exp.Literal: frozenset({"this", "is_string"}),
    exp.National: frozenset({"this"}),
    exp.Null: _ANY,
    exp.Boolean: frozenset({"this"}),
    exp.Paren: frozenset({"this"}),
    exp.Tuple: frozenset({"expressions"}),
    exp.Interval: frozenset({"this", "unit"}),
    exp.Var: frozenset({"this"}),
    exp.Case: frozenset({"this", "ifs", "default"}),
    exp.If: frozenset({"this", "true", "false"}),
    exp.Exists: frozenset({"this"}),
    exp.In: frozenset({"this", "expressions", "query"}),
    exp.Any: frozenset({"this"}),
    exp.All: frozenset({"this"}),
    exp.Between: frozenset({"this", "low", "high"}),
    exp.Escape: frozenset({"this", "expression"}),
    exp.AtTimeZone: frozenset({"this", "zone"}),
    exp.Cast: frozenset({"this", "to"}),
    exp.TryCast: frozenset({"this", "to", "safe", "requires_string"}),
    exp.DataType: frozenset({"this", "expressions", "nested"}),
    exp.DataTypeParam: frozenset({"this"}),
    exp.Anonymous: frozenset({"this", "expressions"}),
    exp.Extract: frozenset({"this", "expression"}),
    exp.Substring: frozenset({"this", "start", "length"}),
    exp.Trim: frozenset({"this", "expression", "position"}),
    exp.StrPosition: frozenset({"this", "substr"}),
    exp.GroupConcat: frozenset({"this", "separator"}),
    exp.CurrentDate: _ANY,
    exp.CurrentTime: _ANY,
    exp.CurrentTimestamp: _ANY,
    exp.Localtime: _ANY,
    exp.Localtimestamp: _ANY,
    **dict.fromkeys((exp.Not, exp.Neg), frozenset({"this"})),
    **dict.fromkeys(
        (
            *(exp.And, exp.Or, exp.Xor, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Is, exp.NullSafeEQ),
            *(exp.NullSafeNEQ, exp.Add, exp.Sub, exp.Mul, exp.IntDiv, exp.Mod, exp.DPipe, exp.Pow),
            *(exp.Like, exp.ILike, exp.Glob),
        ),
        frozenset({"this", "expression", "safe", "negate"}),
    ),
    exp.Div: frozenset({"this", "expression", "typed", "safe"}),
}  # fmt: skip

_WIDTH_DIGITS = 4
"""PostgreSQL fills a char(n) up with blanks."""
_WIDE = re.compile(r"[0-9]{3}")
"""In SQL Server `D999999999` asks for as many digits."""
_ROWS = re.compile(r"[0-9]{1,12}")
_TYPES = _names(
    """
        BIGINT INT SMALLINT TINYINT MEDIUMINT UBIGINT UINT USMALLINT UTINYINT INT128 UINT128 DECIMAL FLOAT DOUBLE
        BOOLEAN BIT CHAR NCHAR VARCHAR NVARCHAR TEXT DATE TIME TIMETZ TIMESTAMP TIMESTAMPTZ TIMESTAMPLTZ
        TIMESTAMPNTZ DATETIME DATETIME2 SMALLDATETIME INTERVAL MONEY SMALLMONEY UUID UNIQUEIDENTIFIER YEAR
        """
)


def hold_to_what_is_allowed(tree: exp.Expr, dialect: Dialect) -> None:
    """Raises QueryRefused for the first node that may not be there."""
    for node in tree.walk():
        kind = type(node)
        allowed = NODES.get(kind)
        if allowed is None:
            raise _construct(node)
        check = _CHECKS.get(kind)
        if check is not None:
            check(node, dialect)
        for name, value in node.args.items():
            if name not in allowed and value not in (None, False, []):
                raise _construct(value if isinstance(value, exp.Expr) else node, name)


def _construct(node: exp.Expr, part: str = "") -> Exception:
    """In words that its writer knows again."""
    if isinstance(node, (exp.Parameter, exp.SessionParameter)):
        return refused("variable_refused", name=node.name)
    if isinstance(node, exp.PropertyEQ):
        return refused("variable_refused", name=node.this.name)
    if isinstance(node, exp.ObjectIdentifier):
        return refused("type_refused", name=str(node.this)[:60])
    spoken = _SPOKEN.get(type(node)) or _SPOKEN_PARTS.get(part)
    if isinstance(node, exp.Func) and spoken is None:
        return refused("function_refused", name=node.sql_name())
    return refused(
        "construct_refused", construct=spoken or (part or node.key).strip("_").replace("_", " ").upper()
    )


_SPOKEN: Mapping[type[exp.Expr], str] = {
    exp.Into: "SELECT … INTO",
    exp.Lock: "FOR UPDATE or FOR SHARE",
    exp.Hint: "A hint",
    exp.WithTableHint: "A table hint",
    exp.IndexTableHint: "An index hint",
    exp.Dot: "A name with a dot after brackets or a function",
    exp.RegexpLike: "A regular expression",
    exp.RegexpILike: "A regular expression",
    exp.SimilarTo: "SIMILAR TO",
    exp.Bracket: "An index in brackets",
    exp.Values: "VALUES",
    exp.JSONExtract: "A look into JSON",
    exp.JSONExtractScalar: "A look into JSON",
    exp.MatchAgainst: "A search in texts",
}
_SPOKEN_PARTS: Mapping[str, str] = {
    "locks": "FOR UPDATE or FOR SHARE",
    "hint": "A hint",
    "hints": "A hint",
    "into": "SELECT … INTO",
    "options": "OPTION",
    "sample": "A sample",
    "catalog": "A name of more than two parts",
    "operation_modifiers": "A word after SELECT that changes how it runs",
}


def _function(node: exp.Expr, dialect: Dialect) -> None:
    name = node.args["this"]
    if not isinstance(name, str) or name.lower() not in ALLOWED[dialect]:
        raise refused("function_refused", name=name if isinstance(name, str) else node.name)
    lowered = name.lower()
    arguments = node.expressions
    _unit_first(lowered, arguments, dialect)
    for place in AS_LITERALS.get(lowered, ()):
        if place < len(arguments) and not isinstance(arguments[place], (exp.Literal, exp.National)):
            raise refused("argument_computed", name=name, place=place + 1)
    if lowered in PADDING:
        most = arguments[1].name if len(arguments) > 1 else ""
        if not most.isdigit() or int(most) > MOST_PADDED:
            raise refused("padding_wide", name=name, most=MOST_PADDED)
    if lowered == "format" and _WIDE.search(arguments[-1].name):
        raise refused("padding_wide", name=name, most=99)
    if lowered == "replace" and len(arguments) > 2 and len(arguments[2].name) > len(arguments[1].name):
        raise refused("replacement_long", name=name)


def _unit_first(name: str, arguments: list[exp.Expr], dialect: Dialect) -> None:
    """Turn the column that a unit looks like into the word that it is."""
    if name in UNIT_FIRST.get(dialect, ()) and arguments and isinstance(arguments[0], exp.Column):
        unit = arguments[0]
        if unit.table or unit.this.args.get("quoted"):
            raise refused("unit_wrong", name=name)
        unit.replace(exp.Var(this=unit.name))


def _unit(node: exp.Expr, dialect: Dialect) -> None:
    if node.name.lower() not in UNITS and not (
        isinstance(node.parent, exp.DataTypeParam) and node.name.upper() == "MAX"
    ):
        raise refused("construct_refused", construct=node.name[:40])


def _star(node: exp.Expr, dialect: Dialect) -> None:
    parent = node.parent
    if isinstance(parent, exp.Select):
        return
    if isinstance(parent, exp.Column) and isinstance(parent.parent, exp.Select):
        return
    if isinstance(parent, exp.Anonymous) and parent.name.lower() in COUNT_STAR:
        return
    raise refused("construct_refused", construct="* in this place")


def _data_type(node: exp.Expr, dialect: Dialect) -> None:
    kind = node.this
    is_wide = any(len(size.name) > _WIDTH_DIGITS for size in node.expressions)
    if not isinstance(kind, exp.DType) or kind.name not in _TYPES or is_wide:
        raise refused("type_refused", name=node.sql(dialect=dialect)[:60])


def _literal(node: exp.Expr, dialect: Dialect) -> None:
    if not node.args.get("is_string") and len(node.name) > 60:
        raise refused("construct_refused", construct="A number of more than 60 digits")


def _limit(node: exp.Expr, dialect: Dialect) -> None:
    name = "count" if isinstance(node, exp.Fetch) else "expression"
    number = node.args.get(name)
    if number is None and isinstance(node, exp.Fetch):
        return  # FETCH FIRST ROW ONLY
    if isinstance(number, exp.Paren):
        number = number.this
    if not isinstance(number, exp.Literal) or number.is_string or not _ROWS.fullmatch(number.name):
        raise refused("construct_refused", construct="LIMIT, OFFSET or TOP with anything but a number")
    node.set(name, number)


def _join(node: exp.Expr, dialect: Dialect) -> None:
    side, kind, method = (str(node.args.get(name) or "").upper() for name in ("side", "kind", "method"))
    if method == "NATURAL":
        raise refused("natural_join")
    if side not in ("", "LEFT", "RIGHT", "FULL") or kind not in ("", "INNER", "OUTER", "CROSS"):
        raise refused("construct_refused", construct=f"{side} {kind} JOIN".strip())


def _with(node: exp.Expr, dialect: Dialect) -> None:
    if node.args.get("recursive"):
        raise refused("recursion_refused")


_CHECKS: Mapping[type[exp.Expr], Callable[[exp.Expr, Dialect], None]] = {
    exp.Anonymous: _function,
    exp.Var: _unit,
    exp.Star: _star,
    exp.DataType: _data_type,
    exp.Literal: _literal,
    exp.Limit: _limit,
    exp.Offset: _limit,
    exp.Fetch: _limit,
    exp.Join: _join,
    exp.With: _with,
}
