"""The arrows of the architecture: between folders, between the rooms inside them, and no circle anywhere.

Every import counts, wherever in a file it stands: in functions and under TYPE_CHECKING too. The floors are
drawn in docs/architecture.md.
"""

import ast
import posixpath
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAY_USE = {
    "app": {"app", "store", "learning"},
    "worker": {"worker", "store", "learning"},
    "store": {"store", "learning"},
    "learning": {"learning"},
}
# The rooms of a folder, from the lowest floor to the highest. A file may use its own room and the floors
# below it; rooms of one floor do not know each other. What is no folder is a file.
FLOORS = {
    "app": (
        {"text"},
        {"schemas"},
        {"usecases", "live"},
        {"http"},
        {"render"},
        {"reports"},
        {"api", "pages"},
        {"main"},
        {"serve"},
        {"operations"},
        {"cli"},
        {"__main__"},
    ),
    "learning": (
        {"errors", "number_format"},
        {"settings", "states"},
        {"data", "search"},
        {"training", "diagnosis"},
        {"preflight"},
        {"refinement"},
    ),
    "store": ({"config", "backoff"}, {"db"}, {"queue"}, {"read"}, {"actions"}, {"jobs"}),
    "static": ({"core"}, {"data"}, {"charts"}, {"components"}, {"sweep"}, {"pages"}),
}
MOST_FILES = 18  # of one folder, __init__.py not counted
SQL_LIBRARIES = {"sqlalchemy", "sqlite3", "pysqlite3", "psycopg", "alembic"}
NUMERIC_LIBRARIES = {"numpy", "scipy"}
ROOM_LIBRARIES = {"learning.data": {"filelock"}}  # what one room of learning/ may use besides
VAGUE_NAMES = {"utils", "util", "common", "base", "manager", "service", "services", "helpers", "misc"}

Arrows = Mapping[str, set[str]]


def modules(root: Path) -> dict[str, Path]:
    """Every module of ours by its dotted name."""
    found = {}
    for package in MAY_USE:
        for path in sorted((root / package).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported(path: Path) -> Iterator[str]:
    """Dotted names that a file imports; `from a import b` gives both a and a.b."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def python_arrows(root: Path, package: str) -> Arrows:
    """What each module of a package imports of the same package; both without the package's name."""
    known = modules(root)
    return {
        name.removeprefix(f"{package}."): {
            target.removeprefix(f"{package}.")
            for target in set(imported(path)) & set(known)
            if target.startswith(f"{package}.")
        }
        for name, path in known.items()
        if name.startswith(f"{package}.")
    }


# Whether import, import() or new URL() takes it, or a function that hands it to one of them.
_JS_PATH = re.compile(r"""["'`](\.{1,2}/[^"'`\s]*?\.js)\b""")


def script_arrows(root: Path, folder: str) -> Arrows:
    """What each script names by a relative path, there or not; both by their paths below the folder."""
    top = root / folder
    return {
        file.relative_to(top).as_posix(): {
            posixpath.normpath(posixpath.join(file.parent.relative_to(top).as_posix(), path))
            for path in _JS_PATH.findall(file.read_text())
        }
        for file in sorted(top.rglob("*.js"))
    }


def faults(root: Path, folder: str) -> list[str]:
    """What is wrong with the rooms of a folder, a sentence each."""
    arrows = script_arrows(root, folder) if folder == "static" else python_arrows(root, folder)
    floors = {room: floor for floor, rooms in enumerate(FLOORS[folder]) for room in rooms}
    found = []
    for name, targets in arrows.items():
        room = _room(name)
        if room not in floors:
            found.append(f"{name} is in none of the rooms")
            continue
        for target in sorted(targets):
            if target not in arrows:
                found.append(f"{name} imports {target}, which is not there")
            elif _room(target) != room and floors.get(_room(target), len(floors)) >= floors[room]:
                found.append(f"{name} imports {target}, which is not on a lower floor")
    return found + [f"{name} is in or behind a circle" for name in behind_circles(arrows)]


def crowds(root: Path, folder: str) -> list[str]:
    """The folders with too many files, a sentence each."""
    found = []
    for place in (root / folder, *sorted(path for path in (root / folder).rglob("*") if path.is_dir())):
        files = [path for path in place.iterdir() if path.is_file() and path.name != "__init__.py"]
        if len(files) > MOST_FILES:
            found.append(f"{place.relative_to(root).as_posix()} has {len(files)} files")
    return found


def behind_circles(arrows: Arrows) -> list[str]:
    """Those that are left when, again and again, all that import none of the others are taken away."""
    left = {name: (targets & set(arrows)) - {name} for name, targets in arrows.items()}
    while free := [name for name, targets in left.items() if not targets & set(left)]:
        for name in free:
            del left[name]
    return sorted(left)


def _room(name: str) -> str:
    """`training.net` is in training, `core/dom.js` in core."""
    return re.split(r"[./]", name, maxsplit=1)[0]


MODULES = modules(ROOT)


@pytest.mark.parametrize("name", MODULES)
def test_a_module_imports_only_what_its_layer_may_use(name: str) -> None:
    layer = name.partition(".")[0]
    tops = {target.partition(".")[0] for target in imported(MODULES[name])}
    assert tops & set(MAY_USE) <= MAY_USE[layer]
    if layer != "store":
        assert not tops & SQL_LIBRARIES, "only store/ holds SQL"
    if layer == "learning":
        room = ".".join(name.split(".")[:2])
        known = NUMERIC_LIBRARIES | ROOM_LIBRARIES.get(room, set()) | {"learning"}
        assert not tops - set(sys.stdlib_module_names) - known, "learning/ knows NumPy and SciPy only"


@pytest.mark.parametrize("folder", FLOORS)
def test_files_import_downwards_only(folder: str) -> None:
    assert faults(ROOT, folder) == []


@pytest.mark.parametrize("folder", [*MAY_USE, "static"])
def test_no_folder_is_too_full(folder: str) -> None:
    assert crowds(ROOT, folder) == []


def test_there_is_no_import_circle() -> None:
    arrows = {name: set(imported(path)) & set(MODULES) for name, path in MODULES.items()}
    assert behind_circles(arrows) == []


@pytest.mark.parametrize("name", MODULES)
def test_a_module_says_what_it_is(name: str) -> None:
    text = MODULES[name].read_text()
    assert not text or ast.get_docstring(ast.parse(text)), f"{name} has no docstring"
    assert not set(name.split(".")) & VAGUE_NAMES


@pytest.mark.parametrize("path", sorted((ROOT / "tests").rglob("*.py")), ids=lambda path: path.stem)
def test_no_test_imports_a_test(path: Path) -> None:
    ours = {name for name in imported(path) if name.startswith("tests.")}
    assert {name for name in ours if name.split(".")[1] != "support"} == set()


PLANTED = [
    ("app", "app/text/a.py", "import app.cli.b", "text.a imports cli.b, which is not on a lower floor"),
    (
        "app",
        "app/live/a.py",
        "def f():\n    from app.usecases import b",
        "live.a imports usecases.b, which is not on a lower floor",
    ),
    (
        "store",
        "store/read/a.py",
        "if TYPE_CHECKING:\n    from store.actions.b import B",
        "read.a imports actions.b, which is not on a lower floor",
    ),
    (
        "learning",
        "learning/data/a.py",
        "from learning.training import b",
        "data.a imports training.b, which is not on a lower floor",
    ),
    ("learning", "learning/data/d.py", "from learning.data import c", "data.d is in or behind a circle"),
    ("store", "store/tools/a.py", "", "tools.a is in none of the rooms"),
    (
        "static",
        "static/core/a.js",
        'import { b } from "../data/b.js";',
        "core/a.js imports data/b.js, which is not on a lower floor",
    ),
    (
        "static",
        "static/core/a.js",
        'export { b } from "../data/b.js";',
        "core/a.js imports data/b.js, which is not on a lower floor",
    ),
    (
        "static",
        "static/core/a.js",
        'new URL("../data/b.js", import.meta.url)',
        "core/a.js imports data/b.js, which is not on a lower floor",
    ),
    (
        "static",
        "static/data/a.js",
        "import(`../sweep/b.js?${n}`)",
        "data/a.js imports sweep/b.js, which is not on a lower floor",
    ),
    (
        "static",
        "static/sweep/a.js",
        'import "../data/gone.js";',
        "sweep/a.js imports data/gone.js, which is not there",
    ),
    ("static", "static/data/d.js", 'import { c } from "./c.js";', "data/d.js is in or behind a circle"),
    ("static", "static/a.js", "", "a.js is in none of the rooms"),
]


@pytest.fixture
def small_house(tmp_path: Path) -> Callable[[str, str], None]:
    """A sound house of a few files below `tmp_path`; what is returned writes one more file into it."""

    def write(path: str, text: str) -> None:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)

    for room in ("app/cli", "app/usecases", "store/actions", "learning/training"):
        write(f"{room}/b.py", "")
    write("learning/data/c.py", "from learning.data import d")
    write("learning/data/d.py", "")
    write("static/data/b.js", 'import { c } from "./c.js";')
    write("static/data/c.js", 'import { d } from "./d.js";')
    write("static/data/d.js", "")
    write("static/sweep/b.js", 'import { b } from "../data/b.js";')
    return write


@pytest.mark.parametrize(("folder", "path", "text", "fault"), PLANTED)
def test_a_planted_fault_is_reported(
    tmp_path: Path,
    small_house: Callable[[str, str], None],
    folder: str,
    path: str,
    text: str,
    fault: str,
) -> None:
    assert faults(tmp_path, folder) == []
    small_house(path, text)
    assert fault in faults(tmp_path, folder)


def test_a_folder_that_is_too_full_is_reported(tmp_path: Path) -> None:
    room = tmp_path / "store" / "read" / "deep"
    room.mkdir(parents=True)
    for name in ("__init__.py", *(f"{number}.py" for number in range(MOST_FILES))):
        (room / name).touch()
    assert crowds(tmp_path, "store") == []
    (room / "more.py").touch()
    assert crowds(tmp_path, "store") == ["store/read/deep has 19 files"]
