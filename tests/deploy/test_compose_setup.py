"""`./setup.sh gpu` and `cpu` with a docker that only notes what it is told: what is checked, written and kept."""

from __future__ import annotations

import json
import stat
import subprocess

import pytest

from appliance.storage.roles import DatabaseRole, role_password
from tests.deploy.fake_machine import DIGEST, Checkout, checkout, root_certificate

__all__ = ["checkout", "root_certificate"]


@pytest.mark.parametrize("profile", ["cpu", "gpu"])
def test_a_second_setup_changes_nothing(checkout: Checkout, profile: str) -> None:
    """Secrets and settings are made once, and everything is brought up to date both times."""
    first = checkout.run("./setup.sh", profile)
    written = checkout.written()
    second = checkout.run("./setup.sh", profile)
    ups = [line for line in checkout.noted().splitlines() if " up -d" in line]

    assert first.returncode == 0, first.stderr
    assert second.returncode == 0, second.stderr
    assert checkout.written() == written
    assert ups == [f"docker compose -f docker-compose.{profile}.yml up -d --build"] * 2


def test_every_secret_is_written_for_its_reader(checkout: Checkout) -> None:
    """Long, different, in a folder of the owner's alone; the derived ones fit what they are derived from."""
    checkout.run("./setup.sh", "gpu")
    names = ("database_password", "database_role_secret", "valkey_password", "metrics_key", "engine_key")
    made = [checkout.secret(name) for name in (*names, "grafana_password")]
    password = checkout.secret("valkey_password")

    assert len(set(made)) == len(made) and all(len(secret) == 64 for secret in made)
    assert stat.S_IMODE((checkout.folder / "secrets").stat().st_mode) == 0o700
    assert checkout.secret("database_monitor_password") == role_password(
        checkout.secret("database_role_secret"), DatabaseRole.MONITOR
    )
    assert json.loads(checkout.secret("valkey_passwords")) == {"redis://valkey:6379": password}
    assert checkout.secret("valkey_url") == f"redis://:{password}@valkey:6379/0"


def test_the_root_certificate_is_told_with_its_fingerprint(checkout: Checkout) -> None:
    """Where Caddy is its own authority; with a public certificate there is nothing to install."""
    internal = checkout.run("./setup.sh", "cpu")
    (checkout.folder / ".env").unlink()
    public = checkout.run(
        "./setup.sh", "cpu", APPLIANCE_TLS="it@example.com", APPLIANCE_SITE="chat.example.com"
    )
    words = [
        "openssl",
        "x509",
        "-noout",
        "-fingerprint",
        "-sha256",
        "-in",
        str(checkout.folder.parent / "root.crt"),
    ]
    said = subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip().partition("=")[2]

    assert f"its fingerprint: {said}" in internal.stdout
    assert "/appliance-root.crt" in internal.stdout
    assert "fingerprint" not in public.stdout
    assert "https://chat.example.com" in public.stdout
    assert "APPLIANCE_TLS=it@example.com" in (checkout.folder / ".env").read_text(encoding="utf-8")


def test_digests_are_the_registrys(checkout: Checkout) -> None:
    """Every foreign tag gets one, again without doubling; one that cannot be had leaves both files as they are."""
    files = [checkout.folder / f"docker-compose.{profile}.yml" for profile in ("gpu", "cpu")]
    before = [file.read_text(encoding="utf-8") for file in files]
    refused = checkout.run("./scripts/pin_images.sh", REFUSED="valkey/valkey")
    unchanged = [file.read_text(encoding="utf-8") for file in files]
    first = checkout.run("./scripts/pin_images.sh")
    pinned = [file.read_text(encoding="utf-8") for file in files]
    checkout.run("./scripts/pin_images.sh")

    assert refused.returncode == 1 and unchanged == before
    assert first.returncode == 0, first.stderr
    for text in pinned:
        images = [line for line in text.splitlines() if line.strip().startswith("image:")]
        assert all(("llm-appliance" in line) != line.endswith(f"@{DIGEST}") for line in images), images
    assert [file.read_text(encoding="utf-8") for file in files] == pinned
    assert [text.replace(f"@{DIGEST}", "") for text in pinned] == before


def test_docker_and_the_toolkit_are_installed_when_asked(checkout: Checkout) -> None:
    """From their makers' sources, with their keys, once; then the machine is set up as always."""
    checkout.has("missing")
    etc = checkout.folder.parent / "etc"
    (etc / "apt" / "sources.list.d").mkdir(parents=True)
    (etc / "os-release").write_text("ID=debian\nVERSION_CODENAME=bookworm\n", encoding="utf-8")
    for name, text in (
        ("id", "echo 0"),
        ("apt-get", 'echo "apt-get $*" >>"$NOTES"'),
        ("dpkg", "echo amd64"),
        ("curl", 'while [ "$1" != -o ]; do shift; done; echo key >"$2"'),
        ("nvidia-ctk", 'echo "nvidia-ctk $*" >>"$NOTES"'),
        ("systemctl", 'echo "systemctl $*" >>"$NOTES"; rm -f "$NOTES.missing"'),
    ):
        (checkout.programs / name).write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        (checkout.programs / name).chmod(0o755)

    done = checkout.run("./setup.sh", "gpu", "--install", APPLIANCE_ETC=str(etc))

    told = checkout.notes.read_text(encoding="utf-8")
    source = (etc / "apt" / "sources.list.d" / "docker.list").read_text(encoding="utf-8")
    assert done.returncode == 0, done.stderr
    assert "docker-compose-plugin" in told and "nvidia-ctk runtime configure --runtime=docker" in told
    assert source.startswith(
        f"deb [arch=amd64 signed-by={etc}/apt/keyrings/docker.asc] https://download.docker.com"
    )
    assert source.rstrip().endswith("debian bookworm stable")
    assert " up -d" in told


def test_a_token_is_asked_for_only_where_the_model_needs_one(checkout: Checkout) -> None:
    """An open model is never asked for one; a gated one says so before anything is started, and names an open one."""
    opened = checkout.run("./setup.sh", "gpu", MODEL="open/model")
    gated = checkout.run("./setup.sh", "gpu", MODEL="closed/model", STATUS="401")
    (checkout.folder / "secrets" / "hub_token").chmod(0o600)
    (checkout.folder / "secrets" / "hub_token").write_text("hf_token", encoding="utf-8")
    given = checkout.run("./setup.sh", "gpu", MODEL="closed/model", STATUS="401")

    assert (opened.returncode, gated.returncode, given.returncode) == (0, 1, 0)
    assert "secrets/hub_token" in gated.stderr and "Qwen/Qwen2.5-7B-Instruct" in gated.stderr
