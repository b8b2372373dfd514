"""The findings on real nets with known causes: a small version of benchmarks/verdicts.py, on the digits."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from benchmarks import causes, verdicts
from benchmarks.trained import Run

pytestmark = pytest.mark.slow

SEEDS = (8, 9, 10, 11)  # the thresholds were chosen on 0 to 7


def trained(home: Path, seed: int) -> list[Run]:
    return [run for task in causes.tasks(home, None, small=True) for run in causes.runs(task, seed, None)]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[verdicts.Case]:
    """Two processes train the nets, a seed at a time."""
    each = partial(trained, tmp_path_factory.mktemp("verdicts"))
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        return verdicts.judged([run for runs in pool.map(each, SEEDS) for run in runs])


def test_the_right_finding_is_among_the_first_two(found: list[verdicts.Case]) -> None:
    assert sum(case.cause is not None for case in found) >= 120
    assert len({case.cause for case in found}) >= 7
    assert verdicts.hit_rate(found) >= 0.95, verdicts.misses(found)


def test_healthy_nets_are_not_called_sick(found: list[verdicts.Case]) -> None:
    assert sum(case.cause == "healthy" for case in found) >= 8
    assert verdicts.false_alarms(found) <= 0.05, verdicts.table(found)


def test_no_two_findings_contradict_each_other(found: list[verdicts.Case]) -> None:
    assert [case.codes for case in verdicts.contradictions(found)] == []
