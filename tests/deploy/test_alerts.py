"""The alerts: each is shown to fire and to clear, in promtool's own time, and has a section for whoever is woken."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.make_dashboards import DASHBOARDS, FOLDER, rendered

ROOT = Path(__file__).resolve().parent.parent.parent
RULES = ROOT / "deploy" / "prometheus" / "rules" / "appliance.yml"
HOURLY = 60
DAY = 24  # in hourly steps


@dataclass(frozen=True)
class Story:
    """What the series do, in promtool's notation, when the alert fires and when it is over.

    step: minutes from one value to the next. firing, over: in steps; it does not fire at `quiet`.
    """

    series: dict[str, str]
    quiet: int
    firing: int
    over: int
    step: int = 1


def _bad_for(good: str, bad: str, minutes: int = 60) -> str:
    """Well, not well, and well again, for so many minutes each."""
    return f"{good}x{minutes} {bad}x{minutes} {good}x{minutes}"


def _level(series: str, good: float, bad: float) -> Story:
    return Story({series: _bad_for(f"{good}+0", f"{bad}+0")}, 30, 115, 170)


def _slow(metric: str, fast: str, slow: str) -> Story:
    """The share of what takes longer than the fast bucket goes from none to all and back."""
    none, all_ = "0+60", "0+0"
    counted = f"{none}x60 3600+60x60 7200+60x60"
    quick = f"{none}x60 3600{all_[1:]}x60 3600+60x60"
    return Story(
        {
            f'{metric}_bucket{{le="{fast}"}}': quick,
            f'{metric}_bucket{{le="{slow}"}}': counted,
            f'{metric}_bucket{{le="+Inf"}}': counted,
        },
        30,
        115,
        178,
    )


def _counts(series: str, per_minute: int) -> Story:
    """Nothing, so many a minute for an hour, nothing."""
    top = per_minute * 60
    return Story({series: f"0+0x60 0+{per_minute}x60 {top}+0x120"}, 30, 115, 235)


STORIES: dict[str, Story] = {
    "ApplianceDown": _level('up{job="appliance"}', 1, 0),
    "TargetDown": _level('up{job="node",instance="n"}', 1, 0),
    "DatabaseDown": _level("appliance_database_up", 1, 0),
    "UsageSpooled": _level("appliance_spooled_rows", 0, 12),
    "QueueNotShared": _level("appliance_queue_is_shared", 1, 0),
    "BudgetNearlyUsed": _level(
        'appliance_budget_used_ratio{subject="user",window="day",covers="all"}', 0.4, 0.9
    ),
    "BudgetRefuses": _counts('appliance_budget_refusals_total{subject="user",window="day",covers="all"}', 1),
    "DiskAlmostFull": Story(
        {
            "appliance_disk_free_bytes": _bad_for("500+0", "50+0"),
            "appliance_disk_size_bytes": "1000+0x180",
        },
        30,
        115,
        170,
    ),
    "DiskFullSoon": Story(
        {
            "appliance_disk_free_bytes": "400+0x20 400-8x20 400+0x40",
            "appliance_disk_size_bytes": "1000+0x80",
        },
        19,
        39,
        75,
        HOURLY,
    ),
    "MemoryShort": Story(
        {
            "node_memory_MemAvailable_bytes": _bad_for("500+0", "10+0"),
            "node_memory_MemTotal_bytes": "1000+0x180",
        },
        30,
        115,
        170,
    ),
    "ClockNotSynchronised": Story({"node_timex_sync_status": _bad_for("1+0", "0+0", 120)}, 60, 235, 350),
    # Of 36 hours: six before its end it should have been renewed, which happens at the fortieth hour.
    "CertificateExpiresSoon": Story(
        {
            "appliance_certificate_expiry_timestamp_seconds": f"{36 * 3600}+0x40 {72 * 3600}+0x20",
            "appliance_certificate_start_timestamp_seconds": f"0+0x40 {36 * 3600}+0x20",
        },
        28,
        38,
        44,
        HOURLY,
    ),
    "BackupTooOld": Story(
        {"appliance_backup_last_success_timestamp_seconds": f"0+0x{2 * DAY} {2 * DAY * 3600}+0x{DAY}"},
        DAY,
        2 * DAY - 1,
        2 * DAY + 4,
        HOURLY,
    ),
    "BackupMissing": Story(
        {
            'up{job="appliance"}': f"1+0x{3 * DAY}",
            "appliance_backup_last_success_timestamp_seconds": f"_x{2 * DAY} 0+0x{DAY}",
        },
        DAY,
        2 * DAY - 1,
        2 * DAY + 4,
        HOURLY,
    ),
    "EgressRefused": _counts('appliance_egress_requests_total{purpose="cloud",outcome="refused"}', 6),
    "EgressStopForgotten": Story(
        {"appliance_egress_stopped_seconds": f"0x{DAY} 0+3600x{2 * DAY} 0x{DAY}"},
        DAY,
        3 * DAY,
        4 * DAY,
        HOURLY,
    ),
    "CanaryHit": _level("appliance_canary_hits", 0, 1),
    "CanariesNotRun": Story(
        {"appliance_canary_run_timestamp_seconds": f"0+0x{3 * DAY} {3 * DAY * 3600}+0x{DAY}"},
        DAY,
        3 * DAY - 1,
        3 * DAY + 4,
        HOURLY,
    ),
    "SlowFirstToken": _slow("appliance_ttft_seconds", "10", "60"),
    "QueueTooLong": _level('appliance_waiting_requests{pool="m",class="interactive"}', 2, 30),
    "QueueUnfair": _level('appliance_queue_fairness{pool="m"}', 0.97, 0.4),
    "ManyFailures": Story(
        {
            'appliance_requests_total{status="completed"}': "0+60x180",
            'appliance_requests_total{status="failed"}': "0+0x60 0+30x60 1800+0x60",
        },
        30,
        115,
        175,
    ),
    "ServerErrors": _counts('appliance_http_answers_total{door="v1",status="503"}', 60),
    "ManyRefusedCredentials": _counts('appliance_http_answers_total{door="v1",status="401"}', 120),
    "EngineDown": _level('appliance_engine_up{engine="e"}', 1, 0),
    "EngineOutOfRotation": _level('appliance_circuit_open{engine="e",model="m"}', 0, 1),
    "EngineInAndOut": _counts(
        'appliance_circuit_transitions_total{engine="e",model="m",position="closed"}', 1
    ),
    "EngineOverfull": _level('appliance_engine_waiting_requests{engine="e"}', 0, 9),
    "EngineCacheFull": _level('appliance_engine_kv_use{engine="e"}', 0.5, 0.99),
    "GpuLost": Story(
        {"appliance_gpus": _bad_for("2+0", "1+0"), "appliance_gpus_seen": "2+0x180"}, 30, 115, 170
    ),
    "GpuIdleWhileAnswering": Story(
        {
            'appliance_gpu_utilization_ratio{gpu="0"}': _bad_for("0.9+0", "0+0"),
            "appliance_running_requests": "3+0x180",
            'appliance_tokens_total{kind="completion"}': "0+600x180",
        },
        30,
        115,
        170,
    ),
    "GpuHot": _level('appliance_gpu_temperature_celsius{gpu="0"}', 60, 93),
    "EngineOnProcessor": _level('appliance_watchdog_finding{kind="engine_on_cpu",subject="x"}', 0, 1),
    "EngineHung": _level('appliance_watchdog_finding{kind="engine_hung",subject="x"}', 0, 1),
    "EngineCollapsed": _level('appliance_watchdog_finding{kind="engine_slow",subject="x"}', 0, 1),
    "RestartLoop": _level('appliance_watchdog_finding{kind="restart_loop",subject="x"}', 0, 1),
    "GpuThrottled": _level('appliance_watchdog_finding{kind="gpu_throttled",subject="x"}', 0, 1),
    "GpuMemoryErrors": _level('appliance_watchdog_finding{kind="gpu_memory",subject="x"}', 0, 1),
    "ModelDiskFilling": _level('appliance_watchdog_finding{kind="disk_filling",subject="x"}', 0, 1),
    # The last look was at the first hour, then none for an hour, then one every minute again.
    "WatchdogBlind": Story(
        {"appliance_watchdog_look_timestamp_seconds": "0+60x60 3600+0x59 7200+60x60"}, 30, 115, 170
    ),
    "DocumentsWait": _level("appliance_oldest_waiting_job_seconds", 0, 7200),
    "JobsFailed": _level('appliance_jobs{status="failed"}', 0, 2),
    "DocumentsFail": _counts('appliance_documents_read_total{outcome="failed",reason="reading_failed"}', 1),
    "SearchSlow": _slow("appliance_search_seconds", "1", "5"),
    "SearchByWordsOnly": _counts("appliance_searches_by_words_only_total", 10),
}


def rules() -> dict[str, dict[str, Any]]:
    """Alerts by name."""
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def _promtool(*words: str) -> subprocess.CompletedProcess[str]:
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed here")
    return subprocess.run(["promtool", *words], capture_output=True, text=True, check=False, timeout=300)


def _test_of(name: str, story: Story) -> dict[str, Any]:
    firing = f'count(ALERTS{{alertname="{name}",alertstate="firing"}})'
    expected = ((story.quiet, []), (story.firing, [{"labels": "{}", "value": 1}]), (story.over, []))
    return {
        "name": name,
        "interval": f"{story.step}m",
        "input_series": [{"series": series, "values": values} for series, values in story.series.items()],
        "promql_expr_test": [
            {"expr": firing, "eval_time": f"{place * story.step}m", "exp_samples": samples}
            for place, samples in expected
        ],
    }


def test_every_alert_fires_and_clears(tmp_path: Path) -> None:
    """With series that go wrong and right again: silent before, firing within its time, silent after."""
    files = []
    for step in sorted({story.step for story in STORIES.values()}):
        tests = [_test_of(name, story) for name, story in STORIES.items() if story.step == step]
        told = {"rule_files": [str(RULES)], "evaluation_interval": f"{step}m", "tests": tests}
        files.append(tmp_path / f"every-{step}-minutes.yml")
        files[-1].write_text(yaml.safe_dump(told), encoding="utf-8")

    checked = _promtool("test", "rules", *map(str, files))

    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert STORIES.keys() == rules().keys()


def test_prometheus_accepts_its_files() -> None:
    """The real program reads configuration and rules."""
    checked = _promtool("check", "config", "--syntax-only", str(ROOT / "deploy/prometheus/prometheus.yml"))
    rules_checked = _promtool("check", "rules", str(RULES))

    assert checked.returncode == 0, checked.stderr
    assert rules_checked.returncode == 0, rules_checked.stdout + rules_checked.stderr


def test_alertmanager_accepts_its_file() -> None:
    """The real program reads it."""
    if shutil.which("amtool") is None:
        pytest.skip("amtool is not installed here")
    file = str(ROOT / "deploy/alertmanager/alertmanager.yml")
    checked = subprocess.run(
        ["amtool", "check-config", file], capture_output=True, text=True, check=False, timeout=60
    )

    assert checked.returncode == 0, checked.stderr


def test_every_alert_has_a_section_for_whoever_is_woken() -> None:
    """docs/operating.md has a heading of its name, and none for an alert that is gone."""
    text = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    chapter = text.partition("\n## Alerts\n")[2].partition("\n## ")[0]
    headings = set(re.findall(r"^### (\w+)$", chapter, re.MULTILINE))

    assert headings == rules().keys()
    for name, rule in rules().items():
        assert rule["annotations"]["runbook"] == f"docs/operating.md#{name.lower()}"
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert rule["annotations"]["summary"]


def test_the_dashboards_are_those_of_the_table() -> None:
    """`python scripts/make_dashboards.py` would change nothing."""
    files = {path.stem: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.json")}

    assert files == {name: rendered(name) for name in DASHBOARDS}


def test_every_figure_that_is_asked_for_is_one_of_ours() -> None:
    """A name in a panel or an alert stands in the table of docs/operating.md."""
    text = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    asked = " ".join(
        [query for _, panels in DASHBOARDS.values() for panel in panels for _, query in panel.queries]
        + [rule["expr"] for rule in rules().values()]
    )
    names = {
        re.sub(r"_(bucket|sum|count)$", "", name) for name in re.findall(r"\bappliance_[a-z0-9_]+", asked)
    }

    assert {name for name in names if f"`{name}`" not in text} == set()
