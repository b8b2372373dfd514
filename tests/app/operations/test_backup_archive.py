"""Unpacking a backup: what the files are like afterwards."""

import os
import tarfile
from pathlib import Path

from app.operations.backup_archive import DATABASE_NAME, unpack


def test_files_of_a_backup_have_the_modes_that_the_umask_gives(tmp_path: Path) -> None:
    original = tmp_path / DATABASE_NAME
    original.write_bytes(b"rows")
    original.chmod(0o755)
    with tarfile.open(tmp_path / "backup.tar", "w") as archive:
        archive.add(original, DATABASE_NAME)
    (tmp_path / "home").mkdir()
    before = os.umask(0o077)
    try:
        assert unpack(tmp_path / "backup.tar", tmp_path / "home") == 1
    finally:
        os.umask(before)
    assert (tmp_path / "home" / DATABASE_NAME).stat().st_mode & 0o777 == 0o600
