"""The checks of `lossdeck doctor`: what may be wrong with this installation. They repair nothing."""

import platform
import shutil
import socket
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.operations.exit_codes import explain
from learning.errors import Failure

if TYPE_CHECKING:
    from store.config import Config

MIN_PYTHON = (3, 11, 4)
MIN_FREE_BYTES = 500_000_000  # below this much room in the home folder a sweep's checkpoints may not fit
WORKER_DEAD_SECONDS = 60.0  # without a sign of life, after which a worker counts as dead


@dataclass(frozen=True, slots=True)
class Outcome:
    """One check's outcome: what was found, and for a problem what to do about it."""

    name: str
    found: str
    advice: str = ""

    @property
    def ok(self) -> bool:
        return not self.advice


def check_python(config: "Config") -> Outcome:
    found = f"Python {platform.python_version()} at {sys.executable}"
    return Outcome(
        "python", found, "" if sys.version_info >= MIN_PYTHON else "install Python 3.11.4 or newer"
    )


def check_numpy(config: "Config") -> Outcome:
    import numpy
    import scipy

    return Outcome("numpy", f"NumPy {numpy.__version__}, SciPy {scipy.__version__}")


def check_blas(config: "Config") -> Outcome:
    import numpy  # noqa: F401  loads its BLAS, which is then found
    from threadpoolctl import threadpool_info  # type: ignore[import-untyped]

    pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    if not pools:
        return Outcome(
            "blas", "no BLAS that can be held to one thread", "set OMP_NUM_THREADS=1 for the workers"
        )
    libraries = {
        f"{pool['internal_api']} {pool['version']} ({pool.get('architecture', 'unknown')})" for pool in pools
    }
    return Outcome("blas", ", ".join(sorted(libraries)))


def check_home(config: "Config") -> Outcome:
    folder = config.home.absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            free = shutil.disk_usage(folder).free
    except OSError as error:
        return Outcome(
            "home", f"{folder} cannot be written ({error.strerror})", "name another folder in LOSSDECK_HOME"
        )
    found = f"{folder}, {free / 1e9:.1f} GB free"
    return Outcome("home", found, "" if free >= MIN_FREE_BYTES else "make room: `lossdeck prune`")


def check_database(config: "Config") -> Outcome:
    from learning.errors import TooOld
    from store.db import migrations
    from store.db.database import Database

    if is_new_home(config):
        return Outcome("database", "none yet; `lossdeck up` makes it")
    with closing(Database.open(config)) as database:
        with database.read() as connection:
            version = ".".join(map(str, connection.dialect.server_version_info or ()))
        found = f"{database.dialect} {version}"
        try:
            schema = migrations.read_version(database)
        except TooOld as refused:
            return Outcome("database", found, str(refused))
    at_head = schema == migrations.read_head()
    return Outcome("database", f"{found}, schema {schema}", "" if at_head else "run `lossdeck migrate`")


def check_data(config: "Config") -> Outcome:
    from learning.data import catalog

    ready = [summary.name for summary in catalog.list_summaries(config.home, config.data) if summary.ready]
    if config.data is not None and not config.data.is_dir():
        return Outcome(
            "data",
            f"LOSSDECK_DATA names {config.data}, which is no folder",
            "name the folder with your data sets",
        )
    return Outcome("data", f"ready: {', '.join(ready)}")


def check_port(config: "Config") -> Outcome:
    try:
        require_free_port(config.host, config.port)
    except Failure as failure:
        if is_lossdeck_running(config):
            return Outcome("port", f"Lossdeck answers on port {config.port}")
        return Outcome("port", str(failure), "stop the other program, or set LOSSDECK_PORT")
    return Outcome("port", f"{config.port} on {config.host} is free")


def check_token(config: "Config") -> Outcome:
    from app.http import token_file
    from app.http.guard import is_loopback

    if token_file.effective_token(config):
        return Outcome("token", "set: the server asks for it")
    if is_loopback(config.host):
        return Outcome("token", "none; the server is open to this machine only")
    return Outcome(
        "token",
        f"none, and {config.host} is open to the network",
        "run `lossdeck token` or set LOSSDECK_TOKEN",
    )


def check_workers(config: "Config") -> Outcome:
    from store.db.database import Database
    from store.queue import workers

    if is_new_home(config):
        return Outcome("workers", "none yet; `lossdeck up` starts them")
    with closing(Database.open(config)) as database, database.read() as connection:
        rows = [row for row in workers.list_all(connection) if row.gone_at is None]
    alive = sum(time.time() - row.seen_at < WORKER_DEAD_SECONDS for row in rows)
    return Outcome(
        "workers", f"{alive} alive", "" if alive else "start them with `lossdeck up` or `lossdeck worker`"
    )


CHECKS: dict[str, Callable[["Config"], Outcome]] = {
    "python": check_python,
    "numpy": check_numpy,
    "blas": check_blas,
    "home": check_home,
    "database": check_database,
    "data": check_data,
    "port": check_port,
    "token": check_token,
    "workers": check_workers,
}


def run_checks(config: "Config", names: Iterable[str] = tuple(CHECKS)) -> tuple[Outcome, ...]:
    """The outcomes of these checks, in order; a check that raises counts as a problem."""
    return tuple(_run_check(name, config) for name in names)


def is_new_home(config: "Config") -> bool:
    """Whether this home has no database yet."""
    return config.database_url is None and not (config.home / "lossdeck.db").exists()


def is_lossdeck_running(config: "Config") -> bool:
    """Whether a live Lossdeck listens on the configured port."""
    host = "127.0.0.1" if config.host in ("0.0.0.0", "::", "localhost") else config.host
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://{host}:{config.port}/healthz", timeout=3) as answer:
            return bool(answer.status == 200 and b"ok" in answer.read(1000))
    except (OSError, ValueError):
        return False


def _run_check(name: str, config: "Config") -> Outcome:
    try:
        return CHECKS[name](config)
    except Exception as error:  # a broken installation can fail in any way; the other checks must still run
        sentence = explain(error) or f"{type(error).__name__}: {error}"
        return Outcome(name, f"the check could not be made: {sentence}", "mend that first")


def require_free_port(host: str, port: int) -> None:
    """Raises Failure if this address cannot be listened on now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise Failure(
                f"Port {port} on {host} cannot be opened ({error.strerror}): "
                "is Lossdeck running there already? Choose another with --port."
            ) from error
