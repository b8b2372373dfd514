"""Files appear whole or not at all, and damage is noticed."""

from pathlib import Path

import numpy as np
import pytest

from learning.errors import Damaged
from store.db.checkpoints_and_weights import CheckpointRef, Files

ARRAYS = {
    "W1": np.arange(12, dtype=np.float32).reshape(3, 4),
    "epoch": np.array(7),
    "nan": np.array([np.nan]),
}


@pytest.fixture
def files(home: Path) -> Files:
    return Files(home)


def everything(home: Path) -> list[str]:
    return sorted(str(path.relative_to(home)) for path in home.rglob("*") if path.is_file())


def test_a_checkpoint_comes_back_bit_for_bit(files: Files, home: Path) -> None:
    ref = files.save_checkpoint(3, 2, 7, ARRAYS)
    assert (ref.name, ref.epoch) == ("3/2-7.npz", 7)
    loaded = files.load_checkpoint(ref)
    assert {name: (a.dtype, a.shape, a.tobytes()) for name, a in loaded.items()} == {
        name: (a.dtype, a.shape, a.tobytes()) for name, a in ARRAYS.items()
    }
    assert everything(home) == ["checkpoints/3/2-7.npz"]


@pytest.mark.parametrize("place", [0, 100, -30, -1])
def test_one_changed_byte_is_noticed(files: Files, home: Path, place: int) -> None:
    ref = files.save_checkpoint(1, 1, 1, ARRAYS)
    path = home / "checkpoints" / ref.name
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    with pytest.raises(Damaged, match="is not what was written"):
        files.load_checkpoint(ref)


def test_a_cut_or_missing_checkpoint_is_noticed(files: Files, home: Path) -> None:
    ref = files.save_checkpoint(1, 1, 1, ARRAYS)
    path = home / "checkpoints" / ref.name
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(Damaged, match="is not what was written"):
        files.load_checkpoint(ref)
    path.unlink()
    with pytest.raises(Damaged, match="cannot be read: No such file"):
        files.load_checkpoint(ref)


@pytest.mark.parametrize("name", ["../secret.npz", "/etc/passwd", "1/../../x.npz", "1/1-1.npz\n", ""])
def test_a_reference_never_leads_out_of_the_folder(files: Files, name: str) -> None:
    with pytest.raises(Damaged, match="is not the name of a checkpoint"):
        files.load_checkpoint(CheckpointRef(name, "00", 1))


def test_what_cannot_be_written_leaves_the_file_before_and_nothing_else(files: Files, home: Path) -> None:
    ref = files.save_checkpoint(1, 1, 1, ARRAYS)
    with pytest.raises(ValueError, match="Object arrays cannot be saved"):
        files.save_checkpoint(1, 1, 1, {"a": np.array([object()])})
    assert everything(home) == ["checkpoints/1/1-1.npz"]
    assert set(files.load_checkpoint(ref)) == set(ARRAYS)


def test_checkpoints_are_dropped_but_one(files: Files, home: Path) -> None:
    refs = [files.save_checkpoint(1, 1, n, ARRAYS) for n in (1, 2, 3)]
    other = files.save_checkpoint(2, 1, 1, ARRAYS)
    files.drop_checkpoints(1, refs[1])
    assert everything(home) == ["checkpoints/1/1-2.npz", "checkpoints/2/1-1.npz"]
    files.drop_checkpoints(1)
    files.drop_checkpoints(99)
    assert everything(home) == [f"checkpoints/{other.name}"]
    assert not (home / "checkpoints" / "1").exists()


def test_a_model_comes_back_with_what_it_says_about_itself(files: Files) -> None:
    assert files.load_model(5) is None
    assert not files.has_model(5)
    files.save_model(5, ARRAYS, {"settings": {"hidden": [50]}, "name": "Größe"})
    assert files.has_model(5)
    loaded = files.load_model(5)
    assert loaded is not None
    assert set(loaded[0]) == set(ARRAYS)
    assert loaded[1] == {"settings": {"hidden": [50]}, "name": "Größe"}


def test_a_damaged_model_is_noticed(files: Files, home: Path) -> None:
    files.save_model(5, ARRAYS, {})
    path = home / "models" / "5.npz"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(Damaged, match="is not a file of arrays"):
        files.load_model(5)
    np.savez(path, W1=ARRAYS["W1"])
    with pytest.raises(Damaged, match="says nothing about itself"):
        files.load_model(5)


def test_models_are_kept_among_those_named(files: Files) -> None:
    for id in (1, 2, 3):
        files.save_model(id, ARRAYS, {})
    files.keep_models({2}, among={1, 2, 9})
    assert [files.has_model(id) for id in (1, 2, 3)] == [False, True, True]
