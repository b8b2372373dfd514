"""Wire of averages over a sweep's best nets."""

from app import wire_trials
from app.ensemble import Ensemble


def ensemble(found: Ensemble) -> dict[str, object]:
    measured = found.measured
    return {
        "sentence": found.sentence,
        "examples": measured.examples,
        "members": [
            {"trial": wire_trials.trial(row), "val_acc": one}
            for row, one in zip(found.members, measured.each, strict=True)
        ],
        "val_acc": measured.accuracy,
        "standard_error": measured.error,
        "gain": measured.gain,
        "gain_standard_error": measured.gain_error,
    }
