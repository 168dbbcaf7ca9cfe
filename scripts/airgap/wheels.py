"""Which wheels of a lock file another machine needs, and whether a folder holds exactly these.

python scripts/airgap/wheels.py choose LOCK... --python 3.12 --machine x86_64 --glibc 2.28 --to FILE
    writes the lock's lines for that machine; prints the options that make `pip download` fetch for it, one a line
python scripts/airgap/wheels.py check FILE FOLDER
    every wheel has a hash that the lock names and none is missing; prints the megabytes they take installed

pip evaluates the conditions in a lock file ("; python_version < …") for the machine it runs on, whatever
--python-version says (https://github.com/pypa/pip/issues/11664): hence the choice is made here.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

MACHINES = ("x86_64", "aarch64")
PYTHONS = ("3.11", "3.12", "3.13")
_OLDEST_GLIBC = 5  # 2.5, of manylinux1
_FORMER_NAMES = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}


@dataclass(frozen=True, slots=True)
class Pinned:
    """One line of a lock file. hashes: sha256, in hex."""

    requirement: Requirement
    hashes: frozenset[str]

    @property
    def name(self) -> str:
        return canonicalize_name(self.requirement.name)

    @property
    def version(self) -> str:
        return next(iter(self.requirement.specifier)).version

    def line(self) -> str:
        """Without its condition: it holds."""
        return " ".join(
            [f"{self.name}=={self.version}", *(f"--hash=sha256:{one}" for one in sorted(self.hashes))]
        )


@dataclass(frozen=True, slots=True)
class Target:
    """The machine that the wheels are for. glibc: the minor number of 2.x that it has at least."""

    python: str
    machine: str
    glibc: int

    def environments(self) -> list[dict[str, str]]:
        """The values that conditions in a lock file are about, for the first and the last Python of that name.

        Debian 12 has 3.11.2, where one more package is needed than with 3.11.3.
        """
        return [self._environment(f"{self.python}.{patch}") for patch in (0, 99)]

    def _environment(self, version: str) -> dict[str, str]:
        return {
            "implementation_name": "cpython",
            "implementation_version": version,
            "os_name": "posix",
            "platform_machine": self.machine,
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": "Linux",
            "platform_version": "",
            "python_full_version": version,
            "python_version": self.python,
            "sys_platform": "linux",
            "extra": "",
        }

    def pip_options(self) -> Iterator[str]:
        """Of `pip download`, which knows no family of platforms: each name that will do is said."""
        yield from ("--python-version", self.python, "--implementation", "cp")
        for abi in (f"cp{self.python.replace('.', '')}", "abi3", "none"):
            yield from ("--abi", abi)
        for minor in range(self.glibc, _OLDEST_GLIBC - 1, -1):
            yield from ("--platform", f"manylinux_2_{minor}_{self.machine}")
            if minor in _FORMER_NAMES:
                yield from ("--platform", f"{_FORMER_NAMES[minor]}_{self.machine}")
        yield from ("--platform", f"linux_{self.machine}")


def pinned(text: str) -> Iterator[Pinned]:
    """The lines of a lock file as `uv pip compile --generate-hashes` writes it."""
    for line in text.replace("\\\n", " ").splitlines():
        words = line.partition(" #")[0].strip()
        if words and not words.startswith("#"):
            requirement, *hashes = words.split("--hash=sha256:")
            yield Pinned(Requirement(requirement), frozenset(one.strip() for one in hashes))


def chosen(text: str, target: Target) -> list[Pinned]:
    """What the target needs of a lock file, by name."""
    environments = target.environments()

    def is_needed(one: Pinned) -> bool:
        marker = one.requirement.marker
        return marker is None or any(marker.evaluate(values) for values in environments)

    return sorted(filter(is_needed, pinned(text)), key=lambda one: one.name)


def check(needed: list[Pinned], folder: Path) -> int:
    """Megabytes that the wheels take once installed. Raises ValueError that names the first thing wrong."""
    missing = {one.name: one for one in needed}
    unpacked_bytes = 0
    for wheel in sorted(folder.iterdir()):
        name = canonicalize_name(parse_wheel_filename(wheel.name)[0])
        wanted = missing.pop(name, None)
        if wanted is None:
            raise ValueError(f"{wheel.name} is in no lock file, or there twice")
        if hashlib.sha256(wheel.read_bytes()).hexdigest() not in wanted.hashes:
            raise ValueError(f"{wheel.name} is not what the lock file names: its hash is another")
        with zipfile.ZipFile(wheel) as archive:
            unpacked_bytes += sum(member.file_size for member in archive.infolist())
    if missing:
        raise ValueError(f"no wheel for {', '.join(sorted(missing))}")
    return unpacked_bytes // 1_000_000 + 1


def _glibc(words: str) -> int:
    major, _, minor = words.partition(".")
    if major != "2" or not minor.isdigit() or int(minor) < _OLDEST_GLIBC:
        raise argparse.ArgumentTypeError(f"{words!r} is no version of glibc such as 2.28")
    return int(minor)


def main(words: list[str]) -> int:
    """The two commands; 1 and a sentence when the folder is not right."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    choose = commands.add_parser("choose")
    choose.add_argument("locks", nargs="+", type=Path)
    choose.add_argument("--python", choices=PYTHONS, required=True)
    choose.add_argument("--machine", choices=MACHINES, required=True)
    choose.add_argument("--glibc", type=_glibc, required=True)
    choose.add_argument("--to", type=Path, required=True)
    checking = commands.add_parser("check")
    checking.add_argument("lock", type=Path)
    checking.add_argument("folder", type=Path)
    given = parser.parse_args(words)
    if given.command == "choose":
        target = Target(given.python, given.machine, given.glibc)
        lines = [
            one.line() for lock in given.locks for one in chosen(lock.read_text(encoding="utf-8"), target)
        ]
        given.to.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        print(*target.pip_options(), sep="\n")
        return 0
    try:
        print(check(list(pinned(given.lock.read_text(encoding="utf-8"))), given.folder))
    except ValueError as error:
        print(f"wheels: {error}.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
