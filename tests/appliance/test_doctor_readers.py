"""What the doctor reads: boxes that are stopped or died, certificates, clocks, control groups, the disk's diary."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from prometheus_client import CollectorRegistry

from appliance.bootstrap.box import open_box
from appliance.bootstrap.certificates import Site, end_of_site, read_certificates, site_of
from appliance.bootstrap.disk_diary import keep_diary, note_use, read_diary
from appliance.bootstrap.doctor.examination import examine
from appliance.bootstrap.doctor.machine import _ahead, read_memory
from appliance.bootstrap.doctor.place import Place, look_at
from appliance.bootstrap.doctor.use import slow_searches
from appliance.bootstrap.metrics.certificate import CertificateMetrics
from appliance.services.doctor.certificate import certificate_findings
from appliance.services.doctor.findings import Finding, Severity
from appliance.services.doctor.ways import Ways
from appliance.supervisor.state import ChildState, ChildStatus, SupervisorState, write_state
from inference.egress import Neighbours
from tests.waiting import until


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder as the first start leaves it."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    open_box(folder)
    return folder


def _found(place: Place, *names: str) -> dict[str, Finding]:
    return {one.id: one for one in examine(place, names)}


def _write_log(data: Path, *lines: tuple[str, str, str]) -> None:
    (data / "logs").mkdir()
    written = [
        json.dumps({"time": "2026-11-21T02:00:00.000Z", "level": level, "process": process, "message": said})
        for level, process, said in lines
    ]
    (data / "logs" / "appliance.log").write_text("\n".join(written) + "\nnot json\n", encoding="utf-8")


def test_a_box_that_died_tells_its_last_words(data: Path) -> None:
    """Its supervisor is gone and had not stopped its children: the log says why, the command starts it again."""
    ready = ChildStatus(ChildState.READY, None, None, 0, "2026-11-21T01:00:00Z")
    write_state(
        data, SupervisorState(2**22 + 1, "0", "http://127.0.0.1:1", "2026-11-21T00:00:00Z", {"ui": ready})
    )
    _write_log(data, ("info", "ui", "all is well"), ("error", "postgres", "no space left on device"))

    broken = _found(look_at(data), "processes")["processes.broken"]

    assert broken.severity is Severity.ERROR
    assert broken.lines == ("2026-11-21 02:00:00 postgres: no space left on device",)
    assert broken.values["date"] == "2026-11-21 01:00 UTC"
    assert broken.command.endswith(f"up --data {data}")


def test_a_box_that_is_stopped_is_looked_at_all_the_same(data: Path) -> None:
    """Nothing is asked of parts that do not run, nothing is in doubt, and only its being stopped is remarked."""
    (data / "appliance.toml").write_text(
        "[server]\nport = 0\n[knowledge]\ningestion_jobs = 1\n", encoding="utf-8"
    )

    found = _found(look_at(data))

    assert {"postgres.idle", "valkey.idle", "embedder.idle", "queue.idle", "speed.idle", "keys.idle"} <= set(
        found
    )
    assert "doctor.blind" not in found
    assert "processes.never" in found and found["backup.none"].severity is Severity.WARNING


def test_a_setting_that_is_wrong_hides_what_needs_no_settings(data: Path) -> None:
    """The line of the settings' own check, and the machine beside it."""
    (data / "appliance.toml").write_text("[server]\nwrokers = 2\n", encoding="utf-8")

    found = _found(look_at(data))

    assert "workers" in found["settings.wrong"].sentence
    assert "memory.ok" in found or "memory.short" in found
    assert "postgres.idle" not in found


def test_a_folder_that_is_no_box_is_left_as_it_is(tmp_path: Path) -> None:
    """Looking makes no secrets in it."""
    found = _found(look_at(tmp_path), "data", "gpu")

    assert "data.missing" in found
    assert list(tmp_path.iterdir()) == []


def test_what_others_can_read_is_named_before_it_is_closed(data: Path) -> None:
    """A secret, and settings with a passphrase in them; with the command for each."""
    secret, settings = data / "secrets" / "session_secret", data / "appliance.toml"
    secret.chmod(0o644)
    settings.write_text('[backup]\npassphrase = "correct horse battery"\n', encoding="utf-8")
    settings.chmod(0o644)

    found = examine(look_at(data), ["secrets"])

    commands = [one.command for one in found if one.id == "secrets.open"]
    assert commands == [f"chmod go-rwx {secret}", f"chmod go-rwx {settings}"]
    (plain,) = [one for one in found if one.id == "secrets.plain"]
    assert plain.values == {"path": str(settings), "setting": "backup.passphrase"}
    assert "correct horse" not in str(found)


def test_a_check_that_breaks_hides_none_of_the_others(data: Path) -> None:
    """It is told as what it is: something that nobody could look at."""
    (data / "metrics").write_text("", encoding="utf-8")
    (data / "disk-diary.jsonl").mkdir()  # no reader expects that

    found = _found(look_at(data), "disk", "memory", "engines")

    assert "disk.ok" in found or "disk.short" in found
    place = look_at(data)
    blind = examine(Place(**{**vars(place), "root": data / "nowhere"}), ["memory", "files"])
    assert [one.id for one in blind] == ["doctor.blind", "files.ok"] or blind[1].id.startswith("files.")
    assert blind[0].values["check"] == "memory"


def test_memory_is_that_of_the_own_control_group_too(data: Path, tmp_path: Path) -> None:
    """Its bound, what is used without what the kernel would give back, and whom the kernel has ended."""
    root = tmp_path / "root"
    group = root / "sys/fs/cgroup/box.service"
    for folder in (group, root / "proc/self"):
        folder.mkdir(parents=True)
    (root / "proc/meminfo").write_text(
        "MemTotal: 1000 kB\nMemAvailable: 400 kB\nSwapTotal: 50 kB\nSwapFree: 20 kB\n"
    )
    (root / "proc/self/cgroup").write_text("0::/box.service\n")
    for name, text in {
        "memory.max": "2000000",
        "memory.current": "1500000",
        "memory.stat": "anon 1\ninactive_file 400000\n",
        "memory.events": "oom 2\noom_kill 1\n",
    }.items():
        (group / name).write_text(text)

    seen = read_memory(Place(**{**vars(look_at(data)), "root": root}))

    assert (seen.size_bytes, seen.available_bytes, seen.swap_used_bytes) == (1024_000, 409_600, 30_720)
    assert (seen.cgroup_limit_bytes, seen.cgroup_used_bytes, seen.cgroup_kills) == (2_000_000, 1_100_000, 1)


async def test_the_disk_s_diary_is_kept_by_the_hour(tmp_path: Path) -> None:
    """A line now, a line an hour later, what is no line is passed over; a disk that is gone costs nothing."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) >= 3:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await keep_diary(tmp_path, sleep)
    with (tmp_path / "disk-diary.jsonl").open("a") as file:
        file.write('{"at": 1}\nnonsense\n')
    note_use(tmp_path, time.time() + 7200, 5)

    assert slept == [3600.0] * 3
    assert len(read_diary(tmp_path)) == 4
    assert read_diary(tmp_path)[-1][1] == 5
    with pytest.raises(asyncio.CancelledError):
        await keep_diary(tmp_path / "gone", sleep)


def test_the_step_that_makes_searches_slow_is_named() -> None:
    """By the slowest twentieth alone, however much time the others took elsewhere."""
    quick = [{"name": "embed", "took_ms": 400.0}, {"name": "rerank", "took_ms": 10.0}]
    slow = [{"name": "embed", "took_ms": 400.0}, {"name": "rerank", "took_ms": 5000.0}]

    assert slow_searches([]) == (None, "")
    seconds, step = slow_searches([quick] * 18 + [slow] * 2)

    assert (seconds, step) == (5.4, "rerank")


class _Dated(BaseHTTPRequestHandler):
    """Says another time than it is. ahead_s: of the clock."""

    ahead_s = 0.0

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def date_time_string(self, timestamp: float | None = None) -> str:
        return super().date_time_string(time.time() + self.ahead_s)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@contextmanager
def _serving(handler: type[BaseHTTPRequestHandler], tls: ssl.SSLContext | None = None) -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize("ahead_s", [-7200.0, 7200.0])
def test_a_server_s_date_tells_a_clock_that_is_hours_off(ahead_s: float) -> None:
    """Whoever is wrong; nobody there is nothing said."""
    handler = type("Off", (_Dated,), {"ahead_s": ahead_s})

    with _serving(handler) as port:
        told = _ahead(f"http://127.0.0.1:{port}/", Neighbours())

    assert told == pytest.approx(ahead_s, abs=120)
    assert _ahead(f"http://127.0.0.1:{port}/", Neighbours()) is None


def _signed(folder: Path, days: float, names: list[str], issuer: str = "") -> tuple[Path, Path]:
    """A certificate by itself, valid since yesterday: (certificate, key)."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer or names[0])])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=100))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "site.crt", folder / "site.key"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return certificate, private


@contextmanager
def _site(certificate: Path, key: Path) -> Iterator[int]:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    with _serving(_Dated, tls) as port:
        yield port


def test_the_certificate_that_people_meet_is_looked_at(tmp_path: Path) -> None:
    """End, name and chain, where people ask; from within, where the public name leads nowhere."""
    certificate, key = _signed(tmp_path, 3, ["assistant.example"])
    with _site(certificate, key) as port:
        untrusted = read_certificates(Site("127.0.0.1", port, ()), [])
        trust = ssl.create_default_context(cafile=str(certificate))
        behind = read_certificates(Site("localhost", 1, (("127.0.0.1", port),)), [], trust=trust)

    told = [one.id for one in certificate_findings(untrusted, Ways())]
    assert told == ["certificate.soon", "certificate.name", "certificate.chain"]
    (one,) = behind.found
    assert (one.problem, one.names, one.issuer) == ("", ("assistant.example",), "assistant.example")
    assert one.ends - behind.now == pytest.approx(3 * 86_400, abs=3600)


def test_nobody_there_and_files_are_told(tmp_path: Path) -> None:
    """Why it could not be asked; of files, their end and that one is none."""
    certificate, _ = _signed(tmp_path, -1, ["a.example", "*.b.example"])
    (tmp_path / "none.crt").write_text("nothing")

    seen = read_certificates(
        Site("localhost", 1, ()), [certificate, tmp_path / "none.crt", tmp_path / "gone.crt"]
    )

    told = [
        (one.id, one.values.get("path") or one.values.get("where"))
        for one in certificate_findings(seen, Ways())
    ]
    assert told == [
        ("certificate.unreachable", None),
        ("certificate.expired", str(certificate)),
        ("certificate.name", str(certificate)),
        ("certificate.file_unreadable", str(tmp_path / "none.crt")),
        ("certificate.file_unreadable", str(tmp_path / "gone.crt")),
    ]


def test_a_certificate_of_the_box_s_own_authority_need_not_be_known_to_this_machine(tmp_path: Path) -> None:
    """People install its root; half a day is as long as it lives."""
    certificate, key = _signed(tmp_path, 40, ["localhost"], issuer="Caddy Local Authority - ECC Intermediate")
    with _site(certificate, key) as port:
        seen = read_certificates(Site("localhost", port, ()), [])

    assert [one.id for one in certificate_findings(seen, Ways())] == ["certificate.internal"]


async def test_the_metrics_tell_when_it_ends_and_no_scrape_waits_for_it(tmp_path: Path) -> None:
    """Nothing before it was seen; then both moments; kept while the server is away; a look an hour."""
    certificate, key = _signed(tmp_path, 50, ["localhost"])
    registry, now = CollectorRegistry(), [0.0]
    name = "appliance_certificate_expiry_timestamp_seconds"
    looks: list[float] = []

    async def nothing() -> None:
        """No other metrics."""

    with _site(certificate, key) as port:
        site = Site("localhost", port, ())
        metrics = CertificateMetrics(lambda: looks.append(now[0]) or end_of_site(site), lambda: now[0])  # type: ignore[func-returns-value]
        registry.register(metrics)
        refresh = metrics.before_scrape(nothing)
        assert registry.get_sample_value(name) is None
        await refresh()
        await until(lambda: registry.get_sample_value(name) is not None)
        ends = registry.get_sample_value(name)
        await refresh()

    assert ends == pytest.approx(time.time() + 50 * 86_400, abs=3600)
    assert registry.get_sample_value("appliance_certificate_start_timestamp_seconds") == pytest.approx(
        time.time() - 100 * 86_400, abs=3600
    )
    assert looks == [0.0]
    now[0] = 3601.0
    metrics.look()
    assert registry.get_sample_value(name) == ends


def test_only_https_has_a_certificate() -> None:
    """Other ports and addresses are taken as they are."""
    assert site_of("http://a.example") is None
    assert site_of("") is None
    assert site_of("https://a.example:8443/x") == Site("a.example", 8443)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_of_somebody_else_says_how_to_look(data: Path) -> None:
    """With the owner's name."""
    (data / "secrets").chmod(0)
    found = _found(look_at(data), "data")
    (data / "secrets").chmod(0o700)
    assert "sudo -u" in found["data.closed"].command
