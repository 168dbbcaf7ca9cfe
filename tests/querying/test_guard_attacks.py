"""What the guard refuses: each attack for its own reason, so that a rule that was lost is seen."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from querying.errors import QueryRefused
from querying.guard.checking import check
from querying.refusals import QUERY_REFUSALS, Because
from querying.testing.shop import shop_schema
from querying.types import Caps, Dialect
from tests.querying.attacks import ATTACKS, EVERYWHERE

CHINOOK = Path(__file__).parents[3] / "shared" / "data" / "sql" / "chinook"


def _each() -> Iterator[tuple[Dialect, str, str]]:
    for dialect, sql, reason in ATTACKS:
        for one in get_args(Dialect) if dialect == EVERYWHERE else (dialect,):
            yield one, sql, reason


def test_every_attack_is_refused_with_its_reason() -> None:
    """The whole corpus, in every dialect that it is written for."""
    wrong = []
    for dialect, sql, reason in _each():
        found = _reason(dialect, sql)
        if found != reason:
            wrong.append((dialect, sql[:120], reason, found))
    assert not wrong, "\n" + "\n".join(map(str, wrong))
    assert len(list(_each())) >= 500


def _reason(dialect: Dialect, sql: str) -> str:
    try:
        return "passes: " + check(sql, shop_schema(dialect), Caps()).sql
    except QueryRefused as refusal:
        assert isinstance(refusal.detail, Because)
        assert refusal.detail.code == refusal.reason
        return refusal.reason


def test_every_reason_has_an_attack_that_it_refuses() -> None:
    """No sentence is left without a case; the two that only a slip of ours could cause are named here."""
    assert set(QUERY_REFUSALS) - {reason for _, _, reason in ATTACKS} == {
        "rewriting_differs",
        "parameter_wrong",
    }


def test_the_attacks_on_the_sample_database_are_refused_or_bounded() -> None:
    """All of ../shared/data/sql/chinook/attacks.jsonl: refused, or, where it says so, with a bound on the rows."""
    attacks = CHINOOK / "attacks.jsonl"
    if not attacks.exists():
        pytest.skip(f"no {attacks}")
    for line in attacks.read_text(encoding="utf-8").splitlines():
        attack = json.loads(line)
        try:
            checked = check(attack["sql"], shop_schema("postgres", everything=True), Caps(rows=100))
        except QueryRefused:
            continue
        assert attack["must"].startswith("refuse_or_bounded"), attack
        assert checked.sql.endswith("LIMIT 101")
