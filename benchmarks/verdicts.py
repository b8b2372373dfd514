"""Verdicts against causes: trains nets whose causes are known, and writes a confusion table (`--report`)."""

from __future__ import annotations

import argparse
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.causes import label, runs, tasks
from benchmarks.trained import Run
from learning.diagnosis.findings import TRIAL_CODES, Finding, trial_findings

REPORTED = (17, 18, 19, 20, 21, 22)  # the rules were worked on with the seeds 0 to 16
LOOKED_AT = 2  # findings among which the right one must be
SICK = ("bad", "warning")
RAISE_LR = frozenset({"lr-too-low", "lr-bit-low"})
LOWER_LR = frozenset({"lr-too-high", "nan-at-once", "exploding", "broke-out", "dead-units", "noisy-loss"})
NOTED = (("noisy-loss", "info"), ("bad-init", "info"))
OPPOSITES = (
    (RAISE_LR, LOWER_LR),
    (frozenset({"overfitting"}), frozenset({"no-gap", "reg-crushing"})),
    (RAISE_LR | {"reg-crushing"}, frozenset({"no-gap"})),
    (frozenset({"reg-crushing"}), frozenset({"val-peaked"})),
    (frozenset({"healthy"}), RAISE_LR | LOWER_LR | {"bad-init", "reg-crushing", "overfitting"}),
    (frozenset({"still-improving"}), frozenset({"val-peaked", "no-gap"})),
)


@dataclass(frozen=True, slots=True)
class Case:
    """One run, what may be said of it, and what was."""

    run: Run
    cause: str | None  # None: it did not come out as its recipe says
    right: frozenset[str]
    said: tuple[Finding, ...]

    @property
    def codes(self) -> list[str]:
        return [finding.code for finding in self.said]

    @property
    def hit(self) -> bool:
        return bool(self.right & set(self.codes[:LOOKED_AT]))

    @property
    def sick(self) -> bool:
        return self.said[0].severity in SICK


def cases(home: Path, data: Path | None, seeds: Iterable[int], kept: Path | None = None) -> list[Case]:
    """Every recipe on every data set with every seed, judged; trained before, where the folder has it."""
    found = tasks(home, data, small=False)
    return judged([run for seed in seeds for task in found for run in runs(task, seed, kept)])


def judged(trained: Sequence[Run]) -> list[Case]:
    """Labels stand on what the other runs of the same data set and seed came to."""
    beside: dict[tuple[str, int], dict[str, Run]] = defaultdict(dict)
    top: dict[str, float] = defaultdict(float)
    for run in trained:
        beside[run.dataset, run.seed][run.recipe] = run
        top[run.dataset] = max(top[run.dataset], run.best)
    found = []
    for run in trained:
        labelled = label(run, beside[run.dataset, run.seed], top[run.dataset])
        said = trial_findings(run.curve, run.settings, run.n_classes)
        cause, right = labelled or (None, frozenset())
        found.append(Case(run, cause, right, said))
    return found


def hit_rate(found: Sequence[Case]) -> float:
    """Share of the labelled runs whose cause is among the first two findings."""
    labelled = [case for case in found if case.cause]
    return sum(case.hit for case in labelled) / len(labelled)


def false_alarms(found: Sequence[Case]) -> float:
    """Share of the healthy runs that are called sick."""
    healthy = [case for case in found if case.cause == "healthy"]
    return sum(case.sick for case in healthy) / len(healthy)


def contradictions(found: Sequence[Case]) -> list[Case]:
    """Runs of which two findings say opposite things."""
    return [c for c in found if any(a & _asked(c) and b & _asked(c) for a, b in OPPOSITES)]


def _asked(case: Case) -> set[str]:
    """What it was said, without faults that are notes only: the curve came to its end in spite of them."""
    return {one.code for one in case.said if (one.code, one.severity) not in NOTED}


def silent(found: Sequence[Case]) -> list[str]:
    """Codes that no run got."""
    fired = {code for case in found for code in case.codes}
    return [code for code in TRIAL_CODES if code not in fired]


def table(found: Sequence[Case]) -> str:
    """A row a cause: how many runs, how many hits, and what the first finding was."""
    lines = ["| cause | runs | right among the first two | first finding |", "|---|---|---|---|"]
    by_cause: dict[str, list[Case]] = defaultdict(list)
    for case in found:
        by_cause[case.cause or "(no label)"].append(case)
    for cause, of in sorted(by_cause.items(), key=lambda item: (item[0][0] == "(", item[0])):
        firsts = Counter(case.codes[0] for case in of).most_common()
        hits = "" if of[0].cause is None else str(sum(case.hit for case in of))
        lines.append(f"| {cause} | {len(of)} | {hits} | {', '.join(f'{code} {n}' for code, n in firsts)} |")
    return "\n".join(lines)


def summary(found: Sequence[Case]) -> str:
    labelled = sum(case.cause is not None for case in found)
    names = ", ".join(sorted({case.run.dataset for case in found}))
    return "\n".join(
        [
            f"- {len(found)} nets on {names}; {labelled} of them labelled.",
            f"- The right finding is among the first two in {hit_rate(found):.1%} of the labelled runs.",
            f"- Of those that did not diverge: {hit_rate([c for c in found if c.cause != 'diverged']):.1%}.",
            f"- Healthy runs called sick: {false_alarms(found):.1%}.",
            f"- Runs with two findings that contradict each other: {len(contradictions(found))}.",
            f"- Rules that no run set off: {', '.join(silent(found)) or 'none'}.",
        ]
    )


def misses(found: Sequence[Case]) -> str:
    lines = [
        f"- {case.run.dataset}, seed {case.run.seed}, recipe `{case.run.recipe}`: {case.cause}, "
        f"but said: {', '.join(case.codes[:LOOKED_AT])}"
        for case in found
        if case.cause and not case.hit
    ]
    return "\n".join(lines) or "None."


def main() -> None:
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--report", type=Path, help="the Markdown file whose figures are replaced")
    reader.add_argument("--seeds", type=int, nargs="+", default=REPORTED)
    reader.add_argument("--kept", type=Path, help="a folder of trained runs; what it lacks is trained")
    chosen = reader.parse_args()
    data = os.environ.get("LOSSDECK_DATA")
    with TemporaryDirectory() as home:
        found = cases(Path(home), Path(data) if data else None, chosen.seeds, kept=chosen.kept)
    figures = f"{summary(found)}\n\n{table(found)}\n\nWhat was missed:\n\n{misses(found)}\n"
    print(figures)
    if chosen.report:
        text = chosen.report.read_text().split(MARK)[0]
        chosen.report.write_text(f"{text}{MARK}\n\n{figures}")


MARK = "## Figures"

if __name__ == "__main__":
    main()
