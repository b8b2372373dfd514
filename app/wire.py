"""Wire: values of the store and of learning as JSON-ready dicts, in the words of the interface."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime

from app.ensemble import Ensemble
from app.gate import Warned
from app.repeats import Repeats
from learning.autopilot import SEARCHES, STAGES
from learning.catalog import Summary
from learning.findings import Finding
from learning.importance import Importance
from learning.moves import Move, moves
from learning.preflight import CODES
from learning.recipes import RecipePlan
from learning.refinement import Refinement
from learning.space import Space
from learning.verdicts import Check, verdict
from store.autopilots import Autopilot
from store.changes import Change
from store.epochs import EpochRow
from store.looks import Look
from store.packed import Thinned
from store.preflights import Preflight
from store.sweeps import Sweep
from store.trials import Trial
from store.workers import Worker


def text(body: object) -> str:
    """JSON on one line; refuses what JSON has no word for instead of writing NaN."""
    return json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def when(seconds: float | None) -> str | None:
    """UTC seconds as ISO 8601."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def plain(value: object) -> object:
    """Any value made of dicts, lists and numbers, with None for numbers that are not finite."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [plain(item) for item in value]
    return value


def sweep(row: Sweep) -> dict[str, object]:
    return {
        "id": row.id,
        "name": row.name,
        "state": row.state,
        "counts": dict(row.counts),
        "trials": row.trials,
        "best": trial(row.best) if row.best is not None else None,
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


def repeats(found: Repeats) -> dict[str, object]:
    curve = found.original_curve
    return {
        "sentence": found.sentence,
        "spread": asdict(found.spread) if found.spread else None,
        "original": trial(found.original) if found.original else None,
        "deviations": found.deviations,
        "val_acc": [{"epoch": at.epoch, **asdict(at.spread)} for at in found.val_acc],
        "val_loss": [{"epoch": at.epoch, **asdict(at.spread)} for at in found.val_loss],
        "original_curve": {"epoch": curve.epoch, **curve.metrics} if curve else None,
    }


def ensemble(found: Ensemble) -> dict[str, object]:
    measured = found.measured
    return {
        "sentence": found.sentence,
        "examples": measured.examples,
        "members": [
            {"trial": trial(row), "val_acc": one}
            for row, one in zip(found.members, measured.each, strict=True)
        ],
        "val_acc": measured.accuracy,
        "standard_error": measured.error,
        "gain": measured.gain,
        "gain_standard_error": measured.gain_error,
    }


def trial(row: Trial) -> dict[str, object]:
    return {
        "id": row.id,
        "number": row.number,
        "sweep_id": row.sweep_id,
        "state": row.state,
        "reason": row.reason,
        "attempt": row.attempt,
        "failures": row.failures,
        "settings": plain(row.settings),
        "best_val_acc": plain(row.best_val_acc),
        "best_epoch": row.best_epoch,
        "epochs_done": row.epochs_done,
        "epochs_total": row.epochs_total,
        "last": plain(row.last),
        "excluded": row.excluded,
        "spared": row.spared,
        "worker": row.worker,
        "started_at": when(row.started_at),
        "finished_at": when(row.finished_at),
        "has_model": row.has_model,
        "verdict": row.verdict,
    }


def epoch(row: EpochRow, *, trace: bool = True) -> dict[str, object]:
    """An epoch row; a number that is not finite is null, and `flags` says which it was."""
    body: dict[str, object] = {
        "trial_id": row.trial_id,
        "number": row.number,
        "epoch": row.epoch,
        "loss": plain(row.loss),
        "data_loss": plain(row.data_loss),
        "train_acc": plain(row.train_acc),
        "val_loss": plain(row.val_loss),
        "val_acc": plain(row.val_acc),
        "lr": plain(row.lr),
        "update_ratio": plain(row.update_ratio),
        "flags": dict(row.flags),
        "seconds": plain(row.seconds),
    }
    return body | {"trace": plain(row.trace)} if trace else body


def packed(values: Iterable[object]) -> list[object]:
    """A column, its numbers cut to the digits that a picture can show; times keep their milliseconds."""
    return [_short(value) if isinstance(value, float) else value for value in values]


def _short(value: float) -> float | None:
    if not math.isfinite(value):
        return None
    return float(f"{value:.7g}") if abs(value) < 1e6 else round(value, 3)


def thinned(value: Thinned) -> dict[str, object]:
    """A thinned curve; a number that is not finite is null."""
    body: dict[str, object] = {"number": value.number, "stride": value.stride, "epoch": list(value.epoch)}
    body["metrics"] = {name: packed(values) for name, values in value.metrics.items()}
    return body | ({"elapsed": packed(value.elapsed)} if value.elapsed is not None else {})


def worker(row: Worker) -> dict[str, object]:
    return {
        "id": row.token,
        "host": row.host,
        "pid": row.pid,
        "state": _doing(row),
        "group_id": row.group_id,
        "preflight_id": row.preflight_id,
        "facts": plain(row.facts),
        "started_at": when(row.started_at),
        "seen_at": when(row.seen_at),
        "gone_at": when(row.gone_at),
    }


def _doing(row: Worker) -> str:
    if row.gone_at is not None:
        return "gone"
    return "idle" if row.group_id is None and row.preflight_id is None else "busy"


def preflight(row: Preflight) -> dict[str, object]:
    return {
        "id": row.id,
        "dataset": row.dataset,
        "state": row.state,
        "passed": row.passed,
        "verdict": verdict(row.checks) if row.state == "finished" else None,
        "checks": [check(one) for one in row.checks],
        "checks_total": len(CODES),
        "reason": row.reason,
        "settings": plain(row.settings),
        "attempt": row.attempt,
        "worker": row.worker,
        "created_at": when(row.created_at),
        "started_at": when(row.started_at),
        "finished_at": when(row.finished_at),
    }


def autopilot(
    row: Autopilot,
    checks: Mapping[int, Preflight],
    searches: Mapping[int, Sweep],
    best: Trial | None,
    look: Look | None,
) -> dict[str, object]:
    """An autopilot with its preflight and sweeps, by their ids."""
    begun = [one.name for one in row.stages]
    moved = _moved(row, searches)
    possible = STAGES if row.preflight else SEARCHES
    return {
        "id": row.id,
        "name": row.name,
        "dataset": row.dataset,
        "state": row.state,
        "reason": row.reason,
        "stages": [
            {
                "number": one.number,
                "name": one.name,
                "why": one.why,
                "state": one.state,
                "preflight": preflight(made) if (made := checks.get(one.preflight_id or 0)) else None,
                "sweep": sweep(search) if (search := searches.get(one.sweep_id or 0)) else None,
                "moves": [asdict(end) for end in moved.get(one.number, ())],
            }
            for one in row.stages
        ],
        "to_come": [one for one in possible if one not in begun] if row.state == "running" else [],
        "best": trial(best) if best is not None else None,
        "test": test_look(look) if look is not None else None,
        "settings": plain(row.settings),
        "space": plain(row.space),
        "trials": row.trials,
        "seed": row.seed,
        "preflight": row.preflight,
        "created_at": when(row.created_at),
        "finished_at": when(row.finished_at),
    }


def _moved(row: Autopilot, searches: Mapping[int, Sweep]) -> dict[int, tuple[Move, ...]]:
    """By stage: where the ends of its ranges went, from those of the search before or of the plan."""
    before, found = Space.parse(row.space), {}
    for one in row.stages:
        if (search := searches.get(one.sweep_id or 0)) is not None:
            now = Space.parse(search.space)
            found[one.number], before = moves(before, now), now
    return found


def test_look(value: Look) -> dict[str, object]:
    return {
        "trial_id": value.trial_id,
        "dataset": value.dataset,
        "accuracy": value.accuracy,
        "examples": value.examples,
        "number": value.number,
        "taken_at": when(value.taken_at),
    }


def check(value: Check) -> dict[str, object]:
    """A check; a figure that is not finite is null, and `flags` says which it was."""
    return {
        "code": value.code,
        "title": value.title,
        "passed": value.passed,
        "figure": plain(value.figure),
        "relation": value.relation,
        "threshold": value.threshold,
        "sentence": value.sentence,
        "curve": plain(value.curve),
        "accuracy": plain(value.accuracy),
        "names": list(value.names),
        "span": plain(value.span),
        "flags": {} if math.isfinite(value.figure) else {"figure": str(value.figure)},
    }


def warned(value: Warned) -> dict[str, object]:
    """A warning; `preflight` is the body to post to /api/preflights."""
    return {
        "code": value.code,
        "sentence": value.sentence,
        "preflight_id": value.preflight_id,
        "preflight": {"dataset": value.dataset, "settings": plain(value.settings.to_dict())},
    }


def finding(value: Finding) -> dict[str, object]:
    return {
        "code": value.code,
        "severity": value.severity,
        "epochs": list(value.epochs) if value.epochs is not None else None,
        "sentence": value.sentence,
        "advice": value.advice,
    }


def importance(value: Importance) -> dict[str, object]:
    return {
        "shares": [
            {"parameter": one.parameter, "share": one.share, "matters": one.matters} for one in value.shares
        ],
        "trials": value.trials,
        "top": value.top,
    }


def refinement(value: Refinement) -> dict[str, object]:
    return {
        "space": plain(value.space.to_dict()),
        "settings": plain(value.settings_changes),
        "trials": value.trials,
        "words": [
            {
                "parameter": bound.parameter,
                "low": plain(bound.low),
                "high": plain(bound.high),
                "sentence": bound.sentence,
            }
            for bound in value.words
        ],
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


def dataset(value: Summary) -> dict[str, object]:
    return {
        "name": value.name,
        "ready": value.ready,
        "n_train": value.n_train,
        "n_test": value.n_test,
        "n_features": value.n_features,
        "image_shape": plain(value.image_shape),
        "classes": list(value.classes),
        "class_counts": plain(value.class_counts),
        "source": value.source,
    }


def change(value: Change) -> tuple[int | None, dict[str, object]]:
    """The sweep that a change belongs to, if to one, and the data of its event."""
    row = value.row
    if isinstance(row, EpochRow):
        return row.sweep_id, {"sweep_id": row.sweep_id} | epoch(row, trace=False)
    if isinstance(row, Trial):
        return row.sweep_id, trial(row)
    if isinstance(row, Sweep):
        return row.id, sweep(row)
    if isinstance(row, Worker):
        return None, worker(row)
    return None, {"cursor": value.seq}
