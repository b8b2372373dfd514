"""The figures beside the search: their arithmetic, and that they are written down."""

from pathlib import Path

import pytest

from benchmarks import report, scaling
from benchmarks.records import Results


def test_a_straight_line_goes_through_nothing() -> None:
    assert scaling.straightness([(1, 2.0), (2, 4.0), (4, 8.0)]) == pytest.approx(0)
    assert scaling.straightness([(1, 3.0), (2, 5.0), (4, 9.0)]) == pytest.approx(0)  # 1 whatever the work
    assert scaling.straightness([(1, 1.0), (2, 4.0), (4, 16.0)]) > 0.4  # what begins below 0 is no line


def test_figures_are_measured_and_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOSSDECK_HOME", str(home))
    file = home / "results.jsonl"
    assert scaling.main(["--dataset", "digits", "--only", "sick", "--rounds", "1", "--out", str(file)]) == 0
    measured = Results(file).measured()
    assert set(measured) == {"beside exploded", "beside collapsed"}
    assert all(0.1 < figure < 10 for figure in measured.values())
    page = report.page([], {}, [], measured)
    assert f"{measured['beside exploded']:.3f} x" in page
    assert page.count("not measured") == 7 + 4  # the searches, and the other figures
