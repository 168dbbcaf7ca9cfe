"""A seccomp filter for a process that only computes: no sockets but AF_UNIX ones, no connecting, no new processes.

Two looser forms of it are for text recognition, which is a program of its own: see `Rights`.
Written as classic BPF through ctypes for x86-64 and aarch64 (seccomp(2), linux/seccomp.h, linux/filter.h). It does not
limit which files are read: that is Landlock's part. Where the kernel or a container refuses the filter, OSError.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 38, 22, 2
_ALLOW, _KILL_PROCESS, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER_AT, _ARCHITECTURE_AT, _FIRST_ARGUMENT_AT = 0, 4, 16
_X32_CALLS_FROM = 0x40000000
_CLONE_THREAD = 0x00010000
_NEW_NAMESPACES = 0x7E020000  # CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET


class Rights(Enum):
    """What a process may do beside computing. A program that it becomes or starts never has more."""

    COMPUTE = "compute"
    EXECUTE = "execute"  # become another program
    START = "start"  # have children, which may


@dataclass(frozen=True, slots=True)
class _Calls:
    """System call numbers of one architecture; see asm/unistd.h."""

    audit_architecture: int
    socket: int
    clone: int
    clone3: int
    signals: tuple[int, ...]  # kill, tgkill: allowed towards the process itself (abort)
    executing: tuple[int, ...]  # execve, execveat
    forking: tuple[int, ...]  # fork, vfork
    refused: tuple[int, ...]


# connect bind listen accept accept4 · tkill pidfd_open pidfd_send_signal pidfd_getfd ·
# ptrace process_vm_readv process_vm_writev · io_uring_setup, _enter, _register (they open sockets past this filter) ·
# bpf perf_event_open userfaultfd · add_key request_key keyctl · mount umount2 pivot_root chroot unshare setns ·
# setsid setpgid · name_to_handle_at open_by_handle_at · kexec_load reboot init_module finit_module delete_module
_CALLS = {
    "x86_64": _Calls(
        0xC000003E,
        socket=41,
        clone=56,
        clone3=435,
        signals=(62, 234),
        executing=(59, 322),
        forking=(57, 58),
        refused=(
            *(
                42,
                49,
                50,
                43,
                288,
                200,
                434,
                424,
                438,
                101,
                310,
                311,
                425,
                426,
                427,
                321,
                298,
                323,
            ),
            *(248, 249, 250, 165, 166, 155, 161, 272, 308, 112, 109, 303, 304, 246, 169, 175, 313, 176),
        ),
    ),
    "aarch64": _Calls(
        0xC00000B7,
        socket=198,
        clone=220,
        clone3=435,
        signals=(129, 131),
        executing=(221, 281),
        forking=(),
        refused=(
            *(
                203,
                200,
                201,
                202,
                242,
                130,
                434,
                424,
                438,
                117,
                270,
                271,
                425,
                426,
                427,
                280,
                241,
                282,
            ),
            *(217, 218, 219, 40, 39, 41, 51, 97, 268, 157, 154, 264, 265, 104, 142, 105, 273, 106),
        ),
    ),
}


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def forbid_new_privileges() -> None:
    """Set no_new_privs for this process and its children; both filters demand it."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1, 0)


def install(own_pid: int, rights: Rights = Rights.COMPUTE) -> None:
    """Confine the calling process for good. OSError where the kernel has no seccomp or refuses it."""
    calls = _CALLS.get(platform.machine())
    if calls is None:
        raise OSError(errno.ENOSYS, f"no filter for {platform.machine()}")
    instructions = _instructions(calls, own_pid, rights)
    code = ctypes.create_string_buffer(b"".join(instructions))
    program = _Program(len(instructions), ctypes.addressof(code))
    _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(program))


def _prctl(option: int, first: int, second: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    long = ctypes.c_ulong
    if libc.prctl(ctypes.c_int(option), long(first), long(second), long(0), long(0)) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def _instructions(calls: _Calls, own_pid: int, rights: Rights) -> Sequence[bytes]:
    refuse = _step(_RETURN, _ERRNO | errno.EPERM)
    allow = _step(_RETURN, _ALLOW)
    first_argument = _step(_LOAD, _FIRST_ARGUMENT_AT)
    program = [
        _step(_LOAD, _ARCHITECTURE_AT),
        _step(_EQUAL, calls.audit_architecture, 1, 0),
        _step(_RETURN, _KILL_PROCESS),
        _step(_LOAD, _NUMBER_AT),
        _step(_AT_LEAST, _X32_CALLS_FROM, 0, 1),
        _step(_RETURN, _KILL_PROCESS),
    ]
    executing = calls.executing if rights is Rights.COMPUTE else ()
    forking = () if rights is Rights.START else calls.forking
    for number in (*calls.refused, *executing, *forking):
        program += [_step(_EQUAL, number, 0, 1), refuse]
    # clone3 hides its flags behind a pointer; without it the C library falls back to clone.
    program += [_step(_EQUAL, calls.clone3, 0, 1), _step(_RETURN, _ERRNO | errno.ENOSYS)]
    conditions = [
        (calls.socket, _step(_EQUAL, socket.AF_UNIX, 0, 1)),
        (
            calls.clone,
            _step(_ANY_BIT, _NEW_NAMESPACES, 1, 0)
            if rights is Rights.START
            else _step(_ANY_BIT, _CLONE_THREAD, 0, 1),
        ),
        *((number, _step(_EQUAL, own_pid, 0, 1)) for number in calls.signals),
    ]
    for number, condition in conditions:
        program += [_step(_EQUAL, number, 0, 4), first_argument, condition, allow, refuse]
    return [*program, allow]


def _step(code: int, operand: int, if_true: int = 0, if_false: int = 0) -> bytes:
    """struct sock_filter; the jumps count steps to leave out."""
    return struct.pack("=HBBI", code, if_true, if_false, operand)
