"""A checkout as small as can be, and bundles of it.

The real scripts, one wheel made here, and a package that only says what it runs.
"""

from __future__ import annotations

import base64
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
PARTS = ("setup.sh", "deploy", "scripts/airgap", "scripts/airgap_bundle.sh", "pyproject.toml")
SAYS_WHAT_IT_RUNS = "import sys, tiny; print('runs', tiny.GREETING, sys.argv[1:])\n"


def run(*words: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command, with nothing of pip's that this machine has configured."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_"))}
    return subprocess.run(
        words,
        cwd=cwd,
        env={
            **kept,
            "PIP_NO_INDEX": "1",
            "PIP_CONFIG_FILE": os.devnull,
            "PYTHON": sys.executable,
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def make_wheel(folder: Path, greeting: str = "hello") -> str:
    """tiny 1.0, a module with one constant; returns its line of a lock file."""
    files = {
        "tiny.py": f"GREETING = {greeting!r}\n",
        "tiny-1.0.dist-info/METADATA": "Metadata-Version: 2.4\nName: tiny\nVersion: 1.0\nLicense-Expression: MIT\n",
        "tiny-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},sha256={_digest(text)},{len(text)}\n" for name, text in files.items())
    wheel = folder / "tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in {
            **files,
            "tiny-1.0.dist-info/RECORD": f"{record}tiny-1.0.dist-info/RECORD,,\n",
        }.items():
            archive.writestr(zipfile.ZipInfo(name), text)
    return f"tiny==1.0 --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def carried_pip(folder: Path) -> str:
    """The pip that comes with Python, as a wheel; returns its line of a lock file."""
    words = "import ensurepip, pathlib; print(*pathlib.Path(ensurepip.__file__).parent.glob('_bundled/pip-*.whl'))"
    found = run(sys.executable, "-c", words, cwd=folder).stdout.split()
    if not found:
        pytest.skip("this Python does not carry pip along (ensurepip)")
    wheel = Path(shutil.copy(found[0], folder))
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    return f"pip=={wheel.name.split('-')[1]} --hash=sha256:{digest}\n"


@dataclass(frozen=True)
class SmallCheckout:
    """A repository of git. wheels: where pip finds what the lock files name."""

    folder: Path
    wheels: Path

    def commit(self, subject: str) -> None:
        words = ("-c", "user.name=t", "-c", "user.email=t@t.invalid", "commit", "-q", "-m", subject)
        for command in (("add", "-A"), words):
            done = run("git", *command, cwd=self.folder)
            assert done.returncode == 0, done.stderr

    def bundle(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """`scripts/airgap_bundle.sh`, without the embedding model: that one is of the real checkout."""
        return run(
            "scripts/airgap_bundle.sh",
            *words,
            cwd=self.folder,
            APPLIANCE_VENV=sys.prefix,
            PIP_FIND_LINKS=str(self.wheels),
            **environment,
        )


def small_checkout(folder: Path) -> SmallCheckout:
    """Committed. The real setup.sh installs it."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed here")
    checkout, wheels = folder / "checkout", folder / "wheels"
    wheels.mkdir()
    checkout.mkdir()
    for part in PARTS:
        target = checkout / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / part, target)
    for profile in ("gpu", "cpu"):
        shutil.copy(ROOT / f"docker-compose.{profile}.yml", checkout)
    (checkout / "tests").mkdir()
    (checkout / "tests" / "test_it.py").touch()
    (checkout / "appliance").mkdir()
    (checkout / "appliance" / "__init__.py").write_text('__version__ = "1.2.3"\n', encoding="utf-8")
    (checkout / "appliance" / "__main__.py").write_text(SAYS_WHAT_IT_RUNS, encoding="utf-8")
    (checkout / "requirements.lock").write_text(make_wheel(wheels), encoding="utf-8")
    (checkout / "deploy" / "airgap" / "installers.lock").write_text(carried_pip(wheels), encoding="utf-8")
    made = SmallCheckout(checkout, wheels)
    assert run("git", "init", "-q", cwd=checkout).returncode == 0
    made.commit("all")
    return made


def unpacked(archive: Path, folder: Path) -> Path:
    """The folder of a bundle."""
    folder.mkdir(parents=True)
    subprocess.run(["tar", "-xf", archive, "-C", folder], check=True)
    return next(folder.iterdir())


def seal(bundle: Path) -> None:
    """Checksums made anew: as if it had been packed like this."""
    words = (
        "find . -type f ! -name 'SHA256SUMS*' -printf '%P\\n' | LC_ALL=C sort | xargs sha256sum > SHA256SUMS"
    )
    subprocess.run(["sh", "-c", words], cwd=bundle, check=True)


def describe(bundle: Path, **values: str) -> None:
    """Other values in BUNDLE."""
    lines = dict(line.split("=", 1) for line in (bundle / "BUNDLE").read_text(encoding="utf-8").splitlines())
    text = "".join(f"{name}={value}\n" for name, value in {**lines, **values}.items())
    (bundle / "BUNDLE").write_text(text, encoding="utf-8")
    seal(bundle)


MACHINE = platform.machine()
