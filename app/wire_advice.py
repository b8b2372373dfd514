"""Wire of advice: findings, which settings matter, the finer sweep."""

from app.wire import plain
from learning.diagnosis.findings import Finding
from learning.diagnosis.importance import Importance
from learning.refinement.refinement import Refinement


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
