"""deploy/lib.sh: tests that failed beside others are run once more, alone, and named."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parent.parent.parent
SCHEDULER = "from tests.scheduling import pytest_xdist_make_scheduler"
BESIDE_OTHERS = """
import os
import pytest

IS_ALONE = "PYTEST_XDIST_WORKER" not in os.environ

@pytest.fixture
def neighbour():
    assert IS_ALONE

def test_good():
    pass
"""
SENSITIVE = """
@pytest.mark.parametrize("case", ["a b", "c::d[e]"])
def test_assertion(case):
    assert IS_ALONE or case == "a b"

def test_fixture(neighbour):
    pass

def test_process():
    assert IS_ALONE or os._exit(3)
"""
STALLED = """
import pathlib

def test_stalled():
    attempts = pathlib.Path("attempts")
    attempts.write_text(attempts.read_text() + "x" if attempts.exists() else "x")
    assert len(attempts.read_text()) == 3
"""
BROKEN = """
def test_broken():
    raise AssertionError
"""
MANY = """
@pytest.mark.parametrize("number", range(9))
def test_many(number):
    assert IS_ALONE
"""


def _run(folder: Path, content: str, second_chance: str = "yes") -> subprocess.CompletedProcess[str]:
    """run_pytest of these tests with real worker processes, then what it says passed alone."""
    (folder / "conftest.py").write_text(SCHEDULER, encoding="utf-8")
    (folder / "test_them.py").write_text(BESIDE_OTHERS + content, encoding="utf-8")
    words = (
        f". '{ROOT}/deploy/lib.sh'; KEPT=$PWD/kept; SECOND_CHANCE={second_chance}; run_pytest -m 'not battery';"
        " status=$?; printf 'ALONE %s\\n' \"${PASSED_ALONE[@]}\"; exit $status"
    )
    own = ("PYTEST_", "COV_", "PYTHONDONTWRITEBYTECODE")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    return subprocess.run(
        ["bash", "-c", words],
        cwd=folder,
        env={**environment, "APPLIANCE_VENV": sys.prefix, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def _alone(done: subprocess.CompletedProcess[str]) -> set[str]:
    return {line.removeprefix("ALONE ") for line in done.stdout.splitlines() if line.startswith("ALONE t")}


def test_what_passes_alone_is_named_and_stops_nothing(tmp_path: Path) -> None:
    """A failed assertion, a failed fixture and a worker process that died count alike."""
    done = _run(tmp_path, SENSITIVE)

    assert done.returncode == 0, done.stdout
    assert _alone(done) == {
        f"test_them.py::{name}" for name in ("test_assertion[c::d[e]]", "test_fixture", "test_process")
    }


def test_what_passes_at_the_second_attempt_alone_is_told_apart(tmp_path: Path) -> None:
    """A machine that stood still twice is not a broken test, but nobody overlooks it."""
    done = _run(tmp_path, STALLED)

    assert done.returncode == 0, done.stdout
    assert _alone(done) == {
        "test_them.py::test_stalled", "test_them.py::test_stalled (at the second attempt)"
    }  # fmt: skip


def test_what_fails_alone_too_is_red(tmp_path: Path) -> None:
    """Whatever passed beside it."""
    done = _run(tmp_path, SENSITIVE + BROKEN)

    assert done.returncode == 1
    assert "once more, alone: 4 that failed" in done.stdout
    assert "the last time, alone: 1 that failed again" in done.stdout
    assert _alone(done) == set()


@pytest.mark.parametrize(
    ("content", "second_chance"), [(MANY, "yes"), (SENSITIVE, "no")], ids=["nine", "by name"]
)
def test_many_at_once_and_what_was_asked_for_have_no_second_chance(
    tmp_path: Path, content: str, second_chance: str
) -> None:
    """Nine failures are no accident, and whoever names tests or a battery wants to see them fail."""
    done = _run(tmp_path, content, second_chance)

    assert done.returncode == 1
    assert "once more" not in done.stdout
