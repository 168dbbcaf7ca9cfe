"""Takes from a process everything that parsing a document does not need; there is no way back.

Protects the files, the network and the other processes of this machine from a parser that was taken over. It does not
protect the document itself, nor against a hole in the kernel.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from inference import landlock, seccomp

_PR_SET_PDEATHSIG = 1
_LARGEST_FILE_BYTES = 64 * 2**20
_OPEN_FILES = 64
_SYSTEM_LIBRARIES = (
    "/usr/lib",
    "/usr/lib64",
    "/lib",
    "/lib64",
    "/usr/share/zoneinfo",
    "/dev/urandom",
    "/dev/null",
)
_LIMIT_FILES = ("cpu.max", "cpu.cfs_quota_us", "cpu.cfs_period_us", "memory.max", "memory.limit_in_bytes")
_FONTS = ("/usr/share/fonts", "/usr/local/share/fonts")


@dataclass(frozen=True, slots=True)
class SandboxState:
    """Which walls this machine can put up. missing: (media type, reason) of parsers that could not be loaded.

    recognition: what is wrong with text recognition; empty where nothing is.
    """

    no_new_privs: bool = False
    seccomp: bool = False
    landlock_abi: int = 0
    missing: tuple[tuple[str, str], ...] = ()
    recognition: str = ""

    @property
    def weaknesses(self) -> tuple[str, ...]:
        """Sentences for the operator; empty where everything holds."""
        found = []
        if not (self.no_new_privs and self.seccomp):
            found.append(
                "The kernel refuses seccomp: a parser that is taken over could open network connections."
            )
        if not self.landlock_abi:
            found.append(
                "The kernel has no Landlock: a parser that is taken over could read this user's other files."
            )
        found += [
            f"Files of type {media_type} cannot be read: {reason}" for media_type, reason in self.missing
        ]
        if self.recognition:
            found.append(self.recognition)
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one document may take. memory_bytes counts on top of what the process has mapped already."""

    memory_bytes: int
    cpu_s: int
    wall_s: float


def library_folders() -> tuple[Path, ...]:
    """Where Python, its packages, this package and the system's libraries lie; never a checkout or data folder."""
    paths = sysconfig.get_paths()
    python = [Path(paths[name]) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    own = Path(__file__).parent.parent
    folders = [*python, Path(sys.base_prefix) / "lib", own, *map(Path, _SYSTEM_LIBRARIES)]
    return tuple(dict.fromkeys(folder.resolve() for folder in folders))


def font_folders() -> tuple[Path, ...]:
    """For drawing a page whose file brings no fonts of its own."""
    return tuple(folder.resolve() for folder in map(Path, _FONTS) if folder.is_dir())


def own_limits() -> tuple[Path, ...]:
    """The files in which this process may read what its control group allows it.

    DuckDB looks for its processors and memory there as it starts, and ends where it may not.
    """
    table, mounted = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")
    try:
        groups = {
            line.split(":", 2)[2].strip("/")
            for line in table.read_text().splitlines()
            if line.count(":") >= 2
        }
    except OSError:
        return ()
    roots = [mounted / controller for controller in ("", "cpu", "cpu,cpuacct", "memory")]
    folders = [root / group for root in roots for group in ("", *sorted(groups)) if ".." not in group]
    return (
        table,
        *(path for folder in folders for name in _LIMIT_FILES if (path := folder / name).is_file()),
    )


def limit_resources(allowance: Allowance) -> None:
    """Memory, processor and wall-clock time, files; exceeding one is a signal or a failed allocation."""
    mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    _limit(resource.RLIMIT_AS, mapped + allowance.memory_bytes)
    _limit(resource.RLIMIT_CPU, allowance.cpu_s, allowance.cpu_s + 2)
    _limit(resource.RLIMIT_FSIZE, _LARGEST_FILE_BYTES)
    _limit(resource.RLIMIT_NOFILE, _OPEN_FILES)
    _limit(resource.RLIMIT_CORE, 0)
    # The second net below the caller's own clock: it holds even if the caller is stopped.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, allowance.wall_s)


def _limit(kind: int, soft: int, hard: int | None = None) -> None:
    _, present = resource.getrlimit(kind)
    wanted = soft if hard is None else hard
    if present != resource.RLIM_INFINITY:
        wanted = min(wanted, present)
    resource.setrlimit(kind, (min(soft, wanted), wanted))


def die_with_parent(parent_pid: int) -> None:
    """Be killed when the parent ends, however it ends."""
    ctypes.CDLL(None).prctl(ctypes.c_int(_PR_SET_PDEATHSIG), ctypes.c_ulong(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent_pid:
        os._exit(1)


def be_first_to_go() -> None:
    """If the machine runs out of memory, the kernel is to end this process before any other."""
    try:
        Path("/proc/self/oom_score_adj").write_text("1000")
    except OSError:
        return  # not allowed in some containers; the address space is limited anyway


def confine(
    state: SandboxState,
    readable: tuple[Path, ...],
    writable: tuple[Path, ...],
    executable: tuple[Path, ...] = (),
    rights: seccomp.Rights = seccomp.Rights.COMPUTE,
) -> None:
    """Put up the walls that the probe found; OSError if one of them fails now, and then nothing may be parsed."""
    if state.no_new_privs:
        seccomp.forbid_new_privileges()
    if state.landlock_abi:
        landlock.restrict(state.landlock_abi, readable, writable, executable)
    if state.seccomp:
        seccomp.install(os.getpid(), rights)


def probe() -> SandboxState:
    """Try every wall in a child that is thrown away."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, _try_walls())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        answer = pipe.read(16)
    os.waitpid(child, 0)
    return SandboxState(b"p" in answer, b"s" in answer, landlock.abi() if b"l" in answer else 0)


def _try_walls() -> bytes:
    found = b""
    try:
        seccomp.forbid_new_privileges()
        found += b"p"
        if version := landlock.abi():
            landlock.restrict(version, (), ())
            found += b"l"
    except OSError:
        pass
    try:
        seccomp.install(os.getpid())
        found += b"s"
    except OSError:
        pass
    return found
