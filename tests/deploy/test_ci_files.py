"""The files for GitHub and GitLab: understood by their makers' schemas, and calling what everybody calls.

Neither service runs here: that a runner really does what stands there is not shown by these tests.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml

jsonschema = pytest.importorskip(
    "jsonschema", reason="check-jsonschema (with jsonschema) is not installed here"
)
pytest.importorskip(
    "check_jsonschema", reason="check-jsonschema, which brings the schemas, is not installed here"
)

ROOT = Path(__file__).resolve().parent.parent.parent
PYTHONS = ["3.11", "3.12", "3.13"]
PINNED = re.compile(r"uses: [\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
FILES = {"github-workflows": ".github/workflows/test.yml", "gitlab-ci": ".gitlab-ci.yml"}


def content(name: str) -> dict[str, Any]:
    """The file. YAML 1.1 takes GitHub's key `on` for a yes."""
    read = yaml.safe_load((ROOT / FILES[name]).read_text(encoding="utf-8"))
    return {"on" if key is True else key: value for key, value in read.items()}


def mistakes(name: str, document: dict[str, Any]) -> list[str]:
    """What the service's schema, as check-jsonschema carries it, has to say."""
    text = (
        files("check_jsonschema").joinpath(f"builtin_schemas/vendor/{name}.json").read_text(encoding="utf-8")
    )
    schema = json.loads(text)
    return [
        error.message for error in jsonschema.validators.validator_for(schema)(schema).iter_errors(document)
    ]


def misspell_github(document: dict[str, Any]) -> None:
    """`step` for `steps`."""
    document["jobs"]["quick"]["step"] = document["jobs"]["quick"].pop("steps")


def misspell_gitlab(document: dict[str, Any]) -> None:
    """A word that `when` does not know."""
    document["quick"]["when"] = "sometimes"


@pytest.mark.parametrize(
    ("name", "misspell"), [("github-workflows", misspell_github), ("gitlab-ci", misspell_gitlab)], ids=FILES
)
def test_the_services_schemas_accept_them(name: str, misspell: Callable[[dict[str, Any]], None]) -> None:
    """And would not accept a misspelt one."""
    document = content(name)
    good = mistakes(name, document)
    misspell(document)

    assert good == []
    assert mistakes(name, document) != []


def scripts() -> Iterator[str]:
    """Every line that a runner types."""
    for job in content("github-workflows")["jobs"].values():
        for step in job["steps"]:
            yield from step.get("run", "").splitlines()
    for name, job in content("gitlab-ci").items():
        if name not in ("workflow", "stages"):
            yield from [*job.get("before_script", []), *job.get("script", [])]


def test_they_call_what_everybody_calls() -> None:
    """Both: ./setup.sh test --quick, then ./setup.sh test; no other way to run a test."""
    called = [shlex.split(line)[1:] for line in scripts() if line.startswith("./setup.sh")]
    words = [" ".join(line[: line.index("2>&1")]) for line in called]

    assert words == ["test --quick", "test"] * 2
    assert not [line for line in scripts() if "pytest" in line]


def test_the_first_answer_is_of_every_python_that_is_promised() -> None:
    """As pyproject.toml says it; all of it runs when the quick part is good."""
    github, gitlab = content("github-workflows")["jobs"], content("gitlab-ci")

    assert github["quick"]["strategy"]["matrix"]["python"] == PYTHONS
    assert gitlab["quick"]["parallel"]["matrix"] == [{"PYTHON_VERSION": PYTHONS}]
    assert github["whole"]["needs"] == "quick"
    assert gitlab["stages"] == ["quick", "whole"]
    assert '">=3.11,<3.14"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_foreign_steps_are_pinned_and_may_do_little() -> None:
    """Each action by a digest with its version behind it; the token may read the code and nothing else."""
    text = (ROOT / FILES["github-workflows"]).read_text(encoding="utf-8")
    uses = [line for line in text.splitlines() if "uses:" in line]

    assert uses and all(PINNED.search(line) for line in uses), uses
    assert content("github-workflows")["permissions"] == {"contents": "read"}
    assert text.count("persist-credentials: false") == text.count("actions/checkout@")


def test_packages_are_kept_and_failures_leave_something_to_look_at() -> None:
    """The package folders of pip and uv, by the lock file; output and results when something failed."""
    github, gitlab = content("github-workflows"), content("gitlab-ci")
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()

    for job in github["jobs"].values():
        used = {step["uses"].partition("@")[0]: step for step in job["steps"] if "uses" in step}
        assert used["actions/cache"]["with"]["path"] == "/tmp/packages"
        assert "hashFiles('requirements-test.lock')" in used["actions/cache"]["with"]["key"]
        assert used["actions/upload-artifact"]["if"] == "failure()"
    assert {"/tmp/packages/pip", "/tmp/packages/uv"} <= set(github["env"].values())
    assert gitlab[".test"]["cache"]["paths"] == [".packages"]
    assert gitlab[".test"]["artifacts"]["when"] == "on_failure"
    assert {"/.packages/", "/.results/"} <= set(ignored), "style checks would walk through them"
