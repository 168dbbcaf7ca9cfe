"""Every name of a query traced to a column that may be read, and written out in full.

The database knows more tables and columns than those offered. A name that means one thing here and another there would
be a hole; so what runs carries for each column the table it was traced to, for each table its namespace, and for each
`*` the columns that it stands for. How names are looked up is the databases' own: innermost query first, a column
before the name of a result – except in ORDER BY, where a bare name is that of a result first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from querying.guard.growth import MOST_GROWTH, growth
from querying.guard.identifiers import alike, named, proper, stored
from querying.guard.lookups import Lookup, choices, listed
from querying.guard.nodes import QUERIES
from querying.guard.reasons import refused
from querying.guard.scopes import Merged, Output, Scope, Source, names_in_from
from querying.types import Dialect, Schema, Table

MOST_TABLES = 20
MOST_QUERIES = 20
"""Queries inside each other."""

_ALIAS_ANYWHERE: tuple[Dialect, ...] = ("sqlite", "duckdb")
"""Know a result's name in WHERE too; MySQL in HAVING and in what it orders by; the others in a bare ORDER BY alone."""


@dataclass(slots=True)
class Found:
    """What a query reads."""

    tables: set[str] = field(default_factory=set)
    columns: set[tuple[str, str]] = field(default_factory=set)


class Naming:
    """One query, once. The tree is changed."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._dialect = schema.dialect
        self._lookup = Lookup(schema)
        self.found = Found()
        self._read = 0
        self._depth = 0

    def query(
        self, node: exp.Expr, outer: Scope | None, inherited: Mapping[str, Source]
    ) -> tuple[Output, ...]:
        """Trace a whole query; returns its columns."""
        self._depth += 1
        if self._depth > MOST_QUERIES:
            raise refused("query_deep", most=MOST_QUERIES)
        common = self._common_tables(node, inherited)
        if isinstance(node, exp.SetOperation):
            outputs = self._set_operation(node, outer, common)
        elif isinstance(node, exp.Subquery):
            outputs = self.query(node.this, outer, common)
        else:
            outputs = self._select(node, outer, common)
        self._depth -= 1
        return outputs

    def _common_tables(self, node: exp.Expr, inherited: Mapping[str, Source]) -> Mapping[str, Source]:
        """Those of WITH; none of them looks outside, since where it is read is not where it stands."""
        common = dict(inherited)
        clause = node.args.get("with_")
        for table in clause.expressions if clause else ():
            source = self._aliased(table, self.query(table.this, None, common))
            taken = [*(other.name for other in common.values()), *(one.name for one in self._schema.tables)]
            if alike(source.name) in map(alike, taken):
                raise refused("name_twice", name=source.name)
            common[source.key] = source
        return common

    def _aliased(self, node: exp.Expr, outputs: Sequence[Output]) -> Source:
        """A query that has a name, and perhaps names for its columns."""
        alias = node.args.get("alias")
        if not isinstance(alias, exp.TableAlias) or alias.this is None:
            raise refused("name_missing")
        name = proper(alias.this, self._dialect)
        names = [proper(column, self._dialect) for column in alias.args.get("columns") or ()]
        if len(names) > len(outputs):
            raise refused("column_unknown", name=names[-1], tables=name, offered=listed(outputs))
        renamed = tuple(
            Output(names[place], stored(names[place], self._dialect), output.growth)
            if place < len(names)
            else output
            for place, output in enumerate(outputs)
        )
        return self._source(name, renamed)

    def _source(self, name: str, outputs: Sequence[Output], table: Table | None = None) -> Source:
        columns: dict[str, Output] = {}
        for output in outputs:
            if output.key and output.key in columns:
                raise refused("name_twice", name=output.name)
            if output.key:
                columns[output.key] = output
        return Source(name, stored(name, self._dialect, is_table=True), columns, tuple(outputs), table)

    def _set_operation(
        self, node: exp.SetOperation, outer: Scope | None, common: Mapping[str, Source]
    ) -> tuple[Output, ...]:
        left = self.query(node.this, outer, common)
        right = self.query(node.expression, outer, common)
        if len(left) != len(right):
            raise refused(
                "construct_refused", construct=f"{node.key.upper()} of {len(left)} and {len(right)} columns"
            )
        known = {output.key for output in left if output.key}
        for ordered in _ordered(node):
            item = ordered.this
            if isinstance(item, exp.Column) and not item.table and not isinstance(item.this, exp.Star):
                if named(item.this, self._dialect) not in known:
                    raise refused(
                        "column_unknown", name=item.name, tables=node.key.upper(), offered=listed(left)
                    )
                proper(item.this, self._dialect)
            elif not isinstance(item, exp.Literal):
                raise refused(
                    "construct_refused", construct=f"ORDER BY an expression after {node.key.upper()}"
                )
        return tuple(
            Output(one.name, one.key, max(one.growth, other.growth))
            for one, other in zip(left, right, strict=True)
        )

    # --- one SELECT

    def _select(
        self, node: exp.Expr, outer: Scope | None, common: Mapping[str, Source]
    ) -> tuple[Output, ...]:
        scope = Scope(outer, names_in_from(node))
        self._from(node, scope, common)
        if not node.expressions:
            raise refused("construct_refused", construct="SELECT without columns")
        self._expand_stars(node, scope)
        outputs = tuple(self._output(item, scope, common) for item in list(node.expressions))
        distinct = node.args.get("distinct")
        if distinct is not None:
            self._trace(distinct, scope, common)
        anywhere = self._dialect in _ALIAS_ANYWHERE
        self._clause(node, "where", scope, common, anywhere)
        self._group(node, scope, common)
        self._clause(node, "having", scope, common, anywhere or self._dialect == "mysql")
        self._clause(node, "qualify", scope, common, anywhere)
        for window in node.args.get("windows") or ():
            self._trace(window, scope, common)
        self._order(node, scope, common)
        return outputs

    def _from(self, node: exp.Expr, scope: Scope, common: Mapping[str, Source]) -> None:
        start = node.args.get("from_")
        if start is not None:
            self._add(start.this, scope, common)
        for join in node.args.get("joins") or ():
            added = self._add(join.this, scope, common)
            self._join(join, scope, common, added)
        for lateral in node.args.get("laterals") or ():
            self._add(lateral, scope, common)

    def _join(self, join: exp.Expr, scope: Scope, common: Mapping[str, Source], added: Source) -> None:
        """A comma becomes CROSS JOIN, so that ON sees what stands before it; USING becomes ON, which names tables."""
        on, using, side = (
            join.args.get("on"),
            join.args.get("using"),
            str(join.args.get("side") or "").upper(),
        )
        if side in ("RIGHT", "FULL") and scope.has_comma:
            raise refused("construct_refused", construct=f"{side} JOIN after a comma")
        if on is None and not using and not side and not join.args.get("kind"):
            scope.has_comma = True
            join.set("kind", "CROSS")
        if on is not None:
            self._trace(on, scope, common)
        if using:
            join.set("on", exp.and_(*(self._use(column, scope, added, side) for column in using), copy=False))
            join.set("using", None)

    def _add(self, node: exp.Expr, scope: Scope, common: Mapping[str, Source]) -> Source:
        if isinstance(node, exp.Table):
            source = self._table(node, common)
        elif isinstance(node, exp.Subquery):
            source = self._aliased(node, self.query(node.this, scope.within(), common))
        elif isinstance(node, exp.Lateral) and isinstance(node.this, exp.Subquery):
            source = self._aliased(node, self.query(node.this.this, scope, common))
        else:
            raise refused("construct_refused", construct=f"{node.key.upper()} in FROM")
        if any(alike(source.name) == alike(other.name) for other in scope.sources):
            raise refused("name_twice", name=source.name)
        scope.sources.append(source)
        return source

    def _table(self, node: exp.Table, common: Mapping[str, Source]) -> Source:
        self._read += 1
        if self._read > MOST_TABLES:
            raise refused("query_joins", count=self._read, most=MOST_TABLES)
        alias = node.args.get("alias")
        if not isinstance(node.this, exp.Identifier) or (alias is not None and alias.args.get("columns")):
            raise refused("construct_refused", construct=node.sql(dialect=self._dialect)[:60])
        common_table = common.get(named(node.this, self._dialect, is_table=True))
        if common_table is not None and not node.args.get("db"):
            proper(node.this, self._dialect)
            name = proper(alias.this, self._dialect) if alias else common_table.name
            return self._source(name, common_table.order)
        table = self._lookup.offered(node)
        name = proper(alias.this, self._dialect) if alias else table.name
        node.set("this", exp.to_identifier(table.name, quoted=True))
        node.set("db", exp.to_identifier(table.namespace, quoted=True) if table.namespace else None)
        node.set("alias", exp.TableAlias(this=exp.to_identifier(name, quoted=True)))
        self.found.tables.add(table.full_name)
        outputs = [
            Output(column.name, stored(column.name, self._dialect))
            for column in table.columns
            if not column.is_personal
        ]
        return self._source(name, outputs, table)

    def _use(self, column: exp.Expr, scope: Scope, added: Source, side: str) -> exp.Expr:
        """A column of USING: one of the new source's and of one before it. Returns the condition that it means."""
        if not isinstance(column, exp.Identifier):
            raise refused("construct_refused", construct="USING with anything but columns")
        key = named(column, self._dialect)
        merged = scope.merged.get(key)
        before = tuple(source for source in scope.sources[:-1] if key in source.columns)
        if key not in added.columns or not before:
            raise refused("column_unknown", name=column.name, tables=added.name, offered=listed(added.order))
        if len(before) > (len(merged.sources) if merged else 1):
            raise refused("column_unclear", name=column.name, choices=choices(before, key))
        for source in (*before, added):
            self._note(source, source.columns[key])
        left = merged.expression if merged else before[0].written(before[0].columns[key])
        right = added.written(added.columns[key])
        both = exp.Anonymous(this="coalesce", expressions=[left.copy(), right.copy()])
        stands_for = {"RIGHT": right, "FULL": both}.get(side, left)
        scope.merged[key] = Merged(added.columns[key].name, stands_for, (*before, added))
        return exp.EQ(this=left.copy(), expression=right.copy())

    # --- expressions

    def _output(self, item: exp.Expr, scope: Scope, common: Mapping[str, Source]) -> Output:
        merged = self._lookup.merged(item, scope)
        if merged is not None:
            item = item.replace(merged.shown())
        else:
            self._trace(item, scope, common)
        size = growth(item)
        if size > MOST_GROWTH:
            raise refused("text_grows")
        if isinstance(item, exp.Alias):
            name = proper(item.args["alias"], self._dialect)
            scope.results.setdefault(stored(name, self._dialect), item.this)
            return Output(name, stored(name, self._dialect), size)
        if isinstance(item, exp.Column):
            return Output(item.name, stored(item.name, self._dialect), size)
        return Output("", "", size)

    def _trace(
        self, node: exp.Expr, scope: Scope, common: Mapping[str, Source], with_results: bool = False
    ) -> None:
        """Write out each column in it; with_results: names of results mean what they stand for."""
        if isinstance(node, QUERIES):
            outputs = self.query(node, scope, common)
            node.meta["growth"] = sum(output.growth for output in outputs)
        elif isinstance(node, exp.Column):
            self._column(node, scope, with_results)
        else:
            if isinstance(node, exp.Window) and isinstance(node.args.get("alias"), exp.Identifier):
                proper(node.args["alias"], self._dialect)
            if isinstance(node, exp.Window) and isinstance(node.this, exp.Identifier):
                proper(node.this, self._dialect)
            for child in list(node.iter_expressions()):
                if not isinstance(child, exp.Identifier):
                    self._trace(child, scope, common, with_results)

    def _column(self, node: exp.Column, scope: Scope, with_results: bool) -> None:
        found = self._lookup.owner(node, scope, with_results)
        if isinstance(found, exp.Column):
            node.replace(found.copy())
        elif isinstance(found, exp.Expr):
            node.replace(exp.Paren(this=found.copy()))
        else:
            source, output = found
            node.set("this", exp.to_identifier(output.name, quoted=True))
            node.set("db", None)
            node.set("table", exp.to_identifier(source.name, quoted=True))
            node.meta["growth"] = output.growth
            self._note(source, output)

    def _note(self, source: Source, output: Output) -> None:
        if source.table is not None:
            self.found.columns.add((source.table.full_name, output.name))

    # --- clauses

    def _clause(
        self, node: exp.Expr, name: str, scope: Scope, common: Mapping[str, Source], with_results: bool
    ) -> None:
        clause = node.args.get(name)
        if clause is not None:
            self._trace(clause, scope, common, with_results)

    def _group(self, node: exp.Expr, scope: Scope, common: Mapping[str, Source]) -> None:
        group = node.args.get("group")
        if group is None:
            return
        with_results = self._dialect != "tsql"
        for item in list(group.expressions):
            if with_results and isinstance(item, exp.Column) and not item.table:
                place = self._place_of_result(item, node, scope)
                if place is not None:
                    item.replace(exp.Literal.number(place))
                    continue
            self._trace(item, scope, common, with_results)
        for name in ("grouping_sets", "cube", "rollup"):
            for item in group.args.get(name) or ():
                self._trace(item, scope, common, with_results)

    def _place_of_result(self, item: exp.Column, node: exp.Expr, scope: Scope) -> int | None:
        """Where in the SELECT list (from 1) the result stands that a bare name means, if it means one."""
        found = self._lookup.owner(item, scope, True)
        if not isinstance(found, exp.Expr):
            return None
        for place, output in enumerate(node.expressions, start=1):
            if isinstance(output, exp.Alias) and output.this is found:
                return place
        return None

    def _order(self, node: exp.Expr, scope: Scope, common: Mapping[str, Source]) -> None:
        inside = self._dialect in ("mysql", "sqlite", "duckdb")
        for ordered in _ordered(node):
            item = ordered.this
            if isinstance(item, exp.Column) and not item.table and not isinstance(item.this, exp.Star):
                key = named(item.this, self._dialect)
                if key in scope.results:
                    proper(item.this, self._dialect)
                    continue
                shown = [
                    one for one in node.expressions if isinstance(one, exp.Column) and self._has_key(one, key)
                ]
                if shown and all(one == shown[0] for one in shown):
                    item.replace(shown[0].copy())
                    continue
            self._trace(item, scope, common, with_results=inside)

    def _has_key(self, column: exp.Column, key: str) -> bool:
        return stored(column.name, self._dialect) == key

    def _expand_stars(self, node: exp.Expr, scope: Scope) -> None:
        if not any(item.is_star for item in node.expressions):
            return
        written: list[exp.Expr] = []
        for item in node.expressions:
            if isinstance(item, exp.Star):
                written.extend(self._all_columns(scope))
            elif isinstance(item, exp.Column) and isinstance(item.this, exp.Star):
                written.extend(self._columns_of(item, scope))
            else:
                written.append(item)
        if not written:
            raise refused("construct_refused", construct="* without a table")
        node.set("expressions", written)

    def _all_columns(self, scope: Scope) -> Iterator[exp.Expr]:
        """As the databases order them: merged columns first, in SQLite and DuckDB where the first table has them."""
        first = self._dialect not in ("sqlite", "duckdb")
        shown: set[str] = set()
        for key, merged in scope.merged.items() if first else ():
            shown.add(key)
            yield merged.shown()
        for source in scope.sources:
            for output in source.order:
                column = scope.merged.get(output.key)
                if column is None or source not in column.sources:
                    yield self._written(source, output)
                elif output.key not in shown:
                    shown.add(output.key)
                    yield column.shown()

    def _columns_of(self, item: exp.Column, scope: Scope) -> Iterator[exp.Expr]:
        matching = [source for source in scope.sources if self._lookup.is_meant(item, source)]
        if not matching:
            raise refused(
                "table_unknown", name=item.table, offered=", ".join(s.name for s in scope.sources) or "none"
            )
        for output in matching[0].order:
            yield self._written(matching[0], output)

    def _written(self, source: Source, output: Output) -> exp.Expr:
        if not output.name:
            raise refused("name_missing")
        return source.written(output)


def _ordered(node: exp.Expr) -> list[exp.Expr]:
    order = node.args.get("order")
    return list(order.expressions) if order is not None else []
