"""Findings on stored trials and sweeps, and the finer sweep they suggest, by the rules of learning."""

from learning.data import catalog
from learning.diagnosis.findings import Finding, Result, sweep_findings, trial_findings
from learning.diagnosis.importance import Importance, measure_importance
from learning.errors import DatasetError
from learning.refinement.refinement import Refinement, refine
from learning.settings import Settings
from learning.states import SWEEP_STATES, TRIAL_STATES
from store.config import Config
from store.db.database import Database
from store.jobs import verdicts
from store.read import curves, sweeps, trials
from store.read.sweeps import Sweep
from store.read.trials import Trial


def diagnose_trial(trial: Trial, database: Database, config: Config) -> tuple[Finding, ...]:
    """The findings on a trial, most important first."""
    with database.read() as c:
        sweep = sweeps.get(c, trial.sweep_id)
        curve = curves.read_curve(c, trial)
    assert sweep is not None  # a trial has a sweep by foreign key
    ended = TRIAL_STATES[trial.state].ended
    return trial_findings(curve, trial.settings, _n_classes(sweep.dataset, config), ended=ended)


def diagnose_sweep(
    sweep: Sweep, database: Database, config: Config
) -> tuple[tuple[Finding, ...], Importance]:
    """The findings on a sweep's trials together, and the importance of each searched setting."""
    summary = catalog.find_summary(sweep.dataset, config.home, config.data)
    held = Settings.restore(sweep.settings).val_count or summary.n_train
    space, trials = sweep.space, load_results(sweep, database, config)
    closed = "add trials" not in SWEEP_STATES[sweep.state].actions
    found = sweep_findings(space, trials, held, n_examples=summary.n_train, closed=closed)
    return found, measure_importance(space, trials)


def find_in_sweep(sweep: Sweep, database: Database, config: Config) -> tuple[Finding, ...]:
    """The findings on a sweep's trials together; none where its data set was deleted."""
    try:
        return diagnose_sweep(sweep, database, config)[0]
    except DatasetError:
        return ()


def propose_refinement(sweep: Sweep, database: Database, config: Config) -> Refinement:
    """The finer search that a sweep's trials suggest. Raises NothingToRefine."""
    return refine(sweep.space, load_results(sweep, database, config))


def load_results(sweep: Sweep, database: Database, config: Config) -> tuple[Result, ...]:
    """The results of all trials but excluded ones; one that the stopping rule ended counts as finished."""
    with database.read() as c:
        rows = trials.list_by_sweep(c, sweep.id)
        verdict_of = verdicts.read_current(c, rows, sweep.dataset, config)
    return tuple(
        Result(
            row.settings,
            "finished" if row.spared else row.state,
            row.best_val_acc,
            verdict_of[row.id],
        )
        for row in rows
        if not row.excluded
    )


def _n_classes(dataset: str, config: Config) -> int:
    return len(catalog.find_summary(dataset, config.home, config.data).classes)
