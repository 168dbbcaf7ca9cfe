"""The units: understood without a word, and confined; `./setup.sh systemd` with a systemctl that only takes notes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
UNITS = ("appliance.service", "appliance-caddy.service")
WORST_EXPOSURE = 3.0


def unit(name: str, folder: Path) -> Path:
    """As it is, but for a program that is surely there: a missing one would be all that is said."""
    text = (ROOT / "deploy" / "systemd" / name).read_text(encoding="utf-8")
    file = folder / name
    file.write_text(
        re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", text, flags=re.MULTILINE), encoding="utf-8"
    )
    return file


def analyze(*words: str) -> subprocess.CompletedProcess[str]:
    """systemd-analyze, which needs no systemd that runs."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed here")
    return subprocess.run(
        ["systemd-analyze", *words], capture_output=True, text=True, check=False, timeout=120
    )


@pytest.mark.parametrize("name", UNITS)
def test_units_verify_without_a_word(name: str, tmp_path: Path) -> None:
    """It exits 0 on unknown keys too: whatever it says is a mistake."""
    checked = analyze("verify", "--recursive-errors=no", str(unit(name, tmp_path)))

    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


@pytest.mark.parametrize("name", UNITS)
def test_units_are_confined(name: str, tmp_path: Path) -> None:
    """By systemd's own scale, 0 to 10."""
    judged = analyze("security", "--offline=true", "--no-pager", str(unit(name, tmp_path)))
    exposure = re.search(r"Overall exposure level for \S+: ([\d.]+)", judged.stdout)

    assert exposure is not None, judged.stderr
    assert float(exposure[1]) <= WORST_EXPOSURE


class _Ready(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def port() -> Iterator[int]:
    """Where something says that it is ready."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Ready) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.fixture
def environment(tmp_path: Path, port: int) -> dict[str, str]:
    """A machine with systemd and Caddy, whose folders are below the test's."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in (
        ("systemctl", 'echo "$*" >>"$NOTES"'),
        ("id", "echo 0"),
        ("getent", "exit 2"),
        ("useradd", 'echo "useradd $*" >>"$NOTES"'),
        ("caddy", "exit 0"),
        ("chown", 'echo "chown $*" >>"$NOTES"'),
    ):
        (programs / name).write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        (programs / name).chmod(0o755)
    (tmp_path / "units").mkdir()
    root = tmp_path / "lib" / "appliance-caddy" / "pki" / "authorities" / "local" / "root.crt"
    root.parent.mkdir(parents=True)
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    files = ["-keyout", os.devnull, "-out", str(root), "-subj", "/CN=root", "-days", "2"]
    subprocess.run([*words, *files], check=True, capture_output=True)
    return {
        **os.environ,
        "PATH": f"{programs}:{os.environ['PATH']}",
        "NOTES": str(tmp_path / "notes"),
        "PYTHON": sys.executable,
        "APPLIANCE_PREFIX": str(tmp_path / "opt"),
        "APPLIANCE_UNITS": str(tmp_path / "units"),
        "APPLIANCE_SETTINGS": str(tmp_path / "etc"),
        "APPLIANCE_STATE": str(tmp_path / "lib"),
        "APPLIANCE_PORT": str(port),
    }


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """As small as can be: the scripts, an empty lock file, and a package that only says that it runs."""
    folder = tmp_path / "a clone"
    shutil.copytree(ROOT / "deploy", folder / "deploy")
    for name in ("setup.sh", "pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, folder)
    (folder / "requirements.lock").write_text("", encoding="utf-8")
    for name in ("appliance", "inference", "querying", "rag", "ui", "docs"):
        (folder / name).mkdir()
    (folder / "appliance" / "__init__.py").touch()
    (folder / "appliance" / "__main__.py").write_text(
        "import sys; print('runs', sys.argv[1:])\n", encoding="utf-8"
    )
    return folder


def setup(checkout: Path, environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """`./setup.sh systemd …`."""
    return subprocess.run(
        ["./setup.sh", "systemd", *words],
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.mark.slow
def test_setup_installs_a_service_twice_the_same(
    checkout: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    """Code where the service can read it, units that name it, started and waited for; a file that is gone goes."""
    backups = tmp_path / "mnt" / "backups"
    options = ("--site", "box.lan", "--backups", str(backups))
    first = setup(checkout, environment, *options)
    settings = (tmp_path / "lib" / "appliance" / "appliance.toml").read_bytes()
    passphrase = (tmp_path / "etc" / "backup-passphrase").read_bytes()
    (checkout / "appliance" / "new.py").touch()
    units = texts(tmp_path / "units")
    (checkout / "docs").rmdir()
    (checkout / "docs").mkdir()
    second = setup(checkout, environment, *options)
    notes = (tmp_path / "notes").read_text(encoding="utf-8").splitlines()

    assert first.returncode == 0, first.stdout + first.stderr
    assert second.returncode == 0, second.stdout + second.stderr
    assert "runs ['doctor', '--data', '/var/lib/appliance']" in first.stdout
    assert "ready: https://box.lan" in first.stdout and "/appliance-root.crt" in first.stdout
    assert "its fingerprint: " in first.stdout and "sudo -u appliance" in first.stdout
    assert texts(tmp_path / "units") == units and units.keys() == {*UNITS, "backups.conf"}
    assert f"ReadWritePaths=-{backups}" in units["backups.conf"]
    assert f'folder = "{backups}"' in settings.decode() and len(passphrase.strip()) == 32
    assert (tmp_path / "lib" / "appliance" / "appliance.toml").read_bytes() == settings
    assert (tmp_path / "etc" / "backup-passphrase").read_bytes() == passphrase
    assert any(note.startswith(f"chown appliance:appliance {backups}") for note in notes)
    assert f"ExecStart={tmp_path}/opt/.venv/bin/appliance up" in units["appliance.service"]
    assert (tmp_path / "opt" / "appliance" / "new.py").exists()
    assert "APPLIANCE_SITE=box.lan" in (tmp_path / "etc" / "caddy.env").read_text(encoding="utf-8")
    assert notes.count("restart appliance.service appliance-caddy.service") == 2
    assert any(note.startswith("useradd --system") for note in notes)


def texts(folder: Path) -> dict[str, str]:
    """The files below, by name."""
    return {path.name: path.read_text(encoding="utf-8") for path in folder.rglob("*") if path.is_file()}


def test_without_root_or_systemd_the_message_says_what_to_do(
    checkout: Path, environment: dict[str, str]
) -> None:
    """Before anything is written."""
    programs = Path(environment["PATH"].partition(":")[0])
    (programs / "id").write_text("#!/bin/sh\necho 1000\n", encoding="utf-8")

    refused = setup(checkout, environment)

    assert refused.returncode == 1
    assert "sudo ./setup.sh systemd" in refused.stderr
    assert not Path(environment["APPLIANCE_PREFIX"]).exists()
