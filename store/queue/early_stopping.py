"""Owns whom the median rule and patience stop in a group after an epoch."""

from collections.abc import Sequence

from sqlalchemy import Connection, case, func, or_, select

from learning.search.early_stopping import Median, Patience, StoppingRule
from store.db.states import UNRANKED
from store.db.tables import epoch, trial
from store.queue.progress import Progress

COMPARED = (
    200  # others that a trial is compared with at most, those of lowest number: their median says enough
)


def stopped(
    c: Connection, rule: StoppingRule | None, sweep_id: int, running: Sequence[Progress]
) -> dict[int, str]:
    """The trials of these that the rule stops, and why; they are equally far, and their epochs are stored."""
    judged = [one for one in running if not one.exempt]
    if isinstance(rule, Median) and judged:
        return _by_median(c, rule, sweep_id, judged)
    if isinstance(rule, Patience) and judged:
        return _by_patience(c, rule, judged)
    return {}


def _by_median(c: Connection, rule: Median, sweep_id: int, judged: Sequence[Progress]) -> dict[int, str]:
    done = judged[0].done
    if done < rule.after:
        return {}
    means = _means(c, sweep_id, done, [one.id for one in judged])
    found = {}
    for one in judged:
        others = [mean for id, mean in means.items() if id != one.id]
        reason = rule.reason(done, one.best, others, one.left)
        if reason is not None:
            found[one.id] = reason
    return found


def _means(c: Connection, sweep_id: int, done: int, here: Sequence[int]) -> dict[int, float]:
    """Mean val accuracy up to this epoch of the ranked trials that are as far; `here` are just now so far."""
    as_far = or_(trial.c.epochs_done >= done, trial.c.id.in_(here))
    ranked = (trial.c.state.not_in(UNRANKED), ~trial.c.excluded)
    others = select(trial.c.id).where(trial.c.sweep_id == sweep_id, as_far, *ranked)
    chosen = others.order_by(trial.c.number).limit(COMPARED)
    query = select(epoch.c.trial_id, func.avg(epoch.c.val_acc)).where(
        epoch.c.trial_id.in_(chosen.scalar_subquery()), epoch.c.epoch <= done
    )
    rows = c.execute(query.group_by(epoch.c.trial_id))
    return {id: mean for id, mean in rows if mean is not None}


def _by_patience(c: Connection, rule: Patience, judged: Sequence[Progress]) -> dict[int, str]:
    before = judged[0].done - rule.epochs
    if before < 1:
        return {}
    early = func.max(case((epoch.c.epoch <= before, epoch.c.val_acc)))
    late = func.max(case((epoch.c.epoch > before, epoch.c.val_acc)))
    query = select(epoch.c.trial_id, early, late).where(epoch.c.trial_id.in_([one.id for one in judged]))
    rows = {id: (a, b) for id, a, b in c.execute(query.group_by(epoch.c.trial_id))}
    verdicts = {one.id: rule.reason(*rows[one.id], one.left) for one in judged}
    return {id: reason for id, reason in verdicts.items() if reason is not None}
