"""Wire of preflights and their checks."""

import math

from app.wire import plain, when
from learning.preflight.check_result import Check, verdict
from learning.preflight.preflight import CODES
from store.jobs.preflights import Preflight


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
