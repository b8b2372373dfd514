"""The transcript's lines are the lecture's, letter for letter; whole texts come by REST."""

import math
from collections.abc import Callable
from typing import Any

from starlette.testclient import TestClient

from tests.support.made_up_worker import Crew, made_epoch

Post = Callable[..., dict[str, Any]]
LOW = {"lr": 1e-6, "reg": 1e-6, "epochs": 3, "val_count": 300}


def exported(client: TestClient, sweep: dict[str, Any]) -> list[str]:
    answer = client.get(f"/api/sweeps/{sweep['id']}/export", params={"format": "transcript"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert f'filename="sweep-{sweep["id"]}.txt"' in answer.headers["content-disposition"]
    return answer.text.splitlines()


def test_one_trial_is_told_epoch_by_epoch(client: TestClient, post_sweep: Post, crew: Crew) -> None:
    sweep = post_sweep(points=[LOW], space=None, trials=None, settings={})
    claim = crew.claim()
    (trial,) = claim.trials
    first = {"loss": 2.302576, "train_acc": 0.08, "val_acc": 0.103, "lr": 1e-6}
    crew.record(claim, [made_epoch(trial.id, 1, **first)])
    line = "Finished epoch 1 / 3: cost 2.302576, train: 0.080000, val 0.103000, lr 1.000000e-06"
    assert exported(client, sweep) == [line]
    crew.record(claim, [made_epoch(trial.id, 2, loss=math.inf, diverged="cost inf is not finite")])
    told = exported(client, sweep)
    assert told[0] == line
    assert told[1].startswith("Finished epoch 2 / 3: cost inf, train: 0.550000")
    assert told[2] == "finished optimization. best validation accuracy: 0.103000 (cost inf is not finite)"
    assert client.get(f"/api/trials/{trial.id}/transcript").text.splitlines() == told


def test_a_few_trials_are_told_one_after_the_other(client: TestClient, post_sweep: Post, crew: Crew) -> None:
    sweep = post_sweep(points=[LOW, LOW | {"reg": 1e3}], space=None, trials=None, settings={})
    crew.finish_all()
    told = exported(client, sweep)
    assert told[0] == "lr: 1.000000e-06, reg: 1.000000e-06, (1 / 2)"
    assert told[5:8] == ["", "lr: 1.000000e-06, reg: 1.000000e+03, (2 / 2)", told[1]]
    assert len(told) == 2 * 5 + 1


def test_a_search_is_told_trial_by_trial(client: TestClient, post_sweep: Post, crew: Crew) -> None:
    points = [LOW | {"lr": 1.405206e-04, "reg": 4.793564e-01}, *[LOW] * 3]
    sweep = post_sweep(points=points, space=None, trials=None, settings={})
    assert exported(client, sweep) == []
    claim = crew.claim()
    best = [made_epoch(claim.trials[0].id, 1, val_acc=0.412)]
    worse = [made_epoch(trial.id, 1, val_acc=0.1, diverged="cost is nan") for trial in claim.trials[1:]]
    crew.record(claim, best + worse)
    for epoch in (2, 3):
        crew.record(claim, [made_epoch(claim.trials[0].id, epoch, val_acc=0.3)])
    told = exported(client, sweep)
    assert told[0] == "val_acc: 0.412000, lr: 1.405206e-04, reg: 4.793564e-01, (1 / 4)"
    assert told[1] == "val_acc: nan, lr: 1.000000e-06, reg: 1.000000e-06, (2 / 4)"
    assert len(told) == len(claim.trials)  # the others have not ended


def test_a_trial_that_is_not_there_has_none(client: TestClient) -> None:
    assert client.get("/api/trials/9/transcript").json()["detail"] == "There is no trial 9."
