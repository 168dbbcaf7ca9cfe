"""A model in a folder, on a USB stick or out of another appliance: copied with its checksums, never linked.

Checksums come from a `SHA256SUMS` file beside it, from the `model.json` of another appliance, or from what a hub's own
tools leave behind. Where there are none the copy is still read for what its files are.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from inference.errors import HubUnavailable, ModelSourceUnknown
from inference.getting.choosing import SourceFile, is_safe_path
from inference.getting.hub import Listing
from inference.getting.sources import FolderSource
from inference.library import CARD

_SUMS = ("SHA256SUMS", "sha256sums.txt", "SHA256SUMS.txt")
_SUM = re.compile(r"([0-9a-fA-F]{64}) [ *](.+)\Z")
_PIECE_BYTES = 4 * 2**20
_MOST_FILES = 2000


class ModelOnDisk:
    """source: a folder, or one GGUF file (its other parts lie beside it). Raises ModelSourceUnknown."""

    def __init__(self, source: FolderSource) -> None:
        path = source.path
        try:
            self._single = path if path.is_file() else None
            self._folder = (path.parent if self._single else path).resolve(strict=True)
        except OSError as error:
            raise ModelSourceUnknown(
                f"{path} is not there, or the appliance's user may not read it."
            ) from error
        if not self._folder.is_dir():
            raise ModelSourceUnknown(f"{path} is neither a folder nor a file.")

    def listing(self) -> Listing:
        """What is there; blocks. Raises ModelSourceUnknown."""
        try:
            files = list(self._files())
        except OSError as error:
            raise ModelSourceUnknown(f"{self._folder} cannot be read: {error}.") from error
        card = _json(self._folder / CARD)
        return Listing(str(card.get("revision", "")), tuple(files), str(card.get("licence", "")))

    def kind(self) -> str:
        """What another appliance's card says it is for; empty where there is none."""
        return str(_json(self._folder / CARD).get("kind", ""))

    async def pieces(self, file: SourceFile, start: int) -> AsyncIterator[bytes]:
        """Raises HubUnavailable."""
        try:
            with await asyncio.to_thread((self._folder / file.path).open, "rb") as content:
                content.seek(start)
                while piece := await asyncio.to_thread(content.read, _PIECE_BYTES):
                    yield piece
        except OSError as error:
            raise HubUnavailable(f"{file.path} cannot be read: {error}.") from error

    def _files(self) -> list[SourceFile]:
        sums = self._sums()
        found: list[SourceFile] = []
        stem = re.sub(r"-\d{5}-of-\d{5}\Z", "", self._single.stem) if self._single else ""
        for place in self._folder.rglob("*"):
            path = place.relative_to(self._folder).as_posix()
            if len(found) > _MOST_FILES:
                raise ModelSourceUnknown(f"{self._folder} holds more than {_MOST_FILES} files.")
            if path == CARD or not is_safe_path(path) or not place.is_file() or not self._is_own(place):
                continue
            if self._single and (place.suffix != ".gguf" or not place.stem.startswith(stem)):
                continue
            expected = sums.get(path) or self._of_hub(place, path)
            is_sha256 = len(expected) == 64
            found.append(
                SourceFile(
                    path,
                    place.stat().st_size,
                    expected if is_sha256 else "",
                    expected if len(expected) == 40 else "",
                )
            )
        return found

    def _is_own(self, place: Path) -> bool:
        """A link counts where it leads to the same folder, or to the blobs of a hub's cache."""
        target = place.resolve()
        blobs = self._folder.parent.parent / "blobs"
        return target.is_relative_to(self._folder) or target.is_relative_to(blobs)

    def _sums(self) -> Mapping[str, str]:
        card = _json(self._folder / CARD).get("sha256", {})
        sums = {str(path): str(digest) for path, digest in card.items()} if isinstance(card, dict) else {}
        for name in _SUMS:
            try:
                lines = (self._folder / name).read_text(encoding="utf-8").splitlines()
            except (OSError, UnicodeDecodeError):
                continue
            told = (_SUM.match(line.strip()) for line in lines)
            sums |= {one[2].removeprefix("./"): one[1].lower() for one in told if one}
        return sums

    def _of_hub(self, place: Path, path: str) -> str:
        """The name of a cached blob, or the etag that `hf download --local-dir` wrote down."""
        digest = re.compile(r"[0-9a-f]{64}\Z|[0-9a-f]{40}\Z")
        if place.is_symlink() and digest.match(place.resolve().name):
            return place.resolve().name
        try:
            told = self._folder / ".cache" / "huggingface" / "download" / f"{path}.metadata"
            etag = told.read_text(encoding="utf-8").splitlines()[1].strip()
        except (OSError, UnicodeDecodeError, IndexError):
            return ""
        return etag if digest.match(etag) else ""


def _json(path: Path) -> dict[str, object]:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}
