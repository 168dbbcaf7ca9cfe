"""scripts/release.sh in a checkout as small as can be: what it makes, and what it refuses unchanged."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.deploy.bundle_maker import ROOT, SmallCheckout, run, small_checkout

pytest.importorskip(
    "cyclonedx", reason="cyclonedx-python-lib, which makes the bill of materials, is not installed here"
)

pytestmark = pytest.mark.slow

CHANGELOG = """# Changelog
For operators: what you gain, and what you must do.

## Unreleased
- It greets.

## 1.2.3 – 2026-01-01
- It was there.
"""
DATE = {"SOURCE_DATE_EPOCH": "1795305600"}  # 2026-11-22


@dataclass(frozen=True)
class Releasing:
    """A clean checkout with a remote of its own."""

    checkout: SmallCheckout
    remote: Path
    output: Path

    def release(self, *words: str) -> subprocess.CompletedProcess[str]:
        """`scripts/release.sh WORDS`, with the one wheel at hand."""
        return run(
            *("scripts/release.sh", *words, "--output", str(self.output), "--", "--no-embedding"),
            cwd=self.checkout.folder,
            APPLIANCE_VENV=sys.prefix,
            PIP_FIND_LINKS=str(self.checkout.wheels),
            **DATE,
        )

    def git(self, *words: str) -> str:
        """What git says in the checkout."""
        done = run("git", *words, cwd=self.checkout.folder)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def state(self) -> tuple[str, str, str]:
        """Everything that a release that failed must not have changed."""
        return self.git("rev-parse", "HEAD"), self.git("tag"), self.git("status", "--porcelain")


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> SmallCheckout:
    """Not to be written to."""
    made = small_checkout(tmp_path_factory.mktemp("release"))
    shutil.copytree(
        ROOT / "scripts" / "release",
        made.folder / "scripts" / "release",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    shutil.copy(ROOT / "scripts" / "release.sh", made.folder / "scripts")
    (made.folder / "CHANGELOG.md").write_text(CHANGELOG, encoding="utf-8")
    (made.folder / ".gitignore").write_text("__pycache__/\n", encoding="utf-8")
    made.commit("something to release")
    return made


@pytest.fixture
def releasing(original: SmallCheckout, tmp_path: Path) -> Releasing:
    """A copy for each test."""
    folder, remote = tmp_path / "checkout", tmp_path / "remote.git"
    shutil.copytree(original.folder, folder)
    made = Releasing(SmallCheckout(folder, original.wheels), remote, tmp_path / "out")
    for words in (
        ("branch", "-M", "main"),
        ("init", "-q", "--bare", str(remote)),
        ("remote", "add", "origin", str(remote)),
    ):
        made.git(*words)
    for name, value in (("user.name", "t"), ("user.email", "t@t.invalid")):
        made.git("config", name, value)
    return made


def test_a_release_is_whole(releasing: Releasing) -> None:
    """Number in both places, the changelog's section with its date, a tag that says it, bundle, bill, licences, sums;
    nothing is sent anywhere. What is unreleased is empty again: a second release has to be about something.
    """
    done = releasing.release("1.3.0", "--tested", "HEAD")
    again = releasing.release("1.4.0", "--tested", "HEAD")
    files = {file.name for file in releasing.output.iterdir()}
    bill = json.loads((releasing.output / "sbom.cdx.json").read_text(encoding="utf-8"))

    assert done.returncode == 0, done.stderr
    assert '__version__ = "1.3.0"' in (releasing.checkout.folder / "appliance" / "__init__.py").read_text()
    assert 'version = "1.3.0"' in (releasing.checkout.folder / "pyproject.toml").read_text()
    assert (
        "## Unreleased\n\n## 1.3.0 – 2026-11-22\n- It greets.\n\n## 1.2.3"
        in (releasing.checkout.folder / "CHANGELOG.md").read_text()
    )
    assert (
        releasing.git("tag", "--list", "--format=%(objecttype) %(contents)", "v1.3.0")
        == "tag 1.3.0\n\n- It greets."
    )
    assert releasing.git("rev-parse", "v1.3.0^{commit}") == releasing.git("rev-parse", "HEAD")
    assert releasing.git("status", "--porcelain") == ""
    assert (releasing.output / "RELEASE_NOTES.md").read_text() == "- It greets.\n"
    assert {"SHA256SUMS", "LICENCES.md", "RELEASE_NOTES.md", "sbom.cdx.json"} <= files
    assert any(name.startswith("llm-appliance-1.3.0-") and name.endswith(".tar.gz") for name in files)
    assert run("sha256sum", "--check", "--strict", "SHA256SUMS", cwd=releasing.output).returncode == 0
    assert bill["metadata"]["component"]["version"] == "1.3.0"
    assert {"tiny", "pip", "caddy", "python"} <= {component["name"] for component in bill["components"]}
    assert run("git", "branch", "--list", cwd=releasing.remote).stdout == ""
    assert "nothing is unreleased" in again.stderr


@pytest.fixture
def quick(releasing: Releasing) -> Releasing:
    """Its bundle is the wheels alone: what is packed beside them has tests of its own."""
    script = releasing.checkout.folder / "scripts" / "airgap_bundle.sh"
    script.write_text(
        "#!/bin/sh\nset -e\nmkdir -p ../b/wheels\n"
        'cp "$PIP_FIND_LINKS"/*.whl ../b/wheels/\ntar -czf "$4/bundle.tar.gz" -C .. b\n'
    )
    releasing.checkout.commit("a quick bundle")
    return releasing


def test_what_was_made_is_pushed_when_asked(quick: Releasing) -> None:
    """Branch and tag together."""
    done = quick.release("1.3.0", "--tested", "HEAD", "--push")

    assert done.returncode == 0, done.stderr
    for name in ("main", "v1.3.0^{commit}"):
        assert run("git", "rev-parse", name, cwd=quick.remote).stdout.strip() == quick.git(
            "rev-parse", "HEAD"
        )


def test_a_dry_run_shows_and_changes_nothing(releasing: Releasing) -> None:
    """The numbers, the changelog and the notes."""
    before = releasing.state()
    done = releasing.release("1.3.0", "--dry-run")

    assert done.returncode == 0, done.stderr
    assert '+__version__ = "1.3.0"' in done.stdout
    assert "+## 1.3.0 – 2026-11-22" in done.stdout
    assert done.stdout.endswith("this would be said of v1.3.0:\n- It greets.\n")
    assert releasing.state() == before
    assert not releasing.output.exists()


def test_red_tests_stop_it(releasing: Releasing) -> None:
    """It runs `./setup.sh test` itself when nobody says that they were green."""
    (releasing.checkout.folder / "setup.sh").write_text('#!/bin/sh\n[ "$1" = test ] && echo red && exit 1\n')
    releasing.checkout.commit("red")
    before = releasing.state()

    done = releasing.release("1.3.0")

    assert done.returncode == 1
    assert "red\n" in done.stdout
    assert "the tests are not green; nothing was changed" in done.stderr
    assert releasing.state() == before


def test_a_licence_that_nobody_allowed_stops_it(quick: Releasing) -> None:
    """After the bundle is made, before anything is changed; what it is about is named."""
    rules = quick.checkout.folder / "scripts" / "release" / "licences.toml"
    rules.write_text(
        rules.read_text().replace(
            '"caddy" = { licence = "Apache-2.0" }', '"caddy" = { licence = "GPL-3.0-only" }'
        )
    )
    quick.checkout.commit("another licence")
    before = quick.state()

    done = quick.release("1.3.0", "--tested", "HEAD")

    assert done.returncode == 1
    assert "caddy 2" in done.stderr and "GPL-3.0-only: it is not on the list" in done.stderr
    assert quick.state() == before
    assert not quick.output.exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["1.3"], "VERSION is a number such as 1.2.3"),
        (["1.2.2", "--tested", "HEAD"], "1.2.2 is older than"),
        (["1.2.3", "--tested", "HEAD"], "CHANGELOG.md has 1.2.3 already"),
        (["1.3.0", "--tested", "HEAD~1"], "the files of HEAD~1 are not these"),
        (["1.3.0", "--tested", "nowhere"], "git knows no commit nowhere"),
        (["1.3.0", "--tested", "HEAD", "--push", "--remote", "nowhere"], "there is no remote nowhere"),
        (["1.3.0", "--puhs"], "there is no option --puhs"),
    ],
    ids=["short", "older", "there", "untested", "unknown", "remote", "misspelt"],
)
def test_a_mistake_changes_nothing(releasing: Releasing, words: list[str], sentence: str) -> None:
    """And is said in a sentence."""
    before = releasing.state()

    done = releasing.release(*words)

    assert done.returncode in (1, 2)
    assert sentence in done.stderr
    assert releasing.state() == before


def test_an_unclean_checkout_and_a_tag_that_is_there_are_refused(releasing: Releasing) -> None:
    """A release is of a commit, and a number is given once."""
    (releasing.checkout.folder / "left.txt").touch()
    unclean = releasing.release("1.3.0", "--tested", "HEAD")
    (releasing.checkout.folder / "left.txt").unlink()
    releasing.git("tag", "v1.3.0")
    taken = releasing.release("1.3.0", "--tested", "HEAD")

    assert "there is something that is not committed" in unclean.stderr and "left.txt" in unclean.stderr
    assert "there is a tag v1.3.0 already" in taken.stderr


def test_the_script_is_clean() -> None:
    """shellcheck has nothing to say about it."""
    program = Path(sys.executable).parent / "shellcheck"
    if not program.exists():
        pytest.skip("shellcheck is not installed")

    done = subprocess.run(
        [program, "-x", "scripts/release.sh"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.stdout == ""
