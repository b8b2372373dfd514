"""What the benchmarks make of their runs: the arithmetic, the file that is gone on from, the page."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import __main__ as program
from benchmarks import report
from benchmarks.records import LIMIT, Reached, Results, Run
from benchmarks.task import Outcome, Sizes, coarse, part
from learning.settings import Settings

RUN = Run("f", 0, "cifar10", 50, 5, 0.0, 0, 10.0, 1e12, best_val_accs=(0.4, None))


def test_the_arithmetic_of_a_trial_is_that_of_its_products() -> None:
    lecture, sizes = Settings(hidden=(50,), batch_size=100), Sizes(3072, 10, 49_000, 1_000)
    forward = 2 * (3072 * 50 + 50 * 10)  # of one image
    backward = 2 * (3072 * 50 + 2 * 50 * 10)
    assert sizes.flops(lecture, Outcome(0, (), (), 1, "exploded")) == 100 * (forward + backward)
    whole = sizes.flops(lecture, Outcome(0, (0.3,), (0.3,), 490))
    assert whole == 49_000 * (forward + backward) + 2_000 * forward


def test_slices_are_parts_of_the_search_and_come_around(home: Path) -> None:
    search = coarse("digits", home, None)
    first, second, third = (part(search, 50, number) for number in range(3))
    assert sorted((*first.settings, *second.settings), key=repr) == sorted(search.settings, key=repr)
    assert third == first
    assert part(search, 100, 7) == search


def test_rates_go_down_with_momentum(home: Path) -> None:
    plain, heavy = (coarse("digits", home, None, momentum=momentum) for momentum in (0.0, 0.9))
    for one, other in zip(plain.settings, heavy.settings, strict=True):
        assert other.lr == pytest.approx(one.lr * 0.1)
        assert replace(other, lr=one.lr, momentum=0.0) == one


@pytest.mark.slow
def test_a_run_that_is_in_the_file_is_not_measured_again(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LOSSDECK_HOME", str(home))
    results = Results(home / "results.jsonl")
    small = ["--dataset", "digits", "--only", "a", "--trials", "2", "--epochs", "1", "--rounds", "1"]
    file = ["--out", str(home / "results.jsonl"), "--report", str(home / "page.md")]
    assert program.main([*small, *file]) == 0
    runs = results.runs()
    assert [run.contestant for run in runs] == [LIMIT, "a"]
    assert program.main([*small, *file, "--resume"]) == 0
    assert results.runs() == runs
    assert "textbook NumPy" in (home / "page.md").read_text()
    assert program.main([*small, *file]) == 0
    assert results.runs() != runs


def test_missing_data_is_told_in_one_sentence(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LOSSDECK_HOME", str(home))
    monkeypatch.delenv("LOSSDECK_DATA", raising=False)
    assert program.main([]) == 1
    assert capsys.readouterr().err.startswith("The data set cifar10 is not on this machine")


def test_ratios_are_taken_within_a_round_and_judged() -> None:
    rounds = [(10.0, 30.0, 1e11), (20.0, 42.0, 2e11), (10.0, 31.0, 1e11)]  # (f), (c), the machine's rate
    runs = [
        run
        for number, (ours, theirs, rate) in enumerate(rounds)
        for run in (
            replace(RUN, round=number, seconds=ours),
            replace(RUN, round=number, seconds=theirs, contestant="c"),
            replace(RUN, round=number, seconds=3.0, contestant=LIMIT, flops=rate),
        )
    ]
    page = report.page(runs, {"CPU": "a fast one"})
    assert "| CPU | a fast one |" in page
    (ours,) = (line for line in page.splitlines() if line.startswith("| (f) | Lossdeck whole"))
    assert ours.split(" | ")[2:5] == ["10.0", "1.00", "25%"]  # 1e12 in 10 s is a quarter of 2 x 2e11 a second
    (judged,) = (line for line in page.splitlines() if line.startswith("| (f) faster than (c)"))
    assert judged.split(" | ")[1:5] == ["at least 2.40 x", "3.00 x", "3.00 x", "yes"]
    (missing,) = (line for line in page.splitlines() if line.startswith("| (f) faster than (a)"))
    assert missing.split(" | ")[3:5] == ["", "not measured"]


@pytest.mark.slow
def test_the_profile_names_the_parts_of_a_step(home: Path) -> None:
    profile = [sys.executable, "-m", "benchmarks.profile"]
    command = [*profile, "--dataset", "digits", "--trials", "4", "--epochs", "1"]
    environment = os.environ | {"LOSSDECK_HOME": str(home)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    shown = done.stdout
    assert done.returncode == 0, done.stderr
    assert "4 trials, 12 steps" in shown
    for part_of_it in ("forward", "evaluation", "storage"):
        assert part_of_it in shown


def test_a_search_without_a_good_net_counts_as_its_whole_time() -> None:
    times = {"f": (10.0, None, 30.0), "d": (100.0, 120.0, None)}
    reached = [
        Reached(name, "cifar10", seed, 0.5, seconds, 600.0)
        for name, each in times.items()
        for seed, seconds in enumerate(each)
    ]
    page = report.page([RUN], {}, reached)
    assert "| seed 1 | never | 120.0 |" in page
    assert "| median | 30.0 | 120.0 |" in page
    (judged,) = (line for line in page.splitlines() if line.startswith("| (f) over (d)"))
    assert judged.split(" | ")[1:5] == ["at most 0.33 x", "", "0.25 x", "yes"]
