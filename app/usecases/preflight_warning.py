"""Gate: what to know before a sweep runs: whether its nets have passed a preflight (forces nothing)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from app.schemas.json_values import json_safe
from learning.data import catalog
from learning.preflight.check_result import verdict
from learning.preflight.preflight import NET
from learning.settings import Settings
from store.actions.sweep_actions import NewSweep
from store.db.database import Connection
from store.db.states import LIVING
from store.jobs import preflights
from store.jobs.preflights import Preflight
from store.read import trials
from store.read.sweeps import Sweep

MAX_INSPECTED = 50  # preflights of a data set, and nets of a sweep whose settings are given one by one


@dataclass(frozen=True, slots=True)
class PreflightWarning:
    """One sentence, and the settings whose preflight would answer it; the one that says more, if any."""

    code: str  # no-preflight, preflight-under-way or preflight-failed
    sentence: str
    preflight_id: int | None
    dataset: str
    settings: Settings


def find_sweep_warnings(c: Connection, sweep: Sweep, home: Path) -> tuple[PreflightWarning, ...]:
    """Of a sweep that is stored."""
    rows, _ = trials.page(c, sweep.id, MAX_INSPECTED)
    return find_warnings(c, sweep, [Settings.parse(row.settings) for row in rows], home)


def choose_net(c: Connection, sweep: Sweep, home: Path) -> Settings:
    """The net of a sweep that a preflight should check first; its first trial's where all have passed."""
    warned = find_sweep_warnings(c, sweep, home)
    if warned:
        return warned[0].settings
    (first,), _ = trials.page(c, sweep.id, 1)
    return Settings.parse(first.settings)


def find_warnings(
    c: Connection, sweep: Sweep | NewSweep, drawn: Sequence[Settings], home: Path
) -> tuple[PreflightWarning, ...]:
    """None where the nets of the first of these trials have passed; else one, of the first that has not."""
    rows, _ = preflights.list_all(c, sweep.dataset, MAX_INSPECTED)
    since = 0.0 if catalog.is_built_in(sweep.dataset) else catalog.stored_at(sweep.dataset, home)
    nets = {
        _net_key(settings): settings for settings in reversed(_nets_to_check(sweep, drawn[:MAX_INSPECTED]))
    }
    latest = [(nets[net], _latest_preflight(rows, net, since)) for net in reversed(nets)]
    unchecked = [(settings, row) for settings, row in latest if row is None or not row.passed]
    if not unchecked:
        return ()
    who = "The net of this sweep has"
    if len(nets) > 1:
        have = "has" if len(unchecked) == 1 else "have"
        who = f"{len(unchecked)} of the {len(nets)} nets of this sweep {have}"
    return (_make_warning(who, sweep.dataset, *unchecked[0]),)


def _nets_to_check(sweep: Sweep | NewSweep, drawn: Sequence[Settings]) -> list[Settings]:
    """What to check of each trial: its net, with what the sweep fixes instead of a drawn reg or dropout."""
    if not sweep.space:
        return list(drawn)
    fixed = Settings.parse(sweep.settings)
    return [replace(fixed, **{name: getattr(one, name) for name in NET}) for one in drawn]


def _make_warning(who: str, dataset: str, settings: Settings, row: Preflight | None) -> PreflightWarning:
    said = f"{who} not passed a preflight on {dataset}"
    if row is None:
        told = f"{said}: a fault in data, loss or gradients would spoil the search."
        return PreflightWarning("no-preflight", told, None, dataset, settings)
    if row.state in LIVING:
        told = f"{said} yet: preflight {row.id} is under way."
        return PreflightWarning("preflight-under-way", told, row.id, dataset, settings)
    told = f"{said}: in preflight {row.id} {verdict(row.checks)}."
    return PreflightWarning("preflight-failed", told, row.id, dataset, settings)


def _latest_preflight(rows: Sequence[Preflight], net: tuple[object, ...], since: float) -> Preflight | None:
    """The latest of this net that says something about the data as they are; rows come newest first."""
    for row in rows:
        told = row.state in LIVING or (row.state == "finished" and (row.finished_at or 0.0) >= since)
        if told and _net_key(Settings.parse(row.settings)) == net:
            return row
    return None


def _net_key(settings: Settings) -> tuple[object, ...]:
    """What a preflight is of: neither the seed, nor a scale of weights that is not used."""
    scale = settings.init_scale if settings.init == "normal" else None
    return (scale, *(getattr(settings, name) for name in NET if name not in ("seed", "init_scale")))


def warning_json(value: PreflightWarning) -> dict[str, object]:
    """A warning; `preflight` is the body to post to /api/preflights."""
    return {
        "code": value.code,
        "sentence": value.sentence,
        "preflight_id": value.preflight_id,
        "preflight": {"dataset": value.dataset, "settings": json_safe(value.settings.to_dict())},
    }
