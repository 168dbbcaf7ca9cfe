"""When the rows of an answer count as those of the checked SQL."""

from __future__ import annotations

import pytest

from scripts.eval_sql import Answer, report, same_rows


@pytest.mark.parametrize(
    ("gold", "got", "is_same"),
    [
        ([(1, "a"), (2, "b")], [("b", 2), ("a", 1)], True),
        ([(1, "a"), (2, "b")], [("a", 2), ("b", 1)], False),
        ([("37.62",), ("1.98",)], [(1.98,), (37.6200000001,)], True),
        ([("37.62",)], [("37.63",)], False),
        ([(1,), (1,), (2,)], [(1,), (2,), (2,)], False),
        ([(1, None)], [(None, 1)], True),
        ([(1,)], [(1, 2)], False),
        ([], [], True),
        ([(0.1 + 0.2,)], [(0.3,)], True),
        ([(True,)], [(1,)], False),
    ],
)
def test_rows_are_equal_as_multisets_in_any_order_of_columns(gold: list, got: list, is_same: bool) -> None:  # type: ignore[type-arg]
    """Floats to one in a million; a row too many is one too many."""
    assert same_rows(gold, got) is is_same


def test_order_counts_only_where_it_was_asked_for() -> None:
    """As a line of the questions says."""
    assert same_rows([(1,), (2,)], [(2,), (1,)]) and not same_rows([(1,), (2,)], [(2,), (1,)], ordered=True)


def test_the_report_counts_refusals_apart() -> None:
    """Right where nothing fits, wrong where something does."""
    answers = [
        Answer("1", "es", "?", True, True, False, True, False, 1.0, 0, "SELECT 1", ""),
        Answer("2", "es", "?", False, True, True, False, False, 2.0, 0, "", "no_table_fits"),
        Answer("3", "en", "?", True, False, True, False, False, 3.0, 0, "", "no_query"),
    ]
    last = report(answers).splitlines()[-1]
    assert last == "| all | 3 | 1 of 2 | 1 of 1 | 0 | 1 | 1 | 0 of 3 | 2.00 | 3.00 |"
