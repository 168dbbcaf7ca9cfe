"""setup.sh: what it finds, what it hands on, and that a second call has nothing to do."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).resolve().parent.parent.parent
SCRIPTS = ["setup.sh", "deploy/lib.sh", ".ci/run"]


def _load(path: str) -> ModuleType:
    specification = importlib.util.spec_from_file_location(Path(path).stem, REPOSITORY / path)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def _setup(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["./setup.sh", *words],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Path]:
    """A clone as small as can be: the scripts, an empty lock file, and a package that only says that it runs."""
    folder = tmp_path / "a clone"
    shutil.copytree(REPOSITORY / "deploy", folder / "deploy")
    shutil.copy(REPOSITORY / "setup.sh", folder)
    shutil.copy(REPOSITORY / "pyproject.toml", folder)
    (folder / "requirements.lock").write_text("", encoding="utf-8")
    (folder / "appliance").mkdir()
    (folder / "appliance" / "__init__.py").touch()
    (folder / "appliance" / "__main__.py").write_text("import sys; print('runs', sys.argv[1:])\n")
    yield folder


def test_the_scripts_are_clean() -> None:
    """shellcheck has nothing to say about them."""
    program = Path(sys.executable).parent / "shellcheck"
    if not program.exists():
        pytest.skip("shellcheck is not installed")

    done = subprocess.run(
        [program, "-x", *SCRIPTS], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )

    assert done.stdout == ""


def test_run_installs_and_hands_its_words_on(checkout: Path) -> None:
    """`./setup.sh run --port 0` in a fresh clone ends in `appliance up --port 0`, whatever the folder is called."""
    first = _setup(checkout, "run", "--port", "0", PYTHON=sys.executable)
    second = _setup(checkout, "run", "--data", "/x y", PYTHON="/nowhere/python")

    assert first.returncode == 0, first.stderr
    assert first.stdout.splitlines()[-1] == "runs ['up', '--port', '0']"
    assert second.stdout == "runs ['up', '--data', '/x y']\n", "a second call has nothing to install"


def test_another_lock_file_is_installed_again(checkout: Path) -> None:
    """The stamp belongs to the lock file: after an update the packages are installed again."""
    _setup(checkout, "install", PYTHON=sys.executable)
    (checkout / "requirements.lock").write_text("# newer\n", encoding="utf-8")

    again = _setup(checkout, "install", PYTHON=sys.executable)

    assert "installing the packages" in again.stdout


def test_an_edit_of_the_checkout_counts_at_once(checkout: Path) -> None:
    """The checkout is on the path itself, from any folder, and a folder of the caller's does not come before it."""
    _setup(checkout, "install", PYTHON=sys.executable)
    (checkout / "appliance" / "__main__.py").write_text("print('edited')\n")
    elsewhere = checkout.parent / "elsewhere"
    (elsewhere / "appliance").mkdir(parents=True)
    (elsewhere / "appliance" / "__main__.py").write_text("print('somebody else')\n")

    said = subprocess.run(
        [checkout / ".venv" / "bin" / "appliance"], cwd=elsewhere, capture_output=True, text=True, check=True
    )

    assert said.stdout == "edited\n"


def test_without_a_python_the_message_says_what_to_install(checkout: Path) -> None:
    """No 3.11, 3.12 or 3.13 that runs, only a name that does not: versions and the package are named."""
    empty = checkout.parent / "bin"
    empty.mkdir()
    for name in ("bash", "dirname", "cat", "cksum", "env"):
        found = shutil.which(name)
        assert found is not None
        (empty / name).symlink_to(found)
    broken = empty / "python3.13"
    broken.write_text("#!/bin/sh\nexit 127\n")
    broken.chmod(0o755)

    done = _setup(checkout, "install", PATH=str(empty), PYTHON="")

    assert done.returncode == 1
    assert "Python 3.11, 3.12 or 3.13 is needed" in done.stderr
    assert "apt-get install python3" in done.stderr


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["test", "--help"], ["install", "--help"]])
def test_help_installs_nothing(checkout: Path, words: list[str]) -> None:
    """Asking how it works changes nothing on the machine."""
    done = _setup(checkout, *words)

    assert done.returncode == 0
    assert "./setup.sh COMMAND" in done.stdout
    assert not (checkout / ".venv").exists()


@pytest.mark.parametrize("words", [["instal"], ["install", "--wiht", "x"], []])
def test_a_mistake_is_an_error(checkout: Path, words: list[str]) -> None:
    """Wrong words end with a status and a sentence, before anything is done."""
    done = _setup(checkout, *words)

    assert done.returncode in (1, 2)
    assert done.stderr
    assert not (checkout / ".venv").exists()


def test_pips_settings_are_handed_on_to_uv() -> None:
    """Index, further indexes, files, certificate and hosts: the environment counts more than the files, as in pip."""
    handed_on = _load("deploy/uv_environment.py")
    lines = [
        "global.index-url='https://a.example/simple'",
        ":env:.index-url='https://b.example/simple'",
        "global.extra-index-url='file:///x/simple\\nfile:///y/simple'",
        "install.find-links='/w1 /w2'",
        "global.cert='/etc/ca.crt'",
        "global.trusted-host='a.example'",
        "global.timeout='60'",
        "global.nonsense",
    ]

    exported = dict(handed_on.exports(handed_on.settings(lines), {}))

    assert exported == {
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_DEFAULT_INDEX": "https://b.example/simple",
        "UV_EXTRA_INDEX_URL": "file:///x/simple file:///y/simple",
        "UV_FIND_LINKS": "/w1,/w2",
        "UV_INSECURE_HOST": "a.example",
        "SSL_CERT_FILE": "/etc/ca.crt",
        "UV_HTTP_TIMEOUT": "60",
    }


def test_what_is_set_for_uv_stays() -> None:
    """Who configured uv on purpose is not overruled by pip's settings."""
    handed_on = _load("deploy/uv_environment.py")

    exported = dict(
        handed_on.exports({"index-url": "https://a.example"}, {"UV_DEFAULT_INDEX": "https://mine"})
    )

    assert "UV_DEFAULT_INDEX" not in exported
