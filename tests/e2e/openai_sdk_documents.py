"""What the official SDK does with documents; runs in an environment of its own. Prints what it saw as JSON.

python openai_sdk_documents.py BASE_URL KEY FOLDER
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import openai

QUESTION = "How many characters must a password have?"


def look(base_url: str, key: str, folder: str) -> dict[str, Any]:
    """Files, vector stores, batches, search, and an answer with its source."""
    client = openai.OpenAI(base_url=base_url, api_key=key, max_retries=0)
    paths = sorted(Path(folder).iterdir())
    store = client.vector_stores.create(name="From the SDK", metadata={"team": "warehouse"})
    batch = client.vector_stores.file_batches.upload_and_poll(vector_store_id=store.id, files=paths)
    alone = client.files.create(
        file=("alone.txt", b"The lighthouse is painted every seventh year."), purpose="assistants"
    )
    polled = client.vector_stores.files.create_and_poll(vector_store_id=store.id, file_id=alone.id)
    found = client.vector_stores.search(
        vector_store_id=store.id, query="How often is the lighthouse painted?"
    )
    listed = client.vector_stores.files.list(vector_store_id=store.id)
    answers = {
        "whole": client.chat.completions.create(
            model="answer-with-sources",
            messages=[{"role": "user", "content": QUESTION}],
            extra_body={"vector_store_ids": [store.id]},
        )
    }
    message: Any = answers["whole"].choices[0].message
    chunks: Any = client.chat.completions.create(
        model="answer-with-sources",
        messages=[{"role": "user", "content": QUESTION}],
        extra_body={"vector_store_ids": [store.id]},
        stream=True,
    )
    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    seen = {
        "batch": [batch.status, batch.file_counts.completed, batch.file_counts.total],
        "polled": polled.status,
        "found": [found.data[0].file_id == alone.id, found.data[0].filename, found.data[0].content[0].text],
        "listed": sorted(file.status for file in listed),
        "counts": client.vector_stores.retrieve(store.id).file_counts.completed,
        "content": client.files.content(alone.id).read().decode(),
        "named": client.files.retrieve(alone.id).filename,
        "content text": message.content,
        "annotations": message.annotations and [one.model_dump() for one in message.annotations],
        "streamed": "".join(delta.content or "" for delta in deltas),
        "streamed annotations": [
            one for delta in deltas for one in getattr(delta, "annotations", None) or []
        ],
    }
    client.vector_stores.files.delete(vector_store_id=store.id, file_id=alone.id)
    client.files.delete(alone.id)
    client.vector_stores.delete(store.id)
    seen["gone"] = [
        _status(lambda: client.files.retrieve(alone.id)),
        _status(lambda: client.vector_stores.retrieve(store.id)),
    ]
    return seen


def _status(call: Any) -> int:
    try:
        call()
    except openai.APIStatusError as error:
        return error.status_code
    return 200


if __name__ == "__main__":
    sys.stdout.write(json.dumps(look(*sys.argv[1:])))
