"""The help page's text for every finding, each with a sketch of a typical curve."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT, MARGIN = 144, 80, 10
POINTS = 40

Curve = Callable[[float], float]  # from time, 0 to 1, to height, 0 to 1; nan where the curve has ended


@dataclass(frozen=True, slots=True)
class FindingHelp:
    """What a finding means and what to do about it; `picture` describes the sketch.

    The second curve of a sketch is for validation.
    """

    code: str
    title: str
    picture: str
    curves: tuple[Curve, ...]
    meaning: str
    advice: str

    @property
    def paths(self) -> tuple[str, ...]:
        """The curves as SVG paths in a box of WIDTH by HEIGHT."""
        return tuple(draw_path([curve(n / (POINTS - 1)) for n in range(POINTS)]) for curve in self.curves)


def draw_path(values: Sequence[float]) -> str:
    """Evenly spaced values from 0 to 1 as an SVG path; it ends before the first value that is not finite."""
    finite = list(values[: next((n for n, v in enumerate(values) if not math.isfinite(v)), len(values))])
    across, up = (WIDTH - 2 * MARGIN) / (len(values) - 1), HEIGHT - 2 * MARGIN
    dots = [f"{MARGIN + n * across:.1f} {HEIGHT - MARGIN - v * up:.1f}" for n, v in enumerate(finite)]
    return "M" + "L".join(dots)


def exponential_fall(start: float, end: float, pace: float) -> Curve:
    return lambda t: end + (start - end) * math.exp(-pace * t)


def straight_line(start: float, end: float) -> Curve:
    return lambda t: start + (end - start) * t


def late_fall(t: float) -> float:
    return 0.85 if t < 0.5 else 0.1 + 0.75 * math.exp(-9 * (t - 0.5))


def fall_and_explode(start: float, until: float) -> Curve:
    """A curve that falls a little, then rises out of the sketch at time `until`."""
    return lambda t: start - 0.5 * t + (t / until) ** 6 * 0.75 if t < until else math.nan


def noisy_fall(t: float) -> float:
    return 0.35 + 0.4 * math.exp(-4 * t) + 0.16 * math.sin(97 * t) * math.cos(41 * t)


def rise_and_fall(t: float) -> float:
    return 0.15 + 0.65 * (1 - math.exp(-6 * t)) - 0.3 * max(t - 0.45, 0)


def saturating_rise(end: float, pace: float) -> Curve:
    return lambda t: 0.05 + (end - 0.05) * (1 - math.exp(-pace * t))


def bell(at: float, width: float) -> Curve:
    return lambda t: 0.1 + 0.8 * math.exp(-(((t - at) / width) ** 2))


FINDING_HELP = (
    FindingHelp(
        "healthy",
        "Healthy",
        "falls quickly, then flattens low",
        (exponential_fall(0.95, 0.05, 5),),
        "The loss falls fast, then flattens at a low level, and validation keeps up with training.",
        "Nothing is wrong; compare it with its neighbours, then search finer around this setting.",
    ),
    FindingHelp(
        "lr-too-low",
        "Learning rate too low",
        "barely falls",
        (straight_line(0.9, 0.84),),
        "The loss barely changes. Accuracy may climb all the same: the scores hardly differ, so the softmax "
        "loss hardly moves, but the gradient points the right way and the largest score follows it already.",
        "Raise the learning rate, by ten at first.",
    ),
    FindingHelp(
        "lr-bit-low",
        "Learning rate a bit low",
        "falls in an almost straight line",
        (straight_line(0.9, 0.4),),
        "The loss falls in an almost straight line, or by small steps, and is far from settled at the end: "
        "every step goes down, none goes far.",
        "Raise the learning rate by three, or train longer.",
    ),
    FindingHelp(
        "lr-too-high",
        "Learning rate too high",
        "falls quickly, then stays on a high plateau",
        (exponential_fall(0.95, 0.5, 14),),
        "A quick fall, then a plateau at a high loss: there is too much energy in the steps, and the weights "
        "bounce about without settling further down.",
        "Lower the learning rate by three, or let it decay faster.",
    ),
    FindingHelp(
        "exploding",
        "Exploding",
        "rises up and away",
        (fall_and_explode(0.7, 0.6),),
        "The cost fell, then rose beyond three times where it began, or beyond every number: each step "
        "overshoots by more than the last.",
        "Lower the learning rate by three to ten; the range of the search should end below this.",
    ),
    FindingHelp(
        "nan-at-once",
        "Not a number at once",
        "leaves the picture in the first epoch",
        (fall_and_explode(0.6, 0.15),),
        "The cost is not a number, or infinite, in the first epoch. A cost of nan almost always means a high "
        "learning rate.",
        "Divide the learning rate by ten or more.",
    ),
    FindingHelp(
        "broke-out",
        "Broke out",
        "crosses three times the first cost",
        (fall_and_explode(0.5, 0.4), straight_line(0.95, 0.95)),
        "The cost rose above three times the first one, and the trial was ended: what explodes need not be "
        "trained to its end. It is kept as a result, and never ranked.",
        "Lower the learning rate by three to ten.",
    ),
    FindingHelp(
        "too-early",
        "Too early to say",
        "two points",
        (lambda t: 0.9 - 0.2 * t if t < 0.1 else math.nan,),
        "A curve of one or two epochs has no shape.",
        "Wait for the third epoch.",
    ),
    FindingHelp(
        "bad-init",
        "Bad initialisation",
        "stays flat for long, then falls suddenly",
        (late_fall,),
        "A long flat stretch at ln(C), as if nothing were learnt, then a sudden fall; or flat to the end "
        "while the first layers get hardly any gradient: bad initial weights are the prime suspect.",
        "Use He or Xavier initialisation, or a larger scale.",
    ),
    FindingHelp(
        "dead-units",
        "Dead units",
        "falls to chance and stays there",
        (exponential_fall(1.0, 0.7, 40),),
        "The loss sits at chance and no weight moves: the units of a layer give 0 for every example, so they "
        "pass no gradient on and never will again. A step too large does that to ReLU units.",
        "Lower the learning rate, start from other weights, or use leaky ReLU.",
    ),
    FindingHelp(
        "reg-crushing",
        "Regularisation too strong",
        "the data loss stays high",
        (exponential_fall(0.9, 0.65, 8), exponential_fall(1.0, 0.05, 6)),
        "The penalty on the weights pulls harder than the data: the weights shrink, or are held so small "
        "that the net cannot say what it has learnt.",
        "Lower reg by ten to a hundred.",
    ),
    FindingHelp(
        "overfitting",
        "Overfitting",
        "train accuracy rises far above validation accuracy",
        (saturating_rise(0.97, 5), saturating_rise(0.6, 7)),
        "Train accuracy runs away from validation accuracy: the net learns the training part by heart. The "
        "finding says in which epoch the gap began.",
        "Increase regularisation or dropout, or get more data.",
    ),
    FindingHelp(
        "val-peaked",
        "Validation peaked",
        "validation accuracy falls again",
        (saturating_rise(0.95, 5), rise_and_fall),
        "Validation accuracy was clearly higher before than it is now, by more than its standard error.",
        "Stop near the peak (the best epoch's weights are kept), or let the learning rate decay faster.",
    ),
    FindingHelp(
        "noisy-loss",
        "Noisy loss",
        "jumps up and down",
        (noisy_fall,),
        "The cost jumps from one mini-batch to the next, or from epoch to epoch, by much of its level. The "
        "amount of wiggle goes with the size of the batch: highest at 1, none with all examples.",
        "Use larger batches, or a lower learning rate.",
    ),
    FindingHelp(
        "update-ratio",
        "Updates too large or too small",
        "outside the band",
        (straight_line(0.85, 0.8), straight_line(0.5, 0.5)),
        "The size of an update against the size of the weights, for each matrix, should be about 1 to 1,000. "
        "Far above it the weights are thrown about; far below nothing moves.",
        "Lower or raise the learning rate; start from larger or smaller weights.",
    ),
    FindingHelp(
        "no-gap",
        "No gap",
        "train and validation accuracy rise together",
        (saturating_rise(0.6, 8), saturating_rise(0.57, 8)),
        "The loss has settled, and train and validation accuracy stay together: the net has no room to learn "
        "more than it does.",
        "Use more hidden units or layers, or less regularisation.",
    ),
    FindingHelp(
        "still-improving",
        "Still improving",
        "validation accuracy rises to the end",
        (saturating_rise(0.95, 1.5),),
        "Validation accuracy rose in the last quarter of the epochs: the end came before the best.",
        "Train longer.",
    ),
    FindingHelp(
        "range-edge",
        "Best at the edge",
        "accuracy still rises where the range ends",
        (bell(1.1, 0.5),),
        "The best trials lie at the end of a searched range, or a fit through the better half still rises "
        "there: the optimum may lie outside. Of a setting that does not clearly matter it is only a note: "
        "by chance the best trial lies in one of the two outer tenths of every fifth range.",
        "Move the range past that end before you trust the result; Refine does.",
    ),
    FindingHelp(
        "mostly-diverged",
        "Most trials diverged",
        "nearly all rise up and away",
        (fall_and_explode(0.5, 0.3), fall_and_explode(0.4, 0.5)),
        "More than half of the trials that ended diverged: the search spends itself where nothing trains.",
        "Lower the high end of lr by ten.",
    ),
    FindingHelp(
        "too-few-trials",
        "Too few trials",
        "four points",
        (lambda t: 0.3 if t < 0.1 else math.nan,),
        "The best of ten random trials is within the best quarter of the range with 95 %; of fewer, less is "
        "sure.",
        "Add trials before you conclude.",
    ),
    FindingHelp(
        "within-noise",
        "Within noise",
        "two curves that cannot be told apart",
        (saturating_rise(0.8, 4), saturating_rise(0.78, 4)),
        "The best few lie within one standard error of the validation accuracy, sqrt(p (1 - p) / n): their "
        "order may be chance.",
        "Repeat the best with other seeds, or validate on more examples.",
    ),
    FindingHelp(
        "val-too-small",
        "Too few validation examples",
        "half of all trials close together",
        (saturating_rise(0.8, 4), saturating_rise(0.72, 4)),
        "Half of the trials lie within two standard errors of the best: so few validation examples cannot "
        "rank them.",
        "Validate on more examples; the finding says how many it takes.",
    ),
    FindingHelp(
        "does-not-matter",
        "A setting that hardly matters",
        "accuracy is the same everywhere in the range",
        (straight_line(0.6, 0.6),),
        "The best trials lie in this setting's range as by chance (PED-ANOVA importance, chance taken off): "
        "random search has shown that it is not where the difference is made.",
        "Keep it where it is, and spend the trials on what matters.",
    ),
)
