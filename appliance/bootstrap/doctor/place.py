"""The box that is looked at: its folder, its settings where they are valid, and whether it runs."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from appliance.bootstrap.box import Box, open_box
from appliance.errors import StartupError
from appliance.services.doctor.parts import DataReading
from appliance.services.doctor.trust import SecretsReading
from appliance.services.doctor.use import Line
from appliance.services.doctor.ways import Deployment, Ways
from appliance.supervisor.data_folder import SYSTEM_DATA, check_version
from appliance.supervisor.secret_files import FOLDER, NAMES
from appliance.supervisor.state import ChildState, SupervisorState, read_state, started_ticks

_UNIT = Path("/etc/systemd/system/appliance.service")
_CONTAINER_MARKS = (Path("/.dockerenv"), Path("/run/.containerenv"))
_QUERY_S = 5
_LOG_BYTES = 256 * 1024


class Idle(Exception):
    """What was to be read belongs to a part that does not run, because the appliance is stopped."""


@dataclass(frozen=True)
class Live:
    """What only a gateway knows. lines: the queue as it stands; problem: why it could not be looked at."""

    lines: tuple[Line, ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class Place:
    """box: None where there is none, or its settings are not valid, and then `problem` says why.

    secrets: as they lay there before anything was opened. certificates: files to look at, beside the address.
    """

    data: Path
    reading: DataReading
    secrets: SecretsReading
    box: Box | None
    problem: str
    ways: Ways
    state: SupervisorState | None
    is_contained: bool
    is_in_gateway: bool = False
    live: Live | None = None
    certificates: tuple[Path, ...] = ()
    root: Path = field(default=Path("/"))

    @property
    def is_running(self) -> bool:
        """As far as can be told without asking: a supervisor runs, or docker looks after the parts."""
        return self.is_in_gateway or self.is_contained or self.supervisor is not None

    @property
    def supervisor(self) -> SupervisorState | None:
        """None when it is gone, or has stopped its children."""
        state = self.state
        if state is None or started_ticks(state.pid) is None:
            return None
        if all(child.state is ChildState.STOPPED for child in state.children.values()):
            return None
        return state

    @property
    def url(self) -> str:
        """Where the gateway answers from here."""
        if self.supervisor is not None:
            return self.supervisor.url
        assert self.box is not None
        server = self.box.settings.server
        host = "127.0.0.1" if server.host in ("0.0.0.0", "::") else server.host  # noqa: S104 - compared
        return f"http://{f'[{host}]' if ':' in host else host}:{server.port}"

    @property
    def needed_box(self) -> Box:
        """Raises Idle where there is none: nothing of it can be read."""
        if self.box is None:
            raise Idle(self.problem)
        return self.box

    def rows(self, query: str, *values: Any) -> Sequence[tuple[Any, ...]]:  # noqa: ANN401 - SQL's values
        """Of the box's database, as maintenance, which sees all rows and here changes none.

        Raises Idle while the embedded one is stopped, psycopg.Error.
        """
        import psycopg

        from appliance.storage.roles import DatabaseRole

        box = self.needed_box
        if box.postgres is not None and not self.is_running:
            raise Idle
        url = box.database_url(DatabaseRole.MAINTENANCE)
        options = f"-c statement_timeout={_QUERY_S}s -c default_transaction_read_only=on"
        with psycopg.connect(url, connect_timeout=_QUERY_S, options=options) as connection:
            return connection.execute(query, values).fetchall()

    def last_lines(self, process: str = "", most: int = 5) -> tuple[str, ...]:
        """The last of its log that warn or worse, else the last ones; process: of that one alone."""
        lines = [one for one in self._log() if not process or one.get("process") == process]
        serious = [one for one in lines if one.get("level") in ("warning", "error", "critical")]
        return tuple(_line(one) for one in (serious or lines)[-most:])

    def _log(self) -> Sequence[Mapping[str, Any]]:
        try:
            with (self.data / "logs" / "appliance.log").open("rb") as file:
                file.seek(0, 2)
                file.seek(max(0, file.tell() - _LOG_BYTES))
                raw = file.read().decode("utf-8", "replace")
        except OSError:
            return []
        found = []
        for line in raw.splitlines():
            try:
                fields = json.loads(line)
            except ValueError:
                continue
            if isinstance(fields, dict) and fields.get("logger") != "appliance.requests":
                found.append(fields)
        return found


def look_at(
    data: Path,
    config: Path | None = None,
    *,
    box: Box | None = None,
    live: Live | None = None,
    certificates: Sequence[Path] = (),
) -> Place:
    """Open the box as it lies there. box, live: of a gateway that looks at itself. Raises nothing."""
    reading, secrets = _folder(data), _secrets(data)
    problem, is_in_gateway = "", box is not None
    if box is None and reading.is_there and not reading.is_closed:
        try:
            box = open_box(data, config)
        except StartupError as error:
            problem = error.detail
        except PermissionError as error:
            reading = DataReading(str(data), is_closed=True, owner=_owner(data))
            problem = str(error)
    is_contained = any(mark.exists() for mark in _CONTAINER_MARKS) and (box is None or box.postgres is None)
    return Place(
        data=data,
        reading=reading,
        secrets=secrets,
        box=box,
        problem=problem,
        ways=Ways(_deployment(data, is_contained), str(data), _program(), _compose_of(box)),
        state=read_state(data),
        is_contained=is_contained,
        is_in_gateway=is_in_gateway,
        live=live,
        certificates=tuple(certificates),
    )


def _folder(data: Path) -> DataReading:
    try:
        if not (data / FOLDER).is_dir():
            return DataReading(str(data), is_there=False)
        check_version(data)
        return DataReading(str(data))
    except StartupError as error:
        return DataReading(str(data), refused=error.detail)
    except PermissionError:
        return DataReading(str(data), is_closed=True, owner=_owner(data))


def _secrets(data: Path) -> SecretsReading:
    """Before the box is opened, because opening it makes what is missing."""
    folder = data / FOLDER
    try:
        if not folder.is_dir():
            return SecretsReading(folder=str(folder))
        files = (folder, *sorted(folder.iterdir()))
        return SecretsReading(
            folder=str(folder),
            open_paths=tuple(str(path) for path in files if path.stat().st_mode & 0o077),
            missing=tuple(str(folder / name) for name in NAMES if not (folder / name).exists()),
        )
    except PermissionError:
        return SecretsReading(is_closed=True, folder=str(folder))


def _owner(data: Path) -> str:
    try:
        return data.owner()
    except (OSError, KeyError):
        return ""


def _deployment(data: Path, is_contained: bool) -> Deployment:
    if is_contained:
        return "docker"
    return "systemd" if data == SYSTEM_DATA and _UNIT.exists() else "hand"


def _program() -> str:
    beside = Path(sys.prefix) / "bin" / "appliance"
    return str(beside) if beside.exists() else shutil.which("appliance") or "appliance"


def _compose_of(box: Box | None) -> str:
    kinds = {str(table.get("engine")) for table in box.settings.engines.values()} if box else set()
    kinds.discard("cloud")
    return "docker-compose.cpu.yml" if kinds and "vllm" not in kinds else "docker-compose.gpu.yml"


def _line(fields: Mapping[str, Any]) -> str:
    error = str(fields.get("error", "")).strip().splitlines()
    moment = str(fields.get("time", ""))[:19].replace("T", " ")
    said = f"{moment} {fields.get('process', '?')}: {fields.get('message', '')}"
    return f"{said} – {error[-1]}" if error else said
