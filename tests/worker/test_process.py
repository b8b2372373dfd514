"""Which process a pid is, and whether it lives, on real processes."""

import os
import subprocess
import sys

from worker import process

WAIT = [sys.executable, "-c", "input()"]


def test_a_living_process_is_not_dead_and_an_ended_one_is() -> None:
    with subprocess.Popen(WAIT, stdin=subprocess.PIPE) as child:
        was = process.read_identity(child.pid)
        assert not process.is_dead(child.pid, was)
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # ended, but nobody has waited for it yet
        assert process.is_dead(child.pid, was)
    assert process.is_dead(child.pid, was)


def test_a_later_process_with_the_same_pid_does_not_vouch_for_the_dead_one() -> None:
    was = {**process.read_identity(os.getpid()), "start": "1"}
    assert process.is_dead(os.getpid(), was)


def test_before_a_reboot_everybody_is_dead() -> None:
    was = {**process.read_identity(os.getpid()), "boot": "another"}
    assert process.is_dead(os.getpid(), was)


def test_a_process_of_another_namespace_is_not_judged() -> None:
    was = {**process.read_identity(os.getpid()), "pids": "pid:[1]", "start": "1"}
    assert not process.is_dead(os.getpid(), was)


def test_without_an_identity_the_pid_alone_decides() -> None:
    with subprocess.Popen(WAIT, stdin=subprocess.PIPE) as child:
        assert not process.is_dead(child.pid, {})
        child.kill()
    assert process.is_dead(child.pid, None)
