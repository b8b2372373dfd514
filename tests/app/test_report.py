"""The report of a sweep: its picture of all curves."""

from collections.abc import Callable
from typing import Any

from app import report
from app.words import setting_words
from store import epochs, sweeps, trials
from tests.app.conftest import Crew, made_epoch


def test_what_exploded_squashes_nobody(crew: Crew, post_sweep: Callable[..., dict[str, Any]]) -> None:
    post_sweep(trials=4)
    losses = {0: 1e30, 1: 2.3, 2: 2.0, 3: 1.5}
    while (claim := crew.claim_or_none()) is not None:
        for one in claim.trials:
            diverged = "cost 1e+30" if one.number == 0 else None
            crew.record(claim, [made_epoch(one.id, 1, data_loss=losses[one.number], diverged=diverged)])
    with crew.database.read() as c:
        sweep, rows = sweeps.get(c, 1), trials.of_sweep(c, 1)
        assert sweep is not None
        drawn = report.lines(epochs.of_sweep(c, 1, 0, 100, False)[0], None)
    heights = sorted(float(line.points.split()[0].split(",")[1]) for line in drawn)
    assert heights[0] == report.MARGIN, "it is drawn at the top edge"
    assert heights[3] - heights[1] > report.HEIGHT / 4, "and the others can be told apart"
    text = report.html_text(sweep, rows, ())
    assert all(f"<td>{setting_words('lr', row.settings['lr'])}</td>" in text for row in rows)
    assert "of 4 trials" not in text
    text = report.html_text(sweep, rows * report.BEST_SHOWN, ())
    assert f"These are {report.BEST_SHOWN} of {4 * report.BEST_SHOWN} trials" in text
