"""The rows beneath the routes, which the database itself has to hold back. Pure."""

from __future__ import annotations

from uuid import UUID

from appliance.services.canaries.plants import ADMINISTRATORS, OVERSEERS, Planted, Rows

_OF_COLLECTION = (
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


def of_collection(collection_id: UUID) -> list[Rows]:
    """A collection and what is in it."""
    return [
        Rows("collections", "id", collection_id),
        *(Rows(table, "collection_id", collection_id) for table in _OF_COLLECTION),
    ]


def of_conversation(conversation_id: UUID, turn_id: UUID | None) -> list[Rows]:
    """What was asked, answered and thought of it."""
    rows = [
        Rows("conversations", "id", conversation_id, is_personal=True),
        Rows("turns", "conversation_id", conversation_id, is_personal=True),
    ]
    if turn_id is not None:
        rows += [
            Rows("turn_events", "turn_id", turn_id, is_personal=True),
            Rows("turn_feedback", "turn_id", turn_id, is_personal=True, open_to=ADMINISTRATORS),
            Rows("data_results", "turn_id", turn_id, is_personal=True),
        ]
    return rows


def of_planted(planted: Planted, owner_id: UUID) -> list[Rows]:
    """Everything of a planted document, and of its owner. Files are named with a prefix, and so are responses."""
    return [
        *of_collection(planted.collection_id),
        Rows("files", "id", UUID(planted.file_id.removeprefix("file-"))),
        *of_conversation(UUID(planted.conversation_id), UUID(planted.turn_id)),
        Rows("responses", "id", UUID(planted.response_id.removeprefix("resp_")), is_personal=True),
        Rows("response_threads", "user_id", owner_id, is_personal=True),
        Rows("receipts", "subject_id", UUID(planted.deleted_id.removeprefix("file-")), is_personal=True,
             open_to=frozenset({"auditor"})),
        Rows("requests", "user_id", owner_id, is_personal=True, open_to=OVERSEERS),
        Rows("usage_hours", "user_id", owner_id, is_personal=True, open_to=OVERSEERS),
        Rows("preferences", "user_id", owner_id, is_personal=True),
        Rows("data_results", "user_id", owner_id, is_personal=True),
        Rows("data_result_pages", "user_id", owner_id, is_personal=True),
        Rows("saved_questions", "owner_id", owner_id, is_personal=True, open_to=ADMINISTRATORS),
    ]  # fmt: skip
