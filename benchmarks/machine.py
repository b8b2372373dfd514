"""Owns what the machine is and how fast it multiplies: its name, its libraries, its own sgemm rate."""

import os
import platform
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median

import numpy as np
from threadpoolctl import threadpool_info  # type: ignore[import-untyped]

from benchmarks import crew

SIZE = 2048  # of the square product
SECONDS = 3.0
LIBRARIES = ("numpy", "scipy", "scikit-learn", "torch", "optuna")
CPU0 = Path("/sys/devices/system/cpu/cpu0")


def sgemm_rate() -> tuple[float, float]:
    """Seconds, and flop/s of one process while all of them multiply, one thread each: the limit."""
    seconds, rates = crew.run(_load, (), range(crew.PROCESSES))
    return seconds, float(np.mean(rates))


def _load() -> Callable[[int], float]:
    rng = np.random.default_rng(0)
    A, B = rng.standard_normal((2, SIZE, SIZE), np.float32)
    out = np.empty_like(A)
    np.matmul(A, B, out=out)  # starts BLAS

    def work(_: int) -> float:
        times, end = [], time.perf_counter() + SECONDS
        while time.perf_counter() < end:
            started = time.perf_counter()
            np.matmul(A, B, out=out)
            times.append(time.perf_counter() - started)
        return 2 * SIZE**3 / median(times)

    return work


def describe() -> dict[str, str]:
    """Everything about the machine that a figure depends on, by name."""
    blas = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    return {
        "CPU": _cpu(),
        "cores": str(os.cpu_count()),
        "caches": _caches(),
        "memory": f"{_memory() / 2**30:.0f} GiB",
        "system": f"{_system()}, Linux {platform.release()}"
        if platform.system() == "Linux"
        else platform.platform(),
        "Python": platform.python_version(),
        "BLAS of NumPy": ", ".join(
            sorted({f"{p['internal_api']} {p['version']} ({p.get('architecture', '?')})" for p in blas})
        ),
        **{name: _version(name) for name in LIBRARIES},
    }


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    facts = dict(line.replace("\t", "").split(":", 1) for line in lines if ":" in line)
    about = [
        f"{name} {facts[key].strip()}"
        for name, key in (("family", "cpu family"), ("model", "model"))
        if key in facts
    ]
    return ", ".join([facts.get("model name", platform.machine()).strip(), *about])


def _caches() -> str:
    found = {}
    for cache in sorted(CPU0.glob("cache/index*")):
        level, kind, size = ((cache / name).read_text().strip() for name in ("level", "type", "size"))
        if kind != "Instruction":
            found[f"L{level}"] = size
    return ", ".join(f"{level} {size}" for level, size in found.items()) or "unknown"


def _memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system()


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "not installed"
