"""Shapes: the help page's pictures and words about loss curves (learning.findings finds them)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shape:
    """One shape of curve, drawn in a box of 144 by 80; the second path is for validation."""

    title: str
    picture: str
    paths: tuple[str, ...]
    meaning: str
    advice: str


SHAPES = (
    Shape(
        "Good",
        "falls quickly, then flattens low",
        ("M10 10C20 55 45 66 134 70",),
        "The loss falls fast, then flattens at a low level.",
        "Train a little longer, then search finer around this setting.",
    ),
    Shape(
        "Learning rate too low",
        "falls slowly, almost in a straight line",
        ("M10 12L134 40",),
        "The loss falls slowly, almost in a straight line, or barely moves. Accuracy may climb all the "
        "same: the softmax loss hardly changes while the largest score is already the right one.",
        "Raise the learning rate, by ten at first.",
    ),
    Shape(
        "Learning rate too high",
        "falls quickly, then stays on a high plateau",
        ("M10 10C14 36 22 38 134 40",),
        "A quick fall, then a plateau far above what other trials reach: the steps are too large to get "
        "down further.",
        "Lower the learning rate, or let it decay faster.",
    ),
    Shape(
        "Diverged",
        "rises up and away",
        ("M10 52C34 60 44 60 56 44C66 30 72 16 76 4",),
        "The cost explodes or is not a number any more. A cost of nan almost always means a high "
        "learning rate.",
        "Lower the learning rate by three to ten; the range of the search should end below this.",
    ),
    Shape(
        "Bad initialisation",
        "stays flat for long, then falls suddenly",
        ("M10 14L78 15C90 16 92 60 134 66",),
        "A long flat stretch at ln(C), as if nothing were learnt, then a sudden fall: bad initial weights "
        "are the prime suspect.",
        "Use He or Xavier initialisation, or a larger scale.",
    ),
    Shape(
        "Overfitting",
        "train accuracy rises far above validation accuracy",
        ("M10 70C40 20 70 12 134 8", "M10 70C40 38 70 34 134 40"),
        "Train accuracy runs away from validation accuracy: the net learns the training part by heart.",
        "Increase regularisation or dropout, or get more data.",
    ),
    Shape(
        "No gap",
        "train and validation accuracy rise together",
        ("M10 70C40 40 70 34 134 30", "M10 70C40 43 70 37 134 34"),
        "Train and validation accuracy stay together: the net has no room to learn more than it does.",
        "Use more hidden units or layers, less regularisation, or train longer.",
    ),
    Shape(
        "Best at the edge",
        "accuracy still rises where the range ends",
        ("M10 70C60 66 100 40 134 8", "M134 4L134 76"),
        "The best trials lie at the end of the searched range: the optimum may well lie outside it.",
        "Move the range past that end before you trust the result; Refine does.",
    ),
)
