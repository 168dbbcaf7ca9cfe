"""Where a table or a column is found: among those offered, and in the scopes of a query."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from querying.guard.identifiers import named, stored
from querying.guard.reasons import refused
from querying.guard.scopes import Merged, Output, Scope, Source, not_hidden
from querying.types import Schema, Table


class Lookup:
    """In one schema. Changes nothing."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._dialect = schema.dialect

    def offered(self, node: exp.Table) -> Table:
        """The table that is meant. Raises QueryRefused."""
        name = named(node.this, self._dialect, is_table=True)
        namespace = node.args.get("db")
        found = [
            table
            for table in self._schema.tables
            if stored(table.name, self._dialect, is_table=True) == name and self.is_there(table, namespace)
        ]
        if len(found) != 1:
            offered = ", ".join(table.full_name for table in self._schema.tables)
            raise refused(
                "table_unknown", name=node.sql(dialect=self._dialect)[:80], offered=offered or "none"
            )
        return found[0]

    def is_there(self, table: Table, namespace: exp.Expr | None) -> bool:
        """Whether a table is in the namespace that is written before it, or in the default one."""
        if namespace is None:
            default = self._schema.default_namespace
            return not default or table.namespace == default
        return isinstance(namespace, exp.Identifier) and stored(
            table.namespace, self._dialect, is_table=True
        ) == named(namespace, self._dialect, is_table=True)

    def merged(self, node: exp.Expr, scope: Scope) -> Merged | None:
        """What a bare name of USING stands for, if it is one."""
        is_bare = isinstance(node, exp.Column) and not node.table and not isinstance(node.this, exp.Star)
        return scope.merged.get(named(node.this, self._dialect)) if is_bare else None

    def owner(self, node: exp.Column, scope: Scope, with_results: bool) -> tuple[Source, Output] | exp.Expr:
        """A source and its column, or what the name stands for."""
        key = named(node.this, self._dialect)
        for at, passed in scope.outwards():
            merged = self.merged(node, at)
            if merged is not None:
                not_hidden(merged.sources, passed)
                return merged.expression
            matching = [source for source in at.sources if self.is_meant(node, source)]
            if node.table and matching and key not in matching[0].columns:
                raise self._unknown(node, matching)
            having = [source for source in matching if key in source.columns]
            if len(having) > 1:
                raise refused("column_unclear", name=node.name, choices=choices(having, key))
            if having:
                not_hidden((having[0],), passed)
                return having[0], having[0].columns[key]
            if at is scope and with_results and not node.table and key in at.results:
                return at.results[key]
        raise self._unknown(node, scope.sources)

    def is_meant(self, node: exp.Column, source: Source) -> bool:
        """Whether the name before a column's is that of the source; without one every source is."""
        qualifier, namespace = node.args.get("table"), node.args.get("db")
        if qualifier is None:
            return True
        if namespace is not None and not (
            source.table is not None
            and source.name == source.table.name
            and self.is_there(source.table, namespace)
        ):
            return False
        return named(qualifier, self._dialect, is_table=True) == source.key

    def _unknown(self, node: exp.Column, sources: Sequence[Source]) -> Exception:
        if not node.table and any(
            named(node.this, self._dialect, is_table=True) == source.key for source in sources
        ):
            return refused("row_refused", name=node.name)
        where = ", ".join(source.table.full_name if source.table else source.name for source in sources)
        offered = ", ".join(output.name for source in sources for output in source.order if output.name)
        written = ".".join(part.name for part in node.parts)
        return refused("column_unknown", name=written, tables=where or "no table", offered=offered or "none")


def listed(outputs: Sequence[Output]) -> str:
    """For a refusal."""
    return ", ".join(output.name for output in outputs if output.name) or "none"


def choices(sources: Sequence[Source], key: str) -> str:
    """For a refusal: the column with each of its tables."""
    return ", ".join(f"{source.name}.{source.columns[key].name}" for source in sources)
