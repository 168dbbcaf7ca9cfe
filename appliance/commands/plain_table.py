"""A table for a terminal: no lines, columns that wrap."""

from __future__ import annotations

from rich.table import Table


def plain_table(*columns: str) -> Table:
    """A column whose name ends in > is for numbers."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        is_number = column.endswith(">")
        table.add_column(column.removesuffix(">"), justify="right" if is_number else "left", overflow="fold")
    return table
