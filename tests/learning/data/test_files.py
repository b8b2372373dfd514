"""Locks between processes, on real ones."""

import fcntl
import subprocess
import sys
import threading
from pathlib import Path

from learning.data.files import lock_file

ROOT = Path(__file__).parents[3]
HOLDER = """
import sys
from pathlib import Path
from learning.data.files import lock_file
with lock_file(Path(sys.argv[1])):
    print("in", flush=True)
    input()
"""


def enter_in_a_thread(path: Path) -> threading.Event:
    """Waits for the lock in a thread; the event tells that it got it."""
    entered = threading.Event()

    def enter() -> None:
        with lock_file(path):
            entered.set()

    threading.Thread(target=enter, daemon=True).start()
    return entered


def test_the_death_of_a_holder_lets_the_next_one_in(tmp_path: Path) -> None:
    path = tmp_path / "new" / ".digits.lock"
    command = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"in\n"
        entered = enter_in_a_thread(path)
        assert not entered.wait(0.2)
        holder.kill()
        assert entered.wait(20)


def test_threads_wait_for_one_another(tmp_path: Path) -> None:
    with lock_file(tmp_path / "lock"):
        entered = enter_in_a_thread(tmp_path / "lock")
        assert not entered.wait(0.2)
    assert entered.wait(20)


def test_a_plain_flock_as_of_earlier_versions_is_waited_for(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        entered = enter_in_a_thread(tmp_path / "lock")
        assert not entered.wait(0.2)
    assert entered.wait(20)
