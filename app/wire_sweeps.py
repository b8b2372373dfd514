"""Wire of sweeps and of recipes, the ready ones, with what to know before one runs."""

from dataclasses import asdict

from app import wire_trials
from app.gate import Warned
from app.wire import plain, when
from learning.search.recipes import RecipePlan
from store.read.sweeps import Sweep


def sweep(row: Sweep) -> dict[str, object]:
    return {
        "id": row.id,
        "name": row.name,
        "state": row.state,
        "counts": dict(row.counts),
        "trials": row.trials,
        "best": wire_trials.trial(row.best) if row.best is not None else None,
        "eta_seconds": plain(row.eta_seconds),
        "eta_range": plain(row.eta_range),
        "space": plain(row.space),
        "settings": plain(row.settings),
        "dataset": row.dataset,
        "parent_id": row.parent_id,
        "seed": row.seed,
        "recipe": row.recipe,
        "sampler": row.sampler,
        "stopping": plain(row.stopping),
        "saved": plain(asdict(row.saved)),
        "excluded": row.excluded,
        "tags": list(row.tags),
        "created_at": when(row.created_at),
        "started_at": when(row.started_at),
        "finished_at": when(row.finished_at),
    }


def warned(value: Warned) -> dict[str, object]:
    """A warning; `preflight` is the body to post to /api/preflights."""
    return {
        "code": value.code,
        "sentence": value.sentence,
        "preflight_id": value.preflight_id,
        "preflight": {"dataset": value.dataset, "settings": plain(value.settings.to_dict())},
    }


def recipe(value: RecipePlan) -> dict[str, object]:
    return {
        "name": value.name,
        "title": value.title,
        "note": value.note,
        "space": plain(value.space),
        "settings": plain(value.settings),
        "trials": value.trials,
        "sampler": value.sampler,
    }
