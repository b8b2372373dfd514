"""Owns the doctor's checks: what may be wrong with this installation, each in one line (mends nothing)."""

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

PYTHON = (3, 11)
FREE_BYTES = 500_000_000  # below this much room in the home folder a sweep's checkpoints may not fit
SILENCE = 60.0  # seconds; a worker that was last seen longer ago is taken for dead


@dataclass(frozen=True, slots=True)
class Check:
    """One check's outcome: what was found, and for a problem what to do about it."""

    name: str
    found: str
    advice: str = ""

    @property
    def ok(self) -> bool:
        return not self.advice


def python(config: "Config") -> Check:
    found = f"Python {platform.python_version()} at {sys.executable}"
    return Check("python", found, "" if sys.version_info >= PYTHON else "install Python 3.11 or newer")


def numpy(config: "Config") -> Check:
    import numpy
    import scipy

    return Check("numpy", f"NumPy {numpy.__version__}, SciPy {scipy.__version__}")


def blas(config: "Config") -> Check:
    import numpy  # noqa: F401  loads its BLAS, which is then found
    from threadpoolctl import threadpool_info  # type: ignore[import-untyped]

    pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    if not pools:
        return Check(
            "blas", "no BLAS that can be held to one thread", "set OMP_NUM_THREADS=1 for the workers"
        )
    words = {
        f"{pool['internal_api']} {pool['version']} ({pool.get('architecture', 'unknown')})" for pool in pools
    }
    return Check("blas", ", ".join(sorted(words)))


def home(config: "Config") -> Check:
    folder = config.home.absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            free = shutil.disk_usage(folder).free
    except OSError as error:
        return Check(
            "home", f"{folder} cannot be written ({error.strerror})", "name another folder in LOSSDECK_HOME"
        )
    found = f"{folder}, {free / 1e9:.1f} GB free"
    return Check("home", found, "" if free >= FREE_BYTES else "make room: `lossdeck prune`")


def database(config: "Config") -> Check:
    from learning.errors import TooOld
    from store.db import migrations
    from store.db.database import Database

    if is_new(config):
        return Check("database", "none yet; `lossdeck up` makes it")
    with closing(Database.open(config)) as database:
        with database.read() as connection:
            version = ".".join(map(str, connection.dialect.server_version_info or ()))
        found = f"{database.dialect} {version}"
        try:
            schema = migrations.current(database)
        except TooOld as refused:
            return Check("database", found, str(refused))
    at_head = schema == migrations.head()
    return Check("database", f"{found}, schema {schema}", "" if at_head else "run `lossdeck migrate`")


def data(config: "Config") -> Check:
    from learning.data import catalog

    ready = [summary.name for summary in catalog.summaries(config.home, config.data) if summary.ready]
    if config.data is not None and not config.data.is_dir():
        return Check(
            "data",
            f"LOSSDECK_DATA names {config.data}, which is no folder",
            "name the folder with your data sets",
        )
    return Check("data", f"ready: {', '.join(ready)}")


def port(config: "Config") -> Check:
    try:
        check_port(config.host, config.port)
    except Failure as failure:
        if answers(config):
            return Check("port", f"Lossdeck answers on port {config.port}")
        return Check("port", str(failure), "stop the other program, or set LOSSDECK_PORT")
    return Check("port", f"{config.port} on {config.host} is free")


def token(config: "Config") -> Check:
    from app.http import token_file
    from app.http.guard import is_loopback

    if token_file.effective_token(config):
        return Check("token", "set: the server asks for it")
    if is_loopback(config.host):
        return Check("token", "none; the server is open to this machine only")
    return Check(
        "token",
        f"none, and {config.host} is open to the network",
        "run `lossdeck token` or set LOSSDECK_TOKEN",
    )


def workers(config: "Config") -> Check:
    from store.db.database import Database
    from store.queue import workers

    if is_new(config):
        return Check("workers", "none yet; `lossdeck up` starts them")
    with closing(Database.open(config)) as database, database.read() as connection:
        rows = [row for row in workers.all(connection) if row.gone_at is None]
    alive = sum(time.time() - row.seen_at < SILENCE for row in rows)
    return Check(
        "workers", f"{alive} alive", "" if alive else "start them with `lossdeck up` or `lossdeck worker`"
    )


CHECKS: dict[str, Callable[["Config"], Check]] = {
    check.__name__: check for check in (python, numpy, blas, home, database, data, port, token, workers)
}


def examine(config: "Config", names: Iterable[str] = tuple(CHECKS)) -> tuple[Check, ...]:
    """The outcomes of these checks, in order; a check that breaks is a problem too."""
    return tuple(_tried(name, config) for name in names)


def is_new(config: "Config") -> bool:
    """Whether nothing was ever started here."""
    return config.database_url is None and not (config.home / "lossdeck.db").exists()


def answers(config: "Config") -> bool:
    """Whether what listens on our port is a Lossdeck that is alive."""
    host = "127.0.0.1" if config.host in ("0.0.0.0", "::", "localhost") else config.host
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://{host}:{config.port}/healthz", timeout=3) as answer:
            return bool(answer.status == 200 and b"ok" in answer.read(1000))
    except (OSError, ValueError):
        return False


def _tried(name: str, config: "Config") -> Check:
    try:
        return CHECKS[name](config)
    except Exception as error:  # a broken installation breaks in any way; the other checks shall be told
        words = explain(error) or f"{type(error).__name__}: {error}"
        return Check(name, f"the check could not be made: {words}", "mend that first")


def check_port(host: str, port: int) -> None:
    """Raises Failure if nothing can listen there now: before anything is started."""
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
