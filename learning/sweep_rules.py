"""Sweep rules: what the results of all trials say together. Curves of single trials: trial_rules.py."""

from __future__ import annotations

import math
from collections.abc import Sequence

from learning.curves import Finding, Result
from learning.edges import MANY, TOP, Edge, ranked, touched_edges
from learning.space import Space

FEW_TRIALS = 10  # finished; the best of 10 random trials is within the best 26 % with 95 % (1 - 0.74**10)
MOSTLY = 0.5  # of the ended trials diverged
MIN_ENDED = 4  # trials before "mostly" means anything
SAME = 1.0  # standard errors: differences among the best below this are noise
MIN_RANKED = 3  # finished trials before an edge is named


def range_edges(space: Space, trials: Sequence[Result], n_val: int) -> tuple[Finding, ...]:
    """One finding for each end that the best trials touch and that can be moved outwards."""
    if len(ranked(trials)) < MIN_RANKED:
        return ()
    return tuple(_edge(edge) for edge in touched_edges(space, trials) if edge.extended is not None)


def mostly_diverged(space: Space, trials: Sequence[Result], n_val: int) -> tuple[Finding, ...]:
    ended = [t for t in trials if t.state in ("finished", "diverged")]
    diverged = sum(t.state == "diverged" for t in ended)
    if len(ended) < MIN_ENDED or diverged <= MOSTLY * len(ended):
        return ()
    sentence = f"{diverged} of {len(ended)} trials diverged."
    advice = "Lower the high end of lr by a factor of 10, and look at reg."
    return (Finding("mostly-diverged", "warning", None, sentence, advice),)


def too_few_trials(space: Space, trials: Sequence[Result], n_val: int) -> tuple[Finding, ...]:
    finished = len(ranked(trials))
    if finished >= FEW_TRIALS or not space.distributions:
        return ()
    varying = len(space.distributions)
    words = f"finished {'trial' if finished == 1 else 'trials'} for {varying} searched"
    sentence = f"Only {finished} {words} {'setting' if varying == 1 else 'settings'}."
    return (
        Finding("too-few-trials", "info", None, sentence, f"Add trials: at least {FEW_TRIALS} for a claim."),
    )


def within_noise(space: Space, trials: Sequence[Result], n_val: int) -> tuple[Finding, ...]:
    """The best few differ by less than the standard error sqrt(p (1 - p) / n) of the validation accuracy."""
    best = [t.best_val_acc or 0.0 for t in ranked(trials)[:TOP]]
    if len(best) < 2 or n_val < 1:
        return ()
    error = math.sqrt(best[0] * (1 - best[0]) / n_val)
    if best[0] - best[-1] > SAME * error:
        return ()
    sentence = f"The best {len(best)} lie between {best[-1]:.3f} and {best[0]:.3f}; with {n_val} validation "
    sentence += f"examples the standard error is {error:.3f}, so their order may be chance."
    advice = "Repeat the best with other seeds, or validate on more examples, before you name a winner."
    return (Finding("within-noise", "info", None, sentence, advice),)


def _edge(edge: Edge) -> Finding:
    side, name = edge.end, edge.parameter
    if edge.best_there:
        sentence = f"The best trial has {name} {edge.best_value:.2g}, at the {side} end of the range"
        sentence += f", with {edge.top_there} of the best {TOP} in its outer tenth."
    elif edge.top_there >= MANY:
        sentence = (
            f"{edge.top_there} of the best {TOP} trials have {name} in the outer tenth at the {side} end."
        )
    else:
        sentence = f"A parabola through the better half still rises at the {side} end of {name}."
    advice = (
        f"The optimum may lie outside: search again with the {side} end of {name} at {edge.extended:.2g}."
    )
    return Finding("range-edge", "warning", None, sentence, advice)
