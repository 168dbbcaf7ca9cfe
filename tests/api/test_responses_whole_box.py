"""/v1/responses at a whole box, with its real accounts, documents and database."""

from __future__ import annotations

import pytest

from tests.whole_box import PIPELINE, WholeBox

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_a_question_is_answered_with_sources_kept_and_gone_on_from(quoting_box: WholeBox) -> None:
    """Without any engine: quotes with their file and page, read again as they were, and a second turn after it."""
    body = {"model": PIPELINE, "input": "How many characters must a password have?"}
    first = quoting_box.post_json("/v1/responses", body)
    second = quoting_box.post_json("/v1/responses", {**body, "previous_response_id": first["id"]})

    (part,) = first["output"][0]["content"]
    cited = part["annotations"][0]
    assert first["status"] == "completed" and first["store"] is True
    assert cited["type"] == "file_citation" and cited["is_verified"] and cited["filename"]
    assert quoting_box.get_json(f"/v1/responses/{first['id']}") == first
    listed = quoting_box.get_json(f"/v1/responses/{second['id']}/input_items?order=asc")
    assert [item["role"] for item in listed["data"]] == ["user", "assistant", "user"]


def test_an_engine_is_asked_through_the_gate(writing_box: WholeBox) -> None:
    """llama.cpp answers, and the row of the request says so."""
    response = writing_box.post_json(
        "/v1/responses", {"model": "tiny", "input": "What is the capital of Japan?"}
    )

    assert response["status"] == "completed" and response["output"][0]["content"][0]["text"]
    assert response["usage"]["input_tokens"] > 0 and response["usage"]["output_tokens"] > 0
