"""Owns the steps of autopilots: gathers what a stage found, begins what comes next (trains nothing).

Any worker may take a step, several may try the same one: the store lets one of them begin it.
"""

import logging
import time

from learning.data import catalog
from learning.diagnosis.curves import Result
from learning.errors import Damaged
from learning.refinement import autopilot
from learning.refinement.autopilot import Checks, End, Plan, Search, Searched
from learning.search.space import Space, draw
from learning.settings import Settings
from learning.training.prediction import Net, accuracy, probabilities
from store.actions.sweep_actions import NewSweep
from store.config import Config
from store.db.database import Connection, Database
from store.db.errors import is_outage
from store.db.weight_files import Files
from store.jobs import autopilots, preflights, test_accuracies
from store.jobs.autopilots import Autopilot
from store.read import sweeps, trials
from store.read.trials import Trial

log = logging.getLogger("lossdeck.worker")

SAMPLER = "sobol"  # spreads few trials more evenly than chance does


def advance(database: Database, config: Config) -> None:
    """Begins the next stage of every autopilot whose last one is over, or ends it.

    What cannot be decided or drawn fails the autopilot with its reason; only outages of the database are
    raised.
    """
    with database.read() as c:
        due = autopilots.due(c)
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
        step = _broken_off(seen) or _next_step(c, seen)
        leader = autopilots.best(c, seen)
    if isinstance(step, End):
        _end(seen, step, leader, database, config)
        return
    with database.write() as c:
        if isinstance(step, Checks):
            settings = Settings.parse({**seen.settings, "seed": seen.seed})
            autopilots.begin_preflight(c, seen, step.name, step.why, settings, time.time())
        else:
            features = catalog.summary(seen.dataset, config.home, config.data).n_features
            new = _sweep(seen, step, features)
            autopilots.begin_sweep(c, seen, step.name, step.why, new, time.time(), config.workers)


def _broken_off(seen: Autopilot) -> End | None:
    """The end of an autopilot whose last stage was cancelled, failed or deleted under it."""
    if not seen.stages or seen.stages[-1].state == "finished":
        return None
    last = seen.stages[-1]
    noun = last.name if last.name == autopilot.CHECKS else f"{last.name} search"
    if last.state == "cancelled":
        return End("stopped", f"The {noun} was cancelled.")
    return End("failed", f"The {noun} {last.state or 'was deleted'}, so there is nothing to go on from.")


def _next_step(c: Connection, seen: Autopilot) -> autopilot.Step:
    plan = Plan(Space.parse(seen.space), seen.settings, seen.trials, seen.preflight)
    checks = None
    searches = []
    for stage in seen.stages:
        if stage.preflight_id is not None:
            made = preflights.get(c, stage.preflight_id)
            checks = made.checks if made else None
        elif stage.sweep_id is not None:
            searches.append(_searched(c, stage.sweep_id))
    return autopilot.next_step(plan, checks, searches)


def _searched(c: Connection, sweep_id: int) -> Searched:
    sweep = sweeps.get(c, sweep_id)
    assert sweep is not None  # by foreign key
    counted = [one for one in trials.of_sweep(c, sweep_id) if not one.excluded]
    results = [
        Result(Settings.parse(one.settings), one.state, one.best_val_acc, one.verdict) for one in counted
    ]
    return Searched(Space.parse(sweep.space), results)


def _sweep(seen: Autopilot, step: Search, features: int) -> NewSweep:
    settings = dict(step.settings)
    return NewSweep(
        name=f"{seen.name}: {step.name}",
        dataset=seen.dataset,
        recipe=None,
        space=step.space.to_dict(),
        settings=settings,
        sampler=SAMPLER,
        seed=seen.seed,
        trials=draw(step.space, settings, step.trials, SAMPLER, seen.seed),
        parent_id=seen.sweep_ids[-1] if seen.sweep_ids else None,
        features=features,
    )


def _end(seen: Autopilot, step: End, leader: Trial | None, database: Database, config: Config) -> None:
    """The winner is tried on the test part, this once; whoever ends the autopilot records it."""
    found = _try(leader, seen.dataset, config) if leader and step.state == "finished" else None
    with database.write() as c:
        winner_id = leader.id if leader else None
        ended = autopilots.end(c, seen, step.state, step.why, winner_id, time.time())
        if ended and leader and found:
            test_accuracies.record(c, seen.dataset, leader.id, *found, time.time())


def _try(leader: Trial, name: str, config: Config) -> tuple[float, int] | None:
    """Accuracy on the test part and its size; None without such a part, or with the weights elsewhere."""
    dataset = catalog.load(name, config.home, config.data)
    try:
        model = Files(config.home).load_model(leader.id)
    except Damaged as error:
        log.warning("%s", error)
        model = None
    if model is None or dataset.X_test is None or dataset.y_test is None:
        return None
    net = Net.of(model[0], Settings.parse(leader.settings))
    return accuracy(probabilities(net, dataset.X_test), dataset.y_test), len(dataset.y_test)
