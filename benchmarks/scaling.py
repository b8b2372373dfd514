"""Owns `python -m benchmarks.scaling`: what a trial costs beside sick neighbours, many others, in wider nets.

Everything is the lecture's net on few images of CIFAR-10. Each figure is a ratio of times taken in turns, the
best of several rounds, because a machine that others use is only ever too slow.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks import crew, trainer, whole
from benchmarks.records import Measured, Results
from benchmarks.task import Task, coarse
from learning.data import catalog
from learning.data.dataset import make_split
from learning.errors import DatasetError
from learning.settings import Settings
from learning.training.trainer import Member, train
from store.config import Config
from store.queue.groups import MAX_GROUP_SIZE

FEW = 5_000  # training images
HEALTHY = {"lr": 1e-4, "reg": 1e-3}
EXPLODES = {"lr": 1e-3, "reg": 1e4}  # lr * reg = 10: the weights grow nine times with each step
COLLAPSES = {"lr": 1e-3, "reg": 9e2}  # lr * reg = 0.9: a tenth is left of them after each step
LATER = 2  # epochs after which the sick have left, or have nothing left to lose
TRIALS = (100, 200, 400, 800)
HIDDEN = (50, 100, 200, 400)
WORKERS = 8  # whose memory is counted


def _beside_sick(task: Task, rounds: int) -> Callable[[int], tuple[float, float]]:
    """What a trial costs beside as many that exploded, over a group without them; the same with collapsed.

    Those that exploded have left the group; those that collapsed are trials like any other.
    """
    base = replace(task.settings[0], epochs=LATER + 3, train_count=_few(task))
    split = make_split(catalog.load(task.dataset, task.home, task.data), base)
    half = [HEALTHY] * (MAX_GROUP_SIZE // 2)
    groups = {"half": half, "exploded": half + [EXPLODES] * len(half)}
    groups |= {"whole": half * 2, "collapsed": half + [COLLAPSES] * len(half)}

    def later(points: Sequence[dict[str, float]]) -> float:
        """The quickest later epoch of such a group, in seconds of a trial."""
        members = [Member(n, replace(base, seed=n, **point)) for n, point in enumerate(points)]  # type: ignore[arg-type]
        steps = train(members, split, seed=0)
        return min(step.epochs[0].seconds for step in steps if step.epochs[0].epoch > LATER)

    def work(_: int) -> tuple[float, float]:
        best = dict.fromkeys(groups, float("inf"))
        for _ in range(rounds):
            for name, points in groups.items():
                best[name] = min(best[name], later(points))
        return best["exploded"] / best["half"], best["collapsed"] / best["whole"]

    return work


def straightness(figures: Sequence[tuple[float, float]]) -> float:
    """How far the seconds of (work, seconds) are from a straight line: the largest part.

    The line (least squares of such parts) begins at what any work costs, which is not below 0.
    """
    work, seconds = np.array(figures, dtype=np.float64).T
    for terms in ([np.ones_like(work), work], [work]):
        design = np.column_stack(terms) / seconds[:, None]
        found = np.linalg.lstsq(design, np.ones_like(work), rcond=None)[0]
        if (found >= 0).all():
            break
    return float(np.abs(1 / (design @ found) - 1).max())


def seconds_of(task: Task, settings: Sequence[Settings], processes: int = crew.PROCESSES) -> float:
    """Of the trainer, with the groups that the store would cut."""
    part = replace(task, settings=tuple(settings))
    return crew.run(trainer.load, (part,), trainer.jobs(part), processes=processes)[0]


def healthy(task: Task, trials: int, *, hidden: int = 50, whole: bool = False) -> list[Settings]:
    """Trials of one epoch that end well, on few images or on all."""
    few = None if whole else _few(task)
    base = replace(task.settings[0], hidden=(hidden,), epochs=1, train_count=few, **HEALTHY)  # type: ignore[arg-type]
    return [replace(base, seed=seed) for seed in range(trials)]


def _few(task: Task) -> int:
    """Training rows of a figure that needs no more."""
    return min(FEW, catalog.find_summary(task.dataset, task.home, task.data).n_train // 2)


def memory(task: Task) -> tuple[float, float]:
    """MB: the most that one of eight workers holds for itself, and what all together hold of shared pages."""
    wide = replace(task, settings=tuple(healthy(task, WORKERS * MAX_GROUP_SIZE, whole=True)))
    own, shared = [0.0], [0.0]
    with whole.server(wide, WORKERS) as lossdeck:
        sweep = lossdeck.ask("/api/sweeps", whole.body(wide))
        while sweep["state"] not in whole.OVER:
            for_all = [_pages(one["pid"]) for one in lossdeck.ask("/api/workers")["workers"]]
            own.append(max(private for private, _ in for_all))
            shared.append(sum(part for _, part in for_all))
            time.sleep(1.0)
            sweep = lossdeck.ask(f"/api/sweeps/{sweep['id']}")
    return max(own), max(shared)


def _pages(pid: int) -> tuple[float, float]:
    """MB of a process in memory: its own, and its proportional part of what others have mapped too."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    kB = {line.split(":")[0]: int(line.split()[1]) for line in lines}
    private = kB["Private_Clean"] + kB["Private_Dirty"]
    return private / 1e3, (kB["Pss"] - private) / 1e3


def sick(task: Task, rounds: int) -> dict[str, float]:
    with crew.one_thread():
        exploded, collapsed = crew.run(_beside_sick, (task, rounds), [0], processes=1)[1][0]
    return {"beside exploded": exploded, "beside collapsed": collapsed}


def trials(task: Task, rounds: int) -> dict[str, float]:
    return {"line of trials": _line(task, rounds, {n: healthy(task, n) for n in TRIALS})}


def units(task: Task, rounds: int) -> dict[str, float]:
    return {
        "line of units": _line(task, rounds, {n: healthy(task, 2 * MAX_GROUP_SIZE, hidden=n) for n in HIDDEN})
    }


def workers(task: Task, rounds: int) -> dict[str, float]:
    settings = healthy(task, 8 * MAX_GROUP_SIZE)
    ratios = [seconds_of(task, settings, 1) / seconds_of(task, settings) for _ in range(rounds)]
    return {"two workers": median(ratios)}


def pages(task: Task, rounds: int) -> dict[str, float]:
    own, shared = memory(task)
    return {"own memory": own, "shared memory": shared}


def _line(task: Task, rounds: int, cases: dict[int, list[Settings]]) -> float:
    best = dict.fromkeys(cases, float("inf"))
    for _ in range(rounds):
        for work, settings in cases.items():
            best[work] = min(best[work], seconds_of(task, settings))
    return straightness(list(best.items()))


PARTS = {part.__name__: part for part in (sick, trials, units, workers, pages)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0 done, 1 the data is not there, 2 wrong usage."""
    config = Config()
    options = _parser(config.home).parse_args(arguments)
    try:
        task = coarse(options.dataset, config.home, config.data)
    except DatasetError as error:
        print(error, file=sys.stderr)
        return 1
    results = Results(options.out)
    for part in options.only or PARTS:
        for name, figure in PARTS[part](task, options.rounds).items():
            results.add_measured(Measured(name, figure))
            print(f"{name}: {figure:.3f}", flush=True)
    return 0


def _parser(home: Path) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m benchmarks.scaling", description=__doc__)
    add = parser.add_argument
    add("--dataset", default="cifar10", help="cifar10, or digits for a quick look")
    add("--only", nargs="*", choices=PARTS, help="these figures alone")
    add("--rounds", type=int, default=3, help="(%(default)s)")
    add("--out", type=Path, default=home / "bench" / "results.jsonl", help="results (%(default)s)")
    return parser


if __name__ == "__main__":
    crew.end_in_order()
    sys.exit(main())
