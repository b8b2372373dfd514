"""Owns docs/benchmarks.md: the results as a page, a pure function of the records (measures nothing)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from types import MappingProxyType

from benchmarks.contestants import CONTESTANTS
from benchmarks.crew import PROCESSES
from benchmarks.records import LIMIT, Reached, Run

OURS = "f"  # what the others are compared with
PLAIN, MOMENTUM = 0.0, 0.9

NOTHING: Mapping[str, float] = MappingProxyType({})
SCALING = (  # name in the results, words, bar, form, whether the bar is the most that it may be
    (
        "beside exploded",
        "a trial beside as many that exploded, over a group without them",
        1.05,
        "{:.3f} x",
        True,
    ),
    (
        "beside collapsed",
        "a trial beside as many that collapsed, over a healthy group",
        1.05,
        "{:.3f} x",
        True,
    ),
    ("line of trials", "100, 200, 400, 800 trials: off a straight line by", 0.10, "{:.0%}", True),
    ("line of units", "50, 100, 200, 400 hidden units: off a straight line by", 0.10, "{:.0%}", True),
    ("two workers", "two workers over one", 1.85, "{:.2f} x", False),
    ("own memory", "MB that one of eight workers has for itself", 150.0, "{:.0f}", True),
)

INTRODUCTION = """# Benchmarks

How long a whole hyper-parameter search takes, beside the other ways to run it. This page is written by
`make bench` from what it measured; each contestant is one small file in [benchmarks](../benchmarks),
written as a good user of that library would write it.

**The search** is the lecture's coarse search: settings drawn from wide ranges of learning rate and
regularisation, some of which explode, a net of 3072-50-10 with ReLU, mini-batches of 100, 49,000 training
images of CIFAR-10. After each epoch the accuracy is measured on the 1,000 validation images and on 1,000
training images. A trial whose cost exceeds three times its first cost ends there.

**Alike for all**: the same settings, epochs and explosion rule, two processes with one BLAS thread each,
trials (or groups of trials) handed out to whichever process is free. The clock starts when both processes
have started and hold their data in memory, each in the form that suits it, and ends with the last result;
for Lossdeck as a whole it starts with the POST to an idle server and ends when the live stream says that the
sweep is finished. Contestants take turns, round by round; figures are medians over the rounds, ratios are
taken within a round. The **share of the limit** is the arithmetic of all products that training and
evaluation needed, over the time, as a part of what the machine reaches with large float32 products in two
processes at once, the best of all rounds. What is computed for a trial after its explosion does not count.
The median pruner ends trials early, so (d) does less work than the others. Lossdeck draws first weights of
its own, the same for all trials of a search: where a rate is too low to leave them behind, its accuracies
differ from the others', in the mean too.
"""

AGAIN = """## Run it again

```sh
make bench                                              # everything, about an hour
make bench ARGS="--only f,c --trials 100 --rounds 3"    # the whole search in one go, these contestants alone
make bench ARGS="--minutes 30"                          # begins nothing new after half an hour ...
make bench ARGS="--resume"                              # ... and goes on from there
make bench ARGS="--dataset digits --epochs 3 --report /dev/stdout"    # a quick look
.venv/bin/python -m benchmarks.search                   # seconds to a good net, about half an hour
.venv/bin/python -m benchmarks.scaling                  # sick neighbours, many trials, memory: ten minutes
.venv/bin/python -m benchmarks.profile                  # where the time of a training step goes
```

CIFAR-10 must be there (`lossdeck data get cifar10`, or `LOSSDECK_DATA`); nothing else should run meanwhile.
"""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of what was asked for: a figure, and the bar it must reach."""

    words: str
    bar: float
    aim: float | None
    figure: float | None
    form: str = "{:.2f} x"
    at_most: bool = False
    possible: float | None = None  # at the machine's own rate

    @property
    def met(self) -> bool | None:
        if self.figure is None:
            return None
        return self.figure <= self.bar if self.at_most else self.figure >= self.bar


def page(
    runs: Sequence[Run],
    machine: Mapping[str, str],
    reached: Sequence[Reached] = (),
    measured: Mapping[str, float] = NOTHING,
) -> str:
    """The whole page in Markdown."""
    searches = list(dict.fromkeys(run.search for run in runs))
    rate = _limit(runs)
    tables = [_section([run for run in runs if run.search == search], rate) for search in searches]
    reached = [one for one in reached if one.dataset == "cifar10"]
    found = [_good_net(reached)] if reached else []
    return "\n".join(
        [INTRODUCTION, _machine(machine), *tables, _acceptance(runs, reached, measured), *found, AGAIN]
    )


def _machine(machine: Mapping[str, str]) -> str:
    rows = [f"| {name} | {value} |" for name, value in machine.items()]
    return "\n".join(["## The machine", "", "| | |", "|---|---|", *rows, ""])


def _section(runs: Sequence[Run], rate: float | None) -> str:
    one, figures = runs[0], Figures(runs, rate)
    rounds = len({run.round for run in runs})
    momentum = f"momentum {one.momentum:g}" if one.momentum else "plain SGD (momentum 0, as in the lecture)"
    title = f"## {one.dataset}: {one.trials} trials a round, {one.epochs} epochs, {momentum}"
    head = "| | | seconds | x (f) | share of the limit | exploded | pruned | best val | mean val |"
    present = [name for name in CONTESTANTS if figures.seconds(name) is not None]
    rows = [_row(name, figures) for name in sorted(present, key=lambda name: figures.seconds(name) or 0)]
    told = f"The machine's own rate: {rate / 1e9:.0f} GFLOP/s a process." if rate else ""
    return "\n".join(
        [title, "", f"{_count(rounds, 'round')}. {told}", "", head, "|---|---|" + "--:|" * 7, *rows, ""]
    )


def _row(name: str, figures: "Figures") -> str:
    latest, ratio, share = figures.of(name)[-1], figures.ratio(name, OURS), figures.share(name)
    accs = [acc for run in figures.of(name) for acc in run.best_val_accs if acc is not None]
    cells = [
        f"({name})",
        CONTESTANTS[name].title,
        f"{figures.seconds(name):.1f}",
        _form("{:.2f}", ratio),
        _form("{:.0%}", share),
        str(latest.exploded),
        str(latest.pruned),
        _form("{:.3f}", max(accs, default=None)),
        _form("{:.3f}", fmean(accs) if accs else None),
    ]
    return "| " + " | ".join(cells) + " |"


def _good_net(reached: Sequence[Reached]) -> str:
    one, seeds = reached[0], sorted({one.seed for one in reached})
    names = list(dict.fromkeys(one.contestant for one in reached))
    times = {(one.contestant, one.seed): one for one in reached}
    rows = [
        " | ".join([f"| seed {seed}", *(_told(times.get((name, seed))) for name in names)]) + " |"
        for seed in seeds
    ]
    told = (
        f"From the start of a search to its first trial with val accuracy {one.val_acc:g}: the lecture's "
        "space with momentum 0 or 0.9, 100 trials of at most 20 epochs, the same ones for both. (f) halves, "
        f"(d) prunes by the median. A search that never came to one counts as {one.limit:g} s."
    )
    head = " | ".join(["|", *(f"({name})" for name in names)]) + " |"
    medians = (_form("{:.1f}", _to_good_net(reached, name)) for name in names)
    last = " | ".join(["| median", *medians]) + " |"
    title = ["## Seconds to a good net", "", told, ""]
    return "\n".join([*title, head, "|---|" + "--:|" * len(names), *rows, last, ""])


def _told(one: Reached | None) -> str:
    if one is None:
        return ""
    return "never" if one.seconds is None else f"{one.seconds:.1f}"


def _to_good_net(reached: Sequence[Reached], name: str) -> float | None:
    return _median(one.counted for one in reached if one.contestant == name)


def _acceptance(runs: Sequence[Run], reached: Sequence[Reached], measured: Mapping[str, float]) -> str:
    def figures(momentum: float) -> Figures:
        return Figures(
            [run for run in runs if run.momentum == momentum and run.dataset == "cifar10"], _limit(runs)
        )

    plain, heavy = figures(PLAIN), figures(MOMENTUM)
    ours, theirs = _to_good_net(reached, OURS), _to_good_net(reached, "d")
    third = ours / theirs if ours is not None and theirs is not None else None
    lines = [
        _against(plain, "c", 2.4, 3.0),
        _against(plain, "a", 4.5, 5.5),
        _against(plain, "b", 3.6, 4.5),
        Line("(e), share of the limit, plain SGD", 0.70, 0.80, plain.share("e"), "{:.0%}"),
        Line("(e), share of the limit, momentum 0.9", 0.60, 0.75, heavy.share("e"), "{:.0%}"),
        Line("(f) over (e): queue, database, server", 1.03, None, plain.ratio(OURS, "e"), "{:.3f} x", True),
        Line("(f) over (d): seconds to a good net", 1 / 3, None, third, "{:.2f} x", True),
        *(Line(words, bar, None, measured.get(name), form, most) for name, words, bar, form, most in SCALING),
    ]
    head = "| | asked | aim | measured | met | possible at the machine's own rate |"
    rows = [_judged(line) for line in lines]
    beside = plain.ratio("c2", OURS)
    told = f"(c2), PyTorch as users write it, takes {beside:.2f} x the time of (f)." if beside else ""
    return "\n".join(["## What was asked of it", "", head, "|---|--:|--:|--:|---|--:|", *rows, "", told, ""])


def _against(figures: "Figures", name: str, bar: float, aim: float) -> Line:
    share = figures.share(name)
    title = f"({OURS}) faster than ({name}), {CONTESTANTS[name].title}"
    return Line(title, bar, aim, figures.ratio(name, OURS), possible=1 / share if share else None)


def _judged(line: Line) -> str:
    bar = ("at most " if line.at_most else "at least ") + line.form.format(line.bar)
    met = {True: "yes", False: "**no**", None: "not measured"}[line.met]
    cells = [line.words, bar, _form(line.form, line.aim), _form(line.form, line.figure), met]
    return "| " + " | ".join([*cells, _form(line.form, line.possible)]) + " |"


class Figures:
    """Medians over the rounds of one search."""

    def __init__(self, runs: Iterable[Run], rate: float | None) -> None:
        """rate: the machine's own, in flop/s of a process."""
        self._runs = {(run.contestant, run.search, run.round): run for run in runs}
        self._rate = rate

    def of(self, name: str) -> list[Run]:
        return [run for (contestant, *_), run in self._runs.items() if contestant == name]

    def seconds(self, name: str) -> float | None:
        return _median(run.seconds for run in self.of(name))

    def ratio(self, name: str, other: str) -> float | None:
        """Seconds of one over seconds of another in the same round."""
        pairs = [(run, self._runs.get((other, run.search, run.round))) for run in self.of(name)]
        return _median(run.seconds / beside.seconds for run, beside in pairs if beside is not None)

    def share(self, name: str) -> float | None:
        """Of the machine's own rate."""
        if self._rate is None:
            return None
        limit = PROCESSES * self._rate
        return _median(run.flops / run.seconds / limit for run in self.of(name))


def _limit(runs: Sequence[Run]) -> float | None:
    """The best rate of all rounds, in flop/s of a process: what the machine can do undisturbed."""
    return max((run.flops for run in runs if run.contestant == LIMIT), default=None)


def _median(values: Iterable[float]) -> float | None:
    found = list(values)
    return median(found) if found else None


def _form(form: str, value: float | None) -> str:
    return "" if value is None else form.format(value)


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
