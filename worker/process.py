"""This worker's process: one BLAS thread, the library versions it registers, and its identity."""

import os
import platform
import socket
from pathlib import Path
from typing import cast

# Read by OpenBLAS, OpenMP and MKL when they are loaded, so it must be set before NumPy is imported.
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

BOOT_ID_FILE = Path("/proc/sys/kernel/random/boot_id")
START_FIELD = 19  # start time in /proc/<pid>/stat, counted from the field after the command's name


def limit_blas_before_numpy() -> None:
    """Lets every BLAS that this process and its children will load start with one thread."""
    os.environ.update(ONE_THREAD)


def limit_loaded_blas() -> None:
    """Holds every BLAS and OpenMP pool that is loaded already to one thread."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    threadpool_limits(limits=1)


def read_library_facts() -> dict[str, object]:
    """What decides the last bits: `numpy`, `blas`, `core` (kernel family), `threads` (most of any pool)."""
    import numpy
    import scipy.linalg.blas  # brings its own BLAS, which does half of the products
    from threadpoolctl import threadpool_info

    pools = [cast(dict[str, object], pool) for pool in threadpool_info()]
    blas = [pool for pool in pools if pool["user_api"] == "blas"]
    return {
        "python": platform.python_version(),
        "numpy": numpy.__version__,
        "scipy": scipy.__version__,
        "blas": ", ".join(f"{pool['internal_api']} {pool['version']}" for pool in blas),
        "core": ", ".join(sorted({str(pool.get("architecture", "unknown")) for pool in blas})),
        "threads": max((int(str(pool["num_threads"])) for pool in pools), default=1),
    }


def get_hostname() -> str:
    """The name under which this machine's workers register."""
    return socket.gethostname()


def read_identity(pid: int) -> dict[str, str]:
    """What tells a process from a later one with its pid: boot, pid namespace, start tick; {} if unknown."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        boot, namespace = BOOT_ID_FILE.read_text().strip(), os.readlink("/proc/self/ns/pid")
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
    here = read_identity(os.getpid())
    if was.get("boot") != here.get("boot"):
        return True
    return was.get("pids") == here.get("pids") and read_identity(pid) != was


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
