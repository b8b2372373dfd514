"""Rules on the results of a sweep; those on single curves are in curve_rules and curve_remarks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from learning.diagnosis.curves import Finding, Result
from learning.diagnosis.finished_trials import sort_finished
from learning.diagnosis.importance import measure_importance
from learning.diagnosis.range_edges import MOST_OF_TOP, TOP_TRIALS, Edge, touched_edges
from learning.number_format import format_number
from learning.search.space import Choice, Space
from learning.settings import format_setting
from learning.states import TRIAL_STATES

FEW_TRIALS = 10  # finished; the best of 10 random trials is within the best 26 % with 95 % (1 - 0.74**10)
MOSTLY = 0.5  # of the trials that have trained diverged
MIN_TRAINED = 4  # trials before "mostly" means anything
TIE_ERRORS = 1.0  # standard errors: differences among the best below this are noise
IDLE_TRIALS = 30  # with fewer, a setting that matters little cannot be told from one that does not
IDLE_SHARE = 0.05  # of the importance
APART_ERRORS = 2.0  # standard errors of a difference at which two trials are told apart
MIN_DIFFERENCE = 0.001  # difference of accuracy that anybody asks examples for
MIN_FINISHED = 3  # finished trials before an edge is named, or an order doubted
MAX_VAL_SHARE = 0.5  # of all examples: more would leave too few to train on


@dataclass(frozen=True, slots=True)
class SweepFacts:
    """What the rules read: the trials of a sweep so far, and the examples behind their accuracies."""

    space: Space
    trials: Sequence[Result]
    n_val: int  # validation examples
    n_examples: int | None  # for training and validation together; None: not known
    closed: bool  # no trial can be added


def range_edges(seen: SweepFacts) -> tuple[Finding, ...]:
    """One finding for each end that the best trials touch and that can be moved outwards."""
    if len(sort_finished(seen.trials)) < MIN_FINISHED:
        return ()
    touched = touched_edges(seen.space, seen.trials)
    return tuple(
        _edge_finding(edge, format_number(edge.extended)) for edge in touched if edge.extended is not None
    )


def mostly_diverged(seen: SweepFacts) -> tuple[Finding, ...]:
    """Counts all trials that have trained an epoch: diverged ones end first, and would be alone early on."""
    trials = seen.trials
    trained = [t for t in trials if t.state == "diverged" or t.best_val_acc is not None]
    diverged = sum(t.state == "diverged" for t in trained)
    if len(trained) < MIN_TRAINED or diverged <= MOSTLY * len(trained):
        return ()
    so_far = " that have trained so far" if len(trained) < len(trials) else ""
    sentence = f"{diverged} of {len(trained)} trials{so_far} diverged."
    advice = "Lower the high end of lr by a factor of 10, and look at reg."
    return (Finding("mostly-diverged", "warning", None, sentence, advice),)


def too_few_trials(seen: SweepFacts) -> tuple[Finding, ...]:
    """Does not apply once every one of a few choices was tried: there is nothing more to try."""
    finished = len(sort_finished(seen.trials))
    if finished >= FEW_TRIALS or not seen.space.distributions or _all_choices_tried(seen):
        return ()
    varying = len(seen.space.distributions)
    words = f"finished {'trial' if finished == 1 else 'trials'} for {varying} searched"
    sentence = f"Only {finished} {words} {'setting' if varying == 1 else 'settings'}."
    coming = sum(TRIAL_STATES[t.state].living for t in seen.trials)
    if not finished:
        sentence = f"No trial has finished{' yet' if coming else ''}, so nothing can be said of the search."
    advice = f"Add trials: at least {FEW_TRIALS} for a claim."
    if seen.closed:
        advice = f"No trials can be added here; a claim needs a search of {FEW_TRIALS} or more to its end."
    if finished + coming >= FEW_TRIALS:
        advice = f"Wait: {coming} more {'is' if coming == 1 else 'are'} running or queued."
    return (Finding("too-few-trials", "info", None, sentence, advice),)


def within_noise(seen: SweepFacts) -> tuple[Finding, ...]:
    """The best few differ by less than the standard error sqrt(p (1 - p) / n) of the validation accuracy."""
    n_val, top = seen.n_val, sort_finished(seen.trials)[:TOP_TRIALS]
    best = [t.best_val_acc or 0.0 for t in top]
    if len(best) < MIN_FINISHED or n_val < 1 or _only_seeds_differ(top):
        return ()
    error = math.sqrt(best[0] * (1 - best[0]) / n_val)
    if best[0] - best[-1] > TIE_ERRORS * error:
        return ()
    sentence = f"The best {len(best)} lie between {best[-1]:.3f} and {best[0]:.3f}; with {n_val} validation "
    sentence += f"examples the standard error is {error:.3f}, so their order may be chance."
    advice = "Repeat the best with other seeds, or validate on more examples, before you name a winner."
    return (Finding("within-noise", "info", None, sentence, advice),)


def does_not_matter(seen: SweepFacts) -> tuple[Finding, ...]:
    """Some settings of the best trials lie where chance puts them, while another setting matters."""
    known = measure_importance(seen.space, seen.trials)
    if known.trials < IDLE_TRIALS or not any(share.matters for share in known.shares):
        return ()
    best = sort_finished(seen.trials)[0].settings
    found = []
    for setting in known.shares:
        if setting.matters or setting.share >= IDLE_SHARE:
            continue
        held = format_setting(getattr(best, setting.parameter))
        sentence = (
            f"{setting.parameter} hardly matters in this range: it has {setting.share:.0%} of "
            f"the importance, "
        )
        sentence += f"read off the best {known.top} of {known.trials} trials."
        advice = f"Keep {setting.parameter} at {held}, and spend the trials on what matters."
        found.append(Finding("does-not-matter", "info", None, sentence, advice))
    return tuple(found)


def val_too_small(seen: SweepFacts) -> tuple[Finding, ...]:
    """There are too few validation examples to tell half of the trials from the best."""
    n_val, accuracies = seen.n_val, [t.best_val_acc or 0.0 for t in sort_finished(seen.trials)]
    if len(accuracies) < FEW_TRIALS or n_val < 1:
        return ()
    best, middle = accuracies[0], accuracies[len(accuracies) // 2]
    spread = math.sqrt(2 * best * (1 - best))  # of a difference, for one example
    if best - middle >= APART_ERRORS * spread / math.sqrt(n_val):
        return ()
    sentence = (
        f"Half of the trials lie within {best - middle:.3f} of the best; with {n_val} validation examples "
    )
    sentence += f"the standard error of a difference is {spread / math.sqrt(n_val):.3f}."
    needed = math.ceil((APART_ERRORS * spread / max(best - middle, MIN_DIFFERENCE)) ** 2 / 100) * 100
    advice = f"Validate on about {needed:,} examples to tell them apart, or widen the ranges."
    if seen.n_examples is not None and needed > MAX_VAL_SHARE * seen.n_examples:
        advice = f"It would take about {needed:,} examples, more than this data set can spare: choose the "
        advice += "simplest of the best, or widen the ranges."
    return (Finding("val-too-small", "info", None, sentence, advice),)


def _all_choices_tried(seen: SweepFacts) -> bool:
    """The space has only a few values, and each was drawn."""
    choices = [d for d in seen.space.distributions.values() if isinstance(d, Choice)]
    all_choices = len(choices) == len(seen.space.distributions)
    return all_choices and len(seen.trials) >= math.prod(len(d.values) for d in choices)


def _only_seeds_differ(trials: Sequence[Result]) -> bool:
    """All are repeats of one trial: which of them is best is luck, and meant to be seen."""
    return len({replace(t.settings, seed=0) for t in trials}) == 1


def _edge_finding(edge: Edge, further: str) -> Finding:
    """A warning if the edge is clear, else a note that says why it may be chance. `further`: the new end."""
    sentence = _describe_edge(edge)
    if edge.opposed:
        sentence += f" But most of those have curves that are called {edge.opposed}, so it leads nowhere."
        advice = f"Look at their curves before you move the {edge.end} end of {edge.parameter}."
        return Finding("range-edge", "info", None, sentence, advice)
    if edge.clear:
        advice = f"The optimum may lie outside: search again with the {edge.end} end of {edge.parameter} at "
        return Finding("range-edge", "warning", None, sentence, f"{advice}{further}.")
    sentence += f" That may be chance: so far {edge.parameter} does not clearly matter."
    advice = f"Add trials; if the best still lie there, move the {edge.end} end of {edge.parameter} to "
    return Finding("range-edge", "info", None, sentence, f"{advice}{further}.")


def _describe_edge(edge: Edge) -> str:
    """What was found: the best trials at the end, or only a fit that rises beyond it."""
    side, name = edge.end, edge.parameter
    if not edge.best_there and edge.top_there * TOP_TRIALS < MOST_OF_TOP * edge.top:
        sentence = f"The fitted optimum of {name} lies beyond the {side} end of its range: "
        return sentence + "a parabola through the better half of the trials still rises there."
    where = []
    if edge.best_there:
        where.append(f"the best trial has {name} {format_number(edge.best_value)}")
    if edge.top_there > edge.best_there:
        where.append(f"{edge.top_there} of the best {edge.top} lie there")
    sentence = f"The best results lie at the {side} end of the range of {name}: {' and '.join(where)}"
    return sentence + (
        ", in its outer tenth; a fitted optimum lies beyond it."
        if edge.fit_beyond
        else ", in its outer tenth."
    )
