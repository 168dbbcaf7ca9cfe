"""What names mean inside of one SELECT, and where a column is looked for.

What is written out must mean the same to the database. It could mean something else where a name inside hides the same
name outside – in a FROM that some databases let its own subqueries look into, or in a later table of it; so whoever
looks outside may not pass a table of that name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from querying.guard.identifiers import alike
from querying.guard.reasons import refused
from querying.types import Table


@dataclass(frozen=True, slots=True)
class Output:
    """A column of a query. key: its name as compared; empty: none. growth: how often texts may stand in it."""

    name: str
    key: str
    growth: int = 1


@dataclass(frozen=True, slots=True)
class Source:
    """What stands in FROM. name: as written out. table: where it is one of those offered."""

    name: str
    key: str
    columns: Mapping[str, Output]
    order: tuple[Output, ...]
    table: Table | None = None

    def written(self, output: Output) -> exp.Column:
        """One of its columns, in full."""
        column = exp.column(
            exp.to_identifier(output.name, quoted=True), table=exp.to_identifier(self.name, quoted=True)
        )
        column.meta["growth"] = output.growth
        return column


@dataclass(frozen=True, slots=True)
class Merged:
    """A column of USING: what its bare name stands for."""

    name: str
    expression: exp.Expr
    sources: tuple[Source, ...]

    def shown(self) -> exp.Expr:
        """As one of the results, under its name."""
        if isinstance(self.expression, exp.Column):
            return self.expression.copy()
        return exp.alias_(self.expression.copy(), self.name, quoted=True)


@dataclass(slots=True)
class Scope:
    """names: of everything in FROM, also of what is not reached yet, without regard to case and accents.

    results: what the names that SELECT gives stand for. has_comma: tables were parted by one.
    """

    outer: Scope | None = None
    names: frozenset[str] = frozenset()
    sources: list[Source] = field(default_factory=list)
    merged: dict[str, Merged] = field(default_factory=dict)
    results: dict[str, exp.Expr] = field(default_factory=dict)
    has_comma: bool = False

    def within(self) -> Scope:
        """As a subquery in FROM sees it: what is outside, and nothing of what stands beside it."""
        return Scope(self.outer, self.names)

    def outwards(self) -> Iterator[tuple[Scope, frozenset[str]]]:
        """Each scope from here, with the names that were passed on the way to it."""
        passed: frozenset[str] = frozenset()
        at: Scope | None = self
        while at is not None:
            yield at, passed
            passed |= at.names
            at = at.outer


def names_in_from(node: exp.Expr) -> frozenset[str]:
    """Of one SELECT."""
    start = node.args.get("from_")
    beside = (*(node.args.get("joins") or ()), *(node.args.get("laterals") or ()))
    parts = [
        *([start.this] if start is not None else []),
        *(part.this if isinstance(part, exp.Join) else part for part in beside),
    ]
    return frozenset(alike(part.alias_or_name) for part in parts)


def not_hidden(sources: tuple[Source, ...], passed: frozenset[str]) -> None:
    """Raises QueryRefused where one of the sources could be taken for a table that was passed."""
    for source in sources:
        if alike(source.name) in passed:
            raise refused("name_twice", name=source.name)
