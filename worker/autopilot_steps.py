"""The steps of autopilots: reads the results of the last stage and begins the next one.

Any worker may take a step. If several try the same one, the store lets only one of them begin it.
"""

import logging
import time

from learning.data import catalog
from learning.diagnosis.curves import Result
from learning.errors import Damaged
from learning.refinement import autopilot
from learning.refinement.autopilot import (
    AutopilotEnd,
    AutopilotPlan,
    FinishedSearch,
    NextPreflight,
    NextSearch,
)
from learning.search.space import draw_trials
from learning.settings import Settings
from learning.training.prediction import TrainedNet, measure_accuracy, predict_probabilities
from store.actions.sweep_actions import NewSweep
from store.config import Config
from store.db.checkpoints_and_weights import Files
from store.db.database import Connection, Database
from store.db.errors import is_outage
from store.jobs import autopilots, preflights, test_accuracies, verdicts
from store.jobs.autopilots import Autopilot
from store.read import sweeps, trials
from store.read.trials import Trial

log = logging.getLogger("lossdeck.worker")

SAMPLER = "sobol"  # spreads few trials more evenly than random sampling


def advance(database: Database, config: Config) -> None:
    """Begins the next stage of every autopilot whose last one is over, or ends it.

    An error fails the autopilot with its reason; only outages of the database are raised.
    """
    with database.read() as c:
        due = autopilots.list_due(c)
    for seen in due:
        try:
            _advance(seen, database, config)
        except Exception as error:
            if is_outage(error):
                raise
            log.exception("autopilot %d failed", seen.id)
            with database.write() as c:
                autopilots.end(c, seen, "failed", f"{type(error).__name__}: {error}", None, time.time())


def _advance(seen: Autopilot, database: Database, config: Config) -> None:
    with database.read() as c:
        step = _check_interrupted(seen) or _decide_next_step(c, seen, config)
        leader = autopilots.find_best_trial(c, seen)
    if isinstance(step, AutopilotEnd):
        _end(seen, step, leader, database, config)
        return
    with database.write() as c:
        if isinstance(step, NextPreflight):
            settings = Settings.restore({**seen.settings, "seed": seen.seed})
            autopilots.begin_preflight(c, seen, step.name, step.why, settings, time.time())
        else:
            features = catalog.find_summary(seen.dataset, config.home, config.data).n_features
            new = _build_sweep(seen, step, features)
            autopilots.begin_sweep(c, seen, step.name, step.why, new, time.time(), config.workers)


def _check_interrupted(seen: Autopilot) -> AutopilotEnd | None:
    """The end of an autopilot whose last stage was cancelled, failed or deleted; None if it can go on."""
    if not seen.stages or seen.stages[-1].state == "finished":
        return None
    last = seen.stages[-1]
    noun = last.name if last.name == autopilot.PREFLIGHT_STAGE else f"{last.name} search"
    if last.state == "cancelled":
        return AutopilotEnd("stopped", f"The {noun} was cancelled.")
    return AutopilotEnd(
        "failed", f"The {noun} {last.state or 'was deleted'}, so there is nothing to go on from."
    )


def _decide_next_step(c: Connection, seen: Autopilot, config: Config) -> autopilot.NextStep:
    plan = AutopilotPlan(seen.space, seen.settings, seen.trials, seen.preflight)
    checks = None
    searches = []
    for stage in seen.stages:
        if stage.preflight_id is not None:
            made = preflights.get(c, stage.preflight_id)
            checks = made.checks if made else None
        elif stage.sweep_id is not None:
            searches.append(_read_results(c, stage.sweep_id, config))
    return autopilot.choose_next_step(plan, checks, searches)


def _read_results(c: Connection, sweep_id: int, config: Config) -> FinishedSearch:
    sweep = sweeps.get(c, sweep_id)
    assert sweep is not None  # by foreign key
    counted = [trial for trial in trials.list_by_sweep(c, sweep_id) if not trial.excluded]
    verdict_of = verdicts.read_current(c, counted, sweep.dataset, config)
    results = [
        Result(trial.settings, trial.state, trial.best_val_acc, verdict_of[trial.id]) for trial in counted
    ]
    return FinishedSearch(sweep.space, results)


def _build_sweep(seen: Autopilot, step: NextSearch, features: int) -> NewSweep:
    settings = dict(step.settings)
    return NewSweep(
        name=f"{seen.name}: {step.name}",
        dataset=seen.dataset,
        recipe=None,
        space=step.space,
        settings=settings,
        sampler=SAMPLER,
        seed=seen.seed,
        trials=draw_trials(step.space, settings, step.trials, SAMPLER, seen.seed),
        parent_id=seen.sweep_ids[-1] if seen.sweep_ids else None,
        features=features,
    )


def _end(
    seen: Autopilot, step: AutopilotEnd, leader: Trial | None, database: Database, config: Config
) -> None:
    """Evaluates the winner on the test part; the worker that ends the autopilot records the accuracy."""
    found = _evaluate(leader, seen.dataset, config) if leader and step.state == "finished" else None
    with database.write() as c:
        winner_id = leader.id if leader else None
        ended = autopilots.end(c, seen, step.state, step.why, winner_id, time.time())
        if ended and leader and found:
            test_accuracies.record(c, seen.dataset, leader.id, *found, time.time())


def _evaluate(leader: Trial, name: str, config: Config) -> tuple[float, int] | None:
    """Accuracy on the test part and its size; None without a test part or without the weights."""
    dataset = catalog.load(name, config.home, config.data)
    try:
        model = Files(config.home).load_model(leader.id)
    except Damaged as error:
        log.warning("%s", error)
        model = None
    if model is None or dataset.X_test is None or dataset.y_test is None:
        return None
    net = TrainedNet.from_arrays(model[0], leader.settings)
    return measure_accuracy(predict_probabilities(net, dataset.X_test), dataset.y_test), len(dataset.y_test)
