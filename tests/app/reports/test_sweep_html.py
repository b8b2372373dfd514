"""The report of a sweep: its picture of all curves."""

from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.reports import sweep_html
from app.text.formats import format_setting
from store.queue import epochs
from store.queue.epochs import EpochRow
from store.read import sweeps, trials
from tests.support.made_up_worker import Crew, made_epoch


def test_what_exploded_squashes_nobody(crew: Crew, post_sweep: Callable[..., dict[str, Any]]) -> None:
    post_sweep(trials=4)
    losses = {0: 1e30, 1: 2.3, 2: 2.0, 3: 1.5}
    while (claim := crew.claim_or_none()) is not None:
        for one in claim.trials:
            diverged = "cost 1e+30" if one.number == 0 else None
            crew.record(claim, [made_epoch(one.id, 1, data_loss=losses[one.number], diverged=diverged)])
    with crew.database.read() as c:
        sweep, rows = sweeps.get(c, 1), trials.list_by_sweep(c, 1)
        assert sweep is not None
        drawn = sweep_html.draw_figure(epochs.list_by_sweep(c, 1, 0, 100, False)[0], None)
    assert drawn is not None
    heights = sorted(float(line.points.split()[0].split(",")[1]) for line in drawn.lines)
    assert heights[0] == sweep_html.PLOT[1], "it is drawn at the top edge"
    assert heights[3] - heights[1] > sweep_html.HEIGHT / 4, "and the others can be told apart"
    text = sweep_html.render_report(sweep, rows, (), ())
    assert all(f"<td>{format_setting('lr', row.settings.lr)}</td>" in text for row in rows)
    assert "of 4 trials" not in text
    text = sweep_html.render_report(sweep, rows * sweep_html.TRIALS_SHOWN, (), ())
    assert f"These are {sweep_html.TRIALS_SHOWN} of {4 * sweep_html.TRIALS_SHOWN} trials" in text


@pytest.mark.parametrize(
    ("losses", "numbers"),
    [
        ([200.0, 10.0, 0.3], ["1", "10", "100"]),
        ([2.3, 1.5, 0.9], ["1", "2"]),
        ([1.9, 1.8, 1.7], ["1.7", "1.9"]),  # nothing round between them: the ends
        ([2.0], ["2"]),
    ],
)
def test_the_axes_have_numbers(losses: list[float], numbers: list[str]) -> None:
    rows = [epoch_row(n, loss) for n, loss in enumerate(losses, start=1)]
    drawn = sweep_html.draw_figure(rows, None)
    assert drawn is not None
    left, top, right, bottom = sweep_html.PLOT
    assert sorted((tick.text for tick in drawn.losses), key=float) == numbers
    assert all(top <= tick.at <= bottom for tick in drawn.losses)
    assert [tick.text for tick in drawn.epochs] == [str(n) for n in range(1, len(losses) + 1)]
    assert all(left <= tick.at <= right for tick in drawn.epochs)


def test_many_epochs_have_a_few_round_numbers() -> None:
    drawn = sweep_html.draw_figure([epoch_row(n, 1 / n) for n in range(1, 501)], None)
    assert drawn is not None
    assert [tick.text for tick in drawn.epochs] == ["1", "100", "200", "300", "400", "500"]


def epoch_row(epoch: int, loss: float) -> EpochRow:
    """An epoch of the only trial."""
    return EpochRow(epoch, 1, 1, 0, epoch, loss, loss, 0.5, loss, 0.5, 0.1, {}, None, {}, 0.01)


def test_the_report_says_what_the_trials_say(
    client: TestClient, crew: Crew, post_sweep: Callable[..., dict[str, Any]]
) -> None:
    post_sweep(trials=3)
    crew.finish_all()
    said = client.get("/api/sweeps/1/findings").json()["findings"]
    assert said
    text = unescape(client.get("/api/sweeps/1/export?format=html").text)
    assert all(f"<strong>{one['sentence']}</strong> {one['advice']}" in text for one in said)
