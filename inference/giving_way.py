"""Work that nobody waits for at a screen steps back: processor and disk go to the others first.

Linux shares the processor among sessions before it looks at niceness (`sched_autogroup_enabled`), so a process that
leads a session of its own has to give way twice. What the system does not allow is left as it is.
"""

from __future__ import annotations

import ctypes
import os
import platform
import threading
from contextlib import suppress
from pathlib import Path

NICENESS = 10  # a tenth of the processor beside somebody at 0 who wants all of it
# A third: for work that others wait for as well, such as whoever needs a row that is being written.
SLIGHTLY = 5
_IOPRIO_SET = {"x86_64": 251, "aarch64": 30}
_OWN_THREAD = 1  # IOPRIO_WHO_PROCESS with id 0: the calling thread
_LAST_OF_ITS_CLASS = (2 << 13) | 7  # best effort, the last of eight


def give_way_process(niceness: int = NICENESS) -> None:
    """For a process at its start, and for what it starts after that."""
    with suppress(OSError, AttributeError):
        os.nice(niceness)
    _disk_last()


def give_way_session(niceness: int = NICENESS) -> None:
    """For a process that leads a session: its whole session gives way to other sessions."""
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(niceness), encoding="ascii")


def give_way_for(pid: int, program: str, niceness: int = SLIGHTLY) -> None:
    """For somebody else's process that works for us, and the session it leads; only if it is that program."""
    folder = Path(f"/proc/{pid}")
    with suppress(OSError, AttributeError):
        if (folder / "comm").read_text(encoding="utf-8").strip() != program:
            return
        os.setpriority(os.PRIO_PROCESS, pid, niceness)
        (folder / "autogroup").write_text(str(niceness), encoding="ascii")


def give_way_thread(niceness: int = SLIGHTLY) -> None:
    """For one thread at its start; a thread of Linux has a niceness of its own."""
    with suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), niceness)
    _disk_last()


def _disk_last() -> None:
    number = _IOPRIO_SET.get(platform.machine())
    if number is None or not hasattr(os, "sched_setaffinity"):
        return
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None, use_errno=True).syscall(number, _OWN_THREAD, 0, _LAST_OF_ITS_CLASS)
