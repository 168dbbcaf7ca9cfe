"""What people do from a terminal, and what one of them can see of another."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.whole_box import PIPELINE, WholeBox

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SECRET = "The night porter keeps the spare key of the tannery in a blue teapot."
QUESTION = "Where does the night porter keep the spare key of the tannery?"


@dataclass(frozen=True)
class Ana:
    """Somebody with a document of her own. store, file: as the API names them."""

    key: str
    store: str
    file: str


@pytest.fixture(scope="module")
def ana(quoting_box: WholeBox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ana]:
    """Ana has uploaded a page to a collection of her own, from a terminal."""
    key = quoting_box.new_person("ana@example.com")
    page: Path = tmp_path_factory.mktemp("ana") / "night-porter.md"
    page.write_text(f"# The tannery\n\n{SECRET}\n", encoding="utf-8")

    done = quoting_box.command("ingest", str(page), "--collection", "Tannery", key=key)

    assert done.returncode == 0, done.stderr
    (store,) = [
        one for one in quoting_box.get_json("/v1/vector_stores", key)["data"] if one["name"] == "Tannery"
    ]
    (file,) = quoting_box.get_json(f"/v1/vector_stores/{store['id']}/files", key)["data"]
    assert (file["status"], store["file_counts"]["completed"]) == ("completed", 1)
    yield Ana(key, store["id"], file["id"])


def test_what_was_ingested_is_cited_in_the_terminal(quoting_box: WholeBox, ana: Ana) -> None:
    """`appliance ask` prints the passage word for word, and below it document and place."""
    done = quoting_box.command("ask", QUESTION, key=ana.key)

    assert done.returncode == 0, done.stderr
    assert SECRET in done.stdout
    assert "[1] night-porter.md" in done.stdout


def test_a_trace_tells_how_the_answer_was_found(quoting_box: WholeBox, ana: Ana) -> None:
    """`appliance ask --trace` prints the answer with its source, and each step of the search with its time."""
    shown = quoting_box.command("ask", QUESTION, "--trace", key=ana.key)
    told = json.loads(quoting_box.command("ask", QUESTION, "--trace", "--json", key=ana.key).stdout)

    assert shown.returncode == 0, shown.stderr
    assert SECRET in shown.stdout and "[1] night-porter.md" in shown.stdout
    assert f"Searched for: {QUESTION}" in shown.stdout and "by words" in shown.stdout
    assert told["trace"]["found"][0]["filename"] == "night-porter.md"
    assert SECRET not in json.dumps(told["trace"])


def test_a_program_gets_one_json_document(quoting_box: WholeBox, ana: Ana) -> None:
    """`appliance ask --json` prints the API's own answer; --collection looks nowhere else."""
    done = quoting_box.command("ask", QUESTION, "--json", "--collection", "Tannery", key=ana.key)

    answer = json.loads(done.stdout)
    (cited,) = answer["choices"][0]["message"]["annotations"]
    assert (cited["file_id"], cited["quote"], cited["is_verified"]) == (ana.file, SECRET, True)


def test_nobody_sees_anything_of_somebody_else_s(quoting_box: WholeBox, ana: Ana) -> None:
    """A second user finds neither the document nor a sign that it exists, whichever way is tried."""
    ben = quoting_box.new_person("ben@example.com")
    with quoting_box.client(ben) as client:
        stores = client.get("/v1/vector_stores").json()["data"]
        files = client.get("/v1/files").json()["data"]
        tries = {
            "store": client.get(f"/v1/vector_stores/{ana.store}"),
            "store's files": client.get(f"/v1/vector_stores/{ana.store}/files"),
            "file in it": client.get(f"/v1/vector_stores/{ana.store}/files/{ana.file}"),
            "search": client.post(f"/v1/vector_stores/{ana.store}/search", json={"query": QUESTION}),
            "file": client.get(f"/v1/files/{ana.file}"),
            "content": client.get(f"/v1/files/{ana.file}/content"),
            "delete file": client.delete(f"/v1/files/{ana.file}"),
            "delete store": client.delete(f"/v1/vector_stores/{ana.store}"),
            "attach": client.post(f"/v1/vector_stores/{ana.store}/files", json={"file_id": ana.file}),
            "ask in it": client.post(
                "/v1/chat/completions",
                json={
                    "model": PIPELINE,
                    "messages": [{"role": "user", "content": QUESTION}],
                    "vector_store_ids": [ana.store],
                },
            ),
        }
    answer = quoting_box.ask(QUESTION, key=ben)

    assert ana.store not in {store["id"] for store in stores}
    assert ana.file not in {file["id"] for file in files}
    assert {what: response.status_code for what, response in tries.items()} == dict.fromkeys(tries, 404)
    assert "teapot" not in json.dumps([answer, *(response.text for response in tries.values())])
    assert quoting_box.ask(QUESTION, key=ana.key)["choices"][0]["message"]["annotations"]


def test_a_key_made_in_the_terminal_works_until_it_is_revoked(quoting_box: WholeBox) -> None:
    """`user add` and `key create` print what their JSON promises; a revoked key opens nothing from then on."""
    added = json.loads(quoting_box.command("user", "add", "carla@example.com", "--json").stdout)
    made = json.loads(quoting_box.command("key", "create", "--user", "carla@example.com", "--json").stdout)
    with quoting_box.client(made["key"]) as client:
        before = client.get("/v1/vector_stores").status_code
        revoked = quoting_box.command("key", "revoke", made["id"])
        statuses = {
            client.get("/v1/vector_stores").status_code,
            client.get("/v1/files").status_code,
            client.post(
                "/v1/chat/completions",
                json={"model": PIPELINE, "messages": [{"role": "user", "content": "x"}]},
            ).status_code,
        }

    assert {"id", "email", "password"} <= added.keys()
    assert revoked.returncode == 0, revoked.stderr
    assert (before, statuses) == (200, {401})


def test_a_person_signs_in_with_the_password_that_was_printed(quoting_box: WholeBox) -> None:
    """The first sign-in of somebody who was just added; a wrong password is not told apart from a wrong address."""
    added = json.loads(quoting_box.command("user", "add", "dora@example.com", "--json").stdout)
    origin = {"origin": quoting_box.url}

    def sign_in(email: str, password: str) -> httpx.Response:
        with httpx.Client(base_url=quoting_box.url, headers=origin, timeout=60, trust_env=False) as client:
            return client.post("/api/sessions", json={"email": email, "password": password})

    right = sign_in("dora@example.com", added["password"])
    wrong, unknown = sign_in("dora@example.com", "not hers"), sign_in("nobody@example.com", "not hers")

    assert right.status_code in (200, 201)
    assert "httponly" in right.headers["set-cookie"].lower()
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json()["error"]["message"] == unknown.json()["error"]["message"]


def test_a_command_without_a_box_names_the_remedy(quoting_box: WholeBox, tmp_path: Path) -> None:
    """A wrong key and a wrong place are told apart by exit code and sentence."""
    refused = quoting_box.command("ask", "Anything?", key="apl_wrong")
    assert refused.returncode == 1 and "key" in refused.stderr


def test_a_collection_that_is_not_there_is_answered_with_those_that_are(quoting_box: WholeBox) -> None:
    """A slip in a name costs one look at the message."""
    refused = quoting_box.command("ask", "How many days?", "--collection", "Sampel handbook")

    assert refused.returncode == 1
    assert "Sampel handbook" in refused.stderr and "Sample handbook" in refused.stderr


def test_the_page_comes_with_our_policy(quoting_box: WholeBox) -> None:
    """200 without a sign-in, nothing from elsewhere, no unsafe-eval."""
    with httpx.Client(base_url=quoting_box.url, timeout=60, trust_env=False, follow_redirects=True) as client:
        page = client.get("/")

    policy = page.headers["content-security-policy"]
    assert page.status_code == 200 and page.headers["content-type"].startswith("text/html")
    assert "default-src 'self'" in policy
    assert "unsafe-eval" not in policy and "http" not in policy and "*" not in policy
    assert page.headers["x-content-type-options"] == "nosniff"
