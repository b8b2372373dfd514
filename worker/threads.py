"""Owns the rule of one BLAS thread per worker process, and the facts a worker registers (does not train)."""

import os
import platform
from typing import cast

# Read by OpenBLAS, OpenMP and MKL when they are loaded, so it must be set before NumPy is imported.
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def limit_before_numpy() -> None:
    """Lets every BLAS that this process and its children will load start with one thread."""
    os.environ.update(ONE_THREAD)


def limit_loaded() -> None:
    """Holds every BLAS and OpenMP pool that is loaded already to one thread."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    threadpool_limits(limits=1)


def facts() -> dict[str, object]:
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
