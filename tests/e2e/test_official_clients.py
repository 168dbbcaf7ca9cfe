"""Other people's clients, unchanged, against a whole box: the scripts of the fast path, and documents."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.client_environment import client_python
from tests.contracts.engines.rows import TAUGHT
from tests.whole_box import PIPELINE, ROOT, WholeBox

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

CLIENTS = ROOT / "tests" / "api" / "clients"
EMBEDDED = "all-MiniLM-L6-v2"
SDK = "openai>=3,<4"


def run(script: Path, *words: str, python: Path, given: object = None) -> Any:
    """What the script printed."""
    done = subprocess.run(
        [str(python), str(script), *words],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def test_the_official_sdk_chats_with_a_real_engine(writing_box: WholeBox) -> None:
    """Models, chat streamed and not, tools, JSON schema, completions, base64 embeddings, and its own exceptions."""
    seen = run(
        CLIENTS / "openai_sdk.py",
        f"{writing_box.url}/v1",
        writing_box.key,
        "gpt-4o-mini",
        EMBEDDED,
        python=client_python(SDK),
    )

    assert {"tiny", "gpt-4o-mini", PIPELINE, EMBEDDED} <= set(seen["models"])
    assert seen["whole"] and seen["streamed"] and seen["legacy"]
    assert seen["usage"] > 0 and seen["stream_usage"] > 0
    assert isinstance(seen["shaped"]["age"], int)
    assert seen["dimensions"] == [384, 384] and seen["same_vector"] < 1e-6
    assert seen["errors"]["unknown model"] == ["NotFoundError", "model"]
    assert (
        seen["errors"]["unknown key"] == seen["errors"]["unknown key, chat"] == ["AuthenticationError", None]
    )
    assert seen["errors"]["negative tokens"] == ["BadRequestError", "max_tokens"]


def test_the_official_sdk_gets_every_taught_answer(writing_box: WholeBox) -> None:
    """What the small model was taught comes back letter by letter, streamed and not, and as tool calls."""
    given = {
        "questions": list(TAUGHT["chat"]),
        "tool": TAUGHT["tool"],
        "tool_questions": list(TAUGHT["tool_calls"]),
    }

    seen = run(
        CLIENTS / "openai_sdk_chat.py",
        f"{writing_box.url}/v1",
        writing_box.key,
        "tiny",
        python=client_python(SDK),
        given=given,
    )

    assert seen["whole"] == seen["streamed"] == TAUGHT["chat"]
    assert seen["called"] == TAUGHT["tool_calls"]


def test_the_official_sdk_uploads_searches_and_gets_a_cited_answer(
    quoting_box: WholeBox, tmp_path: Path
) -> None:
    """Without any language model: files, vector stores, upload_and_poll, search, and quotes with their place."""
    for name in ("passwords-and-access.md", "returns-and-claims.docx"):
        shutil.copy(ROOT / "appliance" / "sample" / name, tmp_path / name)

    seen = run(
        ROOT / "tests" / "e2e" / "openai_sdk_documents.py",
        f"{quoting_box.url}/v1",
        quoting_box.key,
        str(tmp_path),
        python=client_python(SDK),
    )

    assert seen["batch"] == ["completed", 2, 2] and seen["polled"] == "completed"
    assert seen["listed"] == ["completed"] * 3 and seen["counts"] == 3
    lighthouse = "The lighthouse is painted every seventh year."
    assert seen["found"] == [True, "alone.txt", lighthouse]
    assert (seen["named"], seen["content"]) == ("alone.txt", lighthouse)
    (cited,) = seen["annotations"][:1]
    assert (cited["type"], cited["filename"]) == ("file_citation", "passwords-and-access.md")
    assert cited["quote"] == "A password has at least 14 characters." and cited["is_verified"]
    assert seen["content text"][cited["start"] : cited["end"]] == cited["quote"]
    assert (seen["streamed"], len(seen["streamed annotations"])) == (
        seen["content text"],
        len(seen["annotations"]),
    )
    assert seen["gone"] == [404, 404]


def test_langchain_chats_and_embeds(writing_box: WholeBox) -> None:
    """ChatOpenAI with tools and structured output; OpenAIEmbeddings(check_embedding_ctx_length=False)."""
    seen = run(
        CLIENTS / "langchain_client.py",
        f"{writing_box.url}/v1",
        writing_box.key,
        "tiny",
        EMBEDDED,
        python=client_python(SDK, "langchain-openai"),
    )

    assert seen["whole"] and seen["streamed"]
    assert seen["shaped"] == "Person"
    assert seen["dimensions"] == [384, 384]
