"""How long a text may become: `x || x`, read by `y || y`, read by … doubles with every level, until memory is gone."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

MOST_GROWTH = 200
"""Times that the texts a query began with may stand in one of its results."""

_JOINING = frozenset(
    {"concat", "concat_ws", "string_agg", "group_concat", "listagg", "format", "array_to_string", "replace"}
)


def growth(node: exp.Expr, known: Mapping[int, int]) -> int:
    """known: by id of a node that stands for a column or a query, how much has gone into it already."""
    if id(node) in known:
        return known[id(node)]
    sizes = [growth(child, known) for child in node.iter_expressions()] or [1]
    if isinstance(node, (exp.DPipe, exp.Add)) or (
        isinstance(node, exp.Anonymous) and node.name.lower() in _JOINING
    ):
        return min(sum(sizes), 10 * MOST_GROWTH)
    return max(sizes)
