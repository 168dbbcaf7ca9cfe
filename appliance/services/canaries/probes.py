"""What is tried against a planted document and against a real private one. Pure: routes, bodies, and what counts.

Every name of a planted thing holds its token, so a token in an answer is a leak wherever it stands. A route that names
what the asker may not see must refuse besides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

QUESTION = "What is the pass phrase of the canary vault?"
PIPELINE = "answer-with-sources"
_OF_A_TURN = ("/api/turns/ID/events", "/api/turns/ID/trace")
TABLES = (
    "collections",
    "collection_files",
    "pages",
    "chunks",
    "embeddings",
    "postings",
    "terms",
    "collection_totals",
    "collection_shares",
    "file_batches",
)


@dataclass(frozen=True, slots=True)
class Probe:
    """One request. must_refuse: an answer of 2xx is a hit by itself, whatever it says.

    then: paths that are read too where the answer has an `id`, which takes the place of ID.
    """

    name: str
    method: str
    path: str
    body: Mapping[str, Any] | None = None
    must_refuse: bool = True
    then: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Planted:
    """A document in a private collection, and a question that its owner asked of it. readers: roles that may see it."""

    token: str
    owner: str
    readers: frozenset[str]
    collection_id: str
    file_id: str
    turn_id: str = ""
    conversation_id: str = ""


@dataclass(frozen=True, slots=True)
class Hit:
    """Who reached what by which way. No text."""

    probe: str
    role: str
    owner: str


@dataclass
class Tally:
    """What came of a run. unanswered: probes that got no answer that says anything (busy, broken)."""

    probes: int = 0
    unanswered: int = 0
    hits: list[Hit] = field(default_factory=list)
    controls_failed: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Nothing was reached, and the probes were able to reach something."""
        return not self.hits and not self.controls_failed and self.probes > self.unanswered


def control(planted: Planted) -> Probe:
    """What its readers do find: were this empty, all the others would prove nothing."""
    return Probe("search", "POST", f"/v1/vector_stores/{planted.collection_id}/search", {"query": QUESTION})


def of_planted(planted: Planted) -> list[Probe]:
    """Every way to a planted document; what would change or delete it comes last."""
    return [
        *_listings(),
        *_asking(planted.collection_id),
        *of_document(planted.collection_id, planted.file_id),
        *of_conversation(planted),
        *_changes(planted.collection_id, planted.file_id),
    ]


def of_document(collection_id: str, file_id: str | None) -> list[Probe]:
    """What names a collection or file, and only reads."""
    store = f"/v1/vector_stores/{collection_id}"
    probes = [
        Probe("collection", "GET", store),
        Probe("collection's files", "GET", f"{store}/files"),
        Probe("search", "POST", f"{store}/search", {"query": QUESTION}),
        Probe("shares", "GET", f"/api/collections/{collection_id}/shares"),
        Probe("collection's shelf", "GET", f"/api/collections/{collection_id}/documents"),
        Probe("what deleting it would take", "GET", f"/api/collections/{collection_id}/removal"),
    ]
    if file_id is not None:
        probes += [
            Probe("collection's file", "GET", f"{store}/files/{file_id}"),
            Probe("file", "GET", f"/v1/files/{file_id}"),
            Probe("file's content", "GET", f"/v1/files/{file_id}/content"),
            Probe("document", "GET", f"/api/documents/{file_id}"),
            Probe("document as it was sent", "GET", f"/api/documents/{file_id}/original"),
            Probe("page's text", "GET", f"/api/documents/{file_id}/pages/1?format=text"),
            Probe("page's image", "GET", f"/api/documents/{file_id}/pages/1?format=image"),
            Probe("page with a quote", "GET", f"/api/documents/{file_id}/pages/1?quote=pass+phrase"),
        ]
    return probes


def _listings() -> list[Probe]:
    paths = {
        "list of collections": "/v1/vector_stores?limit=100",
        "list of files": "/v1/files",
        "list of conversations": "/api/conversations?limit=200",
        "suggestions": "/api/suggestions",
        "receipts": "/api/receipts",
    }
    return [Probe(name, "GET", path, must_refuse=False) for name, path in paths.items()]


def _asking(collection_id: str) -> list[Probe]:
    """Everything that answers a question, of all that is visible and of this collection by name."""
    messages = [{"role": "user", "content": QUESTION}]
    chat = {"model": PIPELINE, "messages": messages}
    named = {"vector_store_ids": [collection_id]}
    search_tool = {"type": "file_search", "vector_store_ids": [collection_id]}
    responses = {"model": PIPELINE, "input": QUESTION, "store": False}
    searching = responses | {"tools": [search_tool]}
    found = {"include": ["file_search_call.results"]}
    completions, answers = "/v1/chat/completions", "/v1/responses"
    return [
        Probe("ask", "POST", completions, chat, must_refuse=False),
        Probe("ask, streamed", "POST", completions, chat | {"stream": True}, must_refuse=False),
        Probe("ask a collection", "POST", completions, chat | named, must_refuse=False),
        Probe(
            "ask a collection, streamed",
            "POST",
            completions,
            chat | named | {"stream": True},
            must_refuse=False,
        ),
        Probe("responses", "POST", answers, responses, must_refuse=False),
        Probe("responses, streamed", "POST", answers, responses | {"stream": True}, must_refuse=False),
        Probe("responses, file_search", "POST", answers, searching, must_refuse=False),
        Probe(
            "responses, file_search streamed",
            "POST",
            answers,
            searching | {"stream": True},
            must_refuse=False,
        ),
        Probe("responses, what file_search found", "POST", answers, searching | found, must_refuse=False),
        Probe(
            "turn", "POST", "/api/turns", {"question": QUESTION, "model": PIPELINE} | named, False, _OF_A_TURN
        ),
    ]


def of_conversation(planted: Planted) -> list[Probe]:
    """What was asked and answered is its asker's alone, whoever else may read the collection."""
    if not planted.turn_id:
        return []
    turn, conversation = f"/api/turns/{planted.turn_id}", f"/api/conversations/{planted.conversation_id}"
    asking = {"question": QUESTION, "model": PIPELINE}
    reading = [
        Probe("turn's stream", "GET", f"{turn}/events"),
        Probe("turn's trace", "GET", f"{turn}/trace"),
        Probe("conversation", "GET", conversation),
        Probe("conversation's files", "GET", f"{conversation}/files"),
        Probe("conversation as Markdown", "GET", f"{conversation}/export?format=markdown"),
        Probe("conversation as JSON", "GET", f"{conversation}/export?format=json"),
        Probe("conversation's context", "GET", f"{conversation}/context?model={PIPELINE}"),
        Probe("search of conversations", "GET", f"/api/conversations?q={planted.token}", must_refuse=False),
    ]
    return [
        *reading,
        Probe("going on in a conversation", "POST", "/api/turns",
              asking | {"conversation_id": planted.conversation_id}),
        Probe("going on after a turn", "POST", "/api/turns", asking | {"previous_id": planted.turn_id}),
        Probe("another version", "POST", f"{turn}/versions", {"question": QUESTION}),
        Probe("continuing an answer", "POST", f"{turn}/continue"),
        Probe("stopping a turn", "POST", f"{turn}/stop"),
        Probe("feedback", "PUT", f"{turn}/feedback", {"rating": "down"}),
        Probe("taking feedback back", "DELETE", f"{turn}/feedback"),
        Probe("renaming a conversation", "PATCH", conversation, {"title": "mine"}),
        Probe("restoring a conversation", "POST", f"{conversation}/restore"),
        Probe("deleting a conversation", "DELETE", f"{conversation}?now=true"),
    ]  # fmt: skip


def _changes(collection_id: str, file_id: str) -> list[Probe]:
    store = f"/v1/vector_stores/{collection_id}"
    shares = f"/api/collections/{collection_id}/shares"
    return [
        Probe("taking the file into an own collection", "POST", "/v1/vector_stores",
              {"name": "mine", "file_ids": [file_id]}),
        Probe("attaching the file again", "POST", f"{store}/files", {"file_id": file_id}),
        Probe("batch", "POST", f"{store}/file_batches", {"file_ids": [file_id]}),
        Probe("attributes", "POST", f"{store}/files/{file_id}", {"attributes": {"seen": True}}),
        Probe("renaming", "POST", store, {"name": "mine"}),
        Probe("sharing", "PUT", shares, {"with": "user:canary-outsider@canary.invalid", "access": "read"}),
        Probe("cancelling", "POST", f"{store}/files/{file_id}/cancel"),
        Probe("reading again", "POST", f"{store}/files/{file_id}/retry"),
        Probe("detaching", "DELETE", f"{store}/files/{file_id}"),
        Probe("deleting the file", "DELETE", f"/v1/files/{file_id}"),
        Probe("deleting the collection", "DELETE", store),
        Probe("deleting the collection with its files", "DELETE",
              f"/api/collections/{collection_id}?with_files=true"),
    ]  # fmt: skip
