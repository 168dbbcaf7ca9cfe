"""A box that is stopped and started again is the same box."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.supervisor.conftest import wait_until
from tests.whole_box import QUESTIONS, temporary_box

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_a_later_start_keeps_everything(prepared_data: Path) -> None:
    """People, keys, documents, answers and the usage ledger are there again, at a new port too."""
    question = next(question for question in QUESTIONS if question["expects"] != "refused")
    with temporary_box(like=prepared_data) as box:
        key = box.new_person("eva@example.com")
        wait_until(lambda: box.part_is("embedder"), "the embedder is ready")
        before = box.ask(question["text"], key=key)["choices"][0]["message"]
        stores, files = box.get_json("/v1/vector_stores", key), box.get_json("/v1/files")
        assert box.stop() == 0
        rows = "SELECT count(*) FROM requests WHERE status = 'completed'"

        box.start()
        box.wait_ready()
        wait_until(lambda: box.part_is("embedder"), "the embedder is ready")

        assert box.ask(question["text"], key=key)["choices"][0]["message"] == before
        assert box.get_json("/v1/files") == files
        again = box.get_json("/v1/vector_stores", key)
        assert [store["file_counts"] for store in again["data"]] == [
            store["file_counts"] for store in stores["data"]
        ]
        assert box.rows(rows)[0][0] >= 1
