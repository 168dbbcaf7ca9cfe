"""Every way to a planted document, and to a real private one. Pure: routes and bodies.

Every name of a planted thing holds its token, so a token in an answer is a leak wherever it stands. A route that names
what the asker may not see must refuse besides.
"""

from __future__ import annotations

from uuid import UUID

from appliance.services.canaries.plants import PIPELINE, QUESTION, Planted, Probe
from appliance.services.knowledge import identifiers

_OF_A_TURN = ("/api/turns/ID/events", "/api/turns/ID/trace")


def of_planted(planted: Planted) -> list[Probe]:
    """Reading first; what would change or delete it comes last."""
    collection_id = identifiers.wire(identifiers.COLLECTION, planted.collection_id)
    batch = f"/v1/vector_stores/{collection_id}/file_batches/{planted.batch_id}"
    batches = [
        Probe("batch", "GET", batch),
        Probe("batch's files", "GET", f"{batch}/files"),
        Probe("cancelling a batch", "POST", f"{batch}/cancel", is_read=False),
    ]
    return [
        *asking_one(collection_id),
        *of_document(planted.collection_id, planted.file_id, has_pictures=planted.has_pictures),
        Probe("contents known", "POST", f"/api/collections/{collection_id}/known", {"sha256": [planted.sha256]}),
        *(batches if planted.batch_id else []),
        *_changes(collection_id, planted.file_id),
    ]  # fmt: skip


def of_document(collection_id: UUID, file_id: str | None, *, has_pictures: bool = False) -> list[Probe]:
    """What names a collection or file, and only reads."""
    wire = identifiers.wire(identifiers.COLLECTION, collection_id)
    store, shelf = f"/v1/vector_stores/{wire}", f"/api/collections/{wire}"
    probes = [
        Probe("collection", "GET", store),
        Probe("collection's files", "GET", f"{store}/files"),
        Probe("search", "POST", f"{store}/search", {"query": QUESTION}),
        Probe("search with scores", "POST", "/api/search", {"query": QUESTION, "vector_store_ids": [wire]}),
        Probe("collection's shelf", "GET", f"{shelf}/documents"),
        Probe("shelf, by name", "GET", f"{shelf}/documents?q=canary&sort=name"),
        Probe("shares", "GET", f"{shelf}/shares", is_read=False),
        Probe("whom to share with", "GET", f"{shelf}/shares/candidates?q=canary", is_read=False),
        Probe("what deleting it would take", "GET", f"{shelf}/removal", is_read=False),
    ]
    if file_id is not None:
        document = f"/api/documents/{file_id}"
        probes += [
            Probe("collection's file", "GET", f"{store}/files/{file_id}"),
            Probe("what lies inside", "GET", f"{shelf}/documents?parent={file_id}"),
            Probe("file", "GET", f"/v1/files/{file_id}"),
            Probe("file's content", "GET", f"/v1/files/{file_id}/content"),
            Probe("document", "GET", document),
            Probe("document as it was sent", "GET", f"{document}/original"),
            Probe("page's text", "GET", f"{document}/pages/1?format=text"),
            Probe("page's image", "GET", f"{document}/pages/1?format=image", is_read=has_pictures),
            Probe("page with a quote", "GET", f"{document}/pages/1?quote=pass+phrase"),
        ]
    return probes


def asking_all() -> list[Probe]:
    """Everything that answers a question, of all that is visible."""
    messages = [{"role": "user", "content": QUESTION}]
    chat = {"model": PIPELINE, "messages": messages}
    responses = {"model": PIPELINE, "input": QUESTION, "store": False}
    return [
        Probe("ask", "POST", "/v1/chat/completions", chat, must_refuse=False),
        Probe("ask, streamed", "POST", "/v1/chat/completions", chat | {"stream": True}, must_refuse=False),
        Probe("responses", "POST", "/v1/responses", responses, must_refuse=False),
        Probe(
            "responses, streamed", "POST", "/v1/responses", responses | {"stream": True}, must_refuse=False
        ),
        Probe("search of everything", "POST", "/api/search", {"query": QUESTION}, must_refuse=False),
        Probe("turn", "POST", "/api/turns", {"question": QUESTION, "model": PIPELINE}, False, _OF_A_TURN),
    ]


def asking_one(collection_id: str) -> list[Probe]:
    """The same of this collection by name."""
    chat = {
        "model": PIPELINE,
        "messages": [{"role": "user", "content": QUESTION}],
        "vector_store_ids": [collection_id],
    }
    turn = {"question": QUESTION, "model": PIPELINE, "vector_store_ids": [collection_id]}
    search_tool = {"type": "file_search", "vector_store_ids": [collection_id]}
    searching = {"model": PIPELINE, "input": QUESTION, "store": False, "tools": [search_tool]}
    found = {"include": ["file_search_call.results"]}
    completions, answers = "/v1/chat/completions", "/v1/responses"
    return [
        Probe("ask a collection", "POST", completions, chat, must_refuse=False),
        Probe("ask a collection, streamed", "POST", completions, chat | {"stream": True}, must_refuse=False),
        Probe("turn about a collection", "POST", "/api/turns", turn, False, _OF_A_TURN),
        Probe("responses, file_search", "POST", answers, searching, must_refuse=False),
        Probe("responses, file_search streamed", "POST", answers, searching | {"stream": True}, must_refuse=False),
        Probe("responses, what file_search found", "POST", answers, searching | found, must_refuse=False),
    ]  # fmt: skip


def _changes(collection_id: str, file_id: str) -> list[Probe]:
    store, shelf = f"/v1/vector_stores/{collection_id}", f"/api/collections/{collection_id}"
    outsider = "user:canary-outsider@canary.invalid"
    changes: list[tuple[str, str, str, dict[str, object] | None]] = [
        ("taking the file into an own collection", "POST", "/v1/vector_stores",
         {"name": "mine", "file_ids": [file_id]}),
        ("attaching the file again", "POST", f"{store}/files", {"file_id": file_id}),
        ("adding a batch", "POST", f"{store}/file_batches", {"file_ids": [file_id]}),
        ("attributes", "POST", f"{store}/files/{file_id}", {"attributes": {"seen": True}}),
        ("renaming", "POST", store, {"name": "mine"}),
        ("sharing", "PUT", f"{shelf}/shares", {"with": outsider, "access": "read"}),
        ("unsharing", "DELETE", f"{shelf}/shares?with=user:canary-colleague@canary.invalid", None),
        ("giving it to an administrator", "PATCH", shelf, {"owner": "user:canary-administrator@canary.invalid"}),
        ("cancelling", "POST", f"{store}/files/{file_id}/cancel", None),
        ("reading again", "POST", f"{store}/files/{file_id}/retry", None),
        ("reading everything again", "POST", f"{store}/retry_failed", None),
        ("detaching", "DELETE", f"{store}/files/{file_id}", None),
        ("deleting the file", "DELETE", f"/v1/files/{file_id}", None),
        ("deleting the collection", "DELETE", store, None),
        ("deleting the collection with its files", "DELETE", f"{shelf}?with_files=true", None),
    ]  # fmt: skip
    return [Probe(*change, is_read=False) for change in changes]
