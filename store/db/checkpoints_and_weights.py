"""Files under the home folder: checkpoints of groups and weights of trials, as .npz without pickle."""

import hashlib
import io
import json
import os
import re
import zipfile
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from learning.errors import Damaged

Arrays = Mapping[str, NDArray[np.generic]]
_META = "__meta__"
_NAME = re.compile(r"[0-9]+/[0-9]+-[0-9]+\.npz")


@dataclass(frozen=True, slots=True)
class CheckpointRef:
    """A checkpoint's file name, the SHA-256 of its bytes, and the last epoch it includes."""

    name: str
    sha256: str
    epoch: int

    @property
    def group_id(self) -> int:
        """The group that wrote it."""
        return int(self.name.partition("/")[0])


class Files:
    """The files of one home folder. Process-safe: every file appears whole or not at all."""

    def __init__(self, home: Path) -> None:
        self._checkpoints = Path(home) / "checkpoints"
        self._models = Path(home) / "models"

    def save_checkpoint(self, group_id: int, attempt: int, epoch: int, arrays: Arrays) -> CheckpointRef:
        """Writes a group's state after an epoch; it counts once its reference is in the database."""
        name = f"{group_id}/{attempt}-{epoch}.npz"
        return CheckpointRef(name, _write(self._checkpoints / name, arrays), epoch)

    def load_checkpoint(self, ref: CheckpointRef) -> dict[str, NDArray[np.generic]]:
        """The arrays of a checkpoint. Raises Damaged."""
        if not _NAME.fullmatch(ref.name):
            raise Damaged(f"{ref.name!r} is not the name of a checkpoint.")
        path = self._checkpoints / ref.name
        try:
            content = path.read_bytes()
        except OSError as error:
            raise Damaged(f"The checkpoint {path} cannot be read: {error.strerror}.") from None
        if hashlib.sha256(content).hexdigest() != ref.sha256:
            raise Damaged(f"The checkpoint {path} is not what was written: its SHA-256 differs.")
        return _read(path, content)

    def groups_with_checkpoints(self) -> set[int]:
        """Ids of the groups that have a folder of checkpoints."""
        return {int(path.name) for path in _list_folder(self._checkpoints) if path.name.isdecimal()}

    def drop_checkpoints(self, group_id: int, keep: CheckpointRef | None = None) -> None:
        """Removes the checkpoints of a group, except `keep`."""
        folder = self._checkpoints / str(group_id)
        kept_name = Path(keep.name).name if keep else None
        for path in _list_folder(folder):
            if path.name != kept_name:
                path.unlink(missing_ok=True)
        if keep is None and folder.is_dir():
            _remove_empty(folder)

    def save_model(self, trial_id: int, arrays: Arrays, meta: Mapping[str, object]) -> None:
        """Writes the weights of a trial with what is needed to use them (`meta` is JSON)."""
        text = json.dumps(meta, allow_nan=False).encode()
        _write(self._model(trial_id), {**arrays, _META: np.frombuffer(text, dtype=np.uint8)})

    def load_model(self, trial_id: int) -> tuple[dict[str, NDArray[np.generic]], dict[str, object]] | None:
        """The weights and `meta` of a trial, or None if none are kept. Raises Damaged."""
        path = self._model(trial_id)
        try:
            arrays = _read(path, path.read_bytes())
        except FileNotFoundError:
            return None
        if _META not in arrays:
            raise Damaged(f"The model {path} says nothing about itself.")
        return arrays, json.loads(arrays.pop(_META).tobytes())

    def has_model(self, trial_id: int) -> bool:
        return self._model(trial_id).is_file()

    def keep_models(self, keep: Collection[int], among: Collection[int]) -> None:
        """Of the trials in `among`, removes the weights of those that are not in `keep`."""
        for trial_id in set(among) - set(keep):
            self._model(trial_id).unlink(missing_ok=True)

    def _model(self, trial_id: int) -> Path:
        return self._models / f"{int(trial_id)}.npz"


def _write(path: Path, arrays: Arrays) -> str:
    """Writes all or nothing, flushed to disk; returns the SHA-256 of the bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("w+b") as file:
            np.savez(file, allow_pickle=False, **arrays)
            file.flush()
            os.fsync(file.fileno())
            file.seek(0)
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    _sync_folder(path.parent)
    return digest


def _read(path: Path, content: bytes) -> dict[str, NDArray[np.generic]]:
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            return dict(archive)
    except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise Damaged(f"{path} is not a file of arrays: {error}.") from None


def _sync_folder(folder: Path) -> None:
    # A rename is only safe from a power cut once the folder is on disk.
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _list_folder(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except FileNotFoundError:
        return []


def _remove_empty(folder: Path) -> None:
    with suppress(OSError):  # another process may just have written here
        folder.rmdir()
