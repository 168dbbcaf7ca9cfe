"""A new version's number and notes: written into pyproject.toml, appliance/__init__.py and CHANGELOG.md.

python -m scripts.release.version CHECKOUT VERSION DATE --notes FILE
    writes all three and the notes; or nothing, says why, and ends with 1
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from packaging.version import InvalidVersion, Version

_UNRELEASED = "## Unreleased\n"
_IN_PROJECT = re.compile(r'^version = "([^"]+)"$', re.MULTILINE)
_IN_CODE = re.compile(r'^__version__ = "([^"]+)"$', re.MULTILINE)


def changed(changelog: str, version: str, date: str) -> tuple[str, str]:
    """What was unreleased becomes the version's; returns the changelog and the section, without its heading.

    Raises ValueError when nothing is unreleased, or the version has its section already.
    """
    if re.search(rf"^## {re.escape(version)}\b", changelog, re.MULTILINE):
        raise ValueError(f"CHANGELOG.md has {version} already")
    before, heading, after = changelog.partition(_UNRELEASED)
    section, separator, rest = after.partition("\n## ")
    if not heading or not section.strip():
        raise ValueError(
            "nothing is unreleased: CHANGELOG.md needs a line for operators below '## Unreleased'"
        )
    body = section.strip("\n")
    return f"{before}{_UNRELEASED}\n## {version} – {date}\n{body}\n{separator}{rest}", f"{body}\n"


def numbered(text: str, pattern: re.Pattern[str], version: str) -> str:
    """The file with the new number. Raises ValueError when there is none, or a newer one."""
    found = pattern.search(text)
    if found is None:
        raise ValueError(f"there is no line like {pattern.pattern}")
    if Version(found[1]) > Version(version):
        raise ValueError(f"{version} is older than {found[1]}, which stands there")
    return text[: found.start(1)] + version + text[found.end(1) :]


def main(words: list[str]) -> int:
    """All three, or none."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkout", type=Path)
    parser.add_argument("version")
    parser.add_argument("date")
    parser.add_argument("--notes", type=Path, required=True)
    given = parser.parse_args(words)
    project, code = given.checkout / "pyproject.toml", given.checkout / "appliance" / "__init__.py"
    changelog = given.checkout / "CHANGELOG.md"
    try:
        if str(Version(given.version)) != given.version:
            raise ValueError(f"{given.version} is written {Version(given.version)}")
        texts = {
            project: numbered(project.read_text(encoding="utf-8"), _IN_PROJECT, given.version),
            code: numbered(code.read_text(encoding="utf-8"), _IN_CODE, given.version),
        }
        texts[changelog], notes = changed(changelog.read_text(encoding="utf-8"), given.version, given.date)
    except (ValueError, InvalidVersion) as error:
        print(f"release: {error}.", file=sys.stderr)
        return 1
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
    given.notes.write_text(notes, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
