"""Every way to what somebody asked and was told: conversations, turns, their files, responses. Pure.

It is its owner's alone, whoever else may read the documents that were asked about.
"""

from __future__ import annotations

from appliance.services.canaries.plants import PIPELINE, QUESTION, Planted, Probe

_ASKING = {"question": QUESTION, "model": PIPELINE}


def of_talk(planted: Planted) -> list[Probe]:
    """Reading first; what would change or delete it comes last."""
    return [
        *reading_conversation(planted.conversation_id, planted.turn_id),
        *_listed(planted),
        *_reading_response(planted.response_id),
        *_changing_conversation(planted),
        *_changing_response(planted.response_id),
    ]


def reading_conversation(conversation_id: str, turn_id: str | None) -> list[Probe]:
    """What names a conversation or a turn of it, and only reads."""
    conversation = f"/api/conversations/{conversation_id}"
    probes = [
        Probe("conversation", "GET", conversation),
        Probe("conversation's files", "GET", f"{conversation}/files"),
        Probe("conversation as Markdown", "GET", f"{conversation}/export?format=markdown"),
        Probe("conversation as JSON", "GET", f"{conversation}/export?format=json"),
        Probe("conversation's context", "GET", f"{conversation}/context?model={PIPELINE}"),
    ]
    if turn_id:
        turn = f"/api/turns/{turn_id}"
        probes += [
            Probe("turns before one", "GET", f"{conversation}?before={turn_id}"),
            Probe("turn's stream", "GET", f"{turn}/events"),
            Probe("turn's stream, later on", "GET", f"{turn}/events?after=1"),
            Probe("turn's trace", "GET", f"{turn}/trace"),
        ]
    return probes


def _listed(planted: Planted) -> list[Probe]:
    """Searched by words that stand in the question, in the title and in the answer."""
    search = "/api/conversations?q="
    probes = [
        Probe(f"search of conversations, {name}", "GET", search + words, must_refuse=False, lists_own=True)
        for name, words in (
            ("their words", planted.words),
            ("the document's", planted.token),
            ("common words", "canary+vault"),
        )
    ]
    chat = f"/api/conversations/{planted.conversation_id}/files/{planted.file_id}"
    return [*probes, Probe("conversation's file", "GET", chat, is_read=not planted.batch_id)]


def _reading_response(response_id: str) -> list[Probe]:
    response = f"/v1/responses/{response_id}"
    return [
        Probe("response", "GET", response),
        Probe("response's input", "GET", f"{response}/input_items"),
    ]


def _changing_conversation(planted: Planted) -> list[Probe]:
    conversation, turn = f"/api/conversations/{planted.conversation_id}", f"/api/turns/{planted.turn_id}"
    changes: list[tuple[str, str, str, dict[str, object] | None]] = [
        ("going on in a conversation", "POST", "/api/turns",
         {**_ASKING, "conversation_id": planted.conversation_id}),
        ("going on after a turn", "POST", "/api/turns", {**_ASKING, "previous_id": planted.turn_id}),
        ("another version", "POST", f"{turn}/versions", {"question": QUESTION}),
        ("continuing an answer", "POST", f"{turn}/continue", None),
        ("stopping a turn", "POST", f"{turn}/stop", None),
        ("feedback", "PUT", f"{turn}/feedback", {"rating": "down"}),
        ("taking feedback back", "DELETE", f"{turn}/feedback", None),
        ("renaming a conversation", "PATCH", conversation, {"title": "mine"}),
        ("choosing a version", "PATCH", conversation, {"current_turn_id": planted.turn_id}),
        ("dropping a file in", "POST", f"{conversation}/files", None),
        ("taking a file out", "DELETE", f"{conversation}/files/{planted.file_id}", None),
        ("restoring a conversation", "POST", f"{conversation}/restore", None),
        ("deleting a conversation", "DELETE", conversation, None),
        ("deleting a conversation at once", "DELETE", f"{conversation}?now=true", None),
    ]  # fmt: skip
    return [Probe(*change, is_read=False) for change in changes]


def _changing_response(response_id: str) -> list[Probe]:
    asking = {"model": PIPELINE, "input": QUESTION, "store": False}
    item = {"type": "item_reference", "id": f"msg_{response_id.removeprefix('resp_')}0000"}
    referring = asking | {"input": [item, {"role": "user", "content": QUESTION}]}
    changes: list[tuple[str, str, str, dict[str, object] | None]] = [
        (
            "going on after a response",
            "POST",
            "/v1/responses",
            {**asking, "previous_response_id": response_id},
        ),
        ("referring to a response's item", "POST", "/v1/responses", referring),
        ("cancelling a response", "POST", f"/v1/responses/{response_id}/cancel", None),
        ("deleting a response", "DELETE", f"/v1/responses/{response_id}", None),
    ]
    return [Probe(*change, is_read=False) for change in changes]
