"""Nobody reaches what is not theirs, by any route; and were a rule missing, the canaries would say so."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

import psycopg
import pytest

from appliance.bootstrap.box import open_box
from tests.supervisor.conftest import wait_until
from tests.whole_box import WholeBox, temporary_box

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def populated() -> Iterator[WholeBox]:
    """People with private documents, and nothing else."""
    with temporary_box("[knowledge]\nsample = false\n") as box:
        wait_until(lambda: box.part_is("embedder"), "the embedder is ready")
        for number in range(3):
            person = box.post_json("/api/users", {"email": f"person{number}@example.com"})
            key = box.post_json("/api/keys", {"user_id": person["id"]})["key"]
            _keep_something_private(box, key, number)
        yield box


def _keep_something_private(box: WholeBox, key: str, number: int) -> None:
    with box.client(key) as client:
        content = f"# Plan {number}\n\nThe salary of person {number} is {number}000 euros.\n".encode()
        sent = client.post("/v1/files", files={"file": ("plan.md", content)}, data={"purpose": "assistants"})
        file = sent.raise_for_status().json()["id"]
        made = client.post("/v1/vector_stores", json={"name": "Private", "file_ids": [file]})
        store = made.raise_for_status().json()["id"]
        path = f"/v1/vector_stores/{store}"
        wait_until(lambda: bool(client.get(path).json()["file_counts"]["completed"]), "it is read")


def run(box: WholeBox) -> tuple[int, list[dict[str, str]], int, int]:
    """(exit code, findings, probes, hits recorded)."""
    ran = subprocess.run(
        [sys.executable, "-m", "appliance", "doctor", "--canaries", "--json", "--data", str(box.data)],
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert ran.stdout, ran.stderr
    ((probes, hits),) = box.rows("SELECT probes, hits FROM canary_runs ORDER BY id DESC LIMIT 1")
    return ran.returncode, json.loads(ran.stdout)["findings"], probes, hits


def test_a_thousand_probes_reach_nothing(populated: WholeBox) -> None:
    """Every role tries every route against planted and real private collections: no hit, and nothing is left behind."""
    before = populated.rows("SELECT count(*) FROM files"), populated.rows("SELECT count(*) FROM collections")

    code, findings, probes, hits = run(populated)

    assert (code, hits) == (0, 0), findings
    assert probes >= 1_000
    assert all(finding["verdict"] == "ok" for finding in findings), findings
    after = populated.rows("SELECT count(*) FROM files"), populated.rows("SELECT count(*) FROM collections")
    assert before == after
    canaries = populated.rows(
        "SELECT bool_and(is_suspended), count(*) FROM users WHERE email LIKE '%%@canary.invalid'"
    )
    assert canaries == [(True, 6)]


@pytest.mark.battery
@pytest.mark.parametrize("table", ["collections", "chunks"])
def test_a_missing_rule_is_caught(populated: WholeBox, table: str) -> None:
    """One rule opened by hand: of the outermost, routes leak and are named; of the innermost, the rows beneath are."""
    owner_url = open_box(populated.data, populated.data / "appliance.toml").owner_url
    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute(f"CREATE POLICY opened_by_hand ON {table} FOR SELECT USING (true)")
        try:
            code, findings, _, hits = run(populated)
        finally:
            connection.execute(f"DROP POLICY opened_by_hand ON {table}")

    assert code == 1
    assert hits > 0
    failed = " ".join(finding["sentence"] for finding in findings if finding["verdict"] == "fail")
    assert f"rows of {table}" in failed
    assert ("GET collection" in failed) == (table == "collections"), failed
