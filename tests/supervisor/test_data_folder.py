"""The data folder, its secrets and the public socket: what is refused, and with which remedy."""

from __future__ import annotations

import json
import socket
import stat
from pathlib import Path

import pytest

from appliance.bootstrap.box import open_box
from appliance.bootstrap.credentials_file import (
    drop_password,
    read_credentials,
    refresh_url,
    write_credentials,
)
from appliance.errors import StartupError
from appliance.supervisor import data_folder
from appliance.supervisor.data_folder import check_version, locked, prepare_data_folder, stamp_version
from appliance.supervisor.listening import address_of, listen, loopback_address_of
from appliance.supervisor.secret_files import NAMES, load_or_create_secrets


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_full_disk_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Below the least free space the start is refused, naming the folder and `--data`."""
    monkeypatch.setattr(data_folder, "LEAST_FREE_BYTES", 10**18)

    with pytest.raises(StartupError, match=r"MB left.*--data"):
        prepare_data_folder(tmp_path / "data", is_shared=False)


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    """DATA that is a file is named, not overwritten."""
    (tmp_path / "data").write_text("mine")

    with pytest.raises(StartupError, match="cannot be written"):
        prepare_data_folder(tmp_path / "data", is_shared=False)

    assert (tmp_path / "data").read_text() == "mine"


def test_only_we_can_look_into_the_folder(tmp_path: Path) -> None:
    """0700 alone; another user who has to walk through it may walk, not list."""
    prepare_data_folder(tmp_path / "ours", is_shared=False)
    prepare_data_folder(tmp_path / "shared", is_shared=True)

    assert _mode(tmp_path / "ours") == 0o700
    assert _mode(tmp_path / "shared") == 0o711


def test_the_lock_is_free_again_when_its_holder_is_gone(tmp_path: Path) -> None:
    """Held: the second one is told by whom. Let go: the next one gets it."""
    with (
        locked(tmp_path, "(first)"),
        pytest.raises(StartupError, match=r"process \d+ \(first\)"),
        locked(tmp_path, "(second)"),
    ):
        pass

    with locked(tmp_path, "(third)"):
        pass


def test_a_stamp_that_cannot_be_read_is_not_taken_for_an_old_one(tmp_path: Path) -> None:
    """Damage is said, never guessed away; our own stamp is accepted."""
    stamp_version(tmp_path, "0.1.0")
    check_version(tmp_path)
    (tmp_path / "version.json").write_text("{")

    with pytest.raises(StartupError, match="cannot be read"):
        check_version(tmp_path)


def test_secrets_are_made_once_and_closed_to_others(tmp_path: Path) -> None:
    """The second start finds the same secrets; modes that were opened are closed again."""
    first = load_or_create_secrets(tmp_path)
    (tmp_path / "secrets" / "session_secret").chmod(0o644)

    second = load_or_create_secrets(tmp_path)

    assert second == first
    assert len({getattr(first, name) for name in NAMES}) == len(NAMES)
    assert _mode(tmp_path / "secrets") == 0o700
    assert {_mode(path) for path in (tmp_path / "secrets").iterdir()} == {0o600}
    assert first.session_secret not in repr(first)


def test_a_lost_database_password_is_said_before_the_database_is_started(tmp_path: Path) -> None:
    """Making a new one would lock everybody out of the old database."""
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("18")

    with pytest.raises(StartupError, match="database_owner_password is missing"):
        load_or_create_secrets(tmp_path)


def test_an_external_database_needs_a_secret_for_our_roles(tmp_path: Path) -> None:
    """Without it every process would derive other passwords after a reinstall; the remedy is named."""
    (tmp_path / "appliance.toml").write_text('[database]\nurl = "postgresql://o:p@db/appliance"\n')

    with pytest.raises(StartupError, match="APPLIANCE_DATABASE__ROLE_SECRET_FILE"):
        open_box(tmp_path)


def test_an_address_that_is_not_ours_is_refused() -> None:
    """A wrong --host is named together with one that works."""
    with pytest.raises(StartupError, match="--host"):
        listen("203.0.113.7", 0)
    with pytest.raises(StartupError, match="--host"):
        listen("no such host.invalid", 0)


@pytest.mark.parametrize(
    ("host", "local"), [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::1", "[::1]")]
)
def test_processes_of_this_box_reach_the_port_over_loopback(host: str, local: str) -> None:
    """Listening on every address, our own processes still use loopback; people get an address they can type."""
    try:
        opened = listen(host, 0)
    except StartupError:
        pytest.skip(f"this machine has no {host}")
    with opened:
        port = opened.getsockname()[1]

        assert loopback_address_of(opened) == f"http://{local}:{port}"
        assert "0.0.0.0" not in address_of(opened)
        assert address_of(opened, "https://ask.example.com/") == "https://ask.example.com"
        with socket.create_connection((local.strip("[]"), port)):
            pass


def test_credentials_follow_the_port_and_lose_a_changed_password(tmp_path: Path) -> None:
    """The file is 0600, keeps up with the address, and forgets only its own person's password."""
    path = tmp_path / "credentials.json"
    write_credentials(path, url="http://a:1", email="a@b.c", password="p", api_key="k")
    refresh_url(path, "http://a:2")
    drop_password(path, "somebody@else")
    assert read_credentials(path) == {"url": "http://a:2", "email": "a@b.c", "password": "p", "api_key": "k"}

    drop_password(path, "a@b.c")

    assert json.loads(path.read_text()) == {"url": "http://a:2", "email": "a@b.c", "api_key": "k"}
    assert _mode(path) == 0o600


def test_a_model_file_is_looked_for_beside_the_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`model_path = "x.gguf"` means the same from whichever folder the appliance is started."""
    (tmp_path / "etc").mkdir()
    config = tmp_path / "etc" / "appliance.toml"
    config.write_text('[engines.a]\nengine = "llama_cpp"\nmodel_path = "x.gguf"\n')
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path)

    box = open_box(tmp_path / "data", config)

    assert box.settings.engines["a"]["model_path"] == str(tmp_path / "etc" / "x.gguf")
