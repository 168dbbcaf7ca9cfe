"""`appliance settings --set`: one setting is changed, the rest of the file stays as somebody wrote it."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.commands.entry import run
from appliance.settings import load_settings

WRITTEN = """\
# ours, since March
[server]
port = 8081  # 8080 was taken

[engines.local]
engine = "vllm"
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Settings that somebody wrote by hand."""
    file = tmp_path / "appliance.toml"
    file.write_text(WRITTEN)
    file.chmod(0o640)
    return file


def _set(path: Path, *assignments: str) -> int:
    return run(["settings", "--config", str(path), *(word for one in assignments for word in ("--set", one))])


def test_numbers_texts_lists_and_new_sections_are_set(path: Path) -> None:
    """Comments, order and rights stay."""
    code = _set(
        path,
        "server.drain_s=5",
        "backup.folder=/mnt/b",
        'engines.local.models=["m"]',
        'models.aliases."gpt-4o"="m"',
    )

    settings = load_settings(path)
    assert code == 0
    assert (settings.server.port, settings.server.drain_s) == (8081, 5)
    assert settings.backup.folder == "/mnt/b"
    assert settings.engines["local"] == {"engine": "vllm", "models": ["m"]}
    assert settings.models.aliases == {"gpt-4o": "m"}
    assert path.read_text().startswith("# ours, since March\n[server]\nport = 8081  # 8080 was taken\n")
    assert path.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    "wrong", ["server.wrokers=2", "server.port=many", "server", "server.port.deep=1", "=1"]
)
def test_what_would_not_start_is_not_written(
    path: Path, wrong: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The refusal says why; the file and its folder are as before."""
    assert _set(path, wrong) == 1

    assert capsys.readouterr().err.startswith("error: ")
    assert path.read_text() == WRITTEN
    assert [one.name for one in path.parent.iterdir()] == ["appliance.toml"]


def test_a_file_that_is_not_there_yet_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    """0600: there will be secrets in it."""
    path = tmp_path / "appliance.toml"

    assert _set(path, "server.workers=2") == 0

    assert path.read_text() == "[server]\nworkers = 2\n"
    assert path.stat().st_mode & 0o777 == 0o600
