"""Knobs of the storage."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class DatabaseSettings(BaseModel):
    """PostgreSQL 18 with pgvector; empty url: the embedded one."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(
        "",
        description="postgresql://owner:password@host/name of a database we own; empty: the embedded PostgreSQL.",
    )
    role_secret: str = Field(
        "",
        description="Secret from which the passwords of our own database roles are derived (external database).",
    )
    pool_size: int = Field(10, ge=1, le=200, description="Connections a gateway process may hold.")
    restore_point_days: int = Field(
        14,
        ge=0,
        description="An upgrade is tried on a copy of the database, and what was before is kept so long for "
        "`appliance rollback`; 0: upgrade in place.",
    )
    upgrade_questions: str = Field(
        "",
        description="File of questions, one a line (`ana@example.com: question` to ask as Ana), that have to find the "
        "same before and after an upgrade; empty: only a handful made of the box's own documents.",
    )


class ValkeySettings(BaseModel):
    """Valkey 8 or newer; empty url: the embedded one."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field("", description="redis://:password@host:6379/0; empty: the embedded Valkey.")
    binary: str = Field(
        "", description="Path of valkey-server; empty: the packaged one, else the one on PATH."
    )


class BackupSettings(BaseModel):
    """Backups that the appliance makes by itself every night; `appliance backup` makes one now."""

    model_config = ConfigDict(extra="forbid")

    folder: str = Field(
        "",
        description="Where they are kept: a folder, best on another disk, or ssh://user@host/path; empty: none made.",
    )
    ssh_options: str = Field(
        "", description="More for ssh, where backups go to another machine: -i /etc/appliance/backup-key."
    )
    hour: int = Field(2, ge=0, le=23, description="At this hour of the machine's clock one is made.")
    passphrase: SecretStr = Field(
        SecretStr(""), description="Wraps settings and secrets in a backup; better in a file."
    )
    passphrase_file: str = Field(
        "", description="File (mode 0600) that holds the passphrase. Keep a copy of it elsewhere."
    )
    keep_last: int = Field(7, ge=1, description="So many backups are always kept.")
    keep_days: int = Field(30, ge=0, description="Older ones go, but for the last ones.")
    verify: bool = Field(
        True, description="Restore every nightly backup into a throwaway PostgreSQL and count its rows."
    )
    max_age_hours: float = Field(
        36.0, gt=0, description="`appliance doctor` fails when the last good one is older."
    )
