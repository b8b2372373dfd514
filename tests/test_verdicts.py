"""The findings on real nets with known causes: a small version of benchmarks/verdicts.py, on the digits."""

from pathlib import Path

import pytest

from benchmarks import verdicts

SEEDS = (8, 9)  # the thresholds were chosen on 0 to 7


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[verdicts.Case]:
    home: Path = tmp_path_factory.mktemp("verdicts")
    return verdicts.cases(home, None, SEEDS, small=True)


def test_the_right_finding_is_among_the_first_two(found: list[verdicts.Case]) -> None:
    assert sum(case.cause is not None for case in found) >= 60
    assert len({case.cause for case in found}) >= 7
    assert verdicts.hit_rate(found) >= 0.95, verdicts.misses(found)


def test_healthy_nets_are_not_called_sick(found: list[verdicts.Case]) -> None:
    assert sum(case.cause == "healthy" for case in found) >= 8
    assert verdicts.false_alarms(found) <= 0.05, verdicts.table(found)


def test_no_two_findings_contradict_each_other(found: list[verdicts.Case]) -> None:
    assert [case.codes for case in verdicts.contradictions(found)] == []
