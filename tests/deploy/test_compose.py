"""The compose files: what they open, what they mount, and that both tell the same story."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent.parent
PROFILES = ("gpu", "cpu")
Compose = dict[str, Any]


@pytest.fixture(params=PROFILES)
def compose(request: pytest.FixtureRequest) -> Compose:
    """One of the two files, anchors resolved."""
    loaded: Compose = yaml.safe_load(
        (ROOT / f"docker-compose.{request.param}.yml").read_text(encoding="utf-8")
    )
    return loaded


def test_only_the_proxy_publishes_ports(compose: Compose) -> None:
    """Databases and engines are reachable by nobody outside."""
    publishing = [name for name, service in compose["services"].items() if service.get("ports")]

    assert publishing == ["caddy"]


def test_data_and_engine_networks_have_no_route_out(compose: Compose) -> None:
    """What holds people's documents cannot send them anywhere."""
    internal = {name for name, network in compose["networks"].items() if (network or {}).get("internal")}

    assert {"app", "data", "engine"} <= internal
    for name in ("gateway", "worker", "postgres", "valkey", "ui", "prepare"):
        assert set(compose["services"][name]["networks"]) <= internal
    assert compose["services"]["embedder"]["network_mode"] == "none"


def test_every_image_has_a_version(compose: Compose) -> None:
    """Nobody's upgrade happens by surprise."""
    images = [service["image"] for service in compose["services"].values()]

    foreign = [image for image in images if not image.startswith("llm-appliance")]
    assert all(re.search(r":v?\d+\.\d+", image) for image in foreign), foreign


def test_every_lasting_service_is_watched(compose: Compose) -> None:
    """A health check with a start period on everything but the one-shot preparation."""
    for name, service in compose["services"].items():
        if name != "prepare":
            assert {"test", "start_period"} <= service["healthcheck"].keys(), name


def test_ours_run_confined(compose: Compose) -> None:
    """Read-only, without capabilities, without new privileges, without the docker socket."""
    for name, service in compose["services"].items():
        assert "no-new-privileges:true" in service["security_opt"], name
        assert not any("docker.sock" in str(volume) for volume in service.get("volumes", [])), name
        if service["image"].startswith("llm-appliance"):
            assert service["read_only"] is True and service["cap_drop"] == ["ALL"], name


def test_no_secret_stands_in_the_file(compose: Compose) -> None:
    """Secrets come as files."""
    text = str(compose["services"])

    assert not re.search(r"PASSWORD['\"]?: ['\"][^/]", text)
    assert all(secret["file"].startswith("./secrets/") for secret in compose["secrets"].values())


def test_the_files_differ_only_in_the_engine() -> None:
    """The GPU file is the CPU file with another engine."""
    gpu, cpu = (
        yaml.safe_load((ROOT / f"docker-compose.{p}.yml").read_text(encoding="utf-8")) for p in PROFILES
    )
    for name in cpu["services"]:
        if name in ("engine", "gateway", "worker", "prepare"):
            continue
        assert gpu["services"][name] == cpu["services"][name], name


@pytest.mark.parametrize("profile", PROFILES)
def test_compose_itself_accepts_the_file(profile: str) -> None:
    """The real program parses it; skipped where it is not installed."""
    if shutil.which("docker-compose") is None:
        pytest.skip("docker-compose is not installed here")
    command = ["docker-compose", "-f", f"docker-compose.{profile}.yml", "config", "-q"]

    checked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert checked.returncode == 0, checked.stderr


def test_caddy_itself_accepts_its_file() -> None:
    """The real program loads it; skipped where it is not installed."""
    if shutil.which("caddy") is None:
        pytest.skip("caddy is not installed here")
    environment = {**os.environ, "APPLIANCE_SITE": "box.lan", "APPLIANCE_TLS": "internal"}
    command = ["caddy", "validate", "--config", "deploy/caddy/Caddyfile", "--adapter", "caddyfile"]

    checked = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

    assert checked.returncode == 0, checked.stderr


def test_the_dockerfile_and_scripts_are_clean() -> None:
    """hadolint and shellcheck find nothing worse than a matter of taste."""
    bin_folder = Path(sys.executable).parent
    scripts = [str(path) for path in (ROOT / "deploy").glob("*.sh")]
    for command in (
        [str(bin_folder / "hadolint"), "--failure-threshold", "warning", "deploy/Dockerfile"],
        [str(bin_folder / "shellcheck"), "-x", "setup.sh", "ssh_deploy.sh", *scripts],
    ):
        checked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

        assert checked.returncode == 0, checked.stdout
