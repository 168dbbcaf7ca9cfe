"""What a database server is reached by; the password stands in a file of the box and nowhere else."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from querying.errors import SourceRefused
from querying.source_refusals import SourceBecause

TlsMode = Literal["off", "encrypted", "verify-ca", "verify-full"]

_OPEN_TO_OTHERS = 0o027


class ServerSettings(BaseModel):
    """A server of the own network, and the role that signs in there."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = Field("", max_length=253, description="Its name or address in the own network.")
    port: int = Field(0, ge=0, le=65_535, description="0: the usual one.")
    database: str = Field(min_length=1, max_length=128, description="The database on that server.")
    user: str = Field(
        min_length=1, max_length=128, description="A role that can only read the chosen tables."
    )
    password_file: Path | None = Field(None, description="A file of the box that nobody else can read.")
    tls: TlsMode = Field(
        "verify-full",
        description="verify-full: the certificate is checked and its name too; verify-ca: its issuer alone; encrypted: "
        "whoever answers is believed; off: everybody on the way can read along.",
    )
    ca_file: Path | None = Field(None, description="Certificates to trust; empty: those of the system.")
    namespaces: tuple[str, ...] = Field((), description="Schemas to show; empty: all that the role can read.")


def password_of(settings: ServerSettings) -> str:
    """Read anew for each connection, so a changed one counts at once. Raises SourceRefused."""
    path = settings.password_file
    if path is None:
        return ""
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceRefused(SourceBecause("db_password_file_missing", path=path), "password_file") from error
    if mode & _OPEN_TO_OTHERS:
        raise SourceRefused(SourceBecause("db_password_file_open", path=path), "password_file")
    return text.rstrip("\r\n")
