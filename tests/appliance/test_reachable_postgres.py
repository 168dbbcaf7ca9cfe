"""Whether a backup uses the PostgreSQL of a running appliance or starts it itself."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from appliance.bootstrap.backups import servers
from appliance.bootstrap.backups.servers import reachable_postgres
from appliance.errors import StartupError
from appliance.supervisor.data_folder import locked


def box_whose_postgres(data: Path, *is_ready: bool) -> Any:
    """It says so at one look after the other; the last answer is given for ever."""
    (data / "PG_VERSION").touch()
    answers = iter(is_ready)
    postgres = SimpleNamespace(cluster=data, is_ready=lambda: next(answers, is_ready[-1]))
    return SimpleNamespace(data=data, postgres=postgres)


def test_a_server_that_is_slow_to_answer_is_waited_for(tmp_path: Path) -> None:
    """The folder is an appliance's, whose PostgreSQL was busy at the first looks: it is used, and nothing started."""
    box = box_whose_postgres(tmp_path, False, False, True)

    with locked(tmp_path, "(appliance up)"), reachable_postgres(box, "a backup"):
        answered = box.postgres.is_ready()

    assert answered


def test_a_folder_in_other_hands_without_a_server_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing ever answers: who holds the folder is told."""
    monkeypatch.setattr(servers, "_STARTING_S", 0.0)
    box = box_whose_postgres(tmp_path, False)

    with (
        locked(tmp_path, "(a restore)"),
        pytest.raises(StartupError, match=r"in use by process \d+ \(a restore\)"),
        reachable_postgres(box, "a backup"),
    ):
        pass
