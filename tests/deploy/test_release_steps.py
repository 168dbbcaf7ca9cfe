"""The steps on the server one by one, with a systemctl and a docker that only take notes."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
STEPS = ROOT / "deploy" / "server"
OLD, NEW = "20261101-120000-aaaa", "20261122-120000-bbbb"


@dataclass(frozen=True)
class Place:
    """A folder with releases, and stand-ins for programs that write down what they are told."""

    folder: Path
    programs: Path

    def release(self, name: str, lock: str = "") -> Path:
        """A folder with a lock file."""
        release = self.folder / "releases" / name
        release.mkdir(parents=True)
        (release / "requirements.lock").write_text(lock, encoding="utf-8")
        return release

    def program(self, name: str, text: str) -> None:
        path = self.programs / name
        path.write_text(f'#!/bin/bash\necho "{name} $*" >>"$NOTES"\n{text}\n', encoding="utf-8")
        path.chmod(0o755)

    @property
    def notes(self) -> list[str]:
        path = self.folder / "notes"
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    def step(self, line: str, profile: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Shell, with all steps at hand."""
        sources = " ".join(
            f". {STEPS}/{name}.sh;" for name in ("places", "preflight", "running", "activating")
        )
        return subprocess.run(
            ["bash", "-uc", f"{sources} find_place; make_place; {line}"],
            env={
                **os.environ,
                "PATH": f"{self.programs}:{os.environ['PATH']}",
                "PLACE": str(self.folder),
                "PROFILE": profile,
                "DATA": str(self.folder / "data"),
                "NOTES": str(self.folder / "notes"),
                "TOOL": str(STEPS),
                "APPLIANCE_UNITS": str(self.folder / "units"),
                "APPLIANCE_SETTINGS": str(self.folder / "etc"),
                **dict.fromkeys(("URL", "SITE", "TLS"), ""),
                "KEEP": "1",
                "GATE_S": "1",
                "WITH_DATA": "no",
                "RESTART": "no",
                **environment,
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Empty."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "place").mkdir()
    return Place(tmp_path / "place", tmp_path / "bin")


def test_an_environment_is_shared_where_the_lock_file_is_the_same(place: Place) -> None:
    """By hard links, but for what names its own folder; the old one stays as it was; another lock file begins anew."""
    old = place.release(OLD, "one==1")
    packages = old / ".venv" / "lib" / "python3.11" / "site-packages"
    packages.mkdir(parents=True)
    (packages / "one.py").write_text("one", encoding="utf-8")
    (packages / "appliance-checkout.pth").write_text(str(old), encoding="utf-8")
    (old / ".venv" / "bin").mkdir()
    (old / ".venv" / "bin" / "tool").write_text(f"#!{old}/.venv/bin/python\n", encoding="utf-8")
    (old / ".venv" / ".installed-requirements").touch()
    (place.folder / "current").symlink_to(f"releases/{OLD}")
    for name, lock in ((NEW, "one==1"), ("other", "one==2")):
        setup = place.release(name, lock) / "setup.sh"
        setup.write_text('#!/bin/sh\necho "$*" >>told\nmkdir -p .venv\n', encoding="utf-8")
        setup.chmod(0o755)

    same = place.step(f"prepare {NEW}", "run", APPLIANCE_EXTRAS="faiss")
    other = place.step("prepare other", "run")

    assert (same.returncode, other.returncode) == (0, 0), same.stderr + other.stderr
    new = place.folder / "releases" / NEW
    shared = new / ".venv" / "lib" / "python3.11" / "site-packages"
    assert (shared / "one.py").samefile(packages / "one.py")
    assert not (shared / "appliance-checkout.pth").exists() and not list(new.glob(".venv/.installed*"))
    assert (new / ".venv" / "bin" / "tool").read_text() == f"#!{new}/.venv/bin/python\n"
    assert (old / ".venv" / "bin" / "tool").read_text() == f"#!{old}/.venv/bin/python\n"
    assert (packages / "appliance-checkout.pth").read_text() == str(old)
    assert (new / "told").read_text() == "install --with faiss\n"
    assert not (place.folder / "releases" / "other" / ".venv" / "lib").exists()
    assert (new / "secrets").readlink() == Path("../../secrets")


def test_what_is_not_needed_any_more_goes(place: Place) -> None:
    """The running one, KEEP good ones before it, and nothing else: no failed ones, nothing half arrived."""
    for name in ("first", "second", "third", "failed"):
        place.release(name)
    (place.folder / "current").symlink_to("releases/third")
    good = "".join(
        f"remember_good {name} 2026-11-2{n}; " for n, name in enumerate(("first", "second", "third"))
    )

    done = place.step(
        "cd $INNER/incoming; mkdir half arriving; touch -d 2026-01-01 half;"
        f" {good} release_before third; echo; forget_old; list_releases",
        "run",
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "second"
    assert sorted(path.name for path in (place.folder / "releases").iterdir()) == ["second", "third"]
    assert [path.name for path in (place.folder / ".deploy" / "incoming").iterdir()] == ["arriving"]
    assert "* third" in done.stdout and "well since 2026-11-22" in done.stdout


def test_a_process_number_that_was_given_anew_is_not_ours(place: Place) -> None:
    """Its start tells them apart; after a restart of the machine none is."""
    place.release(OLD)
    line = (
        'sleep 100 & pid=$!; note() { write_whole "$INNER/process" "$pid $1 $2"; echo "[$(process_id)]"; };'
        ' note "$(start_ticks $pid)" "$(boot_id)"; note 1 "$(boot_id)"; note "$(start_ticks $pid)" other;'
        " kill $pid; echo $pid"
    )

    done = place.step(line, "run")

    ours, other, rebooted, pid = done.stdout.split()
    assert (ours, other, rebooted) == (f"[{pid}]", "[]", "[]"), done.stderr


def test_a_service_is_exchanged_and_caddy_is_left_alone(place: Place) -> None:
    """Units lead to `current`; the service is stopped and started, Caddy only where something of it changed."""
    for name in ("systemctl", "useradd", "caddy"):
        place.program(name, "")
    place.program("getent", "exit 2")
    place.program("id", "echo 0")
    (place.folder / "units").mkdir()
    for name in (OLD, NEW):
        shutil.copytree(ROOT / "deploy", place.release(name) / "deploy")

    def exchange(name: str) -> list[str]:
        (place.folder / "notes").unlink(missing_ok=True)
        done = place.step(f"point_current_to {name}; halt; launch {name}", "systemd", SITE="box.lan")
        assert done.returncode == 0, done.stderr
        return [note for note in place.notes if note.split()[1] in ("stop", "start", "restart")]

    first, same = exchange(OLD), exchange(NEW)
    caddyfile = place.folder / "releases" / OLD / "deploy" / "caddy" / "Caddyfile"
    caddyfile.write_text(caddyfile.read_text(encoding="utf-8") + "# changed\n", encoding="utf-8")
    changed = exchange(OLD)

    service = ["systemctl stop appliance.service", "systemctl start appliance.service"]
    assert same == service
    assert first == changed == [*service, "systemctl restart appliance-caddy.service"]
    unit = (place.folder / "units" / "appliance.service").read_text(encoding="utf-8")
    assert f"ExecStart={place.folder}/current/.venv/bin/appliance up" in unit
    assert "APPLIANCE_SITE=box.lan" in (place.folder / "etc" / "caddy.env").read_text(encoding="utf-8")


def test_a_stack_keeps_its_name_and_has_an_image_for_each_release(place: Place) -> None:
    """Built before anything stops; started from `current`, whose path never changes; taken back without building."""
    place.program(
        "docker",
        'echo "$PWD $COMPOSE_PROJECT_NAME $APPLIANCE_VERSION: $*" >>"$NOTES"\n'
        'case $* in *"ps -q caddy") echo running ;; esac',
    )
    for name in (OLD, NEW):
        setup = place.release(name) / "setup.sh"
        setup.write_text(
            '#!/bin/sh\necho "setup $*, $PWD, $APPLIANCE_VERSION" >>"$NOTES"\n'
            "[ $2 = --check ] || { echo MODEL=kept | cat .env - >.env.new; mv .env.new .env; }\n",
            encoding="utf-8",
        )
        setup.chmod(0o755)
        (setup.parent / "deploy" / "caddy").mkdir(parents=True)
    (place.folder / "releases" / NEW / "deploy" / "caddy" / "Caddyfile").touch()
    (place.folder / ".env").write_text("APPLIANCE_SITE=box.lan\nAPPLIANCE_VERSION=x\n", encoding="utf-8")
    (place.folder / "current").symlink_to(f"releases/{OLD}")

    there = place.step(
        f"ID={NEW} PREVIOUS={OLD}; prepare {NEW}; point_current_to {NEW}; halt; launch {NEW}",
        "cpu",
        SITE="box.lan",
    )
    forth = place.notes
    (place.folder / "notes").unlink()
    back = place.step(f"ID={NEW} PREVIOUS={OLD}; return_to {OLD}; forget_images {NEW}", "cpu")

    assert there.returncode == 0, there.stderr
    current, project = place.folder / "current", place.folder.name
    compose = "compose -f docker-compose.cpu.yml"
    wanted = [
        f"setup cpu --check, {place.folder}/releases/{NEW}, {NEW}",
        f"{place.folder}/releases/{NEW} {project} {NEW}: {compose} build",
        f"setup cpu --no-start --yes --site box.lan, {current}, {NEW}",
        f"{current} {project} {NEW}: {compose} up -d",
        f"{current} {project} {NEW}: {compose} up -d --no-deps --force-recreate caddy",
    ]
    assert [note for note in forth if note in wanted] == wanted, forth
    assert back.returncode == 0, back.stderr
    assert f"{current} {project} {OLD}: {compose} up -d" in place.notes
    assert not any("setup" in note or note.endswith("build") for note in place.notes)
    assert f"docker image rm llm-appliance:{NEW}" in place.notes
    assert (current / ".env").is_symlink()
    settings = (place.folder / ".env").read_text(encoding="utf-8").splitlines()
    assert settings == [
        "APPLIANCE_SITE=box.lan",
        "MODEL=kept",
        f"COMPOSE_PROJECT_NAME={project}",
        f"APPLIANCE_VERSION={OLD}",
    ]


def test_the_steps_understand_the_settings_file_as_docker_does(place: Place) -> None:
    """A line NAME=VALUE each; nothing in it is run."""
    (place.folder / ".env").write_text(
        "# a note\nAPPLIANCE_SERVER__PORT=9000\nMODEL=$(touch /tmp/never) a b\n=no\n", encoding="utf-8"
    )

    done = place.step('read_settings; echo "$APPLIANCE_SERVER__PORT|$MODEL|$(address_there)"', "run")

    assert done.stdout == "9000|$(touch /tmp/never) a b|http://127.0.0.1:9000\n", done.stderr


@pytest.mark.parametrize("profile", ["systemd", "cpu"])
def test_the_database_goes_back_by_the_newer_releases_own_command(place: Place, profile: str) -> None:
    """As the account of the service, or in a container of the newer image while nothing else uses the database."""
    for name in ("docker", "runuser"):
        place.program(name, "")
    place.release(NEW)

    done = place.step(f"take_back_data {NEW} 2026-11-22T00:00:00+00:00", profile)

    assert done.returncode == 0, done.stderr
    command = "rollback --since 2026-11-22T00:00:00+00:00 --data"
    if profile == "systemd":
        tool = f"{place.folder}/releases/{NEW}/.venv/bin/appliance"
        assert place.notes == [f"runuser -u appliance -- {tool} {command} {place.folder}/data"]
    else:
        stopped, ran = place.notes[1], place.notes[3]
        assert stopped == "docker compose -f docker-compose.cpu.yml stop gateway worker"
        assert ran.endswith(f"--entrypoint python -m appliance prepare {command} /var/lib/appliance")
