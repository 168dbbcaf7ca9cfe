"""`appliance egress` and the figures: from the files alone, while nothing runs."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from appliance.bootstrap.egress import way_out_at
from appliance.bootstrap.metrics.egress import EgressMetrics
from appliance.commands.entry import run
from inference.egress import Departure
from inference.egress.settings import EgressSettings


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder as the appliance leaves it."""
    (tmp_path / "secrets").mkdir()
    return tmp_path


def went(happened: str = "ended", **told: object) -> Departure:
    """A call of a cloud, just now."""
    asked = ("cloud", "ana@x.example", "POST", "cloud.example", "/v1")
    return Departure(happened, datetime.now(UTC), *asked, **told)  # type: ignore[arg-type]


def test_it_is_stopped_and_let_go_on_without_anything_that_runs(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file, the ledger and the answer say the same; a second time changes nothing."""
    assert run(["egress", "stop", "--reason", "an incident", "--data", str(data), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"stopped": True, "changed": True}
    assert (data / "egress.stop").exists()
    assert run(["egress", "stop", "--data", str(data), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["changed"] is False
    assert run(["egress", "list", "--data", str(data)]) == 0
    assert "STOPPED by operator" in capsys.readouterr().out
    assert run(["egress", "start", "--data", str(data)]) == 0
    assert not (data / "egress.stop").exists()
    capsys.readouterr()
    assert run(["egress", "list", "--data", str(data), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [line["happened"] for line in told["data"]] == ["resumed", "stopped"]


def test_broken_settings_do_not_keep_it_from_stopping(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Then more than ever."""
    (data / "appliance.toml").write_text("[egress\n", encoding="utf-8")

    assert run(["egress", "stop", "--data", str(data)]) == 0

    assert (data / "egress.stop").exists()


def test_a_folder_that_is_no_appliance_s_is_not_touched(tmp_path: Path) -> None:
    """A wrong --data must not look as if something had been stopped."""
    assert run(["egress", "stop", "--data", str(tmp_path)]) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_changed_line_is_found(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By its hash; a line that is missing by its number."""
    out = way_out_at(data, EgressSettings())
    for _ in range(3):
        out.ledger(went())
    ledger = out.folder / "ledger.jsonl"
    assert run(["egress", "verify", "--data", str(data)]) == 0

    whole = ledger.read_text(encoding="utf-8")
    ledger.write_text(whole.replace("ana@x.example", "bea@x.example", 3), encoding="utf-8")
    assert run(["egress", "verify", "--data", str(data)]) == 1
    assert "line 2 is not what was written" in capsys.readouterr().err
    first, _, third = whole.splitlines(keepends=True)
    ledger.write_text(first + third, encoding="utf-8")
    assert run(["egress", "verify", "--data", str(data)]) == 1
    assert "line 3 follows line 1" in capsys.readouterr().err


def test_the_figures_are_of_every_process(data: Path) -> None:
    """Read from the ledger; what left before this process began is not counted again."""
    out = way_out_at(data, EgressSettings())
    out.ledger(went(sent_bytes=1))
    metrics = EgressMetrics(out)
    out.ledger(went("began", sent_bytes=10))
    out.ledger(went(sent_bytes=10, received_bytes=5, status=200))
    out.ledger(went("refused", reason="no"))
    out.switch.throw("root@x.example")

    for _ in range(2):  # a scrape changes nothing
        told = {
            (sample.name, *sample.labels.values()): sample.value
            for metric in metrics.collect()
            for sample in metric.samples
        }

    assert told["appliance_egress_requests_total", "cloud", "ended"] == 1
    assert told["appliance_egress_requests_total", "cloud", "refused"] == 1
    assert told["appliance_egress_bytes_total", "cloud", "sent"] == 10
    assert told["appliance_egress_bytes_total", "cloud", "received"] == 5
    assert told[("appliance_egress_stopped",)] == 1
