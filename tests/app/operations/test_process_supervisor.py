"""`lossdeck up` as a process: how fast it answers, what it starts, and that nothing is left when it ends."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.ports import free_port

pytestmark = pytest.mark.slow

PROGRAM = Path(sys.executable).parent / "lossdeck"


class Up:
    """A running `lossdeck up` in a session of its own."""

    def __init__(self, home: Path, port: int, *options: str) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self.log = home.parent / f"up-{port}.log"
        self.started = time.monotonic()
        with self.log.open("wb") as file:
            self.process = subprocess.Popen(
                [PROGRAM, "up", "--home", home, "--port", str(port), "--workers", "2", *options],
                stdout=subprocess.PIPE,
                stderr=file,
                env=clean_environment(),
                start_new_session=True,
            )

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(self.address + path, timeout=10) as answer:
            return json.load(answer) if path.startswith("/api") else answer.read()

    def first_line(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().decode()

    def family(self) -> list[psutil.Process]:
        """The process and everything it has started."""
        own = psutil.Process(self.process.pid)
        return [own, *own.children(recursive=True)]

    def stop(self, sig: int) -> int:
        self.process.send_signal(sig)
        return self.process.wait(20)


def clean_environment(**own: str) -> dict[str, str]:
    """The environment without options of ours."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("LOSSDECK_", "DATABASE_"))}
    return kept | own


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Up]]:
    """Starts `lossdeck up` with options; whatever a failing test leaves is killed."""
    running: list[Up] = []

    def start(*options: str, port: int | None = None) -> Up:
        running.append(Up(tmp_path / "home", port or free_port(), *options))
        return running[-1]

    yield start
    for up in running:
        if up.process.poll() is None:
            for process in reversed(up.family()):
                process.kill()
        up.process.wait()
        assert up.process.stdout
        up.process.stdout.close()


def wait_for(what: Callable[[], Any], seconds: float, up: Up) -> Any:
    """The first answer that is not empty; fails with the log after so many seconds."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        assert up.process.poll() is None, up.log.read_text()
        if found := what():
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {up.log.read_text()}")


def gone(processes: list[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Those that still live after so many seconds."""
    return psutil.wait_procs([process for process in processes if process.is_running()], timeout=seconds)[1]


def test_the_demo_answers_at_once_trains_and_leaves_nothing_behind(start: Callable[..., Up]) -> None:
    up = start("--demo")
    assert up.first_line() == f"Lossdeck: {up.address}\n"
    assert b"<html" in up.get("/")
    assert time.monotonic() - up.started < 10  # alone it takes 2 seconds; the machine may be busy

    epochs = wait_for(lambda: up.get("/api/sweeps/1/epochs")["epochs"], 20, up)
    assert {row["epoch"] for row in epochs} >= {1}
    assert up.get("/api/sweeps/1")["dataset"] == "digits"

    family = up.family()
    assert len(family) >= 4, "the server, the supervisor and two workers"
    asked = time.monotonic()
    assert up.stop(signal.SIGTERM) == 0, up.log.read_text()
    assert gone(family, 5) == []
    assert time.monotonic() - asked < 5
    assert "Traceback" not in up.log.read_text()


def test_the_demo_is_queued_on_an_empty_database_only(start: Callable[..., Up]) -> None:
    for _ in range(2):
        up = start("--demo")
        up.first_line()
        assert up.get("/api/sweeps")["total"] == 1
        assert up.stop(signal.SIGTERM) == 0


def test_ctrl_c_in_the_terminal_ends_everything_in_order(start: Callable[..., Up]) -> None:
    up = start()
    up.first_line()
    wait_for(lambda: len(up.get("/api/workers")["workers"]) >= 2, 20, up)
    family = up.family()
    os.killpg(up.process.pid, signal.SIGINT)  # what a terminal does: the whole foreground group
    assert up.process.wait(20) == 130
    assert gone(family, 5) == []
    assert "Traceback" not in up.log.read_text()


def test_sigterm_before_the_server_is_ready_ends_everything_too(start: Callable[..., Up]) -> None:
    up = start()
    wait_for(lambda: len(up.family()) > 1, 20, up)
    family = up.family()
    assert up.stop(signal.SIGTERM) == 0, up.log.read_text()
    assert gone(family, 5) == []


def test_a_killed_supervisor_is_started_again(start: Callable[..., Up]) -> None:
    up = start()
    up.first_line()
    first = wait_for(lambda: psutil.Process(up.process.pid).children(), 20, up)[0]
    workers = first.children(recursive=True)
    first.kill()

    def another() -> list[psutil.Process]:
        return [child for child in psutil.Process(up.process.pid).children() if child.pid != first.pid]

    wait_for(another, 20, up)
    assert gone(workers, 10) == [], "workers without their supervisor end by themselves"
    assert "is started again" in up.log.read_text()
    assert up.stop(signal.SIGTERM) == 0


def test_a_killed_server_leaves_no_worker_behind(start: Callable[..., Up]) -> None:
    up = start()
    up.first_line()
    wait_for(lambda: len(up.family()) >= 4, 20, up)
    family = up.family()
    up.process.kill()
    up.process.wait()
    assert gone(family, 10) == []


def test_a_busy_port_is_told_in_one_sentence(start: Callable[..., Up]) -> None:
    up = start()
    up.first_line()
    port = int(up.address.rpartition(":")[2])
    second = start(port=port)
    assert second.process.wait(20) == 1
    told = second.log.read_text()
    assert told.count("\n") == 1
    assert f"Port {port}" in told
    assert up.get("/healthz"), "the first runs on"


def test_an_open_address_takes_a_token(start: Callable[..., Up]) -> None:
    up = start("--host", "0.0.0.0")
    assert up.process.wait(20) == 2
    told = up.log.read_text()
    assert told.count("\n") == 1
    assert "token" in told


def test_the_worker_command_becomes_the_supervisor_and_drains(tmp_path: Path) -> None:
    environment = clean_environment(LOSSDECK_HOME=str(tmp_path / "home"), LOSSDECK_WORKERS="1")
    unready = subprocess.run([PROGRAM, "worker"], env=environment, capture_output=True, text=True, timeout=30)
    assert (unready.returncode, "lossdeck migrate" in unready.stderr) == (1, True)

    subprocess.run([PROGRAM, "migrate"], env=environment, check=True, timeout=30)
    worker = subprocess.Popen([PROGRAM, "worker"], env=environment, stderr=subprocess.DEVNULL)
    own = psutil.Process(worker.pid)
    until = time.monotonic() + 20
    while not own.children():
        assert worker.poll() is None
        assert time.monotonic() < until
        time.sleep(0.05)
    children = own.children()
    worker.terminate()
    assert worker.wait(20) == 0
    assert gone(children, 5) == []
