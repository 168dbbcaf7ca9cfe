"""Files in a chat, summaries and file_search on a whole box: real accounts, worker, index and llama.cpp."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from tests.whole_box import WholeBox

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def contract(clauses: int) -> str:
    """A Markdown file of so many clauses, each its own."""
    return "# Lease of the warehouse\n\n" + "\n\n".join(
        f"## Clause {number}\n\nThe tenant delivers pallet {number * 7} on day {number} and keeps "
        f"the receipt of {number * 100} euros for the owner of the warehouse."
        for number in range(1, clauses + 1)
    )


def test_a_file_is_asked_in_a_chat_of_its_own(quoting_box: WholeBox, tmp_path: Path) -> None:
    """`appliance ask --file`, without a language model: quoted from that file, and only from it."""
    file = tmp_path / "lease.md"
    file.write_text(contract(12), encoding="utf-8")

    asked = quoting_box.command("ask", "Which pallet is delivered on day 9?", "--file", str(file), "--json")
    summary = quoting_box.command("ask", "Resúmeme este documento", "--file", str(file))

    assert asked.returncode == 0, asked.stderr
    answer = json.loads(asked.stdout)
    assert "pallet 63" in answer["answer"]
    assert {one["filename"] for one in answer["citations"]} == {"lease.md"}
    assert all(one["is_verified"] for one in answer["citations"])
    assert summary.returncode == 0, summary.stderr
    assert "frases literales del documento" in summary.stdout and "todo «lease.md»" in summary.stdout
    assert "lease.md" not in json.dumps(quoting_box.get_json("/v1/vector_stores"))
    elsewhere = quoting_box.ask("Which pallet is delivered on day 9?")
    assert "lease.md" not in json.dumps(elsewhere)


def test_a_long_file_is_summarised_part_by_part(writing_box: WholeBox, tmp_path: Path) -> None:
    """The small model reads 1,024 tokens at once: every part goes through the gate, and the coverage is told."""
    file = tmp_path / "lease.md"
    file.write_text(contract(40), encoding="utf-8")
    before = writing_box.engine_calls()

    asked = writing_box.command("ask", "Summarise this file", "--file", str(file), "--json")

    assert asked.returncode == 0, asked.stderr
    answer = json.loads(asked.stdout)
    (coverage,) = answer["done"]["coverage"]
    assert answer["status"] == "done" and answer["done"]["kind"] == "written"
    assert coverage["share"] == 1.0 and coverage["left_out"] == []
    assert "all of “lease.md”" in answer["answer"] and "parts read" in asked.stderr
    assert writing_box.engine_calls() - before > 4


def test_file_search_is_grounded_in_what_the_asker_may_see(writing_box: WholeBox) -> None:
    """The real model is asked with passages of the named store; somebody else's store does not exist."""
    stores = writing_box.get_json("/v1/vector_stores")["data"]
    store = next(one for one in stores if one["name"] == "Sample handbook")
    mine = writing_box.post_json("/v1/vector_stores", {"name": "mine", "owner": "user"})
    body = {
        "model": "tiny",
        "input": "How many characters must a password have?",
        "tools": [{"type": "file_search", "vector_store_ids": [store["id"]], "max_num_results": 3}],
        "include": ["file_search_call.results"],
    }
    response = writing_box.post_json("/v1/responses", body)
    other = writing_box.new_person("luis@example.org")
    hidden = {**body, "tools": [{"type": "file_search", "vector_store_ids": [mine["id"]]}]}
    with pytest.raises(httpx.HTTPStatusError) as refused:
        writing_box.post_json("/v1/responses", hidden, other)

    search, message = response["output"]
    assert search["status"] == "completed" and search["results"]
    assert message["content"][0]["text"] and response["appliance"]["served_by"] == "local:tiny"
    assert refused.value.response.status_code == 404
