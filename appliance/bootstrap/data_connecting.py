"""How databases are reached: the table of connectors, the own network, and the folders that files must lie in.

Who administers the page is not who has the machine: a password file elsewhere would hand any file of it to a server
that they name, and a SQLite file elsewhere would show them any database of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from appliance.bootstrap.box import Box
from appliance.domain.data_sources import DatabaseKind
from appliance.services.data.connections import Connections
from inference.egress import Neighbours
from querying.connectors.opening import checked_settings, open_connector
from querying.errors import SourceRefused
from querying.ports import Connector


@dataclass(frozen=True, slots=True)
class Places:
    """Where files of sources must lie."""

    databases: Path
    passwords: Path

    @classmethod
    def of(cls, box: Box) -> Places:
        """As the configuration names them, or below the data folder."""
        named, usual = box.settings.data, box.data / "databases"
        return cls(
            Path(named.sqlite_folder) if named.sqlite_folder else usual,
            Path(named.password_folder) if named.password_folder else usual / "passwords",
        )

    def prepare(self) -> None:
        """Make the one for passwords, so that somebody can put a file into it."""
        with suppress(OSError):  # a read-only place that the operator named
            self.passwords.mkdir(mode=0o700, parents=True, exist_ok=True)

    def inside(self, kind: DatabaseKind, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        """With whole paths, led through links; a name alone is of its folder. Raises SourceRefused."""
        found = dict(settings)
        if kind == "sqlite":
            _lead(
                found,
                "path",
                self.databases,
                "SQLite files must lie in {folder} (`data.sqlite_folder`). Put it there.",
            )
        else:
            _lead(
                found,
                "password_file",
                self.passwords,
                "Password files must lie in {folder} (`data.password_folder`). Write one: "
                "install -m 600 /dev/stdin {folder}/NAME",
            )
        return found


def _lead(settings: dict[str, Any], name: str, folder: Path, remedy: str) -> None:
    told = settings.get(name)
    if not isinstance(told, str) or not told or "\0" in told:
        return
    path = (folder / told).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise SourceRefused(remedy.format(folder=folder), "place")
    settings[name] = str(path)


def connections_of(box: Box) -> Connections:
    """Of one process; nothing is connected to before something is asked."""
    return Connections(partial(opened, Places.of(box), Neighbours(box.settings.egress.inside)))


def kept_settings(places: Places, kind: DatabaseKind, settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """As they are kept: checked, without what is as usual. Raises SourceRefused."""
    inside = places.inside(kind, settings)
    told = checked_settings(kind, inside)
    if kind == "sqlite" and not Path(inside["path"]).is_file():
        raise SourceRefused(f"There is no file {inside['path']}. Put it there.", "path")
    return told.model_dump(mode="json", exclude_defaults=True)


def opened(
    places: Places, neighbours: Neighbours, kind: DatabaseKind, settings: Mapping[str, Any]
) -> Connector:
    """A connector of checked settings. Raises SourceRefused."""
    return open_connector(kind, places.inside(kind, settings), neighbours)
