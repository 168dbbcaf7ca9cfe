"""What the containers run, run here: with their settings, behind Caddy, watched by Prometheus and Alertmanager."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import re
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Collection
from pathlib import Path

import psycopg
import pytest

from tests.deploy import compose_exporters
from tests.deploy.acme_server import root_of, start_acme
from tests.deploy.compose_proxy import Proxy, proxy, start_caddy
from tests.deploy.compose_stack import MODEL, ROOT, Stack, monitor_can_look, stack, wait_for
from tests.deploy.compose_watch import Watch, queries, watch
from tests.ports import free_port

__all__ = ["proxy", "stack", "watch"]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SECRET_WORDS = ("Zanahoria-4711", "Brunnenkresse-9024", "Schnittlauch-3315")
"""Said in a question, in a document, and as a password: found in no log and in no figure."""
_NOT_HERE = re.compile(
    r"appliance_gpu_|appliance_backup|appliance_canary|waiting_requests|queue_fairness|preemptions"
)


# what runs ------------------------------------------------------------------------------------------------------------


def test_what_the_containers_run_answers(stack: Stack) -> None:
    """Migrations, accounts, sample, worker, embedder and page, with nothing embedded and no supervisor."""
    asked = {"query": "¿Cuántos días de vacaciones tengo al año?"}
    store = json.loads(stack.get(f"{stack.gateway_url}/v1/vector_stores", stack.key)[1])["data"][0]["id"]
    status, found = stack.post(f"/v1/vector_stores/{store}/search", asked)

    assert (status, "23 días" in found.decode()) == (200, True)
    assert stack.ask("Buenos días")[0] == 200
    assert not (stack.data / "postgres").exists() and not (stack.data / "valkey").exists()


@pytest.mark.parametrize("name", ["gateway", "worker", "embedder", "ui"])
def test_the_health_checks_of_the_files_hold(stack: Stack, name: str) -> None:
    """The very command that docker runs inside says that the service is well."""
    words = [stack.on_this_machine(word) for word in stack.services[name]["healthcheck"]["test"][1:]]
    words = [word.replace("127.0.0.1:8080", f"127.0.0.1:{stack.ports['gateway']}") for word in words]
    environment = {**stack.environment(name), "PYTHONPATH": str(ROOT)}

    checked = subprocess.run(
        [sys.executable, *words[1:]],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert checked.returncode == 0, checked.stderr


def test_the_servers_run_with_the_files_settings(stack: Stack) -> None:
    """What stands in the compose files is what PostgreSQL and Valkey say that they do."""
    told = dict(
        setting.split("=", 1) for setting in stack.services["postgres"]["command"][1:] if "=" in setting
    )
    url = (stack.folder / "secrets" / "database_url").read_text(encoding="utf-8")
    with psycopg.connect(url) as connection:
        found = {name: connection.execute(f"SHOW {name}").fetchone() for name in told}
    valkey = valkey_configuration(stack, "maxmemory-policy", "appendonly")

    assert {name: str(value[0]) for name, value in found.items() if value} == told
    assert valkey == {"maxmemory-policy": "noeviction", "appendonly": "yes"}
    assert monitor_can_look(stack)


def test_the_worker_makes_a_backup_into_its_own_place(stack: Stack) -> None:
    """What it does every night, with the file's folder and passphrase; the secrets in it are wrapped."""
    words = [sys.executable, "-m", "appliance.bootstrap.backups.process", "--data", str(stack.data)]
    environment = {**stack.environment("worker"), "PYTHONPATH": str(ROOT)}
    environment["APPLIANCE_BACKUP__VERIFY"] = "false"  # tests/appliance/test_backups.py tries what it makes

    made = subprocess.run(
        words, env=environment, capture_output=True, text=True, check=False, timeout=300, cwd=stack.folder
    )

    kept = [path for path in (stack.folder / "backups").iterdir() if path.is_dir()]
    assert made.returncode == 0, made.stdout + made.stderr
    assert len(kept) == 1 and (kept[0] / "database.dump").stat().st_size > 0
    secret = (stack.folder / "secrets" / "database_role_secret").read_bytes()
    assert not [path for path in kept[0].rglob("*") if path.is_file() and secret in path.read_bytes()]


def test_the_command_line_works_inside_the_gateway(stack: Stack) -> None:
    """`docker compose exec gateway appliance …`: people's address leads out, so it goes another way."""
    words = ["appliance", "user", "add", "ana@example.com", "--data", str(stack.data)]
    environment = {**stack.environment("gateway"), "PYTHONPATH": str(ROOT)}

    told = subprocess.run(
        [sys.executable, "-m", *words],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )

    assert told.returncode == 0, told.stdout + told.stderr
    assert stack.credentials["url"] == "https://localhost"


def valkey_configuration(stack: Stack, *names: str) -> dict[str, str]:
    """What Valkey says of itself."""
    from redis import Redis

    url = (stack.folder / "secrets" / "valkey_url").read_text(encoding="utf-8")
    with Redis.from_url(url, decode_responses=True) as client:
        return {name: str(client.config_get(name)[name]) for name in names}


# Caddy ----------------------------------------------------------------------------------------------------------------


def test_the_page_comes_over_https(proxy: Proxy) -> None:
    """With a certificate that the authority's root proves, and the wish never to come over anything else."""
    page = proxy.open("/")
    moved = http.client.HTTPConnection("127.0.0.1", proxy.http_port, timeout=60)
    moved.request("GET", "/chat?a=b", headers={"host": "localhost"})
    redirect = moved.getresponse()

    assert page.status == 200 and b"<html" in page.read()
    assert page.getheader("strict-transport-security") and page.getheader("server") != "Caddy"
    assert (redirect.status, redirect.getheader("location")) == (308, "https://localhost/chat?a=b")


def test_the_root_certificate_can_be_downloaded(proxy: Proxy) -> None:
    """Over plain HTTP, because nobody trusts us yet: the very certificate, whose fingerprint setup.sh prints."""
    with urllib.request.urlopen(
        urllib.request.Request(
            f"http://127.0.0.1:{proxy.http_port}/appliance-root.crt", headers={"host": "localhost"}
        ),
        timeout=60,
    ) as answer:
        kind, downloaded = answer.headers["content-type"], answer.read()
    said = subprocess.run(
        ["openssl", "x509", "-noout", "-fingerprint", "-sha256"],
        input=downloaded,
        capture_output=True,
        check=True,
    )
    fingerprint = hashlib.sha256(ssl.PEM_cert_to_DER_cert(downloaded.decode())).hexdigest()

    assert kind == "application/x-x509-ca-cert"
    assert downloaded == proxy.root.read_bytes()
    assert said.stdout.decode().strip().partition("=")[2].replace(":", "").lower() == fingerprint


def test_a_streamed_answer_passes_word_by_word(stack: Stack, proxy: Proxy) -> None:
    """The first words are there while the engine is still at it, for minutes: nothing waits for a full buffer."""
    body = {
        "model": MODEL,
        "stream": True,
        "messages": [{"role": "user", "content": " ".join(["word"] * 2000)}],
    }
    headers = {"authorization": f"Bearer {stack.key}", "content-type": "application/json"}

    answer = proxy.open("/v1/chat/completions", method="POST", body=json.dumps(body), headers=headers)
    lines = [answer.fp.readline() for _ in range(8)]
    running = figure(stack, "appliance_running_requests")
    answer.close()

    assert answer.status == 200 and b"data: {" in b"".join(lines)
    assert running >= 1, "it has not ended"
    wait_for(lambda: figure(stack, "appliance_running_requests") == 0, stack.said)


def figure(stack: Stack, name: str) -> float:
    """The sum over all series of that name, as the gateway tells it to the scraper's key."""
    status, page = stack.get(f"{stack.gateway_url}/metrics", "key-of-the-scraper")
    assert status == 200
    values = re.findall(rf"^{name}(?:\{{[^}}]*\}})? (\S+)$", page.decode(), re.MULTILINE)
    return sum(float(value) for value in values)


def test_a_public_certificate_comes_by_acme(stack: Stack) -> None:
    """From an ACME server, by the same configuration and an e-mail address; proven by that server's root alone."""
    http_port, https_port = free_port(), free_port()
    directory, certificate, root_address = start_acme(stack, http_port, https_port)
    proxy = start_caddy(
        stack,
        "caddy-acme",
        "it@example.com",
        http_port,
        https_port,
        APPLIANCE_ACME_CA=directory,
        SSL_CERT_FILE=str(certificate),
    )
    root = stack.folder / "acme-root.pem"

    def has_certificate() -> bool:
        try:
            root.write_bytes(root_of(root_address, certificate))
            return proxy.open("/healthz", trust=root).status == 200
        except OSError:
            return False

    wait_for(has_certificate, stack.said)
    for name in ("caddy-acme", "pebble", "challenges"):
        stack.stop(name)


# watching it ----------------------------------------------------------------------------------------------------------


def test_every_panel_shows_something_after_traffic(stack: Stack, watch: Watch) -> None:
    """Prometheus understands all of them; those of what is here have data once people have asked."""
    store = json.loads(stack.get(f"{stack.gateway_url}/v1/vector_stores", stack.key)[1])["data"][0]["id"]
    waiting = {
        where: query
        for where, query in queries()
        if ": " in where and not _NOT_HERE.search(query) and "5.." not in query
        if not query_is_for(query, compose_exporters.missing())
    }

    def all_told() -> bool:
        stack.ask("Hello there", max_tokens=2)
        stack.post(f"/v1/vector_stores/{store}/search", {"query": "vacaciones"})
        stack.get(f"{stack.gateway_url}/v1/models", "a-wrong-key")
        for where in list(waiting):
            if any(found["value"][1] != "NaN" for found in watch.query(waiting[where])):
                del waiting[where]
        return not waiting

    for _, query in queries():
        watch.query(query)
    wait_for(lambda: watch.query("appliance_pages_read_total"), stack.said)
    upload(stack, "garden.txt", b"Beans grow in the garden.")
    wait_for(all_told, lambda: f"nothing is shown by {sorted(waiting)}")


def query_is_for(query: str, prefixes: Collection[str]) -> bool:
    """Whether it asks for figures whose names begin so."""
    return any(name.startswith(tuple(prefixes)) for name in compose_exporters.figures_of(query))


@pytest.mark.parametrize("job", compose_exporters.EXPORTERS)
def test_exporters_tell_what_panels_and_alerts_ask(stack: Stack, watch: Watch, job: str) -> None:
    """With the compose files' flags and secrets; PostgreSQL and Valkey let them in, each figure has its name."""
    _, program, prefix = compose_exporters.EXPORTERS[job]
    if prefix in compose_exporters.missing():
        pytest.skip(f"{program} is not installed here")
    asked = {name for _, query in queries() for name in compose_exporters.figures_of(query)}
    own = {name for name in asked if name.startswith(prefix)}

    wait_for(lambda: watch.query(f'up{{job="{job}"}} == 1'), stack.said)
    wait_for(
        lambda: not [name for name in own if not watch.query(name)], lambda: f"not all of {own} are told"
    )

    assert own
    if job != "node":
        assert watch.query(f"{prefix}up == 1"), "the exporter runs, its server does not let it in"


def test_no_program_has_a_secret_among_its_arguments(stack: Stack) -> None:
    """Everybody on a machine can read those: of what the containers run, and of all that this starts."""
    secrets = [path.read_text(encoding="utf-8") for path in (stack.folder / "secrets").iterdir()]
    ours = {process.pid for process in stack.processes.values()}
    told = {pid: arguments_of(pid) for pid in ours | {child for pid in ours for child in children_of(pid)}}

    assert any("valkey-server" in words for words in told.values())
    assert [words for words in told.values() for secret in secrets if secret in words] == []


def arguments_of(pid: int) -> str:
    """Empty when it has ended meanwhile."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def children_of(pid: int) -> set[int]:
    """And theirs."""
    try:
        found = {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}
    except OSError:
        return set()
    return found | {grandchild for child in found for grandchild in children_of(child)}


def test_an_engine_that_goes_away_is_told_and_taken_back(stack: Stack, watch: Watch) -> None:
    """From the engine's end to Alertmanager, and back when it answers again."""
    wait_for(
        lambda: watch.query("appliance_engine_up == 1") and "EngineDown" not in watch.firing(), stack.said
    )

    stack.stop("engine")
    wait_for(lambda: "EngineDown" in watch.firing() and "EngineDown" in watch.told(), stack.said)
    stack.start_engine()
    wait_for(lambda: "EngineDown" not in watch.firing() and "EngineDown" not in watch.told(), stack.said)


# what is written down -------------------------------------------------------------------------------------------------


def test_neither_words_nor_secrets_are_written_down(stack: Stack, proxy: Proxy, watch: Watch) -> None:
    """Questions, documents, passwords and keys, of what succeeds and what fails: in no log, no figure, no trace."""
    prompt, document, password = SECRET_WORDS
    marker = f"canary-{os.urandom(4).hex()}"
    headers = {
        "authorization": f"Bearer {stack.key}",
        "content-type": "application/json",
        "x-request-id": marker,
    }
    body = json.dumps({"model": MODEL, "messages": [{"role": "user", "content": prompt}], "max_tokens": 2})
    credentials = stack.credentials

    assert proxy.open("/v1/chat/completions", method="POST", body=body, headers=headers).status == 200
    stack.ask(prompt, model="answer-with-sources", max_tokens=5)
    stack.ask(prompt, model="no-such-model")
    stack.ask(prompt, temperature=prompt)
    stack.ask(prompt, key=prompt)
    stack.post("/v1/chat/completions", f'{{"messages": "{prompt}'.encode())
    stack.post("/v1/chat/completions", {}, key=f"apl_{password}")
    stack.post("/api/sessions", {"email": credentials["email"], "password": password}, key="")
    stack.post("/api/sessions", {"email": credentials["email"], "password": credentials["password"]}, key="")
    upload(stack, f"{document}.txt", f"{document} grows in the garden.".encode())
    upload(stack, f"{document}.pdf", f"%PDF-1.7 {document} is damaged".encode())
    stack.stop("engine")
    stack.ask(prompt)
    stack.start_engine()
    wait_for(lambda: marker in stack.log.read_text(encoding="utf-8", errors="replace"), stack.said)
    wait_for(lambda: documents_ended(stack), stack.said)
    wait_for(lambda: marker.encode() in b"".join(stack.traces.requests), stack.said)
    wait_for(lambda: b"job ingest" in b"".join(stack.traces.requests), stack.said)

    written = stack.log.read_text(encoding="utf-8", errors="replace")
    figures = stack.get(f"{stack.gateway_url}/metrics", "key-of-the-scraper")[1].decode()
    series = json.dumps(watch.query('{job="appliance"}'))
    secrets = [path.read_text(encoding="utf-8") for path in (stack.folder / "secrets").iterdir()]
    for secret in (*SECRET_WORDS, stack.key, credentials["password"], credentials["email"], *secrets):
        assert secret.encode() not in b"".join(stack.traces.requests), f"{secret} stands in a trace"
        for place, text in (("log", written), ("metrics", figures), ("Prometheus", series)):
            assert secret not in text, f"{secret} stands in the {place}: {around(text, secret)}"
    line = next(
        json.loads(line) for line in written.splitlines() if marker in line and "appliance.requests" in line
    )
    assert {"request_id", "user", "engine", "total_ms", "status"} <= line.keys()
    assert (line["request_id"], line["engine"], line["status"]) == (marker, "local", "completed")


def upload(stack: Stack, name: str, content: bytes) -> None:
    """Into the first collection, which reads it."""
    boundary = "----part"
    part = f'--{boundary}\r\ncontent-disposition: form-data; name="{{}}"'
    body = (
        (
            part.format("purpose")
            + "\r\n\r\nassistants\r\n"
            + part.format("file")
            + f'; filename="{name}"\r\n\r\n'
        ).encode()
        + content
        + f"\r\n--{boundary}--\r\n".encode()
    )
    request = urllib.request.Request(
        f"{stack.gateway_url}/v1/files",
        body,
        {"authorization": f"Bearer {stack.key}", "content-type": f"multipart/form-data; boundary={boundary}"},
    )
    with urllib.request.urlopen(request, timeout=120) as answer:
        file_id = json.load(answer)["id"]
    stores = json.loads(stack.get(f"{stack.gateway_url}/v1/vector_stores", stack.key)[1])["data"]
    assert stack.post(f"/v1/vector_stores/{stores[0]['id']}/files", {"file_id": file_id})[0] == 200


def documents_ended(stack: Stack) -> bool:
    """Whether nothing waits or runs any more."""
    page = stack.get(f"{stack.gateway_url}/metrics", "key-of-the-scraper")[1].decode()
    return not re.search(r'^appliance_jobs\{status="(?:waiting|running)"\} [1-9]', page, re.MULTILINE)


def around(text: str, word: str) -> str:
    """Where it stands, for the message."""
    place = text.index(word)
    return text[max(0, place - 300) : place + 200]
