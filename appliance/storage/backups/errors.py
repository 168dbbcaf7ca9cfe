"""What can go wrong with a backup. People meet these at the command line only, so they are said in English.

BackupError
├── BackupDamaged      a byte is not what it was
├── WrongPassphrase    settings and secrets stay closed
└── BackupTooNew       written by a later version
"""

from __future__ import annotations


class BackupError(Exception):
    """The backup could not be made, read or restored."""

    def __init__(self, detail: str = "") -> None:
        sentence = (type(self).__doc__ or "").strip().splitlines()[0]
        super().__init__(f"{sentence} {detail}".strip())
        self.detail = detail


class BackupDamaged(BackupError):
    """The backup is damaged. Take another one."""


class WrongPassphrase(BackupError):
    """The passphrase does not open this backup; nothing was changed. Try another one."""


class BackupTooNew(BackupError):
    """The backup was made by a newer version. Install that version, or a later one, and restore it there."""
