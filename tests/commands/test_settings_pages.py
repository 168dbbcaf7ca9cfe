"""The example file and the handbook's page are made from the models and stay true."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from appliance.commands.doctor_pages import findings_chapter
from appliance.commands.settings import described
from appliance.commands.settings_pages import HIDDEN, current_toml, example_toml, handbook_page, hide_secrets
from appliance.settings import Settings, load_settings

REPOSITORY = Path(__file__).resolve().parent.parent.parent


@pytest.mark.parametrize(
    ("path", "made", "option"),
    [
        ("deploy/appliance.example.toml", example_toml, "--toml"),
        ("docs/settings.md", handbook_page, "--markdown"),
    ],
)
def test_the_pages_are_up_to_date(path: str, made: object, option: str) -> None:
    """Who changes a setting makes the pages again; this test says how."""
    assert callable(made)
    assert (REPOSITORY / path).read_text(encoding="utf-8") == made(described()), (
        f"run: .venv/bin/appliance settings {option} > {path}"
    )


def test_every_finding_of_the_doctor_has_its_line_in_the_handbook() -> None:
    """In the words that it is told with; `appliance doctor --markdown` makes them."""
    handbook = (REPOSITORY / "docs" / "operating.md").read_text(encoding="utf-8")
    _, _, after = handbook.partition("<!-- appliance doctor --markdown -->\n")

    assert after.startswith(findings_chapter()), "run: .venv/bin/appliance doctor --markdown"
    assert after.removeprefix(findings_chapter()).startswith("\n## ")


def test_the_example_file_changes_nothing(tmp_path: Path) -> None:
    """An operator may copy it whole: every section is there, every value is the default."""
    path = tmp_path / "appliance.toml"
    path.write_text(example_toml(described()), encoding="utf-8")

    assert load_settings(path, {}) == Settings()


def test_every_default_in_the_example_file_is_a_valid_value() -> None:
    """With the comment signs taken away the keys hold what the models say, engine sections included."""
    bare = re.sub(r"^# (?=\w+ = |\[)", "", example_toml(described()), flags=re.MULTILINE)
    values = tomllib.loads(bare)

    engines = values.pop("engines")
    assert Settings.model_validate(values) == Settings()
    assert {section["engine"] for section in engines.values()} == {
        name.removeprefix("my-") for name in engines
    }


def test_every_knob_says_what_it_does() -> None:
    """A setting without a description is a setting nobody can use."""
    for section in described():
        for name, field in section.keys_of.model_fields.items():
            assert field.description, f"{section.name}.{name}"


def test_secrets_are_not_shown() -> None:
    """Passwords, keys and addresses with a password in them are hidden; the rest is shown as TOML that can be read."""
    settings = Settings.model_validate(
        {
            "database": {"url": "postgresql://owner:hunter2@db/appliance", "role_secret": "hunter2"},
            "engines": {"a": {"engine": "vllm", "api_key": "hunter2", "base_url": "http://gpu:8000/v1"}},
        }
    )

    shown = current_toml(hide_secrets(settings.model_dump(mode="json")))

    assert "hunter2" not in shown
    values = tomllib.loads(shown)
    assert values["engines"]["a"] == {"engine": "vllm", "api_key": HIDDEN, "base_url": "http://gpu:8000/v1"}
