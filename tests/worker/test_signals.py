"""A process's request to stop, on real processes and real signals."""

import os
import signal
import subprocess
import sys
import time

import pytest

SCRIPT = """
import sys
from worker.signals import StopRequest
stop = StopRequest(parent=int(sys.argv[1]) if len(sys.argv) > 1 else None)
stop.listen()
print("ready", flush=True)
while not stop.wait(30):
    pass
print("asked", flush=True)
sys.stdin.read()
print("ended by itself", flush=True)
"""


def process(*arguments: str) -> "subprocess.Popen[str]":
    child = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert line_of(child) == "ready\n"
    return child


def line_of(child: "subprocess.Popen[str]") -> str:
    assert child.stdout is not None
    return child.stdout.readline()


def rest_of(child: "subprocess.Popen[str]") -> str:
    """Everything the process still prints once its input is closed."""
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.close()
    return child.stdout.read()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_one_signal_asks_and_the_second_of_its_kind_ends_at_once(number: signal.Signals) -> None:
    with process() as child:
        started = time.monotonic()
        child.send_signal(number)
        assert line_of(child) == "asked\n"
        assert time.monotonic() - started < 0.3
        child.send_signal(number)
        assert child.wait(5) == 128 + number


def test_an_interrupt_from_the_keyboard_and_the_forwarded_request_are_one() -> None:
    with process() as child:
        child.send_signal(signal.SIGINT)
        assert line_of(child) == "asked\n"
        child.send_signal(signal.SIGTERM)
        assert (rest_of(child), child.wait(5)) == ("ended by itself\n", 0)


def test_a_child_whose_parent_is_another_by_now_asks_to_end() -> None:
    with process(str(os.getppid())) as child:  # a pid that is not its parent's
        assert rest_of(child) == "asked\nended by itself\n"
