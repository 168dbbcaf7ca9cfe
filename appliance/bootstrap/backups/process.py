"""The short-lived process that makes a backup by the settings of the box: of the night, or one that was asked for."""

from __future__ import annotations

import logging
import sys
from dataclasses import replace
from pathlib import Path

from appliance.bootstrap.backups.contents import passphrase_of
from appliance.bootstrap.backups.interruption import interrupted_by_sigterm
from appliance.bootstrap.backups.making import Wishes
from appliance.bootstrap.backups.running import BackupFiles
from appliance.bootstrap.backups.sending import back_up_to
from appliance.bootstrap.backups.status import note_failure, note_success
from appliance.bootstrap.box import Box
from appliance.bootstrap.entry import enter
from appliance.storage.backups.errors import BackupError
from appliance.storage.backups.steps import Progress
from appliance.supervisor.unprivileged import account_for_servers

logger = logging.getLogger(__name__)

EXIT_FAILED = 1


def _run(opened: Box, _options: object) -> int:
    with BackupFiles(opened.data).telling() as tell:
        if tell is None:
            logger.warning("another process makes a backup; this one was left out")
            return EXIT_FAILED
        return _make(opened, tell)


def _make(opened: Box, tell: Progress) -> int:
    box = replace(opened, account=account_for_servers())  # a trial's PostgreSQL does not run as root
    settings = box.settings.backup
    try:
        wishes = Wishes(
            Path(),
            passphrase_of(box),
            verify=settings.verify,
            keep_last=settings.keep_last,
            keep_days=settings.keep_days,
        )
        with interrupted_by_sigterm():
            made = back_up_to(box, settings.folder, wishes, tell)
    except BackupError as error:
        note_failure(box.data, str(error))
        logger.error("no backup was made: %s", error)
        return EXIT_FAILED
    except KeyboardInterrupt:
        logger.warning("the backup was broken off")
        return EXIT_FAILED
    note_success(box.data, made)
    logger.info("backup %s: %d bytes in %.0f s", made.where, made.size_bytes, made.seconds)
    if made.manifest.missing:
        logger.error(
            "%d files are lost or damaged on this box: %s …",
            len(made.manifest.missing),
            made.manifest.missing[0],
        )
    return 0


def main() -> int:
    """The command line."""
    return enter("backups.process", _run)


if __name__ == "__main__":
    sys.exit(main())
