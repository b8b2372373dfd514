"""Autopilots with the preflights, sweeps and trials that they name."""

from collections.abc import Mapping, Sequence

from app.schemas.autopilots import AutopilotOut, StageOut
from learning.data import catalog
from learning.errors import DatasetError
from learning.refinement.autopilot import AUTOPILOT_STAGES, SEARCH_STAGES, explain_test_gap
from learning.refinement.refinement import RangeChange, list_range_changes
from store.config import Config
from store.db.database import Connection
from store.jobs import autopilots, preflights, test_accuracies
from store.jobs.autopilots import Autopilot
from store.jobs.preflights import Preflight
from store.jobs.test_accuracies import Evaluation
from store.read import sweeps, trials
from store.read.sweeps import Sweep
from store.read.trials import Trial


def view_autopilot(c: Connection, row: Autopilot, config: Config) -> AutopilotOut:
    """One autopilot with its preflight, its sweeps, its best trial and that trial's test accuracy."""
    return view_autopilots(c, [row], config)[0]


def view_autopilots(c: Connection, rows: Sequence[Autopilot], config: Config) -> list[AutopilotOut]:
    searches = sweeps.get_many(c, [id for row in rows for id in row.sweep_ids])
    ids = {stage.preflight_id for row in rows for stage in row.stages if stage.preflight_id is not None}
    checks = {id: found for id in ids if (found := preflights.get(c, id)) is not None}
    leaders = [find_leader(c, row) for row in rows]
    looks = [test_accuracies.get(c, trial.id) if trial else None for trial in leaders]
    return [
        AutopilotOut.of(
            row,
            stages=_list_stages(row, checks, searches),
            to_come=_list_stages_to_come(row),
            best=best,
            test=look,
            test_note=_test_note(row, best, look, config),
        )
        for row, best, look in zip(rows, leaders, looks, strict=True)
    ]


def _list_stages(
    row: Autopilot, checks: Mapping[int, Preflight], searches: Mapping[int, Sweep]
) -> list[StageOut]:
    """The stages with their preflights or sweeps, and how their ranges differ from those before them."""
    before, stages = row.space, []
    for stage in row.stages:
        moves: Sequence[RangeChange] = ()
        if (search := searches.get(stage.sweep_id or 0)) is not None:
            moves, before = list_range_changes(before, search.space), search.space
        preflight = checks.get(stage.preflight_id or 0)
        stages.append(StageOut.of(stage, preflight=preflight, sweep=search, moves=moves))
    return stages


def _list_stages_to_come(row: Autopilot) -> list[str]:
    begun = [stage.name for stage in row.stages]
    possible = AUTOPILOT_STAGES if row.preflight else SEARCH_STAGES
    return [name for name in possible if name not in begun] if row.state == "running" else []


def find_leader(c: Connection, row: Autopilot) -> Trial | None:
    """The winner of an ended autopilot, the best trial so far of a running one."""
    if row.state == "running":
        return autopilots.find_best_trial(c, row)
    return trials.get(c, row.winner_id) if row.winner_id is not None else None


def _test_note(row: Autopilot, winner: Trial | None, look: Evaluation | None, config: Config) -> str | None:
    """Why the winner has no test accuracy, or that it is too low; None where neither is so."""
    if look is None:
        return _explain_untested(row, winner, config)
    return _compare_with_validation(winner, look) if winner else None


def _explain_untested(row: Autopilot, winner: Trial | None, config: Config) -> str | None:
    try:
        if not catalog.find_summary(row.dataset, config.home, config.data).n_test:
            return "There is no test part."
    except DatasetError:  # deleted since, or on another machine only
        return None
    if row.state == "running":
        return "Measured once, at the end."
    if row.state != "finished" or winner is None:
        return "The search was not finished."
    return "Its weights are on another machine."


def _compare_with_validation(winner: Trial, look: Evaluation) -> str | None:
    n_val = winner.settings.val_count
    if not n_val or winner.best_val_acc is None:
        return None  # validated on its training examples: new ones are expected to do worse
    return explain_test_gap(winner.best_val_acc, n_val, look.accuracy, look.examples)
