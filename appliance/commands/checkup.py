"""What `appliance doctor` looks at. Each check takes the box as it lies there, changes nothing and returns findings."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

from appliance.bootstrap.box import Box
from appliance.bootstrap.inference import build_inference, discover, read_engine_settings, tables_of
from appliance.commands.checkup_backup import backup_findings
from appliance.commands.checkup_identity import identity_findings
from appliance.commands.findings import Finding, Verdict
from appliance.errors import StartupError
from appliance.supervisor.data_folder import LEAST_FREE_BYTES, check_version
from appliance.supervisor.readiness import accepts_on
from appliance.supervisor.secret_files import FOLDER, NAMES
from appliance.supervisor.state import ChildState, SupervisorState, read_state, started_ticks

COMFORTABLE_FREE_BYTES = 2 * 10**9
COMFORTABLE_MEMORY_BYTES = 10**9
CREDENTIALS_DAYS = 7
RESTARTS_WORTH_A_WORD = 3
HTTP_TIMEOUT_S = 10.0


def folder_findings(data: Path) -> Iterator[Finding]:
    """Before a box can be opened: is there one, whose is it, is there room?"""
    if not (data / FOLDER).is_dir():
        yield Finding(
            "data",
            Verdict.FAIL,
            f"{data} is not the data folder of an appliance.",
            "Name it with --data, or start one there: appliance up.",
        )
        return
    try:
        check_version(data)
        yield Finding("data", Verdict.OK, f"{data}")
    except StartupError as error:
        yield Finding("data", Verdict.FAIL, error.detail, "Start that version, or choose another folder.")
    free = shutil.disk_usage(data).free
    room = f"{free / 1e9:.1f} GB free."
    if free < LEAST_FREE_BYTES:
        yield Finding("disk", Verdict.FAIL, room, "Make room: the appliance does not start below 0.5 GB.")
    elif free < COMFORTABLE_FREE_BYTES:
        yield Finding("disk", Verdict.WARN, room, "Make room, or move the data to a larger disk.")
    else:
        yield Finding("disk", Verdict.OK, room)
    yield from _secrets(data)
    yield from _credentials(data / "credentials.json")


def box_findings(box: Box) -> Iterator[Finding]:
    """Everything else, part by part."""
    state = _running(box)
    yield from _processes(state)
    yield from _port(box, state)
    checks: list[Callable[[Box, SupervisorState | None], Iterator[Finding]]] = [
        _postgres,
        _valkey,
        _embedder,
        _engines,
    ]
    for check in checks:
        yield from check(box, state)
    yield from identity_findings(box.settings, None if state is None else state.url)
    yield from backup_findings(box)
    yield from _server_settings(box)
    yield from _memory()
    yield from _sandbox()


def _secrets(data: Path) -> Iterator[Finding]:
    folder = data / FOLDER
    try:
        open_to_others = [path for path in (folder, *folder.iterdir()) if path.stat().st_mode & 0o077]
        missing = [name for name in NAMES if not (folder / name).exists()]
    except PermissionError:
        yield Finding(
            "secrets", Verdict.FAIL, f"{folder} may not be read by this user.", "Run the doctor as its owner."
        )
        return
    for path in open_to_others:
        remedy = f"chmod go-rwx {path}"
        yield Finding("secrets", Verdict.FAIL, f"{path} can be read by others.", remedy)
    for name in missing:
        yield Finding(
            "secrets",
            Verdict.WARN,
            f"{folder / name} is missing.",
            "Start the appliance, or restore a backup.",
        )
    if not open_to_others and not missing:
        yield Finding("secrets", Verdict.OK, "Nobody else can read them.")


def _credentials(path: Path) -> Iterator[Finding]:
    try:
        status = path.stat()
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        yield Finding("credentials", Verdict.OK, "credentials.json is not there any more.")
        return
    except (OSError, ValueError) as error:
        yield Finding("credentials", Verdict.WARN, f"{path} cannot be read: {error}.", "Remove it.")
        return
    days = (time.time() - status.st_mtime) / 86_400
    if status.st_mode & 0o077:
        yield Finding("credentials", Verdict.FAIL, f"{path} can be read by others.", f"chmod 600 {path}")
    elif "password" in values and days > CREDENTIALS_DAYS:
        yield Finding(
            "credentials",
            Verdict.WARN,
            f"{path} has held the first password for {days:.0f} days.",
            "Change the password on the page; keep the key elsewhere and remove the file.",
        )
    else:
        yield Finding("credentials", Verdict.OK, f"{path} is readable by its owner only.")


def _running(box: Box) -> SupervisorState | None:
    state = read_state(box.data)
    if state is None or started_ticks(state.pid) is None:
        return None
    if all(child.state is ChildState.STOPPED for child in state.children.values()):
        return None
    return state


def _processes(state: SupervisorState | None) -> Iterator[Finding]:
    if state is None:
        yield Finding("processes", Verdict.WARN, "The appliance does not run here.", "appliance up")
        return
    for name, child in sorted(state.children.items()):
        what = f"{name}: {child.state.value}, {child.restarts} restarts"
        if child.last_exit:
            what += f", last {child.last_exit}"
        if child.state is ChildState.WAITING:
            yield Finding("processes", Verdict.FAIL, f"{what}.", "Its lines are in DATA/logs/appliance.log.")
        elif child.restarts >= RESTARTS_WORTH_A_WORD:
            yield Finding("processes", Verdict.WARN, f"{what}.", "Its lines are in DATA/logs/appliance.log.")
        else:
            yield Finding("processes", Verdict.OK, f"{what}.")


def _port(box: Box, state: SupervisorState | None) -> Iterator[Finding]:
    host, port = box.settings.server.host, box.settings.server.port
    if state is None:
        try:
            with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((host, port))
            yield Finding("port", Verdict.OK, f"{host} port {port} is free.")
        except OSError as error:
            remedy = "Stop the program that has it, or choose another one: server.port."
            yield Finding("port", Verdict.FAIL, f"{host} port {port}: {error.strerror}.", remedy)
        return
    try:
        with urllib.request.urlopen(f"{state.url}/readyz", timeout=HTTP_TIMEOUT_S) as response:  # noqa: S310
            yield Finding("port", Verdict.OK, f"{state.url}/readyz answers {response.status}.")
    except urllib.error.HTTPError as error:
        said = error.read(2000).decode(errors="replace")
        yield Finding("port", Verdict.FAIL, f"{state.url}/readyz answers {error.code}: {said}", "See above.")
    except OSError as error:
        remedy = "Is it behind a proxy? Then server.public_url has to be reachable from here."
        yield Finding("port", Verdict.FAIL, f"{state.url} does not answer: {error}.", remedy)


def _postgres(box: Box, state: SupervisorState | None) -> Iterator[Finding]:
    if box.postgres is not None and state is None:
        return
    import psycopg

    from appliance.storage.migrating import packaged_migrations

    try:
        with psycopg.connect(box.owner_url, connect_timeout=5) as connection:
            version = connection.execute("SHOW server_version").fetchone()
            applied = {row[0] for row in connection.execute("SELECT name FROM schema_migrations")}
    except psycopg.Error as error:
        remedy = "appliance up" if box.postgres is not None else "Correct database.url, or start that server."
        yield Finding("postgres", Verdict.FAIL, f"It does not answer: {str(error).strip()}", remedy)
        return
    missing = [one.name for one in packaged_migrations() if one.name not in applied]
    if missing:
        yield Finding(
            "postgres", Verdict.FAIL, f"{len(missing)} migrations are missing.", "Start the appliance again."
        )
        return
    number = version[0] if version else "?"
    yield Finding("postgres", Verdict.OK, f"Version {number}, all {len(applied)} migrations applied.")
    yield from _last_canaries(box)
    yield from _embedding_models(box)


def _embedding_models(box: Box) -> Iterator[Finding]:
    import psycopg

    query = """
        SELECT m.model_id, m.state, m.renewing, m.problem, coalesce(sum(p.done), 0), coalesce(sum(p.chunks), 0)
        FROM embedding_models m LEFT JOIN embedding_progress p USING (model_id)
        GROUP BY m.model_id ORDER BY m.state, m.model_id"""
    with psycopg.connect(box.owner_url, connect_timeout=5) as connection:
        rows = connection.execute(query).fetchall()
    for model_id, state, renewing, problem, done, chunks in rows:
        if problem:
            yield Finding("index", Verdict.WARN, f"{model_id} waits: {problem}", "appliance index status")
        elif state == "active" and not renewing:
            yield Finding("index", Verdict.OK, f"Search is by the vectors of {model_id}.")
        elif state != "leaving":
            how = "made again" if renewing else "made"
            yield Finding(
                "index", Verdict.OK, f"The vectors of {model_id} are being {how}: {done} of {chunks}."
            )


def _last_canaries(box: Box) -> Iterator[Finding]:
    import psycopg

    with psycopg.connect(box.owner_url, connect_timeout=5) as connection:
        row = connection.execute(
            "SELECT finished_at, probes, hits FROM canary_runs ORDER BY id DESC LIMIT 1"
        ).fetchone()
    if row is None:
        yield Finding("canaries", Verdict.OK, "They have not run yet.", "appliance doctor --canaries")
        return
    finished_at, probes, hits = row
    sentence = f"{probes} probes, {hits} hits on {finished_at:%Y-%m-%d %H:%M}."
    remedy = (
        "Take the appliance off the network and report this; the log has a line for each." if hits else ""
    )
    yield Finding("canaries", Verdict.FAIL if hits else Verdict.OK, sentence, remedy)


def _valkey(box: Box, state: SupervisorState | None) -> Iterator[Finding]:
    if box.valkey is not None and state is None:
        return
    from redis import Redis, RedisError

    try:
        with Redis.from_url(box.valkey_url, socket_timeout=5) as client:
            client.ping()
        yield Finding("valkey", Verdict.OK, "It answers.")
    except (RedisError, OSError) as error:
        remedy = "appliance up" if box.valkey is not None else "Correct valkey.url, or start that server."
        yield Finding("valkey", Verdict.FAIL, f"It does not answer: {error}", remedy)


def _embedder(box: Box, state: SupervisorState | None) -> Iterator[Finding]:
    if state is None:
        return
    if accepts_on(box.embedder_socket)():
        yield from asyncio.run(_served_models(box))
    else:
        remedy = "Its lines are in DATA/logs/appliance.log; it is started again by itself."
        yield Finding("embedder", Verdict.FAIL, "It does not answer; search finds words only.", remedy)


async def _served_models(box: Box) -> list[Finding]:
    from inference.embedding.client import EmbedderClient
    from inference.errors import EmbedderUnavailable

    client = EmbedderClient(box.embedder_socket, answer_timeout_s=HTTP_TIMEOUT_S)
    try:
        served = await client.served()
    except EmbedderUnavailable as error:
        return [Finding("embedder", Verdict.FAIL, str(error), "Its lines are in DATA/logs/appliance.log.")]
    finally:
        await client.close()
    found = []
    for one in served:
        verdict = Verdict.OK if not one.problem else Verdict.WARN if one.card else Verdict.FAIL
        where = f"{one.card.model_id} on {one.card.device}" if one.card else one.name
        sentence = f"{where}: {one.problem}" if one.problem else f"It serves {where}."
        remedy = "Correct the section [embedding], or start that engine." if one.problem else ""
        found.append(Finding("embedder", verdict, sentence, remedy))
    return found


def _engines(box: Box, state: SupervisorState | None) -> Iterator[Finding]:
    try:
        findings = asyncio.run(_ask_engines(box, is_running=state is not None))
    except StartupError as error:
        findings = [Finding("engines", Verdict.FAIL, error.detail, "Correct appliance.toml.")]
    yield from findings


async def _ask_engines(box: Box, *, is_running: bool) -> list[Finding]:
    tables = dict(box.settings.engines)
    tables.update(tables_of(await discover(tables)))
    if not tables:
        sentence = "None is connected: answers are the documents' own words."
        remedy = "To chat, start vLLM or Ollama on this machine, or add an [engines.NAME] section."
        return [Finding("engines", Verdict.OK, sentence, remedy)]
    inference = build_inference(read_engine_settings(tables, box.engine_socket), box.settings.models.aliases)
    try:
        await inference.roster.refresh()
        states = inference.roster.states()
    finally:
        await inference.close()
    found = []
    for one in states:
        models = ", ".join(model.id for model in one.models)
        if one.is_healthy:
            found.append(
                Finding("engines", Verdict.OK, f"{one.name} at {one.base_url}: {models or 'no model'}.")
            )
        elif one.base_url.startswith("unix:") and not is_running:
            continue  # our own process, which runs with the appliance only
        else:
            sentence = f"{one.name} at {one.base_url} does not answer: {one.reason}"
            found.append(Finding("engines", Verdict.FAIL, sentence, "Start it, or correct base_url."))
    return found


def _server_settings(box: Box) -> Iterator[Finding]:
    server = box.settings.server
    is_loopback = server.host in ("127.0.0.1", "::1", "localhost")
    if server.allow_plain_http and not is_loopback:
        yield Finding(
            "https",
            Verdict.WARN,
            f"Passwords travel unencrypted to {server.host}.",
            "Put a proxy with TLS in front and set server.allow_plain_http = false.",
        )


def _memory() -> Iterator[Finding]:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    available = next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable")), None)
    if available is None:
        return
    verdict = Verdict.OK if available >= COMFORTABLE_MEMORY_BYTES else Verdict.WARN
    remedy = "" if verdict is Verdict.OK else "Stop other programs, or give the machine more memory."
    yield Finding("memory", verdict, f"{available / 1e9:.1f} GB available.", remedy)


def _sandbox() -> Iterator[Finding]:
    from rag.sandbox.confinement import probe

    weaknesses = probe().weaknesses
    for sentence in weaknesses:
        yield Finding("sandbox", Verdict.WARN, sentence, "A newer kernel closes it (docs/security.md).")
    if not weaknesses:
        yield Finding("sandbox", Verdict.OK, "Documents are read without network and without other files.")
