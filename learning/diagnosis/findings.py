"""Findings: the verdicts on a curve and on a sweep, most important first. The rules are in *_rules.py."""

from __future__ import annotations

from collections.abc import Sequence

from learning.diagnosis import curve_rules, remark_rules, sweep_rules
from learning.diagnosis.curve_facts import Facts
from learning.diagnosis.curves import Curve, Finding, Result
from learning.search.space import Space
from learning.settings import Settings

__all__ = [
    "CODES",
    "SWEEP_CODES",
    "TRIAL_CODES",
    "Curve",
    "Finding",
    "Result",
    "sweep_findings",
    "trial_findings",
    "verdict",
]

SEVERITIES = ("bad", "warning", "good", "info")  # in order of importance

ENDS = (curve_rules.divergence, curve_rules.too_early)  # the first that fires is all there is to say
SHAPES = (  # the first that fires names the shape
    curve_rules.reg_crushing,
    curve_rules.dead_units,
    curve_rules.bad_init,
    curve_rules.lr_too_high,
    curve_rules.lr_too_low,
    curve_rules.lr_bit_low,
)
REMARKS = (  # any of them, whatever the shape
    remark_rules.overfitting,
    remark_rules.noisy_loss,
    remark_rules.val_peaked,
    remark_rules.no_gap,
    remark_rules.update_ratio,
)
EXPLAINED = {  # what a shape accounts for is not remarked on: its advice would be another
    "reg-crushing": frozenset({"no-gap", "val-peaked"}),
    "lr-too-low": frozenset({"no-gap"}),
    "lr-bit-low": frozenset({"no-gap"}),
}
IF_SOUND = (remark_rules.still_improving,)  # advice that only helps a curve without a fault
SWEEP_RULES = (
    sweep_rules.mostly_diverged,
    sweep_rules.too_few_trials,
    sweep_rules.range_edges,
    sweep_rules.within_noise,
    sweep_rules.val_too_small,
    sweep_rules.does_not_matter,
)

TRIAL_CODES = (
    "nan-at-once",
    "exploding",
    "broke-out",
    "too-early",
    "reg-crushing",
    "dead-units",
    "bad-init",
    "lr-too-high",
    "lr-too-low",
    "lr-bit-low",
    "overfitting",
    "val-peaked",
    "noisy-loss",
    "update-ratio",
    "healthy",
    "still-improving",
    "no-gap",
)
SWEEP_CODES = (
    "mostly-diverged",
    "range-edge",
    "too-few-trials",
    "within-noise",
    "val-too-small",
    "does-not-matter",
)
CODES = TRIAL_CODES + SWEEP_CODES


def trial_findings(
    curve: Curve, settings: Settings, n_classes: int, *, ended: bool = False
) -> tuple[Finding, ...]:
    """What is to be said of one trial, most important first; empty only before the first epoch.

    `ended`: no epoch will follow, though it may not have trained them all.
    """
    if len(curve.epoch) == 0:
        return ()
    facts = Facts.of(curve, settings, n_classes, ended)
    for rule in ENDS:
        if (finding := rule(facts)) is not None:
            return (finding,)
    shape = next((found for rule in SHAPES if (found := rule(facts)) is not None), None)
    if shape is not None and shape.severity == "bad":
        return (shape,)  # nothing was learned that could be remarked on
    explained = EXPLAINED.get(shape.code, frozenset()) if shape is not None else frozenset()
    remarks = [
        found for rule in REMARKS if (found := rule(facts)) is not None and found.code not in explained
    ]
    findings = [shape, *remarks] if shape is not None else remarks
    if not any(found.severity in ("bad", "warning") for found in findings):
        findings.append(remark_rules.healthy(facts))
    if shape is None and findings[-1].code == "healthy":
        findings += [found for rule in IF_SOUND if (found := rule(facts)) is not None]
    return _by_importance(findings)


def verdict(curve: Curve, settings: Settings, n_classes: int) -> str:
    """The code of the first finding; the curve has an epoch."""
    return trial_findings(curve, settings, n_classes)[0].code


def sweep_findings(
    space: Space,
    trials: Sequence[Result],
    n_val: int,
    *,
    n_examples: int | None = None,
    closed: bool = False,
) -> tuple[Finding, ...]:
    """What is to be said of a sweep's results so far; empty when there is nothing to warn of.

    `n_val` validation examples out of `n_examples` (None: not known); to a `closed` sweep no trial is added.
    """
    seen = sweep_rules.Seen(space, trials, n_val, n_examples, closed)
    return _by_importance([found for rule in SWEEP_RULES for found in rule(seen)])


def _by_importance(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda found: SEVERITIES.index(found.severity)))
