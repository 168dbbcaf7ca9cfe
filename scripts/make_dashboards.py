"""Writes deploy/grafana/dashboards/*.json from the table below; a test holds the files to it.

python scripts/make_dashboards.py
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent.parent / "deploy" / "grafana" / "dashboards"
_WIDTH, _HEIGHT = 8, 7  # of a grid 24 wide
_SOURCE = {"type": "prometheus", "uid": "prometheus"}


@dataclass(frozen=True)
class Panel:
    """queries: what a line is called, and its PromQL. unit: as Grafana calls it. kind: timeseries or stat."""

    title: str
    queries: Sequence[tuple[str, str]]
    unit: str = "short"
    kind: str = "timeseries"


def _quantiles(metric: str) -> list[tuple[str, str]]:
    rate = f"sum by (le) (rate({metric}_bucket[5m]))"
    return [(f"{share:.0%}", f"histogram_quantile({share}, {rate})") for share in (0.5, 0.95)]


_USED = "(appliance_disk_size_bytes - appliance_disk_free_bytes) / appliance_disk_size_bytes"
_MEMORY = "1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes"
DASHBOARDS: dict[str, tuple[str, list[Panel]]] = {
    "box": (
        "Box",
        [
            Panel("Gateway", [("up", 'up{job="appliance"}')], kind="stat"),
            Panel("Version", [("{{version}}", "appliance_build_info")], kind="stat"),
            Panel("Alerts", [("firing", 'count(ALERTS{alertstate="firing"}) or vector(0)')], kind="stat"),
            Panel("Disk used", [("data folder", _USED)], "percentunit"),
            Panel("Memory used", [("machine", _MEMORY)], "percentunit"),
            Panel(
                "Processor",
                [("busy", '1 - avg(rate(node_cpu_seconds_total{mode="idle"}[5m]))')],
                "percentunit",
            ),
            Panel(
                "Answers by door and status",
                [("{{door}} {{status}}", "sum by (door, status) (rate(appliance_http_answers_total[5m]))")],
                "reqps",
            ),
            Panel(
                "Server errors",
                [("5xx", 'sum(rate(appliance_http_answers_total{status=~"5.."}[5m]))')],
                "reqps",
            ),
            Panel(
                "Databases",
                [("PostgreSQL", "appliance_database_up"), ("Valkey", "appliance_queue_is_shared")],
            ),
            Panel("PostgreSQL connections", [("{{state}}", "sum by (state) (pg_stat_activity_count)")]),
            Panel("Valkey memory", [("used", "redis_memory_used_bytes")], "bytes"),
            Panel("Usage waiting for PostgreSQL", [("rows", "appliance_spooled_rows")]),
            Panel(
                "Last backup",
                [("age", "time() - appliance_backup_last_success_timestamp_seconds")],
                "s",
                "stat",
            ),
            Panel("Canaries", [("hits", "appliance_canary_hits")], kind="stat"),
        ],
    ),
    "people": (
        "People",
        [
            Panel("Active in five minutes", [("people", "appliance_active_people")]),
            Panel("In line", [("{{pool}} {{class}}", "sum by (pool, class) (appliance_waiting_requests)")]),
            Panel("Being answered", [("{{engine}}", "sum by (engine) (appliance_running_requests)")]),
            Panel("First word", _quantiles("appliance_ttft_seconds"), "s"),
            Panel("Wait for a turn", _quantiles("appliance_queue_wait_seconds"), "s"),
            Panel("Whole answer", _quantiles("appliance_request_seconds"), "s"),
            Panel("Fairness (1 is even)", [("{{pool}}", "appliance_queue_fairness")]),
            Panel(
                "How requests end",
                [("{{status}}", "sum by (status) (rate(appliance_requests_total[5m]))")],
                "reqps",
            ),
            Panel(
                "Refused",
                [
                    (
                        "{{status}}",
                        'sum by (status) (rate(appliance_http_answers_total{status=~"401|403|429"}[5m]))',
                    )
                ],
                "reqps",
            ),
            Panel(
                "Tokens by model in an hour",
                [("{{model}}", "sum by (model) (increase(appliance_tokens_total[1h]))")],
            ),
        ],
    ),
    "engine": (
        "Engine",
        [
            Panel("Up", [("{{engine}}", "appliance_engine_up")], kind="stat"),
            Panel(
                "Tokens a second",
                [("{{engine}} {{kind}}", "sum by (engine, kind) (rate(appliance_tokens_total[1m]))")],
            ),
            Panel(
                "Slots",
                [
                    ("{{engine}} in use", "sum by (engine) (appliance_running_requests)"),
                    ("{{engine}} given", "appliance_engine_slots"),
                ],
            ),
            Panel("Waiting inside the engine", [("{{engine}}", "appliance_engine_waiting_requests")]),
            Panel("KV cache in use", [("{{engine}}", "appliance_engine_kv_use")], "percentunit"),
            Panel("Thrown back", [("{{engine}}", "rate(appliance_engine_preemptions_total[5m])")], "reqps"),
            Panel("GPU busy", [("{{gpu}}", "appliance_gpu_utilization_ratio")], "percentunit"),
            Panel(
                "GPU memory",
                [
                    ("{{gpu}} used", "appliance_gpu_memory_used_bytes"),
                    ("{{gpu}} size", "appliance_gpu_memory_size_bytes"),
                ],
                "bytes",
            ),
            Panel("GPU temperature", [("{{gpu}}", "appliance_gpu_temperature_celsius")], "celsius"),
            Panel("GPU power", [("{{gpu}}", "appliance_gpu_power_watts")], "watt"),
            Panel("GPUs", [("answering", "appliance_gpus"), ("seen", "appliance_gpus_seen")], kind="stat"),
        ],
    ),
    "documents": (
        "Documents",
        [
            Panel("Background work", [("{{status}}", "appliance_jobs")]),
            Panel("Longest wait", [("job", "appliance_oldest_waiting_job_seconds")], "s"),
            Panel("Pages a second", [("read", "rate(appliance_pages_read_total[5m])")]),
            Panel(
                "Documents by outcome",
                [
                    (
                        "{{outcome}} {{reason}}",
                        "sum by (outcome, reason) (increase(appliance_documents_read_total[1h]))",
                    )
                ],
            ),
            Panel("Reading a document", _quantiles("appliance_document_read_seconds"), "s"),
            Panel(
                "Searches",
                [("{{outcome}}", "sum by (outcome) (rate(appliance_searches_total[5m]))")],
                "reqps",
            ),
            Panel("A search", _quantiles("appliance_search_seconds"), "s"),
            Panel(
                "Steps of a search",
                [
                    (
                        "{{step}}",
                        "sum by (step) (rate(appliance_search_step_seconds_sum[5m])) / "
                        "sum by (step) (rate(appliance_search_step_seconds_count[5m]))",
                    )
                ],
                "s",
            ),
            Panel(
                "By words only", [("searches", "rate(appliance_searches_by_words_only_total[5m])")], "reqps"
            ),
        ],
    ),
}


def dashboard(name: str) -> dict[str, Any]:
    """What Grafana provisions."""
    title, panels = DASHBOARDS[name]
    return {
        "uid": f"appliance-{name}",
        "title": title,
        "tags": ["appliance"],
        "editable": False,
        "refresh": "30s",
        "schemaVersion": 39,
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "browser",
        "panels": [_panel(number, panel) for number, panel in enumerate(panels)],
    }


def _panel(number: int, panel: Panel) -> dict[str, Any]:
    across = 24 // _WIDTH
    return {
        "id": number + 1,
        "title": panel.title,
        "type": panel.kind,
        "datasource": _SOURCE,
        "gridPos": {
            "x": number % across * _WIDTH,
            "y": number // across * _HEIGHT,
            "w": _WIDTH,
            "h": _HEIGHT,
        },
        "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + place), "datasource": _SOURCE, "expr": query, "legendFormat": legend}
            for place, (legend, query) in enumerate(panel.queries)
        ],
    }


def rendered(name: str) -> str:
    """The file's text."""
    return json.dumps(dashboard(name), indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    """Write all of them."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in DASHBOARDS:
        (FOLDER / f"{name}.json").write_text(rendered(name), encoding="utf-8")


if __name__ == "__main__":
    main()
