"""The files of declared pipelines on the disk: read bounded, written whole or not at all."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from appliance.errors import PartUnavailable, StorageFull
from appliance.pipelines.declared.located import MOST_BYTES

SUFFIX = ".yaml"
SHIPPED = Path(__file__).parent / "shipped"
_MOST_FILES = 200
_NO_ROOM = 28  # errno.ENOSPC

Origin = Literal["folder", "shipped"]


@dataclass(frozen=True, slots=True)
class FileFound:
    """stamp: changes whenever the file does."""

    path: Path
    origin: Origin
    stamp: tuple[int, int, int]

    @property
    def name(self) -> str:
        """Of the pipeline."""
        return self.path.name.removesuffix(SUFFIX)


def found(folder: Path) -> Mapping[str, FileFound]:
    """Every file by its pipeline's name; one in the folder takes the place of the shipped one of that name."""
    files: dict[str, FileFound] = {}
    places: tuple[tuple[Path, Origin], ...] = ((SHIPPED, "shipped"), (folder, "folder"))
    for place, origin in places:
        with suppress(OSError):
            for path in sorted(place.glob(f"*{SUFFIX}"))[:_MOST_FILES]:
                if path.name.startswith("."):
                    continue
                with suppress(OSError):  # it has just gone
                    told = path.stat()
                    if stat.S_ISREG(told.st_mode):
                        stamp = (told.st_mtime_ns, told.st_size, told.st_ino)
                        files[path.name.removesuffix(SUFFIX)] = FileFound(path, origin, stamp)
    return files


def text_of(file: FileFound) -> str:
    """What it holds, a little more than is allowed at most. Raises OSError; bytes that are no UTF-8 stay visible."""
    with file.path.open("rb") as opened:
        return opened.read(MOST_BYTES + 1).decode("utf-8", "replace")


def write(folder: Path, name: str, text: str) -> None:
    """Put the file in place at once, so that nobody ever reads half of it. Raises StorageFull, PartUnavailable."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(prefix=f".{name}-", suffix=".part", dir=folder)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as opened:
                opened.write(text)
                opened.flush()
                os.fsync(opened.fileno())
            Path(draft).chmod(0o640)
            Path(draft).replace(folder / f"{name}{SUFFIX}")
        except BaseException:
            with suppress(OSError):
                Path(draft).unlink()
            raise
    except OSError as error:
        if error.errno == _NO_ROOM:
            raise StorageFull from error
        raise PartUnavailable(
            f"The folder of pipelines cannot be written ({error.strerror}). The appliance's account must be able to "
            "write `pipelines.folder`."
        ) from error


def remove(folder: Path, name: str) -> bool:
    """Whether there was such a file. Raises PartUnavailable."""
    try:
        (folder / f"{name}{SUFFIX}").unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise PartUnavailable(f"The folder of pipelines cannot be written ({error.strerror}).") from error
    return True
