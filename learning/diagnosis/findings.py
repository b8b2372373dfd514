"""Findings on a trial and on a sweep, most important first; the rules themselves are in files beside it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path

from learning.diagnosis import curve_remarks, curve_rules, sweep_rules
from learning.diagnosis.curve_facts import CurveFacts
from learning.diagnosis.curves import Curve, Finding, Result
from learning.search.space import Space
from learning.settings import Settings

__all__ = [
    "FINDING_CODES",
    "SWEEP_CODES",
    "TRIAL_CODES",
    "VERDICT_SEVERITIES",
    "Curve",
    "Finding",
    "Result",
    "judge_curve",
    "rules_version",
    "sweep_findings",
    "trial_findings",
]

SEVERITIES = ("bad", "warning", "good", "info")  # in order of importance

END_RULES = (curve_rules.divergence, curve_rules.too_early)  # the first that applies is all there is to say
SHAPE_RULES = (  # the first that applies names the shape
    curve_rules.reg_crushing,
    curve_rules.dead_units,
    curve_rules.bad_init,
    curve_rules.lr_too_high,
    curve_rules.lr_too_low,
    curve_rules.lr_bit_low,
)
REMARK_RULES = (  # any of them, whatever the shape
    curve_remarks.overfitting,
    curve_remarks.noisy_loss,
    curve_remarks.val_peaked,
    curve_remarks.no_gap,
    curve_remarks.update_ratio,
)
EXPLAINED_CODES = {  # remarks that a shape explains are left out: their advice would differ
    "reg-crushing": frozenset({"no-gap", "val-peaked"}),
    "lr-too-low": frozenset({"no-gap"}),
    "lr-bit-low": frozenset({"no-gap"}),
}
HEALTHY_RULES = (curve_remarks.still_improving,)  # advice that only helps a curve without a fault
SWEEP_RULES = (
    sweep_rules.mostly_diverged,
    sweep_rules.too_few_trials,
    sweep_rules.range_edges,
    sweep_rules.within_noise,
    sweep_rules.val_too_small,
    sweep_rules.does_not_matter,
)

# By the code of a finding on a trial: how grave it is as a verdict, where its numbers are not at hand.
VERDICT_SEVERITIES = {
    "nan-at-once": "bad",
    "exploding": "bad",
    "broke-out": "bad",
    "too-early": "info",
    "reg-crushing": "warning",
    "dead-units": "bad",
    "bad-init": "warning",
    "lr-too-high": "warning",
    "lr-too-low": "warning",
    "lr-bit-low": "warning",
    "overfitting": "warning",
    "val-peaked": "warning",
    "noisy-loss": "warning",
    "update-ratio": "warning",
    "healthy": "good",
    "still-improving": "good",
    "no-gap": "info",
}
TRIAL_CODES = tuple(VERDICT_SEVERITIES)
SWEEP_CODES = (
    "mostly-diverged",
    "range-edge",
    "too-few-trials",
    "within-noise",
    "val-too-small",
    "does-not-matter",
)
FINDING_CODES = TRIAL_CODES + SWEEP_CODES


def trial_findings(
    curve: Curve, settings: Settings, n_classes: int, *, ended: bool = False
) -> tuple[Finding, ...]:
    """The findings on one trial, most important first; empty only before the first epoch.

    `ended`: no more epochs will follow, even if it has not trained them all.
    """
    if len(curve.epoch) == 0:
        return ()
    facts = CurveFacts.from_curve(curve, settings, n_classes, ended)
    for rule in END_RULES:
        if (finding := rule(facts)) is not None:
            return (finding,)
    shape = next((found for rule in SHAPE_RULES if (found := rule(facts)) is not None), None)
    if shape is not None and shape.severity == "bad":
        return (shape,)  # nothing was learned, so there is nothing to remark on
    explained = EXPLAINED_CODES.get(shape.code, frozenset()) if shape is not None else frozenset()
    remarks = [
        found for rule in REMARK_RULES if (found := rule(facts)) is not None and found.code not in explained
    ]
    findings = [shape, *remarks] if shape is not None else remarks
    if not any(found.severity in ("bad", "warning") for found in findings):
        findings.append(curve_remarks.healthy(facts))
    if shape is None and findings[-1].code == "healthy":
        findings += [found for rule in HEALTHY_RULES if (found := rule(facts)) is not None]
    return _sort_by_severity(findings)


@cache
def rules_version() -> str:
    """A word that changes with the rules for curves: a digest of their files, comments included."""
    folder = Path(__file__).parent
    files = [*sorted(folder.glob("curve*.py")), Path(__file__)]
    return sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:12]


def judge_curve(curve: Curve, settings: Settings, n_classes: int) -> str:
    """The verdict on a curve: the code of its first finding. It must have an epoch."""
    return trial_findings(curve, settings, n_classes)[0].code


def sweep_findings(
    space: Space,
    trials: Sequence[Result],
    n_val: int,
    *,
    n_examples: int | None = None,
    closed: bool = False,
) -> tuple[Finding, ...]:
    """The findings on the results of a sweep so far; empty if there is nothing to warn of.

    `n_val` validation examples out of `n_examples` (None: not known). A `closed` sweep takes no more trials.
    """
    seen = sweep_rules.SweepFacts(space, trials, n_val, n_examples, closed)
    return _sort_by_severity([found for rule in SWEEP_RULES for found in rule(seen)])


def _sort_by_severity(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda found: SEVERITIES.index(found.severity)))
