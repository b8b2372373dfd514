"""Owns the two processes that a contestant works in, and the clock that starts when both are ready."""

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

PROCESSES = 2
READY = 300.0  # seconds for both processes to start and to load their data
# Read by OpenBLAS, OpenMP and MKL when they are loaded: it must be in the environment of a new process.
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

Job = TypeVar("Job")
Result = TypeVar("Result")


def run(
    load: Callable[..., Callable[[Job], Result]],
    arguments: tuple[Any, ...],
    jobs: Sequence[Job],
    begin: Callable[[], object] = lambda: None,
    *,
    processes: int = PROCESSES,
) -> tuple[float, list[Result]]:
    """Seconds of `begin()` and all jobs, and their results in order.

    Each process calls load(*arguments) before the clock starts, and then the function that it gave with one
    job after the other, whichever is next.
    """
    context = multiprocessing.get_context("spawn")
    ready, go = context.Barrier(processes + 1), context.Event()
    pool = ProcessPoolExecutor(processes, context, _load, (ready, go, load, arguments))
    with one_thread(), pool:
        try:
            with _end.put_off():
                waiting = [pool.submit(_do, job) for job in jobs]
            ready.wait(READY)
            started = time.perf_counter()
            begin()
            go.set()
            results = [future.result() for future in waiting]
            return time.perf_counter() - started, results
        except threading.BrokenBarrierError:
            raise RuntimeError("a process of the benchmark could not load; its error is above.") from None
        finally:  # when it failed or shall end, the processes end their job and begin no other
            ready.abort()
            go.set()
            pool.shutdown(wait=False, cancel_futures=True)


class _End:
    """What SIGTERM does: it exits, but not while a process is half started: its pool would wait for it."""

    def __init__(self) -> None:
        self._asked = 0  # the signal that came meanwhile
        self._later = False

    def __call__(self, number: int, _frame: object) -> None:
        if not self._later:
            sys.exit(128 + number)
        self._asked = number

    @contextmanager
    def put_off(self) -> Iterator[None]:
        self._later = True
        try:
            yield
        finally:
            self._later = False
        if self._asked:
            sys.exit(128 + self._asked)


_end = _End()


def end_in_order() -> None:
    """SIGTERM ends this program as Ctrl-C does: with everything that it started."""
    signal.signal(signal.SIGTERM, _end)


@contextmanager
def one_thread() -> Iterator[None]:
    """Processes that are started meanwhile have one thread each in every BLAS."""
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(ONE_THREAD)
    try:
        yield
    finally:
        os.environ.update({name: value for name, value in before.items() if value is not None})
        for name in (name for name, value in before.items() if value is None):
            del os.environ[name]


_work: Callable[[Any], Any]  # of this process


def _load(ready: Any, go: Any, load: Callable[..., Callable[[Any], Any]], arguments: tuple[Any, ...]) -> None:
    global _work
    try:
        _work = load(*arguments)
    except BaseException:
        ready.abort()
        raise
    ready.wait(READY)
    go.wait()


def _do(job: Any) -> Any:
    return _work(job)
