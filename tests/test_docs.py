"""The README is true: its examples run, its variables, commands and folders exist."""

import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.ports import free_port

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
BIN = Path(sys.executable).parent
ADDRESS = "http://127.0.0.1:8000"


def example(name: str) -> str:
    """The shell block behind the comment `<!-- tested: name -->`."""
    match = re.search(rf"<!-- tested: {name} -->\n```sh\n(.*?)```", README, re.DOTALL)
    assert match, f"README has no block {name}"
    return match.group(1)


def environment(home: Path, port: int, workers: int) -> dict[str, str]:
    own = {"LOSSDECK_HOME": str(home), "LOSSDECK_PORT": str(port), "LOSSDECK_WORKERS": str(workers)}
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("LOSSDECK_", "DATABASE_"))
    }
    return kept | own | {"PATH": f"{BIN}:{os.environ['PATH']}"}


@pytest.fixture
def started(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[dict[str, str], str]]:
    """A Lossdeck started by the named command; the environment for examples, and its address."""
    port = free_port()
    own = environment(tmp_path / "home", port, workers=2)
    process = subprocess.Popen(
        [BIN / "lossdeck", request.param], env=own, stdout=subprocess.PIPE, cwd=tmp_path, text=True
    )
    assert process.stdout
    assert f":{port}" in process.stdout.readline()
    try:
        yield own, f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=30)
        process.stdout.close()


@pytest.mark.slow
@pytest.mark.parametrize("started", ["serve"], indirect=True)
def test_the_rest_examples_run(started: tuple[dict[str, str], str], tmp_path: Path) -> None:
    own, address = started
    script = "set -e\n" + example("rest").replace(ADDRESS, address)
    done = subprocess.run(["bash", "-c", script], env=own, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr + done.stdout
    with urllib.request.urlopen(f"{address}/api/sweeps/1") as answer:
        assert json.load(answer)["name"] == "narrow"


@pytest.mark.slow
@pytest.mark.parametrize("started", ["up"], indirect=True)
def test_the_command_line_examples_run(started: tuple[dict[str, str], str], tmp_path: Path) -> None:
    own, _ = started
    script = "set -e\n" + example("cli").replace(
        "lossdeck doctor", "lossdeck doctor || true  # its port is taken"
    )
    done = subprocess.run(["bash", "-c", script], env=own, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr + done.stdout
    assert (tmp_path / "sweep.csv").read_text().count("\n") == 13
    assert (tmp_path / "lossdeck-backup.tar").stat().st_size > 0


def test_every_config_variable_is_in_the_readme() -> None:
    from store.config import Config

    names = {f"LOSSDECK_{name.upper()}" for name in Config.model_fields if name != "database_url"}
    missing = [name for name in sorted(names | {"DATABASE_URL"}) if name not in README]
    assert not missing


def test_every_command_is_in_the_readme() -> None:
    shown = subprocess.run([BIN / "lossdeck", "--help"], capture_output=True, text=True, check=True).stdout
    commands = re.findall(r"^[│|]?\s+([a-z]+)\s{2,}\S", shown, re.MULTILINE)
    assert len(commands) >= 8
    assert not [name for name in commands if f"`{name}" not in README]


def test_the_file_tree_matches_the_disk() -> None:
    block = re.search(r"## Files\n\n```text\n(.*?)```", README, re.DOTALL)
    assert block
    named = {line.split()[0].rstrip("/") for line in block.group(1).splitlines()}
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    folders = {path.split("/")[0] for path in tracked.split() if "/" in path and not path.startswith(".")}
    assert named == folders


def test_the_map_of_the_house_names_what_is_there() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    paths = set(re.findall(r"`((?:\w+/)+[\w.-]*)`", page))
    assert len(paths) > 50
    assert [path for path in sorted(paths) if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("folder", ["app", "learning", "store", "static"])
def test_the_map_of_the_house_names_every_room(folder: str) -> None:
    picture = (ROOT / "docs" / "architecture.md").read_text().partition("```text\n")[2].partition("```")[0]
    rooms = {path.name for path in (ROOT / folder).iterdir() if path.is_dir() and path.name.isalpha()}
    assert rooms - {"css", "img"} <= set(re.findall(r"\w+", picture))
