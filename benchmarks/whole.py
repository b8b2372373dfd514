"""Lossdeck whole: `lossdeck up` as users start it, a sweep submitted by REST, its stream read to the end."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from benchmarks.crew import PROCESSES, READY
from benchmarks.task import Outcome, Task
from benchmarks.trainer import batch_size
from learning.data import catalog
from learning.data.dataset import make_split

POLL = 0.2  # seconds between looks at the workers
EACH = ("lr", "reg", "momentum", "seed")  # what the points say for themselves
OVER = ("finished", "cancelled")


class Server:
    """A running Lossdeck with all its workers idle, in a home of its own."""

    def __init__(self, address: str, home: Path) -> None:
        self.address, self.home = address, home

    def ask(self, path: str, body: object = None) -> Any:
        """The JSON that a route answers with; with a body it is a POST."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.address + path, data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def wait(self, sweep_id: int) -> None:
        """Until the live stream tells of the sweep's end."""
        event = ""
        with urllib.request.urlopen(f"{self.address}/api/stream?sweeps={sweep_id}", timeout=60) as stream:
            for line in stream:
                name, _, value = line.decode().strip().partition(": ")
                if name == "event":
                    event = value
                elif (name, event) == ("data", "sweep") and json.loads(value)["state"] in OVER:
                    return
        raise RuntimeError(f"the stream of sweep {sweep_id} ended before the sweep did.")


@contextmanager
def server(task: Task, workers: int = PROCESSES) -> Iterator[Server]:
    """Started in a fresh home; only the decoded data is there, as every contestant finds it."""
    with tempfile.TemporaryDirectory(dir=task.home, prefix="whole-") as folder:
        home, address = Path(folder), f"http://127.0.0.1:{_free_port()}"
        make_split(catalog.load(task.dataset, task.home, task.data), task.settings[0])
        (home / "data").symlink_to((task.home / "data").absolute())
        with (home / "log").open("wb") as log:
            process = subprocess.Popen(
                [Path(sys.executable).parent / "lossdeck", "up"],
                env=_environment(task, home, address, workers),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            found = Server(address, home)
            try:
                _wait_for_workers(found, process, workers)
                yield found
            finally:
                process.terminate()
                process.wait(60)


def run(task: Task) -> tuple[float, list[Outcome]]:
    """Seconds from the POST to the end of the sweep, and its outcomes."""
    with server(task) as lossdeck:
        started = time.perf_counter()
        sweep = lossdeck.ask("/api/sweeps", body(task))
        lossdeck.wait(sweep["id"])
        seconds = time.perf_counter() - started
        return seconds, outcomes(lossdeck, sweep["id"], task)


def body(task: Task) -> dict[str, object]:
    """The task as a sweep of explicit points."""
    all_settings = [settings.to_dict() for settings in task.settings]
    fixed = {name: value for name, value in all_settings[0].items() if name not in EACH}
    points = [{name: settings[name] for name in EACH} for settings in all_settings]
    return {
        "name": "benchmark",
        "dataset": task.dataset,
        "seed": task.seed,
        "settings": fixed,
        "points": points,
    }


def outcomes(lossdeck: Server, sweep_id: int, task: Task) -> list[Outcome]:
    """Read from the API after the end; of a diverged epoch the mini-batches count that are known to."""
    train = catalog.find_summary(task.dataset, lossdeck.home, task.data).n_train - task.settings[0].val_count
    steps = train // batch_size(task)
    trials = lossdeck.ask(f"/api/sweeps/{sweep_id}/trials?limit=10000")["trials"]
    found = []
    for trial in sorted(trials, key=lambda trial: trial["number"]):
        rows = lossdeck.ask(f"/api/trials/{trial['id']}/epochs")["epochs"]
        diverged = trial["state"] == "diverged"
        whole = rows[:-1] if diverged else rows
        cut_short = len(rows[-1]["trace"]) if diverged else 0
        found.append(
            Outcome(
                trial["number"],
                tuple(row["val_acc"] for row in whole),
                tuple(row["train_acc"] for row in whole),
                len(whole) * steps + cut_short,
                {"diverged": "exploded", "finished": None, "stopped": "pruned"}[trial["state"]],
            )
        )
    return found


def _environment(task: Task, home: Path, address: str, workers: int) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("LOSSDECK_", "DATABASE_"))}
    own = {"LOSSDECK_HOME": home, "LOSSDECK_PORT": address.rpartition(":")[2], "LOSSDECK_WORKERS": workers}
    if task.data is not None:
        own["LOSSDECK_DATA"] = task.data
    return kept | {name: str(value) for name, value in own.items()}


def _wait_for_workers(lossdeck: Server, process: subprocess.Popen[bytes], count: int) -> None:
    until = time.monotonic() + READY
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        try:
            workers = lossdeck.ask("/api/workers")["workers"]
        except OSError:
            workers = []
        if [worker["state"] for worker in workers] == ["idle"] * count:
            return
        time.sleep(POLL)
    raise RuntimeError(f"`lossdeck up` did not get ready; it said: {(lossdeck.home / 'log').read_text()}")


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
