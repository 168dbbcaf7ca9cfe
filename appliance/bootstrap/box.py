"""One box as its processes see it: settings, secrets and the addresses of its parts, from the data folder alone.

Every process of the appliance opens the same box; nothing secret travels on a command line. Imports little, because
the supervisor uses it too.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.errors import StartupError
from appliance.settings import Settings, load_settings
from appliance.supervisor.postgres import EmbeddedPostgres
from appliance.supervisor.secret_files import BoxSecrets, load_or_create_secrets
from appliance.supervisor.unprivileged import Account
from appliance.supervisor.valkey import EmbeddedValkey
from inference.library import ModelLibrary

if TYPE_CHECKING:
    from appliance.storage.roles import DatabaseRole

_LONGEST_SOCKET_FOLDER_BYTES = 60  # sun_path holds 107; the longest name below is an engine's


@dataclass(frozen=True)
class Box:
    """data: the data folder, absolute. config: appliance.toml, None where there is none."""

    data: Path
    config: Path | None
    settings: Settings
    secrets: BoxSecrets
    account: Account | None = None

    @cached_property
    def postgres(self) -> EmbeddedPostgres | None:
        """None where an external one is configured."""
        if self.settings.database.url:
            return None
        return EmbeddedPostgres(self.data, self.secrets.database_owner_password, self.account)

    @cached_property
    def valkey(self) -> EmbeddedValkey | None:
        """None where an external one is configured."""
        if self.settings.valkey.url:
            return None
        return EmbeddedValkey(
            self.data, self.secrets.valkey_password, self.account, self.settings.valkey.binary
        )

    @property
    def owner_url(self) -> str:
        """For migrations only."""
        return self.settings.database.url if self.postgres is None else self.postgres.url()

    @property
    def role_secret(self) -> str:
        return self.settings.database.role_secret or self.secrets.database_role_secret

    def database_url(self, role: DatabaseRole) -> str:
        """The address for one of our own roles."""
        from appliance.storage.roles import url_as  # psycopg: not for the supervisor

        return url_as(self.owner_url, role, self.role_secret)

    @property
    def valkey_url(self) -> str:
        return self.settings.valkey.url if self.valkey is None else self.valkey.url

    @property
    def credentials_path(self) -> Path:
        return self.data / "credentials.json"

    @property
    def models_folder(self) -> Path:
        """Models that were built or downloaded."""
        return self.data / "models"

    @property
    def metrics_folder(self) -> Path:
        """What several gateway processes count together, since the start."""
        return self.data / "metrics"

    @cached_property
    def sockets(self) -> Path:
        """0700, ours alone; below the system's temporary folder where DATA's path is too long for a socket."""
        folder = self.data / "sockets"
        if len(os.fsencode(folder)) <= _LONGEST_SOCKET_FOLDER_BYTES:
            return folder
        digest = sha256(os.fsencode(self.data)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"appliance-{os.geteuid()}-{digest}-own"

    @property
    def embedder_socket(self) -> Path:
        return self.sockets / "embedder.sock"

    @property
    def speech_socket(self) -> Path:
        return self.sockets / "speech.sock"

    @property
    def page_socket(self) -> Path:
        return self.sockets / "ui.sock"

    @property
    def keeper_socket(self) -> Path:
        return self.sockets / "keeper.sock"

    def engine_socket(self, name: str) -> Path:
        """Of an engine that we run ourselves."""
        digest = sha256(name.encode()).hexdigest()[:12]
        return self.sockets / f"engine-{digest}.sock"


def open_box(data: Path, config: Path | None = None, account: Account | None = None) -> Box:
    """config None: DATA/appliance.toml, if it is there. Raises StartupError."""
    data = data.resolve()
    if config is not None and not config.exists():
        raise StartupError(f"{config} does not exist. Correct `--config`, or leave it away.")
    chosen = config or data / "appliance.toml"
    settings = load_settings(chosen)
    for section in settings.engines.values():
        if isinstance(section.get("model_path"), str):  # as people write it: beside the file that names it
            section["model_path"] = str(chosen.resolve().parent / Path(section["model_path"]).expanduser())
    if settings.retrieval.reranker:
        folder = model_folder(data / "models", chosen.resolve().parent, settings.retrieval.reranker)
        settings.retrieval = settings.retrieval.model_copy(update={"reranker": str(folder)})
    if settings.database.url and not settings.database.role_secret:
        raise StartupError(
            "database.url needs database.role_secret: a long random text from which the passwords of the appliance's "
            "own database roles are derived. Set it, for example by APPLIANCE_DATABASE__ROLE_SECRET_FILE."
        )
    return Box(
        data=data,
        config=chosen.resolve() if chosen.exists() else None,
        settings=settings,
        secrets=load_or_create_secrets(data),
        account=account,
    )


def model_folder(models: Path, beside: Path, wanted: str) -> Path:
    """Of a model that a setting names: one of the library's, else a folder, beside the file that names it."""
    installed = ModelLibrary(models / "library").find(wanted)
    return installed.path if installed is not None else (beside / Path(wanted).expanduser()).resolve()


def make_private_folder(folder: Path) -> None:
    """Make it 0700; refuse one that somebody else put there (the temporary folder is everybody's)."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.lstat()
    if folder.is_symlink() or status.st_uid != os.geteuid():
        raise StartupError(
            f"{folder} belongs to somebody else. Remove it, or choose a shorter path with `--data`."
        )
    folder.chmod(0o700)
