"""What docs/api.md promises is there, at the door people use."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.whole_box import PIPELINE, WholeBox

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

API_PAGE = Path(__file__).resolve().parents[2] / "docs" / "api.md"
_ROUTE = re.compile(r"`(?:GET |POST )?(/(?:v1|api|healthz|readyz|metrics)[\w/.-]*)(?:`|\?)")


def test_every_path_in_the_handbook_is_served(quoting_box: WholeBox) -> None:
    """Not one of them is a 404, read or written to; paths with a placeholder are left out."""
    paths = {path for path in _ROUTE.findall(API_PAGE.read_text(encoding="utf-8")) if "/ID" not in path}
    paths -= {"/v1", "/v1/", "/api", "/api/"}
    with quoting_box.client() as client:
        missing = {
            path
            for path in paths
            if {client.get(path).status_code, client.post(path, json={}).status_code} == {404}
        }

    assert {"/v1/models", "/v1/files", "/metrics", "/readyz"} <= paths
    assert missing == set()


def test_the_models_that_answer_without_an_engine_are_listed(quoting_box: WholeBox) -> None:
    """The way to answer and the embedded model, each also by itself; an unknown one is told the known ones."""
    names = {model["id"] for model in quoting_box.get_json("/v1/models")["data"]}
    with quoting_box.client() as client:
        unknown = client.get("/v1/models/no-such-model")

    assert PIPELINE in names and len(names) >= 2
    assert all(quoting_box.get_json(f"/v1/models/{name}")["id"] == name for name in names)
    assert unknown.status_code == 404 and PIPELINE in unknown.json()["error"]["message"]


def test_metrics_need_a_key(quoting_box: WholeBox) -> None:
    """Prometheus' text with one; nothing without."""
    quoting_box.ask("How many characters must a password have?")
    with quoting_box.client() as client:
        told = client.get("/metrics")
        client.headers.pop("authorization")
        refused = client.get("/metrics")

    assert told.status_code == 200 and "appliance_" in told.text
    assert refused.status_code == 401


def test_the_doctor_says_at_the_machine_what_it_says_on_the_page(quoting_box: WholeBox) -> None:
    """Every check could look, from within and from beside; the parts that run are found running."""
    told = json.loads(quoting_box.command("doctor", "--json").stdout)["findings"]
    seen = quoting_box.get_json("/api/doctor")["data"]

    for findings in (told, seen):
        ids = {finding["id"] for finding in findings}
        assert {"processes.ok", "port.ok", "postgres.ok", "valkey.ok", "embedder.ok"} <= ids
        assert "doctor.blind" not in ids, findings
    assert {finding["check"] for finding in told} == {finding["check"] for finding in seen}
