"""A copy of setup.sh and deploy/ on a machine of our choice, whose programs only take notes."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

__all__ = ["DIGEST", "ROOT", "Checkout", "checkout", "root_certificate"]

ROOT = Path(__file__).resolve().parent.parent.parent
DIGEST = "sha256:" + "ab" * 32

DOCKER = f"""#!/bin/sh
echo "docker $*" >>"$NOTES"
case "$*" in
    "compose version"*) [ ! -e "$NOTES.missing" ] ;;
    "image inspect"*) [ -e "$NOTES.image" ] ;;
    "volume inspect"*) [ -e "$NOTES.image" ] ;;
    "run "*) [ ! -e "$NOTES.no-gpu" ] || {{ echo "could not select device driver"; exit 1; }}; echo "GPU 0: Card" ;;
    "ps "*) cat "$NOTES.ports" 2>/dev/null ;;
    *"exec -T caddy cat"*) cat "$ROOT_CERTIFICATE" ;;
    *credentials.json*) echo "    first login: admin@box.lan secret" ;;
    *imagetools*) case "$*" in *"$REFUSED"*) exit 1 ;; *) echo '"{DIGEST}"' ;; esac ;;
    *CgroupDriver*) echo "${{CGROUPS:-cgroupfs}}" ;;
    *DockerRootDir*) echo / ;;
    *Runtimes*) [ -e "$NOTES.missing" ] || echo '{{"nvidia": {{}}}}' ;;
esac
"""
NVIDIA_SMI = """#!/bin/sh
case "$*" in
    *driver_version*) echo "${DRIVER:-580.95.05}" ;;
    *compute_cap*) printf '%b\\n' "${CARDS:-NVIDIA L40S, 46068, 8.9}" ;;
esac
"""
PROGRAMS = {
    "docker": DOCKER,
    "nvidia-smi": NVIDIA_SMI,
    "nvidia-ctk": '#!/bin/sh\necho "nvidia-ctk $*" >>"$NOTES"\necho "NVIDIA Container Toolkit CLI version 1.18.0"\n',
    "nvidia-container-cli": "#!/bin/sh\nexit 0\n",
    "df": "#!/bin/sh\necho header\necho '/dev/x 1 1 209715200 1% /'\n",
    "curl": '#!/bin/sh\necho "curl $*" >>"$NOTES"\nprintf "${STATUS:-200}"\n',
    "ss": '#!/bin/sh\ncase "$*" in *":${TAKEN:-none}"*) echo "LISTEN 0 511 0.0.0.0:$TAKEN 0.0.0.0:* $BY" ;; esac\n',
    "timedatectl": '#!/bin/sh\necho "${SYNCHRONISED:-yes}"\n',
}
NOTED = (
    "openssl",
    "od",
    "tr",
    "cut",
    "sed",
    "awk",
    "grep",
    "cat",
    "chmod",
    "head",
    "mv",
    "rm",
    "mkdir",
    "cmp",
    "df",
)
"""What else the scripts call: beside their work these programs note their arguments, where NOTE_ALL is asked for."""


@dataclass(frozen=True)
class Checkout:
    """The scripts in a folder of their own, and the programs that they find."""

    folder: Path
    programs: Path
    machine: Path

    def run(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Nobody is there to be asked."""
        return subprocess.run(
            list(words),
            cwd=self.folder,
            env=self._variables(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def talk(self, answers: Sequence[tuple[str, str]], *words: str, **environment: str) -> tuple[int, str]:
        """On a terminal. answers: a part of a question, and what is typed then, in their order.

        Returns the status and what was seen.
        """
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            list(words),
            cwd=self.folder,
            env=self._variables(environment),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            close_fds=True,
            start_new_session=True,
        )
        os.close(theirs)
        seen, answered, waiting = "", 0, list(answers)
        while part := _read(ours):
            seen += part
            if waiting and waiting[0][0] in seen[answered:] and seen.endswith(": "):
                answered = len(seen)
                os.write(ours, f"{waiting.pop(0)[1]}\n".encode())
        os.close(ours)
        status = process.wait(120)
        assert not waiting, f"nobody asked for {waiting[0][0]}: {seen}"
        return status, seen

    def _variables(self, more: dict[str, str]) -> dict[str, str]:
        return {
            **{name: value for name, value in os.environ.items() if name != "COMPOSE_PROJECT_NAME"},
            "PATH": f"{self.programs}:{os.environ['PATH']}",
            "NOTES": str(self.notes),
            "ROOT_CERTIFICATE": str(self.folder.parent / "root.crt"),
            "REFUSED": "nothing-is-refused",
            "APPLIANCE_MACHINE": str(self.machine),
            **more,
        }

    @property
    def notes(self) -> Path:
        """What the programs were told, a line each."""
        return self.folder.parent / "notes"

    def noted(self) -> str:
        return self.notes.read_text(encoding="utf-8")

    def has(self, what: str) -> None:
        """image: the engine's image and the model are here already; no-gpu: containers get none; missing: docker."""
        Path(f"{self.notes}.{what}").touch()

    def program(self, name: str, text: str) -> None:
        """Another one than the machine's own."""
        (self.programs / name).write_text(text, encoding="utf-8")
        (self.programs / name).chmod(0o755)

    def without(self, *names: str) -> None:
        """Those of PROGRAMS that this machine does not have."""
        for name in names:
            (self.programs / name).unlink()

    def note_all(self) -> None:
        """From now on every program notes its arguments."""
        for name in NOTED:
            real = self.programs / name if (self.programs / name).exists() else shutil.which(name)
            if isinstance(real, Path):
                real = real.rename(self.programs / f"{name}.real")
            self.program(name, f'#!/bin/sh\necho "{name} $*" >>"$NOTES"\nexec {real} "$@"\n')

    def written(self) -> dict[str, bytes]:
        """Secrets, certificates and settings, by name."""
        folders = (self.folder / "secrets", self.folder / "certificates")
        paths = [self.folder / ".env", *(path for folder in folders for path in folder.iterdir())]
        return {path.name: path.read_bytes() for path in paths}

    def secret(self, name: str) -> str:
        return (self.folder / "secrets" / name).read_text(encoding="utf-8")

    def settings(self) -> dict[str, str]:
        """What stands in .env."""
        lines = (self.folder / ".env").read_text(encoding="utf-8").splitlines()
        return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def _read(terminal: int) -> str:
    """What comes next; empty when the other end is closed, which Linux tells by an error."""
    readable, _, _ = select.select([terminal], [], [], 240)
    assert readable, "nothing more was said"
    try:
        return os.read(terminal, 65536).decode(errors="replace")
    except OSError:
        return ""


@pytest.fixture(scope="session")
def root_certificate(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """root.crt and root.key: an authority's, that is also box.lan's own."""
    folder = tmp_path_factory.mktemp("root")
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    files = ["-keyout", str(folder / "root.key"), "-out", str(folder / "root.crt")]
    names = ["-subj", "/CN=root", "-days", "2", "-addext", "subjectAltName=DNS:box.lan"]
    subprocess.run([*words, *files, *names], check=True, capture_output=True)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def checkout(tmp_path: Path, root_certificate: dict[str, bytes]) -> Iterator[Checkout]:
    """Docker, a GPU, much room and memory, and an authority's root."""
    folder, programs, machine = tmp_path / "checkout", tmp_path / "bin", tmp_path / "machine"
    folder.mkdir()
    programs.mkdir()
    for name in ("deploy", "scripts"):
        ignored = shutil.ignore_patterns("__pycache__", "*.py", "calibration", "bench", "sample_collection")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for name in ("setup.sh", "docker-compose.cpu.yml", "docker-compose.gpu.yml"):
        shutil.copy(ROOT / name, folder)
    for path, text in (
        ("proc/meminfo", "MemTotal:       67108864 kB\n"),
        ("etc/os-release", "ID=debian\nVERSION_ID=12\nVERSION_CODENAME=bookworm\n"),
        ("sys/bus/pci/devices/0000:01:00.0/vendor", "0x10de\n"),
        ("sys/bus/pci/devices/0000:01:00.0/class", "0x030200\n"),
        ("sys/module/nvidia/version", "580.95.05\n"),
    ):
        (machine / path).parent.mkdir(parents=True, exist_ok=True)
        (machine / path).write_text(text, encoding="utf-8")
    made = Checkout(folder, programs, machine)
    for name, text in PROGRAMS.items():
        made.program(name, text)
    for name, content in root_certificate.items():
        (tmp_path / name).write_bytes(content)
    yield made
