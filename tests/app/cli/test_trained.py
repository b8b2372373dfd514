"""The command line with workers at hand: following a sweep, and what can be done with its results."""

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.cli import main
from learning.data import catalog
from learning.data.dataset import make_split
from learning.preflight.preflight import CHECK_CODES
from learning.settings import Settings
from store.actions import sweep_actions
from store.db.database import Database
from store.read import sweeps
from tests.support.ports import free_port

pytestmark = pytest.mark.slow

PROGRAM = Path(sys.executable).parent / "lossdeck"
LINE = r"val_acc: (\d\.\d{6}|nan), lr: \d\.\d{6}e[+-]\d\d, reg: \d\.\d{6}e[+-]\d\d, \((\d+) / 6\)"
LONG = {"recipe": "overfit-tiny", "dataset": "digits", "settings": {"epochs": 10_000, "train_count": 1000}}

Done = subprocess.CompletedProcess[str]


@dataclass
class Deck:
    """A home folder with a running `lossdeck up` and one finished sweep of six trials, number 1."""

    home: Path
    port: int
    first: Done

    def environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("LOSSDECK_", "DATABASE_"))}
        return kept | {"LOSSDECK_HOME": str(self.home), "LOSSDECK_PORT": str(self.port)}

    def run(self, *arguments: object) -> Done:
        """A command on this home, in this process: starting one would take most of the time."""
        out, told = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(told):
            for name in os.environ.keys() - self.environment().keys():
                patch.delenv(name)
            for name, value in self.environment().items():
                patch.setenv(name, value)
            code = main.run([str(argument) for argument in arguments])
        return Done(arguments, code, out.getvalue(), told.getvalue())

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(PROGRAM), *map(str, arguments)],
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def database(self) -> Database:
        return Database.open(f"sqlite:///{self.home / 'lossdeck.db'}")


@pytest.fixture(scope="module")
def deck(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deck]:
    folder = tmp_path_factory.mktemp("deck")
    deck = Deck(folder / "home", free_port(), Done([], 0))
    up = deck.start("up", "--workers", "2")
    assert up.stdout
    assert up.stdout.readline()
    first = deck.start("sweep", "coarse", "--trials", "6", "--seed", "1", "--wait")
    deck.first = Done(first.args, 0, *first.communicate(timeout=90))
    deck.first.returncode = first.returncode
    yield deck
    up.send_signal(signal.SIGTERM)
    up.communicate(timeout=20)


@pytest.fixture
def long_wait(deck: Deck, tmp_path: Path) -> Iterator[Callable[[], tuple[subprocess.Popen[str], int]]]:
    """Starts `sweep --wait` on a sweep that lasts and waits until it trains; cancels it afterwards."""
    started: list[tuple[subprocess.Popen[str], int]] = []

    def start() -> tuple[subprocess.Popen[str], int]:
        (tmp_path / "long.json").write_text(json.dumps(LONG))
        process = deck.start("sweep", tmp_path / "long.json", "--wait")
        assert process.stderr
        told = process.stderr.readline()
        number = int(re.match(r"Sweep (\d+): 1 trials", told).group(1))  # type: ignore[union-attr]
        started.append((process, number))
        until = time.monotonic() + 30
        while state(deck, number)["running"] == 0:
            assert time.monotonic() < until
            time.sleep(0.05)
        return process, number

    yield start
    for process, number in started:
        process.kill()
        process.communicate()
        cancel(deck, number)


def state(deck: Deck, number: int) -> dict[str, int]:
    database = deck.database()
    with database.read() as connection:
        sweep = sweeps.get(connection, number)
    database.close()
    assert sweep is not None
    return sweep.counts


def cancel(deck: Deck, number: int) -> None:
    database = deck.database()
    with database.write() as connection:
        sweep = sweeps.get(connection, number)
        if sweep is not None and sweep.state == "running":
            sweep_actions.act(connection, number, "cancel", time.time())
    database.close()


def test_waiting_prints_the_lecture_s_line_for_each_trial(deck: Deck) -> None:
    assert deck.first.returncode == 0, deck.first.stderr
    lines = deck.first.stdout.splitlines()
    matches = [re.fullmatch(LINE, line) for line in lines]
    assert all(matches), lines
    assert sorted(match.group(2) for match in matches if match) == list("123456")
    assert any(float(match.group(1)) > 0.8 for match in matches if match), "the digits are learnt"
    assert "Sweep 1 finished: " in deck.first.stderr
    best = re.search(r"best is trial #(\d+) of sweep 1, val_acc: .*, \((\d+) / 6\)", deck.first.stderr)
    assert best, deck.first.stderr
    assert int(best[2]) == int(best[1]) + 1, "the lecture counts from 1"


def test_waiting_for_json_prints_the_finished_sweep(deck: Deck) -> None:
    done = deck.run("sweep", "coarse", "--trials", "2", "--wait", "--json")
    assert done.returncode == 0
    sweep = json.loads(done.stdout)
    assert (sweep["state"], sweep["trials"]) == ("finished", 2)


def test_waiting_misses_nothing_after_a_sweep_was_deleted(deck: Deck) -> None:
    done = deck.run("sweep", "coarse", "--trials", "1", "--wait", "--json")
    number = json.loads(done.stdout)["id"]
    database = deck.database()
    with database.write() as connection:
        sweep_actions.delete(connection, number)
    database.close()
    assert len(deck.run("sweep", "coarse", "--trials", "4", "--wait").stdout.splitlines()) == 4


def test_a_diverged_trial_is_a_result(deck: Deck) -> None:
    done = deck.run("sweep", "lr-too-high", "--dataset", "digits", "--wait")
    assert done.returncode == 0
    assert "1 diverged" in done.stderr
    assert "A learning rate of a million" in done.stderr
    told = done.stdout.splitlines()
    assert told[0].startswith("Finished epoch 1 / 10: cost nan, train: 0.")
    assert told[1:] == ["finished optimization. best validation accuracy: nan (cost is nan)"]
    made = deck.run("sweep", "lr-too-low", "--json", "--wait")
    told = deck.run("export", json.loads(made.stdout)["id"], "--format", "transcript").stdout
    assert told.count("Finished epoch") == 10


def test_a_preflight_tells_each_check_and_exits_0(deck: Deck) -> None:
    done = deck.run("preflight", "--wait")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [["passed", code] for code in CHECK_CODES]
    assert "Workable: 0.01 to 0.32" in done.stdout
    assert "all 7 checks passed" in done.stderr


def test_a_sweep_says_what_was_not_checked_and_its_net_can_be(deck: Deck, tmp_path: Path) -> None:
    (tmp_path / "tanh.json").write_text(json.dumps(LONG | {"settings": {"activation": "tanh", "epochs": 1}}))
    made = deck.run("sweep", tmp_path / "tanh.json")
    assert "The net of this sweep has not passed a preflight on digits" in made.stderr
    number = made.stdout.strip()
    assert f"lossdeck preflight --sweep {number} --wait" in " ".join(made.stderr.split())
    assert deck.run("preflight", "--sweep", number, "--wait").stdout.count("passed  ") >= 5
    assert deck.run("preflight", "--sweep", 999).stderr == "lossdeck: There is no sweep 999.\n"


def test_an_autopilot_tells_each_step_and_what_it_came_to(deck: Deck) -> None:
    done = deck.run("autopilot", "--trials", 8, "--wait")
    assert done.returncode == 0, done.stderr
    names = [line.split()[0] for line in done.stdout.splitlines()]
    assert names[:3] == ["preflight", "coarse", "fine"]
    assert re.search(r"finished: .* val accuracy 0\.9\d+; test accuracy 0\.\d+ \(look 1 at the", done.stderr)


def test_an_autopilot_that_fails_exits_1_with_the_reason(deck: Deck, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(400, 12)).astype(np.float32), rng.integers(0, 4, 400)  # nothing to be learnt
    np.savez(tmp_path / "noise.npz", X=X, y=y)
    assert deck.run("data", "add", tmp_path / "noise.npz", "--name", "pure-noise").returncode == 0
    done = deck.run("autopilot", "--dataset", "pure-noise", "--wait")
    assert done.returncode == 1
    assert "failed: The preflight did not pass, so no search was started: " in done.stderr
    assert "learns" in done.stderr


def test_a_check_that_does_not_pass_exits_1(deck: Deck, tmp_path: Path) -> None:
    """Labels that have nothing to do with the examples."""
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "noise.npz", X=rng.normal(size=(600, 8)), y=rng.integers(0, 3, 600))
    assert deck.run("data", "add", tmp_path / "noise.npz").returncode == 0
    done = deck.run("preflight", "--dataset", "noise", "--wait", "--json")
    assert done.returncode == 1
    row = json.loads(done.stdout)
    assert (row["state"], row["passed"]) == ("finished", False)
    assert "learns" in [check["code"] for check in row["checks"] if not check["passed"]]
    assert "did not pass" in done.stderr


def test_ctrl_c_stops_the_waiting_but_not_the_sweep(
    deck: Deck, long_wait: Callable[[], tuple[subprocess.Popen[str], int]]
) -> None:
    process, number = long_wait()
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=20)
    assert process.returncode == 130
    assert f"Sweep {number} goes on without you" in told
    assert "Traceback" not in told
    assert state(deck, number)["running"] == 1


def test_a_cancelled_sweep_ends_the_waiting_with_1(
    deck: Deck, long_wait: Callable[[], tuple[subprocess.Popen[str], int]]
) -> None:
    process, number = long_wait()
    cancel(deck, number)
    _, told = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "1 cancelled" in told


def test_export_as_csv_and_json_lines_tell_the_same(deck: Deck, tmp_path: Path) -> None:
    table = list(csv.DictReader(io.StringIO(deck.run("export", 1).stdout)))
    lines = [json.loads(line) for line in deck.run("export", 1, "--format", "jsonl").stdout.splitlines()]
    assert len(table) == len(lines) == 6
    assert [float(row["lr"]) for row in table] == [line["settings"]["lr"] for line in lines]
    assert [len(line["epochs"]) for line in lines] == [line["epochs_done"] for line in lines]

    done = deck.run("export", 1, "--format", "html", "--out", tmp_path / "report.html")
    assert (done.returncode, done.stdout) == (0, "")
    assert "<svg" in (tmp_path / "report.html").read_text()


def test_export_of_a_sweep_that_is_not_there(deck: Deck) -> None:
    done = deck.run("export", 99)
    assert (done.returncode, done.stderr) == (1, "lossdeck: There is no sweep 99.\n")


def best_trial(deck: Deck) -> int:
    rows = csv.DictReader(io.StringIO(deck.run("export", 1).stdout))
    ranked = [row for row in rows if row["state"] == "finished"]
    return int(max(ranked, key=lambda row: float(row["best_val_acc"]))["id"])


def test_predict_classifies_digits_that_training_never_saw(deck: Deck, tmp_path: Path) -> None:
    digits = catalog.load("digits", deck.home, None)
    assert digits.X_test is not None
    assert digits.y_test is not None
    np.savez(tmp_path / "new.npz", X=digits.X_test)
    trial = best_trial(deck)

    rows = json.loads(deck.run("predict", trial, tmp_path / "new.npz", "--json").stdout)
    classes = np.array([int(row["class"]) for row in rows])
    assert (classes == digits.y_test).mean() > 0.8
    assert all(abs(sum(row["probabilities"].values()) - 1) < 1e-9 for row in rows)
    assert all(max(row["probabilities"], key=row["probabilities"].get) == row["class"] for row in rows)

    first = deck.run("predict", trial, tmp_path / "new.npz").stdout.splitlines()[0].split()
    assert first[0] == rows[0]["class"]
    assert [float(number) for number in first[1:]] == [round(p, 6) for p in rows[0]["probabilities"].values()]


@pytest.fixture(scope="module")
def learnt(deck: Deck) -> dict[str, dict[str, Any]]:
    """Trials whose preprocessing has learnt something, trained for real, by its kind."""
    points = [{"preprocess": kind} for kind in ("standardise", "whiten", "channel")]
    settings = {"epochs": 9, "val_count": 300, "lr": 0.05, "batch_size": 50, "hidden": [20, 10], "init": "he"}
    (deck.home / "learnt.json").write_text(json.dumps({"points": points, "settings": settings}))
    made = deck.run("sweep", deck.home / "learnt.json", "--wait", "--json")
    lines = deck.run("export", json.loads(made.stdout)["id"], "--format", "jsonl").stdout.splitlines()
    return {trial["settings"]["preprocess"]: trial for trial in map(json.loads, lines)}


@pytest.mark.parametrize("kind", ["standardise", "whiten", "channel"])
@pytest.mark.parametrize("format", ["npz", "safetensors"])
def test_a_model_file_alone_predicts_the_val_part_as_well_as_training_did(
    deck: Deck, tmp_path: Path, learnt: dict[str, dict[str, Any]], kind: str, format: str
) -> None:
    trial = learnt[kind]
    digits = catalog.load("digits", deck.home, None)
    val = make_split(digits, Settings.parse(trial["settings"])).val_rows
    np.savez(tmp_path / "val.npz", X=digits.X_train[val], y=digits.y_train[val])
    file = tmp_path / f"winner.{format}"
    assert deck.run("model", trial["id"], "--format", format, "--out", file).returncode == 0

    elsewhere = Deck(tmp_path / "nothing-here", free_port(), deck.first)
    done = elsewhere.run("predict", file, tmp_path / "val.npz")
    classes = np.array([int(line.split()[0]) for line in done.stdout.splitlines()])
    assert (classes == digits.y_train[val]).mean() == pytest.approx(trial["best_val_acc"], abs=1e-9)
    assert trial["best_val_acc"] > 0.7
    assert done.stderr == f"Accuracy {trial['best_val_acc']:.4f} on 300 examples.\n"


def test_several_trials_predict_the_mean_of_their_probabilities(
    deck: Deck, tmp_path: Path, learnt: dict[str, dict[str, Any]]
) -> None:
    digits = catalog.load("digits", deck.home, None)
    np.savez(tmp_path / "new.npz", X=digits.X_test)
    ids = [trial["id"] for trial in learnt.values()]

    def said(which: object) -> np.ndarray:
        rows = json.loads(deck.run("predict", which, tmp_path / "new.npz", "--json").stdout)
        return np.array([list(row["probabilities"].values()) for row in rows])

    together = said(",".join(map(str, ids)))
    np.testing.assert_allclose(together, np.mean([said(id) for id in ids], axis=0), atol=1e-12)


def test_the_best_nets_of_a_sweep_are_averaged_and_taken_away(
    deck: Deck, tmp_path: Path, learnt: dict[str, dict[str, Any]]
) -> None:
    sweep = learnt["whiten"]["sweep_id"]
    digits = catalog.load("digits", deck.home, None)
    val = make_split(digits, Settings.parse(learnt["whiten"]["settings"])).val_rows
    np.savez(tmp_path / "val.npz", X=digits.X_train[val], y=digits.y_train[val])
    done = deck.run("model", sweep, "--top", 3, "--out", tmp_path / "top.npz")
    assert done.returncode == 0, done.stderr
    ranked = sorted(learnt.values(), key=lambda trial: (-trial["best_val_acc"], trial["number"]))
    lines = [
        f"trial #{trial['number']} of sweep {sweep}: val_acc: {trial['best_val_acc']:.6f}" for trial in ranked
    ]
    assert done.stdout.splitlines() == lines
    told = re.search(r"The average of 3 nets gets (0\.\d+) of the 300 validation examples", done.stderr)
    assert told, done.stderr
    by_sweep = deck.run("predict", sweep, tmp_path / "val.npz", "--top", 3)
    by_file = deck.run("predict", tmp_path / "top.npz", tmp_path / "val.npz")
    assert by_sweep.stderr == by_file.stderr == f"Accuracy {told[1]} on 300 examples.\n"
    assert by_sweep.stdout == by_file.stdout
    for which in (tmp_path / "top.npz", "7,8", "1/2"):
        refused = deck.run("predict", which, tmp_path / "val.npz", "--top", 3)
        assert (refused.returncode, "--top takes the nets of" in refused.stderr) == (2, True)
    assert deck.run("model", 999, "--top", 3).stderr == "lossdeck: There is no sweep 999.\n"


def test_a_repeated_trial_is_told_with_its_spread(deck: Deck, learnt: dict[str, dict[str, Any]]) -> None:
    trial = learnt["standardise"]
    done = deck.run("repeat", trial["id"], "--seeds", 3, "--wait")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("finished optimization.") == 3
    told = re.search(r"Over 3 seeds the val accuracy is (0\.\d+) on average.* of (0\.\d+) \(", done.stderr)
    assert told, done.stderr
    assert float(told[2]) > 0, "other seeds, other results"
    assert f"The repeated run's {trial['best_val_acc']:.4f} lies" in done.stderr
    assert deck.run("repeat", 999).stderr == "lossdeck: There is no trial 999.\n"
    name = f"{trial['sweep_id']}/{trial['number']}"
    again = deck.run("repeat", name, "--seeds", 2)
    assert f"trial #{trial['number']} of sweep {trial['sweep_id']} from 2 other seeds" in again.stderr
    assert "seeds must be 2 or more, not 1." in deck.run("repeat", trial["id"], "--seeds", 1).stderr


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"X": np.zeros((3, 64)), "y": np.zeros(2, int)}, "y must hold the number of each"),
        ({"X": np.zeros((3, 65))}, "65"),
        ({"X": np.zeros(64)}, "an example a row"),
        ({"X": np.full((1, 64), np.nan)}, "not finite"),
        ({"X": np.array([["a"] * 64])}, "numbers"),
        ({"pixels": np.zeros((1, 64))}, "pixels"),
        ({"X": np.array([[None] * 64])}, "plain arrays"),
    ],
)
def test_predict_refuses_what_does_not_fit(
    deck: Deck, tmp_path: Path, arrays: dict[str, np.ndarray], words: str
) -> None:
    np.savez(tmp_path / "bad.npz", **arrays)  # type: ignore[arg-type]  # stubs know no Mapping
    trial = min(int(path.stem) for path in (deck.home / "models").glob("*.npz"))
    done = deck.run("predict", trial, tmp_path / "bad.npz")
    assert (done.returncode, done.stdout) == (1, "")
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_trial_is_named_as_its_page_counts_or_by_its_id(
    deck: Deck, tmp_path: Path, learnt: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    trial = learnt["channel"]
    name, told = f"{trial['sweep_id']}/{trial['number']}", f"#{trial['number']} of sweep {trial['sweep_id']}"
    monkeypatch.chdir(tmp_path)
    assert trial["number"] != trial["id"]
    for which in (name, trial["id"]):
        file = f"sweep-{trial['sweep_id']}-trial-{trial['number']}.npz"
        wrote = f"Wrote {file}: trial {told}, val accuracy {trial['best_val_acc']:.4f}.\n"
        assert deck.run("model", which).stderr == wrote
        np.savez("new.npz", X=np.zeros((1, 64)))
        assert f"By trial {told}, val" in deck.run("predict", which, "new.npz").stderr


@pytest.mark.parametrize(
    ("which", "code", "told"),
    [
        (999, 1, "There is no trial 999."),
        ("1/6", 1, "There is no trial 6 in sweep 1."),
        ("#6", 2, "A trial is named as SWEEP/NUMBER, such as 1/8, or by its id, not '#6'."),
    ],
)
def test_a_trial_that_is_not_there(deck: Deck, which: object, code: int, told: str) -> None:
    done = deck.run("model", which)
    assert (done.returncode, done.stderr) == (code, f"lossdeck: {told}\n")


def test_predict_with_a_trial_that_keeps_no_weights(deck: Deck, tmp_path: Path) -> None:
    np.savez(tmp_path / "new.npz", X=np.zeros((1, 64)))
    number = deck.run("sweep", "lr-too-high", "--wait", "--json").stdout
    name = f"{json.loads(number)['id']}/0"
    told = f"No weights are kept of trial #0 of sweep {json.loads(number)['id']}; "
    assert told in deck.run("predict", name, tmp_path / "new.npz").stderr


def test_a_backup_made_while_everything_runs_is_restored_elsewhere(deck: Deck, tmp_path: Path) -> None:
    file, trial = tmp_path / "backup.tar", best_trial(deck)
    assert deck.run("backup", file).returncode == 0
    assert file.stat().st_mode & 0o777 == 0o600
    again = deck.run("backup", file)
    assert (again.returncode, "--force" in again.stderr) == (1, True)
    assert deck.run("backup", file, "--force").returncode == 0

    other = Deck(tmp_path / "restored", free_port(), deck.first)
    assert other.run("restore", file).returncode == 0
    lines = ("export", 1, "--format", "jsonl")
    assert other.run(*lines).stdout == deck.run(*lines).stdout
    np.savez(tmp_path / "new.npz", X=np.ones((2, 64)))
    assert other.run("predict", trial, tmp_path / "new.npz").returncode == 0
    second = other.run("restore", file)
    assert second.returncode == 1
    assert "lossdeck.db exists" in second.stderr


def test_the_doctor_sees_server_and_workers(deck: Deck) -> None:
    done = deck.run("doctor", "--json")
    checks = {check["name"]: check for check in json.loads(done.stdout)}
    assert done.returncode == 0, done.stdout
    assert "answers" in checks["port"]["found"]
    assert checks["workers"]["found"] == "2 alive"


def test_prune_removes_what_no_row_needs_and_old_sweeps_on_request(deck: Deck, tmp_path: Path) -> None:
    deck.run("backup", tmp_path / "backup.tar")
    other = Deck(tmp_path / "other", free_port(), deck.first)
    other.run("restore", tmp_path / "backup.tar")
    models = other.home / "models"
    kept = {path.name for path in models.iterdir()}
    assert kept
    stray = [models / "4000.npz", models / ".7.npz.12.part", other.home / "checkpoints" / "4000" / "1-2.npz"]
    for path in stray:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"old")
        os.utime(path, (0, 0))
    fresh = models / "5000.npz"
    fresh.write_bytes(b"being written")

    assert other.run("prune", "--dry-run").returncode == 0
    assert all(path.exists() for path in stray)
    assert other.run("prune").returncode == 0
    assert not any(path.exists() for path in stray)
    assert {path.name for path in models.iterdir()} == kept | {fresh.name}

    unasked = other.run("prune", "--older-than", "0")
    assert (unasked.returncode, "--yes" in unasked.stderr) == (2, True)
    assert other.run("export", 1).returncode == 0
    assert other.run("prune", "--older-than", "0", "--yes").returncode == 0
    assert other.run("export", 1).returncode == 1


def test_a_sweep_that_halves_says_at_its_end_what_that_saved(deck: Deck) -> None:
    halving = '{"halving": {"first": 2}}'
    done = deck.run("sweep", "coarse", "--trials", 9, "--seed", 2, "--stopping", halving, "--wait", "--json")
    assert done.returncode == 0, done.stderr
    row = json.loads(done.stdout)
    counts, saved = row["counts"], row["saved"]
    assert row["stopping"] == {"halving": {"factor": 3, "first": 2, "bracket": None}}
    assert counts["stopped"] == saved["trials"] == 9 - counts["diverged"] - counts["finished"] > 0
    assert re.search(
        rf"stopping early saved {saved['epochs']} epochs \(about [\d.e-]+ s of training\); best is trial #",
        done.stderr,
    )


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        (
            "luck",
            'stopping must be null or an object with one of halving, median, patience, not {"luck": {}}.',
        ),
        (
            '{"halving": {"factor": 1}}',
            "stopping.halving.factor must be a whole number from 2 to 100, not 1.",
        ),
        ('{"halving"', "--stopping is not JSON"),
    ],
)
def test_a_bad_stopping_rule_is_wrong_usage(deck: Deck, rule: str, told: str) -> None:
    done = deck.run("sweep", "coarse", "--stopping", rule)
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr
