"""Keeping a collection in step with a folder: what is there, what may be sent, and what follows from the difference.

Looks at names, sizes and times only; links are never followed. Used by the command and by the worker alike.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from rag.media_types import from_filename

LONGEST_PATH = 4096  # bytes of UTF-8


@dataclass(frozen=True, slots=True)
class Found:
    """A file of a folder. source: its path as the collection knows it; signature: changes when the file does."""

    path: Path
    source: str
    signature: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Refused:
    """A file that is not sent, and why. is_failure: somebody should do something about it."""

    path: str
    reason: str
    is_failure: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """What the collection has of a source: its current version."""

    file_id: str
    sha256: str
    status: str


def walk(root: Path) -> Iterator[Found | Refused]:
    """All files below a folder, in order; hidden ones are left out in silence. Raises OSError for the folder itself."""
    root = Path(os.path.abspath(root))  # noqa: PTH100 - resolve() would follow a link
    yield from _walk(root, os.scandir(root))


def _walk(folder: Path, entries: Iterable[os.DirEntry[str]]) -> Iterator[Found | Refused]:
    for entry in sorted(entries, key=lambda one: one.name):
        if entry.name.startswith("."):
            continue
        path = folder / entry.name
        try:
            if entry.is_symlink():
                yield Refused(_shown(path), "It is a link; links are not followed.")
            elif entry.is_dir(follow_symlinks=False):
                yield from _walk(path, os.scandir(path))
            elif entry.is_file(follow_symlinks=False):
                yield look_at(path)
        except OSError as error:
            yield Refused(_shown(path), f"It cannot be read: {error.strerror}.", is_failure=True)


def look_at(path: Path, *, any_kind: bool = False) -> Found | Refused:
    """One file. any_kind: also where its name belongs to no format that is read. Raises OSError."""
    reason = _unfit(os.fspath(path))
    if reason:
        return Refused(_shown(path), reason, is_failure=True)
    if not any_kind and from_filename(path.name) is None:
        return Refused(_shown(path), "This kind of file is not read.")
    status = path.lstat()
    return Found(path, os.fspath(path), (status.st_size, status.st_mtime_ns))


def gone(
    found: Iterable[Found], refused: Iterable[Refused], known: Mapping[str, Known], root: str
) -> list[tuple[str, Known]]:
    """Sources below root whose file is not there any more. What could not be looked at counts as being there."""
    sources = {one.source for one in found}
    unseen = tuple(one.path for one in refused if one.is_failure)
    below = root.rstrip("/") + "/"
    return [
        (source, one)
        for source, one in known.items()
        if source.startswith(below)
        and source not in sources
        and not any(source == path or source.startswith(path.rstrip("/") + "/") for path in unseen)
    ]


def _unfit(path: str) -> str | None:
    try:
        encoded = path.encode()
    except UnicodeEncodeError:
        return "Its name is not valid UTF-8. Rename it."
    if len(encoded) > LONGEST_PATH:
        return f"Its path has more than {LONGEST_PATH:,} bytes. Move it up, or shorten the names."
    if any(unicodedata.category(character) == "Cc" for character in path):
        return "Its name holds control characters. Rename it."
    return None


def _shown(path: Path) -> str:
    """Printable, whatever the name is made of."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
