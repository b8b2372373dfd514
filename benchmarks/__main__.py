"""Owns `python -m benchmarks`: rounds, in each every contestant on the same slice of the coarse search."""

import argparse
import sys
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from benchmarks import crew, machine, records, report
from benchmarks.contestants import CONTESTANTS
from benchmarks.records import LIMIT, Results
from benchmarks.task import WHOLE, Task, coarse, part, sizes
from learning.errors import DatasetError
from store.config import Config


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0 done, 1 the data is not there, 2 wrong usage."""
    config = Config()
    options = _parser(config.home).parse_args(arguments)
    try:
        search = coarse(
            options.dataset,
            config.home,
            config.data,
            seed=options.seed,
            momentum=options.momentum,
            epochs=options.epochs,
        )
    except DatasetError as error:
        print(error, file=sys.stderr)
        return 1
    chosen = _chosen(options.only)
    results = Results(options.out)
    if not options.resume:
        results.clear()
    results.add_machine(machine.describe() | {"date": date.today().isoformat()})
    _run(search, chosen, options, results)
    if options.report:
        page = report.page(results.runs(), results.machine(), results.reached(), results.measured())
        options.report.write_text(page)
    return 0


def _run(search: Task, chosen: Sequence[str], options: argparse.Namespace, results: Results) -> None:
    """Round by round; what the file has already is left out, and so is what would begin after the limit."""
    started = time.monotonic()
    for round in range(options.rounds):
        task = part(search, options.trials, round)
        done = {run.place for run in results.runs()}
        for contestant in (LIMIT, *chosen):
            if records.place(contestant, round, task) in done:
                continue
            if time.monotonic() - started > 60 * options.minutes:
                print("The time is up; --resume goes on from here.")
                return
            run = _measure(contestant, round, task)
            results.add(run)
            print(_line(run), flush=True)


def _measure(contestant: str, round: int, task: Task) -> records.Run:
    if contestant == LIMIT:
        return records.limit(round, task, *machine.sgemm_rate())
    seconds, outcomes = CONTESTANTS[contestant].run(task)
    return records.summary(contestant, round, task, sizes(task), seconds, outcomes)


def _line(run: records.Run) -> str:
    if run.contestant == LIMIT:
        return f"round {run.round}  {run.flops / 1e9:6.1f} GFLOP/s a process: the machine's own sgemm rate"
    return (
        f"round {run.round}  {run.seconds:6.1f} s  {run.exploded:2} exploded, {run.pruned:2} pruned, "
        f"best val {max((acc for acc in run.best_val_accs if acc is not None), default=0):.3f}  "
        f"{run.contestant:2}  {CONTESTANTS[run.contestant].title}"
    )


def _chosen(only: str | None) -> list[str]:
    """Those asked for, or all, without those whose library is not installed."""
    wanted = only.split(",") if only else list(CONTESTANTS)
    unknown = [letter for letter in wanted if letter not in CONTESTANTS]
    if unknown:
        print(
            f"--only {only}: there is no {unknown[0]!r}; there are {', '.join(CONTESTANTS)}.", file=sys.stderr
        )
        raise SystemExit(2)
    for letter in wanted:
        if not CONTESTANTS[letter].here:
            print(f"{letter} is left out: {CONTESTANTS[letter].needs} is not installed (extra `bench`).")
    return [letter for letter in wanted if CONTESTANTS[letter].here]


def _parser(home: Path) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    add = parser.add_argument
    add("--dataset", default="cifar10", help="cifar10, or digits for a quick look")
    add("--only", metavar="a,b", help="these contestants alone: " + ", ".join(CONTESTANTS))
    add("--trials", type=int, default=WHOLE // 2, help="trials of a round (%(default)s of the search's 100)")
    add("--rounds", type=int, default=2, help="rounds, each on the next slice of the search (%(default)s)")
    add("--epochs", type=int, help="instead of the recipe's")
    add(
        "--momentum",
        type=float,
        default=0.0,
        help="instead of the recipe's 0; rates go down with it",
    )
    add("--seed", type=int, default=0, help="of the search")
    add("--out", type=Path, default=home / "bench" / "results.jsonl", help="results (%(default)s)")
    add("--report", type=Path, help="write the page of all results here")
    add("--resume", action="store_true", help="keep the results that are there, and measure what is missing")
    add("--minutes", type=float, default=float("inf"), help="begin nothing new after so many minutes")
    return parser


if __name__ == "__main__":
    crew.end_in_order()
    sys.exit(main())
