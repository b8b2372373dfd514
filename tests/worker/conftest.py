"""Starting real worker processes on a test's home folder, and ending them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.worker_processes import Process, Start, end

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def start(home: Path, tmp_path: Path) -> Iterator[Start]:
    """start("--single", workers=2, program=None): `python -m worker ...` on `home`, or a test's own program.

    What it prints goes to `log` in the test's folder.
    """
    started: list[Process] = []

    def start(*arguments: str, workers: int = 2, program: str | None = None, cwd: Path = home) -> Process:
        command = [sys.executable, *(["-c", program] if program else ["-m", "worker"]), *arguments]
        environment = os.environ | {"LOSSDECK_HOME": str(cwd), "LOSSDECK_WORKERS": str(workers)}
        environment.pop("DATABASE_URL", None)
        with (tmp_path / "log").open("a") as log:
            process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=log, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        end(process)
