"""The compose files: what they open, what they mount, what they may, and that both tell the same story."""

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

from appliance.bootstrap.backups.restoring import require_empty_folder
from appliance.settings import load_settings
from appliance.storage.backups.errors import BackupError

ROOT = Path(__file__).resolve().parent.parent.parent
PROFILES = ("gpu", "cpu")
NO_WAY_OUT = {"app", "data", "engine", "monitoring"}
ONE_SHOT = {"volumes", "prepare", "model"}
Compose = dict[str, Any]


def _loaded(profile: str) -> Compose:
    loaded: Compose = yaml.safe_load((ROOT / f"docker-compose.{profile}.yml").read_text(encoding="utf-8"))
    return loaded


@pytest.fixture(params=PROFILES)
def compose(request: pytest.FixtureRequest) -> Compose:
    """One of the two files, anchors resolved."""
    return _loaded(request.param)


def test_all_parts_are_there(compose: Compose) -> None:
    """Proxy, ours, databases and engine; what watches them comes with the profile monitoring alone."""
    services = compose["services"]
    watching = {name for name, service in services.items() if service.get("profiles") == ["monitoring"]}

    assert {"caddy", "gateway", "worker", "embedder", "ui", "postgres", "valkey", "engine"} <= services.keys()
    assert {"prometheus", "alertmanager", "grafana", "node-exporter", "postgres-exporter"} <= watching
    assert {"valkey-exporter"} <= watching <= services.keys() - {"gateway", "engine"}


def test_only_the_proxy_publishes_ports(compose: Compose) -> None:
    """Databases and engines are reachable by nobody outside; Grafana by who is on the machine itself."""
    publishing = {
        name: service["ports"] for name, service in compose["services"].items() if service.get("ports")
    }

    assert publishing.keys() == {"caddy", "grafana"}
    assert all(port.startswith("127.0.0.1:") for port in publishing["grafana"])


def test_what_holds_words_has_no_route_out(compose: Compose) -> None:
    """Documents, databases and the engine cannot send anything anywhere."""
    internal = {name for name, network in compose["networks"].items() if (network or {}).get("internal")}
    apart = {
        name: service.get("network_mode")
        for name, service in compose["services"].items()
        if "networks" not in service
    }
    outside = {
        name for name, service in compose["services"].items() if set(service.get("networks", [])) - internal
    }

    assert internal == NO_WAY_OUT
    assert apart == {"embedder": "none", "volumes": "none"}
    assert outside == {"caddy", "model", "alertmanager", "grafana"}
    assert compose["services"]["engine"]["networks"] == ["engine"]


def test_every_image_has_a_version(compose: Compose) -> None:
    """Nobody's upgrade happens by surprise."""
    images = [service["image"] for service in compose["services"].values()]
    foreign = [image for image in images if not image.startswith("llm-appliance")]

    assert all(re.search(r":v?\d+\.\d+\.\d+", image) for image in foreign), foreign
    for image in foreign:
        digest = image.partition("@")[2]
        assert not digest or re.fullmatch(r"sha256:[0-9a-f]{64}", digest), image


def test_the_database_is_new_enough(compose: Compose) -> None:
    """PostgreSQL 18 with a pgvector without the holes of older ones."""
    tag = compose["services"]["postgres"]["image"].partition(":")[2]
    version = tuple(int(part) for part in tag.partition("-")[0].split("."))

    assert version >= (0, 8, 4) and "-pg18-" in tag


def test_every_lasting_service_is_watched(compose: Compose) -> None:
    """A health check with a start period on everything that does not end by itself, which is started again."""
    for name, service in compose["services"].items():
        if name in ONE_SHOT:
            assert service["restart"] == "no", name
        else:
            assert {"test", "start_period", "interval", "timeout"} <= service["healthcheck"].keys(), name
            assert service["restart"] == "unless-stopped", name


def test_all_run_confined(compose: Compose) -> None:
    """Unprivileged, read-only, without capabilities and new rights, with bounds, without the docker socket."""
    for name, service in compose["services"].items():
        user = service["user"].partition(":")[0]
        assert user == "0" if name == "volumes" else int(user) > 0, name
        assert service["read_only"] is True and service["cap_drop"] == ["ALL"], name
        assert service.get("cap_add", []) == {"volumes": ["CHOWN"], "caddy": ["NET_BIND_SERVICE"]}.get(
            name, []
        ), name
        assert "no-new-privileges:true" in service["security_opt"], name
        assert service["mem_limit"] and service["pids_limit"], name
        assert service["logging"]["options"].keys() == {"max-size", "max-file"}, name
        assert not any("docker.sock" in str(volume) for volume in service.get("volumes", [])), name
        assert not {"privileged", "pid", "ipc", "devices"} & service.keys(), name


def test_the_machine_is_only_looked_at(compose: Compose) -> None:
    """What is mounted of the host is the configuration, read-only, and for the machine's figures the rest."""
    for name, service in compose["services"].items():
        for volume in service.get("volumes", []):
            if volume.startswith((".", "/")):
                assert volume.endswith((":ro", ":ro,rslave")), (name, volume)
                assert not volume.startswith("/:") or name == "node-exporter", (name, volume)


def test_backups_lie_outside_of_the_data(compose: Compose) -> None:
    """Only the worker writes them, to the disk that BACKUP_FOLDER names or into their own volume; the doctor looks."""
    place = "${BACKUP_FOLDER:-backups}"
    services = compose["services"]
    having = {
        name: volume
        for name, service in services.items()
        for volume in service.get("volumes", [])
        if volume.startswith(place)
    }
    environment = services["worker"]["environment"]

    assert having == {
        "volumes": f"{place}:/volumes/backups",
        "gateway": f"{place}:/backups:ro",
        "worker": f"{place}:/backups",
    }
    assert "10001:backups" in services["volumes"]["command"] and "backups" in compose["volumes"]
    assert environment["APPLIANCE_BACKUP__FOLDER"] == "/backups"
    assert not environment["APPLIANCE_BACKUP__FOLDER"].startswith("/var/lib/appliance")


def test_the_worker_finds_folder_and_passphrase(tmp_path: Path) -> None:
    """The settings that the file gives are settings, and the passphrase is read from its file."""
    given = _loaded("cpu")["services"]["worker"]["environment"]
    here = {name: value.replace("/run/secrets", str(tmp_path)) for name, value in given.items()}
    (tmp_path / "backup_passphrase").write_text("a long passphrase", encoding="utf-8")

    settings = load_settings(None, {name: here[name] for name in here if "_BACKUP_" in name}).backup

    assert settings.folder == "/backups"
    assert "a long passphrase" in (
        settings.passphrase.get_secret_value(),
        Path(settings.passphrase_file or "/dev/null").read_text(encoding="utf-8"),
    )


def test_a_backup_can_be_restored_into_the_data_volume(tmp_path: Path) -> None:
    """The place where the volume of sockets is mounted lies in it, and counts as nothing."""
    inside = [v for v in _loaded("gpu")["services"]["worker"]["volumes"] if "/var/lib/appliance/" in v]
    for volume in inside:
        (tmp_path / volume.rpartition("/")[2]).mkdir()

    require_empty_folder(tmp_path)

    (tmp_path / "blobs").mkdir()
    with pytest.raises(BackupError, match="blobs"):
        require_empty_folder(tmp_path)


def test_no_secret_stands_in_the_file(compose: Compose) -> None:
    """Secrets come as files, all that are used are declared, and all that are declared are used."""
    text = str(compose["services"])
    used = {secret for service in compose["services"].values() for secret in service.get("secrets", [])}
    named = set(re.findall(r"/run/secrets/(\w+)", text))
    writing = (ROOT / "deploy" / "secrets.sh").read_text(encoding="utf-8")
    written = set(re.findall(r"secrets/(\w+)|write_secret (\w+)", writing))
    listed = re.findall(r"for name in (.*);", writing)

    assert not re.search(r"(PASSWORD|SECRET|KEY|TOKEN)['\"]?: ['\"][^/'\"]", text)
    assert all(secret["file"].startswith("./secrets/") for secret in compose["secrets"].values())
    assert (
        used
        == compose["secrets"].keys()
        <= {name for names in written for name in names} | set(listed[0].split())
    )
    assert named - {"mail_password"} <= used


def test_every_service_reads_only_its_own_secrets(compose: Compose) -> None:
    """A path to a secret that the service does not have would be found out at night."""
    for name, service in compose["services"].items():
        named = set(re.findall(r"/run/secrets/(\w+)", str(service)))
        assert named <= set(service.get("secrets", [])), name


def test_the_files_differ_only_where_a_gpu_matters() -> None:
    """The GPU file is the CPU file with another engine, its key and token, and the GPU's figures."""
    gpu, cpu = map(_loaded, PROFILES)
    of_engine = re.compile(r"APPLIANCE_ENGINES__")

    assert gpu["services"].keys() - cpu["services"].keys() == {"gpu-metrics"}
    assert gpu["networks"] == cpu["networks"] and gpu["volumes"] == cpu["volumes"]
    assert gpu["secrets"].keys() - cpu["secrets"].keys() == {"engine_key", "hub_token"}
    for name, service in cpu["services"].items():
        if name in ("engine", "model"):
            continue
        other = dict(gpu["services"][name])
        for one in (service, other):
            one["environment"] = {
                k: v for k, v in one.get("environment", {}).items() if not of_engine.match(k)
            }
            one["secrets"] = [secret for secret in one.get("secrets", []) if secret != "engine_key"]
        if name == "volumes":
            other["command"] = [word for word in other["command"] if not word.endswith(":models")]
            service["command"] = [word for word in service["command"] if not word.endswith(":models")]
        assert other == service, name
    for same in ("cap_drop", "read_only", "security_opt", "networks", "depends_on", "logging", "restart"):
        assert gpu["services"]["engine"][same] == cpu["services"]["engine"][same], same


def test_only_engines_see_the_gpu() -> None:
    """And who measures it."""
    gpu = _loaded("gpu")["services"]

    assert {name for name, service in gpu.items() if "deploy" in service} == {"engine", "gpu-metrics"}
    assert not any("deploy" in service for service in _loaded("cpu")["services"].values())


def test_what_is_ours_is_one_image(compose: Compose) -> None:
    """Built from the same file; it runs as the user whom the Dockerfile makes."""
    ours = [
        service for service in compose["services"].values() if service["image"].startswith("llm-appliance")
    ]
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")

    assert {service["build"]["dockerfile"] for service in ours} == {"deploy/Dockerfile"}
    assert {service["user"] for service in ours} == {"10001:10001", "0:0"}
    assert "USER 10001:10001" in dockerfile and "--uid 10001" in dockerfile
    assert "--require-hashes -r requirements.lock" in dockerfile


@pytest.mark.parametrize("profile", PROFILES)
def test_compose_itself_accepts_the_file(profile: str, tmp_path: Path) -> None:
    """The real program parses it, also with the way out added; skipped where it is not installed."""
    if shutil.which("docker-compose") is None:
        pytest.skip("docker-compose is not installed here")
    files = ["-f", f"docker-compose.{profile}.yml"]
    for words in (files, [*files, "-f", "deploy/compose.outside.yml"]):
        command = ["docker-compose", *words, "config"]
        checked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
        assert checked.returncode == 0, checked.stderr

        networks = yaml.safe_load(checked.stdout)["services"]["gateway"]["networks"]
        assert set(networks) == {"app", "data", "engine"} | ({"edge"} if len(words) > 2 else set())


@pytest.mark.parametrize(
    "tls", ["internal", "it@example.com", "/certificates/site.crt /certificates/site.key"]
)
def test_caddy_itself_accepts_its_file(tls: str, tmp_path: Path) -> None:
    """The real program understands it with each kind of certificate; skipped where it is not installed."""
    if shutil.which("caddy") is None:
        pytest.skip("caddy is not installed here")
    environment = {**os.environ, "APPLIANCE_SITE": "box.lan", "APPLIANCE_TLS": tls, "HOME": str(tmp_path)}
    command = ["caddy", "adapt", "--config", "deploy/caddy/Caddyfile", "--adapter", "caddyfile"]

    checked = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

    assert checked.returncode == 0, checked.stderr


def test_the_dockerfile_and_scripts_are_clean() -> None:
    """hadolint and shellcheck find nothing worse than a matter of taste."""
    bin_folder = Path(sys.executable).parent
    scripts = [str(path) for folder in ("deploy", "scripts") for path in (ROOT / folder).rglob("*.sh")]
    for command in (
        [str(bin_folder / "hadolint"), "--failure-threshold", "info", "deploy/Dockerfile"],
        [str(bin_folder / "shellcheck"), "-x", "setup.sh", "ssh_deploy.sh", *scripts],
    ):
        checked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

        assert checked.returncode == 0, checked.stdout
