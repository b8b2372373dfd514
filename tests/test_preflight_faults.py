"""Faults that a preflight is for: uploaded data, a real server, a real worker, the answer by REST."""

import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
from numpy.typing import NDArray

from learning.data import catalog
from learning.preflight.preflight import CHECK_CODES
from tests.support.servers import Server, starting
from tests.support.worker_processes import end, wait_until

pytestmark = pytest.mark.slow

Arrays = dict[str, NDArray[Any]]
Check = Callable[..., dict[str, Any]]

# A worker whose backward pass is wrong by one per cent in one parameter, whose name is its last argument.
BROKEN = """
import sys
from dataclasses import replace
from learning.training.net import Pass
from worker.__main__ import main
name, sound = sys.argv.pop(), Pass.backward

def backward(self, X, y, scale):
    for one in sound(self, X, y, scale):
        yield replace(one, delta=one.delta * 1.01) if one.name == name else one

Pass.backward = backward
sys.exit(main(["--single"]))
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server without workers."""
    with starting(tmp_path_factory.mktemp("faults")) as start:
        yield start()


@pytest.fixture
def check(site: Server) -> Iterator[Check]:
    """Has a data set checked by a worker of the test; the preflight when it has ended."""
    started: list[subprocess.Popen[str]] = []

    def run(dataset: str, *program: str) -> dict[str, Any]:
        command = [sys.executable, *(program or ["-m", "worker", "--single"])]
        own = os.environ | {"LOSSDECK_HOME": str(site.home)}
        own.pop("DATABASE_URL", None)
        started.append(subprocess.Popen(command, env=own, text=True))
        made = httpx2.post(f"{site.address}/api/preflights", json={"dataset": dataset})
        assert made.status_code == 201, made.text
        address = f"{site.address}{made.headers['location']}"
        wait_until(lambda: httpx2.get(address).json()["state"] in ("finished", "failed"), "the preflight")
        return dict(httpx2.get(address).json())

    yield run
    for process in started:
        end(process)


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Arrays:
    found = catalog.load("digits", tmp_path_factory.mktemp("home"), None)
    return {"X": np.array(found.X_train), "y": np.array(found.y_train)}


def upload(site: Server, name: str, **arrays: NDArray[Any]) -> httpx2.Response:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    files = {"file": (f"{name}.npz", buffer.getvalue())}
    return httpx2.post(f"{site.address}/api/datasets", files=files, data={"name": name})


def failed(preflight: dict[str, Any]) -> dict[str, str]:
    """The sentences of the checks that did not pass."""
    assert preflight["state"] == "finished", preflight["reason"]
    return {check["code"]: check["sentence"] for check in preflight["checks"] if not check["passed"]}


def test_sound_data_of_ones_own_pass(site: Server, check: Check, digits: Arrays) -> None:
    assert upload(site, "sound", **digits).status_code == 201
    done = check("sound")
    assert [one["code"] for one in done["checks"]] == list(CHECK_CODES)
    assert (failed(done), done["passed"], done["verdict"]) == ({}, True, "all 7 checks passed")
    span = done["checks"][5]["span"]
    assert span[0] < span[1]


@pytest.mark.parametrize("name", ["W1", "b1", "W2", "b2"])
def test_a_broken_gradient_of_one_array(check: Check, name: str) -> None:
    done = check("digits", "-c", BROKEN, name)
    assert list(failed(done)) == ["gradient"]
    sentence = failed(done)["gradient"]
    assert sentence.startswith(f"The gradient of {name} is not the derivative of the loss: {name} is off by ")
    gradient = done["checks"][3]
    wrong = [point[1] > 1e-7 for point in gradient["curve"]]
    assert dict(zip(gradient["names"], wrong, strict=True)) == {
        one: one == name for one in ("W1", "b1", "W2", "b2")
    }


def test_shuffled_labels(site: Server, check: Check, digits: Arrays) -> None:
    y = np.random.default_rng(0).permutation(digits["y"])
    assert upload(site, "shuffled", X=digits["X"], y=y).status_code == 201
    done = check("shuffled")
    assert list(failed(done)) == ["learns"]
    assert "are the labels right, and do they belong to these rows?" in failed(done)["learns"]
    learns = done["checks"][-1]
    assert learns["accuracy"][-1][1] > 2 * learns["figure"]  # learnt by heart
    assert learns["figure"] < learns["threshold"]


def test_constant_pixels(site: Server, check: Check, digits: Arrays) -> None:
    assert upload(site, "constant", X=np.full_like(digits["X"], 7), y=digits["y"]).status_code == 201
    done = check("constant")
    first, *follow = failed(done)
    assert first == "data"
    assert "64 of 64 features have the same value in every training example" in failed(done)["data"]
    assert follow == ["overfit-tiny", "lr-probe", "learns"]
    assert done["verdict"].endswith("mend data first, for the others may follow from it")


def test_a_validation_part_that_repeats_the_training_part(site: Server, check: Check, digits: Arrays) -> None:
    X, y = digits["X"], digits["y"]
    assert upload(site, "repeated", x_train=X, y_train=y, x_val=X, y_val=y).status_code == 201
    done = check("repeated")
    assert list(failed(done)) == ["data"]
    assert "of the validation examples are training examples too" in failed(done)["data"]


def test_labels_from_1_do_not_even_come_in(site: Server, digits: Arrays, tmp_path: Path) -> None:
    """Nothing is renumbered behind the user's back: the sentence says what to do."""
    refused = upload(site, "from_one", X=digits["X"], y=digits["y"] + 1)
    assert refused.status_code == 422
    told = "count from 1 to 10; they must count from 0, so take 1 from each."
    assert refused.json()["detail"].endswith(told)
    assert httpx2.get(f"{site.address}/api/datasets/from_one").status_code == 404
    np.savez(tmp_path / "from_one.npz", X=digits["X"], y=digits["y"] + 1)
    command = [str(Path(sys.executable).parent / "lossdeck"), "data", "add", str(tmp_path / "from_one.npz")]
    own = os.environ | {"LOSSDECK_HOME": str(tmp_path)}
    added = subprocess.run(command, env=own, capture_output=True, text=True, timeout=60)
    assert (added.returncode, added.stderr.strip().endswith(told)) == (1, True)
