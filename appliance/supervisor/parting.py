"""What a child is told between fork and exec: end when we end, and never gain rights."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
# Loaded before any fork: between fork and exec only a call through this handle is made.
_LIBC = ctypes.CDLL(None, use_errno=True)


def ends_with_us(
    number: signal.Signals = signal.SIGKILL, *, is_other_user: bool = False
) -> Callable[[], None]:
    """For Popen's preexec_fn: the kernel sends number when we die without a word.

    Works together with Popen's user and group, which are changed before; a change of user later on (setpriv, su)
    would clear it, see prctl(2).
    """
    parent = os.getpid()

    def in_child() -> None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if is_other_user:
            _LIBC.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return in_child
