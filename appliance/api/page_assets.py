"""The page's own files and sentences, read once: scripts, styles, fonts, icon, texts in both languages.

Their address holds a hash of them all, so a browser keeps them for ever and a new version is a new address.
Nothing here is secret; it is served before anybody has signed in.
"""

from __future__ import annotations

import gzip
import hashlib
import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

import orjson

from appliance.domain.people import Language

LANGUAGES: tuple[Language, ...] = get_args(Language)
_MEDIA_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
_WORTH_COMPRESSING = 1024  # bytes
_COMPRESSED_ALREADY = {".woff2"}
_IMPORTS = re.compile(r'^(?:import|export) [^;]*?"(\.[^"]+\.js)";', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class PageFile:
    """One file as it is sent. compressed is the gzip form, or None where it is not worth it."""

    media_type: str
    body: bytes
    compressed: bytes | None


@dataclass(frozen=True, slots=True)
class PageAssets:
    """Everything that the gateway itself contributes to the page.

    needs: what a script imports before it runs, by way of others too, without what it loads later. A browser that is
    told of them at once need not read one to learn of the next.
    """

    version: str
    files: Mapping[str, PageFile]
    texts: Mapping[Language, Mapping[str, str]]
    needs: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def fonts(self) -> Sequence[str]:
        """Needed for the first paint: told at once, they are there before it, and no line of text jumps."""
        return tuple(name for name in self.files if name.endswith(".woff2"))

    def address(self, name: str) -> str:
        """Where the browser finds a file."""
        return f"/page/{self.version}/{name}"


def read_page_assets(folder: Path) -> PageAssets:
    """folder: holds ROOM/*.js, *.css, *.svg, *.woff2 and texts.LANGUAGE.json. Raises OSError where one is missing."""
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.glob("*/*"))
        if path.suffix in _MEDIA_TYPES
    }
    texts = {language: (folder / f"texts.{language}.json").read_bytes() for language in LANGUAGES}
    digest = hashlib.sha256()
    for name, body in [*files.items(), *texts.items()]:
        digest.update(f"{name} {len(body)}\n".encode() + body)
    return PageAssets(
        version=digest.hexdigest()[:12],
        files={name: _page_file(name, body) for name, body in files.items()},
        texts={language: orjson.loads(body) for language, body in texts.items()},
        needs={name: _needs(files, name) for name in files if name.endswith(".js")},
    )


def _needs(files: Mapping[str, bytes], script: str) -> Sequence[str]:
    found: dict[str, None] = {}
    waiting = [script]
    while waiting:
        name = waiting.pop(0)
        for imported in _IMPORTS.findall(files[name].decode()):
            other = posixpath.normpath(posixpath.join(posixpath.dirname(name), imported))
            if other in files and other not in found and other != script:
                found[other] = None
                waiting.append(other)
    return tuple(found)


def _page_file(name: str, body: bytes) -> PageFile:
    suffix = Path(name).suffix
    is_worth_it = len(body) >= _WORTH_COMPRESSING and suffix not in _COMPRESSED_ALREADY
    return PageFile(_MEDIA_TYPES[suffix], body, gzip.compress(body, mtime=0) if is_worth_it else None)
