"""Warn before a sweep runs when its nets have not passed a preflight."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from learning.data import catalog
from learning.preflight.check_result import summarise_checks
from learning.preflight.preflight import NET_SETTINGS
from learning.settings import Settings
from learning.states import TRIAL_STATES
from store.actions.sweep_actions import NewSweep
from store.db.database import Connection
from store.jobs import preflights
from store.jobs.preflights import Preflight
from store.read import trials
from store.read.sweeps import Sweep

MAX_INSPECTED = 50  # preflights of a data set, and nets of a sweep whose settings are given one by one


@dataclass(frozen=True, slots=True)
class PreflightWarning:
    """A sentence, the settings that a preflight should check, and the preflight that it is about, if any."""

    code: str  # no-preflight, preflight-under-way or preflight-failed
    sentence: str
    preflight_id: int | None
    dataset: str
    settings: Settings

    @property
    def preflight(self) -> dict[str, object]:
        """The body to post to /api/preflights."""
        return {"dataset": self.dataset, "settings": self.settings}


def find_sweep_warnings(c: Connection, sweep: Sweep, home: Path) -> tuple[PreflightWarning, ...]:
    """The warnings of a stored sweep, by its first trials."""
    rows, _ = trials.list_page(c, sweep.id, MAX_INSPECTED)
    return find_warnings(c, sweep, [row.settings for row in rows], home)


def choose_net(c: Connection, sweep: Sweep, home: Path) -> Settings:
    """The net that a preflight of a sweep should check: the first that has not passed, else the first."""
    warnings = find_sweep_warnings(c, sweep, home)
    if warnings:
        return warnings[0].settings
    (first,), _ = trials.list_page(c, sweep.id, 1)
    return first.settings


def find_warnings(
    c: Connection, sweep: Sweep | NewSweep, drawn: Sequence[Settings], home: Path
) -> tuple[PreflightWarning, ...]:
    """Empty where the nets of the first trials have passed, else a warning about the first other net."""
    rows, _ = preflights.list_all(c, sweep.dataset, MAX_INSPECTED)
    since = 0.0 if catalog.is_built_in(sweep.dataset) else catalog.read_stored_time(sweep.dataset, home)
    nets = {
        _net_key(settings): settings for settings in reversed(_nets_to_check(sweep, drawn[:MAX_INSPECTED]))
    }
    latest = [(nets[net], _latest_preflight(rows, net, since)) for net in reversed(nets)]
    unchecked = [(settings, row) for settings, row in latest if row is None or not row.passed]
    if not unchecked:
        return ()
    subject = "The net of this sweep has"
    if len(nets) > 1:
        have = "has" if len(unchecked) == 1 else "have"
        subject = f"{len(unchecked)} of the {len(nets)} nets of this sweep {have}"
    return (_make_warning(subject, sweep.dataset, *unchecked[0]),)


def _nets_to_check(sweep: Sweep | NewSweep, drawn: Sequence[Settings]) -> list[Settings]:
    """The net to check for each trial: with the sweep's fixed reg and dropout in place of drawn ones."""
    if not sweep.space:
        return list(drawn)
    fixed = Settings.restore(sweep.settings)
    return [replace(fixed, **{name: getattr(trial, name) for name in NET_SETTINGS}) for trial in drawn]


def _make_warning(subject: str, dataset: str, settings: Settings, row: Preflight | None) -> PreflightWarning:
    failing = f"{subject} not passed a preflight on {dataset}"
    if row is None:
        sentence = f"{failing}: a fault in data, loss or gradients would spoil the search."
        return PreflightWarning("no-preflight", sentence, None, dataset, settings)
    if TRIAL_STATES[row.state].living:
        sentence = f"{failing} yet: preflight {row.id} is under way."
        return PreflightWarning("preflight-under-way", sentence, row.id, dataset, settings)
    sentence = f"{failing}: in preflight {row.id} {summarise_checks(row.checks)}."
    return PreflightWarning("preflight-failed", sentence, row.id, dataset, settings)


def _latest_preflight(rows: Sequence[Preflight], net: tuple[object, ...], since: float) -> Preflight | None:
    """The latest preflight of a net on the present data, of `rows`, newest first."""
    for row in rows:
        finished_since = row.state == "finished" and (row.finished_at or 0.0) >= since
        if (TRIAL_STATES[row.state].living or finished_since) and _net_key(row.settings) == net:
            return row
    return None


def _net_key(settings: Settings) -> tuple[object, ...]:
    """What two equal nets share for a preflight: all but the seed and an init_scale that is not used."""
    scale = settings.init_scale if settings.init == "normal" else None
    return (scale, *(getattr(settings, name) for name in NET_SETTINGS if name not in ("seed", "init_scale")))
