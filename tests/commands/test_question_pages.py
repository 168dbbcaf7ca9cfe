"""What `appliance question list` says of saved questions."""

from __future__ import annotations

import pytest

from appliance.commands.failures import CommandFailed
from appliance.commands.question import _parameter, list_page

ENTRY = {
    "id": "7",
    "question": "Ventas en {periodo}\x1b[2J",
    "is_verified": False,
    "is_proposed": True,
    "problem": None,
    "parameters": [{"name": "desde", "kind": "date", "default": "mes pasado"}],
}


def test_each_question_says_how_it_stands_and_what_may_change() -> None:
    """Without control signs of whoever wrote it; what cannot run says why; none says what to do."""
    broken = ENTRY | {
        "problem": {"code": "schema_changed", "detail": "Not there any more: sale."},
        "parameters": [],
    }

    assert list_page([ENTRY, broken]).splitlines() == [
        "Ventas en {periodo} [2J  [offered]  7",
        "  desde:date=mes pasado",
        "Ventas en {periodo} [2J  [does not run any more: Not there any more: sale.]  7",
    ]
    assert "appliance question add" in list_page([])


def test_parameters_are_written_with_their_kind_and_default() -> None:
    """Numbers become numbers; what has no kind is refused."""
    assert _parameter("n:integer=10") == {"name": "n", "kind": "integer", "default": 10}
    assert _parameter("desde:date=mes pasado")["default"] == "mes pasado"
    for wrong in ("n=10", "n:integer", "n:integer=ten"):
        with pytest.raises(CommandFailed):
            _parameter(wrong)
