"""Wire of repeats: a trial again and again, and how the results spread."""

from dataclasses import asdict

from app import wire_trials
from app.repeats import Repeats


def repeats(found: Repeats) -> dict[str, object]:
    curve = found.original_curve
    return {
        "sentence": found.sentence,
        "spread": asdict(found.spread) if found.spread else None,
        "original": wire_trials.trial(found.original) if found.original else None,
        "deviations": found.deviations,
        "val_acc": [{"epoch": at.epoch, **asdict(at.spread)} for at in found.val_acc],
        "val_loss": [{"epoch": at.epoch, **asdict(at.spread)} for at in found.val_loss],
        "original_curve": {"epoch": curve.epoch, **curve.metrics} if curve else None,
    }
