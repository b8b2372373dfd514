"""Owns the identity of processes: which one a pid is, and whether it still lives (starts none)."""

import os
import socket
from pathlib import Path

BOOT = Path("/proc/sys/kernel/random/boot_id")
START_FIELD = 19  # start time in /proc/<pid>/stat, counted from the field after the command's name


def host() -> str:
    """The name under which this machine's workers register."""
    return socket.gethostname()


def identity(pid: int) -> dict[str, str]:
    """What tells a process from a later one with its pid: boot, pid namespace, start tick; {} if unknown."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        boot, namespace = BOOT.read_text().strip(), os.readlink("/proc/self/ns/pid")
    except OSError:
        return {}
    ended = fields[0] in "ZX"  # dead, only not yet waited for
    return {} if ended else {"boot": boot, "pids": namespace, "start": fields[START_FIELD]}


def is_dead(pid: int, was: object) -> bool:
    """Whether the process that registered as `pid` with identity `was` on this host is surely gone.

    A process of another pid namespace (a container that has our host name) cannot be judged from here: False.
    """
    if not isinstance(was, dict) or not was:
        return not _exists(pid)
    here = identity(os.getpid())
    if was.get("boot") != here.get("boot"):
        return True
    return was.get("pids") == here.get("pids") and identity(pid) != was


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
