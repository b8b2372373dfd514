"""Which trials of a group the median rule or patience stops after an epoch."""

from collections.abc import Sequence

from sqlalchemy import Connection, case, func, or_, select

from learning.search.early_stopping import Median, Patience, StoppingRule
from learning.states import RANKED
from store.db.tables import epoch, trial
from store.queue.trial_progress import TrialProgress

MAX_COMPARED = 200  # trials that the median is taken over, those with the lowest numbers


def find_stopped(
    c: Connection, rule: StoppingRule | None, sweep_id: int, running: Sequence[TrialProgress]
) -> dict[int, str]:
    """The trials that the rule stops, with the reasons; all are at the same epoch, which is stored."""
    judged = [progress for progress in running if not progress.exempt]
    if isinstance(rule, Median) and judged:
        return _find_by_median(c, rule, sweep_id, judged)
    if isinstance(rule, Patience) and judged:
        return _find_by_patience(c, rule, judged)
    return {}


def _find_by_median(
    c: Connection, rule: Median, sweep_id: int, judged: Sequence[TrialProgress]
) -> dict[int, str]:
    done = judged[0].epochs_done
    if done < rule.after:
        return {}
    means = _read_means(c, sweep_id, done, [progress.id for progress in judged])
    found = {}
    for progress in judged:
        others = [mean for id, mean in means.items() if id != progress.id]
        reason = rule.reason(done, progress.best, others, progress.epochs_left)
        if reason is not None:
            found[progress.id] = reason
    return found


def _read_means(c: Connection, sweep_id: int, done: int, here: Sequence[int]) -> dict[int, float]:
    """Mean val accuracy up to this epoch of the ranked trials that reached it; `here` just did."""
    as_far = or_(trial.c.epochs_done >= done, trial.c.id.in_(here))
    ranked = (trial.c.state.in_(RANKED), ~trial.c.excluded)
    others = select(trial.c.id).where(trial.c.sweep_id == sweep_id, as_far, *ranked)
    chosen = others.order_by(trial.c.number).limit(MAX_COMPARED)
    query = select(epoch.c.trial_id, func.avg(epoch.c.val_acc)).where(
        epoch.c.trial_id.in_(chosen.scalar_subquery()), epoch.c.epoch <= done
    )
    rows = c.execute(query.group_by(epoch.c.trial_id))
    return {id: mean for id, mean in rows if mean is not None}


def _find_by_patience(c: Connection, rule: Patience, judged: Sequence[TrialProgress]) -> dict[int, str]:
    before = judged[0].epochs_done - rule.epochs
    if before < 1:
        return {}
    early = func.max(case((epoch.c.epoch <= before, epoch.c.val_acc)))
    late = func.max(case((epoch.c.epoch > before, epoch.c.val_acc)))
    query = select(epoch.c.trial_id, early, late).where(
        epoch.c.trial_id.in_([progress.id for progress in judged])
    )
    rows = {id: (a, b) for id, a, b in c.execute(query.group_by(epoch.c.trial_id))}
    reasons = {progress.id: rule.reason(*rows[progress.id], progress.epochs_left) for progress in judged}
    return {id: reason for id, reason in reasons.items() if reason is not None}
