"""Owns `python -m benchmarks.profile`: where the time of a training step goes, around the real functions.

One group is trained in this process, with one BLAS thread and every epoch recorded in a database of its own.
A part's time is its own: what it spends in another part counts there.
"""

import argparse
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import wraps
from inspect import isfunction, isgeneratorfunction
from pathlib import Path
from typing import Any

from learning.search.space import Space
from store.actions import sweep_actions
from worker import process

process.limit_blas_before_numpy()

from benchmarks.task import RECIPE  # noqa: E402  NumPy comes with it
from learning.data import catalog  # noqa: E402
from learning.data.dataset import Split, make_split  # noqa: E402
from learning.errors import DatasetError, Invalid  # noqa: E402
from learning.search.recipes import plan_recipe  # noqa: E402
from learning.settings import Settings  # noqa: E402
from learning.training import group, net, updates  # noqa: E402
from learning.training.trainer import GroupEpoch, Member, train  # noqa: E402
from store.config import Config  # noqa: E402
from store.db import migrations  # noqa: E402
from store.db.checkpoints_and_weights import Files  # noqa: E402
from store.db.database import Database  # noqa: E402
from store.queue import claimed_groups, claims  # noqa: E402
from worker.checkpoints import Checkpoints  # noqa: E402

WATCHED = {
    Split: "gather",
    net.Pass: "",  # whichever public methods there are
    updates.Updater: "",
    group.Group: "",
}
WHOLE = "evaluate"  # what it calls belongs to it
NAMES = {
    "gather": "gather the mini-batch",
    "forward": "forward",
    "losses": "softmax and losses",
    "backward": "backward products",
    "apply": "update",
    "penalty": "L2 penalty",
    "evaluate": "evaluation",
    "train_epoch": "rest of the steps",
}
STORAGE, BETWEEN = "storage", "between epochs"


class Watch:
    """Seconds by label; the time inside a nested label is the nested one's."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._open: list[str] = []
        self._since = 0.0

    @contextmanager
    def on(self, label: str) -> Iterator[None]:
        self._turn()
        self._open.append(label)
        try:
            yield
        finally:
            self._turn()
            self._open.pop()

    def around(self, method: Callable[..., Any], label: str) -> Callable[..., Any]:
        """The method, timed; of a generator each step."""

        @wraps(method)
        def timed(*args: Any, **kwargs: Any) -> Any:
            if WHOLE in self._open:
                return method(*args, **kwargs)
            with self.on(label):
                return method(*args, **kwargs)

        @wraps(method)
        def stepwise(*args: Any, **kwargs: Any) -> Iterator[Any]:
            steps, end = method(*args, **kwargs), object()
            while True:
                with self.on(label):
                    step = next(steps, end)
                if step is end:
                    return
                yield step

        return stepwise if isgeneratorfunction(method) else timed

    def _turn(self) -> None:
        now = time.perf_counter()
        if self._open:
            self.seconds[self._open[-1]] += now - self._since
        self._since = now


class Storage:
    """A database of its own, in which the trials are claimed and their epochs recorded as a worker does."""

    def __init__(self, home: Path, settings: Sequence[Settings], dataset: str) -> None:
        home.mkdir()
        self.database = Database.open(f"sqlite:///{home / 'lossdeck.db'}")
        migrations.upgrade(self.database)
        new = sweep_actions.NewSweep("profile", dataset, None, Space({}), {}, "random", 0, tuple(settings))
        self._claims: list[claims.Claim] = []
        with self.database.write() as c:
            sweep_actions.create(c, new, time.time())
            while (claim := claims.claim(c, "profile", time.time())) is not None:
                self._claims.append(claim)
        self._checkpoints = Checkpoints(Files(home), self._claims[0])
        self.members = [Member(one.id, one.settings) for claim in self._claims for one in claim.trials]

    def record(self, step: GroupEpoch) -> None:
        ref = self._checkpoints.save(step, now=False)
        for claim in self._claims:
            ids = {one.id for one in claim.trials}
            with self.database.write() as c:
                claimed_groups.record(
                    c, claim, [row for row in step.epochs if row.key in ids], ref, time.time()
                )
            ref = None


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0 done, 1 the data is not there or the settings do not fit, 2 wrong usage."""
    options, config = _parser().parse_args(arguments), Config()
    try:
        dataset = catalog.load(options.dataset, config.home, config.data)
        settings = _settings(options)
        split = make_split(dataset, settings)
    except (DatasetError, Invalid) as error:
        print(error, file=sys.stderr)
        return 1
    watch = Watch()
    _put_on(watch)
    with tempfile.TemporaryDirectory(prefix="profile-") as folder:
        storage = Storage(Path(folder) / "home", [settings] * options.trials, options.dataset)
        with closing(storage.database), watch.on(BETWEEN):
            for step in train(storage.members, split, seed=0):
                with watch.on(STORAGE):
                    storage.record(step)
    steps = settings.epochs * (len(split.train_rows) // group.batch_rows(settings, len(split.train_rows)))
    print(_table(watch, steps, options.trials))
    return 0


def _put_on(watch: Watch) -> None:
    """Around every public method of the watched classes, or the one that is named."""
    for owner, only in WATCHED.items():
        for name, method in list(vars(owner).items()):
            if isfunction(method) and not name.startswith("_") and only in ("", name):
                setattr(owner, name, watch.around(method, name))


def _table(watch: Watch, steps: int, trials: int) -> str:
    total = sum(watch.seconds.values())
    lines = [f"{trials} trials, {steps} steps, {total:.2f} s; milliseconds of a step of a trial:"]
    for name, seconds in sorted(watch.seconds.items(), key=lambda item: -item[1]):
        share = seconds / total
        if share >= 0.001:
            lines.append(f"{1000 * seconds / steps / trials:8.4f}  {share:6.1%}  {NAMES.get(name, name)}")
    return "\n".join([*lines, f"{1000 * total / steps / trials:8.4f}  {1:6.1%}  all"])


def _settings(options: argparse.Namespace) -> Settings:
    """The coarse recipe's, a learning rate that neither explodes nor collapses, and what was asked for."""
    plan = plan_recipe(RECIPE, options.dataset)
    asked = {
        name: getattr(options, name)
        for name in ("hidden", "update", "momentum", "batch_size", "dropout", "train_count", "epochs", "reg")
    }
    lr = {"lr": 1e-4 if options.dataset == "cifar10" else 1e-2}
    return replace(Settings.parse(plan.settings | lr | asked), seed=0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m benchmarks.profile", description=__doc__)
    add = parser.add_argument
    add("--dataset", default="cifar10")
    add("--trials", type=int, default=16, help="trials of the group (%(default)s)")
    add("--hidden", type=int, nargs="*", default=[50], help="units of each hidden layer (50)")
    add("--update", default="momentum", help="update rule (%(default)s)")
    add("--momentum", type=float, default=0.0)
    add("--reg", type=float, default=1e-3)
    add("--dropout", type=float, default=0.0)
    add("--batch-size", type=int, default=100)
    add("--train-count", type=int, help="training rows, if not all")
    add("--epochs", type=int, default=2)
    return parser


if __name__ == "__main__":
    sys.exit(main())
