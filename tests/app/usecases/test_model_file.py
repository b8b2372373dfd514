"""Trained nets as files to take away: complete, without pickle, the same in both formats, or refused."""

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from app.usecases import model_file
from app.usecases.model_file import Model
from learning.data.preprocessing import Preprocessing
from learning.errors import Failure, NotInstalled
from learning.settings import Settings
from learning.training.net import Array

Post = Callable[..., dict[str, Any]]

ABOUT = {"settings": Settings(hidden=(3,), preprocess="whiten").to_dict(), "classes": ["a", "b"], "epoch": 2}


def made(seed: int = 0) -> Model:
    """A net of 4 features, 3 hidden units and 2 classes that whitens its rows."""
    rng = np.random.default_rng(seed)
    shapes = {"W1": (4, 3), "b1": (3,), "W2": (3, 2), "b2": (2,)}
    weights = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    whitening = Preprocessing.fit("whiten", rng.normal(size=(9, 4)), np.arange(9), None)
    kept = {f"preprocess.{name}": array for name, array in whitening.to_arrays().items()}
    return Model(weights | kept, ABOUT)


def equal(one: Model, other: Model) -> bool:
    same = {name: np.array_equal(array, other.arrays[name]) for name, array in one.arrays.items()}
    kinds = {array.dtype == other.arrays[name].dtype for name, array in one.arrays.items()}
    return one.arrays.keys() == other.arrays.keys() and all(same.values()) and kinds == {True}


@pytest.mark.parametrize("format", ["npz", "safetensors"])
@pytest.mark.parametrize("count", [1, 3])
def test_what_is_written_is_read_back(tmp_path: Path, format: model_file.Format, count: int) -> None:
    nets = [made(seed) for seed in range(count)]
    path = tmp_path / f"nets.{format}"
    path.write_bytes(model_file.to_bytes(nets, format))
    found = model_file.read(path)
    assert len(found) == count
    assert all(equal(*pair) for pair in zip(nets, found, strict=True))
    assert [one.about for one in found] == [ABOUT] * count


def test_safetensors_hold_settings_and_preprocessing(client: TestClient, post_sweep: Post) -> None:
    from safetensors.numpy import load

    post_sweep(trials=1)
    net = made()
    client.app.state.files.save_model(1, net.arrays, ABOUT)  # type: ignore[attr-defined]
    answer = client.get("/api/trials/1/model", params={"format": "safetensors"})
    assert answer.status_code == 200
    assert 'filename="sweep-1-trial-0.safetensors"' in answer.headers["content-disposition"]
    tensors = load(answer.content)
    assert tensors.keys() == net.arrays.keys() - {"preprocess.kind"}
    assert all(np.array_equal(tensor, net.arrays[name]) for name, tensor in tensors.items())
    size = int.from_bytes(answer.content[:8], "little")
    words = json.loads(answer.content[8 : 8 + size])["__metadata__"]
    assert words["preprocess.kind"] == "whiten"
    assert json.loads(words["about"]) == ABOUT


def test_without_its_package_a_sentence_says_what_to_install(
    client: TestClient, post_sweep: Post, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    post_sweep(trials=1)
    client.app.state.files.save_model(1, made().arrays, ABOUT)  # type: ignore[attr-defined]
    (tmp_path / "net.safetensors").write_bytes(model_file.to_bytes([made()], "safetensors"))
    monkeypatch.setitem(sys.modules, "safetensors", None)  # as Python itself says "not there"
    answer = client.get("/api/trials/1/model", params={"format": "safetensors"})
    assert answer.status_code == 501
    assert "pip install 'lossdeck[safetensors]'" in answer.json()["detail"]
    assert ".safetensors" not in client.get("/trials/1").text
    with pytest.raises(NotInstalled, match="pip install"):
        model_file.read(tmp_path / "net.safetensors")


def npz(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def less(name: str) -> dict[str, Array]:
    """The made net's arrays without one."""
    return {known: array for known, array in made().arrays.items() if known != name}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("text.npz", b"not an archive"),
        ("text.safetensors", b"not tensors"),
        ("silent.npz", npz(**made().arrays)),
        ("gap.npz", npz(about=json.dumps(ABOUT), **less("b2"))),
        ("unfitted.npz", npz(about=json.dumps(ABOUT), **less("preprocess.mean"))),
        ("wide.npz", npz(about=json.dumps(ABOUT | {"classes": ["a", "b", "c"]}), **made().arrays)),
        ("odd.npz", npz(about=json.dumps(ABOUT | {"settings": {"lr": "fast"}}), **made().arrays)),
        ("none.npz", npz(about=json.dumps({"nets": []}))),
        ("list.npz", npz(about="[1]")),
    ],
)
def test_a_file_that_holds_no_net_is_refused_by_name(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(Failure, match=rf"{name} is not a model file"):
        model_file.read(tmp_path / name)
