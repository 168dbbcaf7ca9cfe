"""Prometheus and Alertmanager with the configuration of deploy/, over the stack's gateway."""

from __future__ import annotations

import json
import shutil
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.make_dashboards import DASHBOARDS
from tests.deploy.compose_exporters import start_exporters, stop_exporters
from tests.deploy.compose_stack import ROOT, Stack, wait_for
from tests.ports import free_port

__all__ = ["Watch", "queries", "watch"]


@dataclass(frozen=True)
class Watch:
    """Prometheus and Alertmanager with the configuration of deploy/, every second instead of every quarter minute."""

    prometheus: str
    alertmanager: str

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series of an instant query. Raises AssertionError where Prometheus does not understand it."""
        form = urllib.parse.urlencode({"query": expression}).encode()
        with urllib.request.urlopen(f"{self.prometheus}/api/v1/query", form, timeout=60) as answer:
            told = json.load(answer)
        assert told["status"] == "success", told
        return list(told["data"]["result"])

    def firing(self) -> set[str]:
        """Alerts by name."""
        return {found["metric"]["alertname"] for found in self.query('ALERTS{alertstate="firing"}')}

    def told(self) -> set[str]:
        """Those that Alertmanager would write to somebody about."""
        with urllib.request.urlopen(f"{self.alertmanager}/api/v2/alerts?active=true", timeout=60) as answer:
            return {alert["labels"]["alertname"] for alert in json.load(answer)}


@pytest.fixture(scope="module")
def watch(stack: Stack) -> Iterator[Watch]:
    """Scrapes the gateway, the exporter of GPUs, and those of others' exporters that are installed."""
    for program in ("prometheus", "prometheus-alertmanager"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed here")
    ports = {name: free_port() for name in ("prometheus", "alertmanager", "gpu")}
    made = Watch(f"http://127.0.0.1:{ports['prometheus']}", f"http://127.0.0.1:{ports['alertmanager']}")
    exporters = start_exporters(stack)
    exporter = [*stack.services["gpu-metrics"]["entrypoint"], "--listen", f"127.0.0.1:{ports['gpu']}"]
    stack.start("gpu", [sys.executable, *exporter[1:]], PYTHONPATH=str(ROOT))
    stack.start(
        "alertmanager",
        [
            "prometheus-alertmanager",
            f"--config.file={ROOT}/deploy/alertmanager/alertmanager.yml",
            f"--storage.path={stack.folder}/alertmanager",
            f"--web.listen-address=127.0.0.1:{ports['alertmanager']}",
            "--cluster.listen-address=",
        ],
    )
    stack.start(
        "prometheus",
        [
            "prometheus",
            f"--config.file={quick_configuration(stack, ports | exporters)}",
            f"--storage.tsdb.path={stack.folder}/prometheus",
            f"--web.listen-address=127.0.0.1:{ports['prometheus']}",
        ],
    )
    wait_for(lambda: stack.get(f"{made.prometheus}/-/ready")[0] == 200, stack.said)
    yield made
    for name in ("prometheus", "alertmanager", "gpu"):
        stack.stop(name)
    stop_exporters(stack, exporters)


def quick_configuration(stack: Stack, ports: dict[str, int]) -> Path:
    """deploy/prometheus with this machine's addresses, looking every second; alerts do not wait before they fire."""
    folder = stack.folder / "prometheus-settings"
    shutil.copytree(ROOT / "deploy" / "prometheus", folder)
    settings = yaml.safe_load((folder / "prometheus.yml").read_text(encoding="utf-8"))
    settings["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    settings["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = [
        f"127.0.0.1:{ports['alertmanager']}"
    ]
    here = {"appliance": stack.ports["gateway"]} | ports
    jobs = [job for job in settings["scrape_configs"] if job["job_name"] in here]
    for job in jobs:
        job.pop("dns_sd_configs", None)
        job["static_configs"] = [{"targets": [f"127.0.0.1:{here[job['job_name']]}"]}]
    jobs[0]["authorization"]["credentials_file"] = str(stack.folder / "secrets" / "metrics_key")
    settings["scrape_configs"] = jobs
    (folder / "prometheus.yml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    for path in (folder / "rules").glob("*.yml"):
        rules = yaml.safe_load(path.read_text(encoding="utf-8"))
        for rule in (rule for group in rules["groups"] for rule in group["rules"]):
            rule.pop("for", None)
        path.write_text(yaml.safe_dump(rules), encoding="utf-8")
    return folder / "prometheus.yml"


def queries() -> list[tuple[str, str]]:
    """Where it stands, and the PromQL, of every panel and every alert."""
    panels = [
        (f"{name}: {panel.title}", query)
        for name, (_, panels) in DASHBOARDS.items()
        for panel in panels
        for _, query in panel.queries
    ]
    rules = yaml.safe_load((ROOT / "deploy/prometheus/rules/appliance.yml").read_text(encoding="utf-8"))
    return panels + [(rule["alert"], rule["expr"]) for group in rules["groups"] for rule in group["rules"]]
