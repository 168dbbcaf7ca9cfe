"""How long a text may become: `x || x`, read by `y || y`, read by … doubles with every level, until memory is gone."""

from __future__ import annotations

from sqlglot import exp

MOST_GROWTH = 200
"""Times that the texts a query began with may stand in one of its results."""

_JOINED_ROWS = 20
"""A text joined of rows counts as so many; joined of such texts again it is too long."""

_JOINING = frozenset({"concat", "concat_ws", "format", "array_to_string"})
_OF_ROWS = frozenset({"string_agg", "group_concat", "listagg", "array_agg", "list"})


def growth(node: exp.Expr) -> int:
    """Columns and queries inside it carry as `growth` in their meta how much has gone into them already."""
    known = node.meta.get("growth")
    if known is not None:
        return int(known)
    sizes = [growth(child) for child in node.iter_expressions()] or [1]
    name = node.name.lower() if isinstance(node, exp.Anonymous) else ""
    if isinstance(node, (exp.DPipe, exp.Add)) or name in _JOINING:
        size = sum(sizes)
    elif isinstance(node, exp.GroupConcat) or name in _OF_ROWS:
        size = _JOINED_ROWS * sum(sizes)
    else:
        size = max(sizes)
    return min(size, 10 * MOST_GROWTH)
