"""The search for a good net ends with the first one, and says so when there is none."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from benchmarks import search
from benchmarks.contestants import CONTESTANTS
from benchmarks.records import Results

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", search.SEARCHES)
def test_a_search_ends_with_its_first_good_net(
    name: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not CONTESTANTS[name].here:
        pytest.skip(f"{CONTESTANTS[name].needs} is not installed (extra `bench`)")
    monkeypatch.setenv("LOSSDECK_HOME", str(home))
    options = ["--dataset", "digits", "--only", name, "--seeds", "1", "--out", str(home / "results.jsonl")]
    assert search.main([*options, "--val-acc", "0.9"]) == 0
    (found,) = Results(home / "results.jsonl").reached()
    assert found.seconds is not None
    assert 0 < found.seconds < 60
    assert search.main([*options, "--val-acc", "0.9"]) == 0, "what is in the file is not searched again"
    assert Results(home / "results.jsonl").reached() == [found]


def test_the_time_of_a_goal_ends_and_is_shared_by_files(tmp_path: Path) -> None:
    goal, other = search.Goal(tmp_path, 0.5, 1000.0), search.Goal(tmp_path, 0.5, 1000.0)
    goal.begin()
    assert not goal.over(0.49)
    assert goal.seconds is None
    assert goal.over(0.5)
    assert other.over()
    assert other.seconds == goal.seconds is not None
    (tmp_path / "reached").unlink()
    assert search.Goal(tmp_path, 0.5, 0.0).over()


@pytest.mark.parametrize("name", ["a", "f"])
def test_a_benchmark_that_is_asked_to_end_leaves_nothing_behind(name: str, home: Path) -> None:
    command = [sys.executable, "-m", "benchmarks", "--dataset", "digits", "--only", name, "--epochs", "1000"]
    environment = os.environ | {"LOSSDECK_HOME": str(home)}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert "sgemm" in process.stdout.readline()
    family, until = psutil.Process(process.pid), time.monotonic() + 30
    while len(started := family.children(recursive=True)) < 2:
        assert time.monotonic() < until
        time.sleep(0.05)
    process.terminate()
    assert process.wait(60) == 128 + signal.SIGTERM
    process.stdout.close()
    assert psutil.wait_procs(started, timeout=10)[1] == []
