"""`ssh_deploy.sh` against a real sshd on a machine of its own: what is exchanged, kept and taken back."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.deploy_server import PATIENCE_S, ROOT, Server, server, wait_for
from tests.ports import free_port

__all__ = ["server"]

SCRIPTS = ("ssh_deploy.sh", "deploy/carrying.sh", "deploy/server")


pytestmark = pytest.mark.slow


def test_a_first_install_an_upgrade_the_same_again_and_back(server: Server) -> None:
    """The old one ends in order before the new one starts; what did not change takes no room; data stays."""
    (server.folder / "data").mkdir()
    (server.folder / "data" / "kept").write_text("people's documents", encoding="utf-8")

    first = server.deploy_release("one")
    seen_first = server.answering()
    second = server.deploy_release("two")
    again = server.deploy("--release", str(server.folder / "release-two"))

    assert (first[0], second[0], again[0]) == (0, 0, 0), first[1] + second[1] + again[1]
    assert (seen_first, server.answering()) == ("one", "two")
    data = str(server.folder / "data")
    assert server.notes == [f"start one {data}", "end one", f"start two {data}"]
    assert server.current().startswith("release-two-") and server.releases() == ["one", "two"]
    current = server.place / "current"
    assert (current / "server.py").stat().st_nlink == 2 and (current / "version").stat().st_nlink == 1
    assert (current / ".env").samefile(server.place / ".env")
    assert (server.folder / "data" / "kept").exists()
    assert "from the old one to the new one" in second[1]
    assert "is there already" in again[1] and "runs already" in again[1]

    listed = server.deploy("--releases")[1]
    back = server.deploy("--rollback")
    followed = server.deploy("--follow")

    assert "* release-two-" in listed and "  release-one-" in listed and "well since 20" in listed
    assert back[0] == 0 and server.answering() == "one", back[1]
    assert followed[0] == 0 and followed[1] in back[1]


def test_what_is_not_well_is_taken_back_by_itself(server: Server) -> None:
    """The old one answers again, with its database where the new one changed it; why is said here and kept there."""
    words = ("--profile", "run", "--gate", "2", "--release")
    alone = server.deploy(*words, str(server.release("first", "not-well")))
    assert alone[0] == 4 and "no release to go back to" in alone[1], alone[1]
    assert server.answering() == "" and not (server.place / "current").is_symlink()
    good = server.deploy_release("one", migrations=("0001_a.sql",))
    assert good[0] == 0 and server.releases() == ["one"], good[1]
    begun = len(server.notes)

    sick = server.release("sick", "not-well", migrations=("0001_a.sql", "0002_b.sql"))
    failed = server.deploy(*words, str(sick))

    assert failed[0] == 3, failed[1]
    assert "/readyz says 503 (gateway: broken)" in failed[1] and "one-" in failed[1].splitlines()[-1]
    assert server.answering() == "one" and server.current().startswith("release-one-")
    told = server.notes[begun:]
    assert [note.split()[0] for note in told] == ["end", "start", "end", "rollback", "start"]
    assert f"--data {server.folder / 'data'}" in told[3] and "--since 20" in told[3]
    (log,) = (server.place / "deploys").glob("*-release-sick-*.log")
    assert "not well after 2 s" in log.read_text(encoding="utf-8")


def test_one_that_cannot_be_installed_stops_nothing_and_one_that_dies_is_not_waited_for(
    server: Server,
) -> None:
    """The first is never switched to; the second is given up before the gate's time is over."""
    first = server.deploy_release("one")

    spoilt = server.deploy_release("spoilt", "cannot-be-installed")
    untouched = server.notes.copy()
    dying = server.deploy("--gate", "100000", "--release", str(server.release("dying", "dies")))

    assert (first[0], spoilt[0], dying[0]) == (0, 1, 3), first[1] + spoilt[1] + dying[1]
    assert "nothing was changed" in spoilt[1] and len(untouched) == 1
    assert "it has ended" in dying[1]
    assert server.answering() == "one"
    assert "cannot start" in (server.place / "deploys" / "output.txt").read_text(encoding="utf-8")


def test_going_back_asks_before_it_takes_the_database_along(server: Server) -> None:
    """It says what would be set aside and changes nothing; with a word more the database goes back first."""
    for version, migrations in (("one", ("1.sql",)), ("two", ("1.sql", "2.sql"))):
        deployed = server.deploy_release(version, migrations=migrations)
        assert deployed[0] == 0, deployed[1]

    asked = server.deploy("--rollback")
    still = server.answering()
    with_data = server.deploy("--rollback", "--with-data")
    nothing = server.deploy("--rollback")

    assert (asked[0], still) == (1, "two") and "--with-data" in asked[1]
    assert (with_data[0], server.answering()) == (0, "one"), with_data[1]
    assert [note.split()[0] for note in server.notes[-3:]] == ["end", "rollback", "start"]
    assert nothing[0] == 1 and "no release to go back to" in nothing[1], nothing[1]


def test_a_dry_run_changes_nothing(server: Server) -> None:
    """Before a first install and before an upgrade; it says which files would change, and from what to what."""
    one, two = server.release("one"), server.release("two")
    there = server.place / "releases" / "before-0"

    first = server.deploy("--profile", "run", "--dry-run", "--release", str(one))
    untouched = [path.name for path in server.place.iterdir()]
    shutil.copytree(one, there)
    (server.place / "current").symlink_to("releases/before-0")
    before = everything_below(server.place)
    second = server.deploy("--profile", "run", "--dry-run", "--release", str(two))
    back = server.deploy("--profile", "run", "--dry-run", "--rollback")

    assert (first[0], second[0], back[0]) == (0, 0, 0), first[1] + second[1] + back[1]
    assert untouched == [".env"] and everything_below(server.place) == before
    assert "would go from nothing to release-one-" in first[1]
    assert "would go from before-0 to release-two-" in second[1]
    changed = [line.split()[-1] for line in second[1].splitlines() if line.startswith(("<f", ">f", "*d"))]
    assert changed == ["version"], second[1]


def everything_below(folder: Path) -> dict[str, tuple[int, int, float]]:
    """Inode, size and time of each."""
    seen = {path: path.lstat() for path in folder.rglob("*")}
    return {str(path): (stat.st_ino, stat.st_size, stat.st_mtime) for path, stat in seen.items()}


def test_what_stands_in_the_way_is_said_at_once_and_before_anything_is_copied(server: Server) -> None:
    """A deploy under way, somebody else's server at the port, another profile: each with its remedy."""
    (server.place / ".deploy").mkdir()
    (server.place / ".deploy" / "profile").write_text("systemd\n", encoding="utf-8")
    (server.place / ".deploy" / "under_way").write_text("1 activate other-1 other.log 2026-11-22\n")
    stranger = subprocess.Popen(
        [*server.inside, sys.executable, "-m", "http.server", str(server.http_port)],
        cwd=server.folder / "server",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(server.answers_at_all, "somebody answers at the port")
        with (server.place / ".deploy" / "lock").open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            code, said = server.deploy("--profile", "run", "--release", str(server.release("one")))
    finally:
        stranger.kill()
        stranger.wait(60)

    assert code == 1
    assert "under way there (activate other-1 since 2026-11-22)" in said and "--follow" in said
    assert f"port {server.http_port} is in use" in said and "--profile systemd" in said
    assert not (server.place / "releases").exists()


def test_a_tag_is_deployed_as_it_was_committed_also_without_rsync(server: Server, tmp_path: Path) -> None:
    """Not what lies about in the checkout. Its id says when and which commit, so a second run has the same."""
    programs, checkout = tmp_path / "bin", tmp_path / "checkout"
    programs.mkdir()
    for folder in ("/usr/local/bin", "/usr/bin", "/bin"):
        for program in Path(folder).iterdir():
            if program.name != "rsync" and not (programs / program.name).is_symlink():
                (programs / program.name).symlink_to(program)
    shutil.copytree(server.release("one"), checkout)
    (checkout / "deploy").mkdir()
    for name in SCRIPTS:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, checkout / name)
    git = ["git", "-C", str(checkout), "-c", "user.name=t", "-c", "user.email=t@example.com"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "first"], ["tag", "v1"]):
        subprocess.run([*git, *words], check=True)
    (checkout / "version").write_text("not committed", encoding="utf-8")
    commit = subprocess.run(
        [*git, "rev-parse", "--short=10", "HEAD"], check=True, capture_output=True, text=True
    )
    script = checkout / "ssh_deploy.sh"

    deployed = server.deploy("--profile", "run", "--release", "v1", script=script, PATH=str(programs))
    unknown = server.deploy("--release", "v9", script=script)

    assert deployed[0] == 0, deployed[1]
    assert "without rsync" in deployed[1]
    assert server.answering() == "one" and server.current().endswith(f"-{commit.stdout.strip()}")
    assert unknown[0] == 1 and "neither a folder nor a commit" in unknown[1]


def test_a_server_that_cannot_be_reached_is_named_with_the_remedy(tmp_path: Path) -> None:
    """No half deploy, and a sentence that says what to do."""
    command = [str(ROOT / "ssh_deploy.sh"), "nobody@127.0.0.1", "--port", str(free_port())]

    refused = subprocess.run(
        [*command, "--releases"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )

    assert refused.returncode == 1 and "ssh-copy-id" in refused.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["u@h", "--profile", "moon"],
        ["u@h", "--path", "a b;rm"],
        ["u@h", "--keep", "many"],
        ["u@h", "--gate"],
        [],
        ["a@b", "c@d"],
    ],
    ids=lambda words: " ".join(words) or "nothing",
)
def test_wrong_words_are_refused_before_anything_happens(words: list[str]) -> None:
    """Exit code 2, and nothing was contacted."""
    refused = subprocess.run(
        ["./ssh_deploy.sh", *words], cwd=ROOT, capture_output=True, text=True, check=False, timeout=PATIENCE_S
    )

    assert refused.returncode == 2


def test_the_scripts_are_clean_and_short() -> None:
    """shellcheck has nothing to say; whoever reads ssh_deploy.sh has it on three screens."""
    program = Path(sys.executable).parent / "shellcheck"
    if not program.exists():
        pytest.skip("shellcheck is not installed")
    steps = sorted(str(path) for path in (ROOT / "deploy" / "server").glob("*.sh"))

    done = subprocess.run(
        [program, "--exclude", "SC1091", "deploy/carrying.sh", *steps],  # the others are test_compose.py's
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )

    assert done.stdout == ""
    assert len((ROOT / "ssh_deploy.sh").read_text(encoding="utf-8").splitlines()) <= 200
    assert os.access(ROOT / "ssh_deploy.sh", os.X_OK)
