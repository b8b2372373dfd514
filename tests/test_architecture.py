"""The arrows of the architecture, held by walking every import, wherever in a file it stands."""

import ast
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("app", "worker", "store", "learning")
MAY_USE = {
    "app": {"app", "store", "learning"},
    "worker": {"worker", "store", "learning"},
    "store": {"store", "learning"},
    "learning": {"learning"},
}
SQL_LIBRARIES = {"sqlalchemy", "sqlite3", "pysqlite3", "psycopg", "alembic"}
NUMERIC_LIBRARIES = {"numpy", "scipy"}
VAGUE_NAMES = {"utils", "util", "common", "base", "manager", "service", "services", "helpers", "misc"}


def modules() -> dict[str, Path]:
    """Every module of ours by its dotted name."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported(path: Path) -> Iterator[str]:
    """Dotted names that a file imports, wherever in the file; `from a import b` gives both a and a.b."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


MODULES = modules()


@pytest.mark.parametrize("name", MODULES)
def test_a_module_imports_only_what_its_layer_may_use(name: str) -> None:
    layer = name.partition(".")[0]
    tops = {target.partition(".")[0] for target in imported(MODULES[name])}
    assert tops & set(PACKAGES) <= MAY_USE[layer]
    if layer != "store":
        assert not tops & SQL_LIBRARIES, "only store/ holds SQL"
    if layer == "learning":
        import sys

        foreign = tops - set(sys.stdlib_module_names) - NUMERIC_LIBRARIES - {"learning"}
        assert not foreign, "learning/ knows NumPy and SciPy only"


def test_there_is_no_import_circle() -> None:
    arrows = {name: set(imported(path)) & set(MODULES) - {name} for name, path in MODULES.items()}
    remaining = dict(arrows)
    while free := [name for name, targets in remaining.items() if not targets & set(remaining)]:
        for name in free:
            del remaining[name]
    assert not remaining, f"modules in or behind a circle: {sorted(remaining)}"


@pytest.mark.parametrize("name", MODULES)
def test_a_module_says_what_it_owns(name: str) -> None:
    text = MODULES[name].read_text()
    assert not text or ast.get_docstring(ast.parse(text)), f"{name} has no docstring"
    assert not set(name.split(".")) & VAGUE_NAMES


# --- static/: rooms on floors, a file may import its own room and those below it

FLOORS = ("core", "data", "charts", "components", "sweep", "pages")  # from the lowest to the highest
MOST_FILES = 18  # of one room
# Whether import, import() or new URL() takes it, or a function that hands it to one of them.
_JS_PATH = re.compile(r"""["'`](\.{1,2}/[^"'`\s]*?\.js)\b""")


def static_imports(root: Path) -> dict[str, set[str]]:
    """What each module names by a relative path; both by their paths below root, there or not."""
    return {
        file.relative_to(root).as_posix(): {
            posixpath.normpath(posixpath.join(file.parent.relative_to(root).as_posix(), path))
            for path in _JS_PATH.findall(file.read_text())
        }
        for file in sorted(root.rglob("*.js"))
    }


def behind_circles(arrows: dict[str, set[str]]) -> list[str]:
    """Those that are left when, again and again, all that import none of the others are taken away."""
    left = {name: targets & set(arrows) for name, targets in arrows.items()}
    while free := [name for name, targets in left.items() if not targets & set(left)]:
        for name in free:
            del left[name]
    return sorted(left)


def static_faults(root: Path) -> list[str]:
    """What is wrong with the rooms of a folder like static/, a sentence each."""
    arrows = static_imports(root)
    floors = {name: floor for floor, name in enumerate(FLOORS)}
    faults = []
    for name, targets in arrows.items():
        room = name.partition("/")[0]
        if room not in floors:
            faults.append(f"{name} is in none of the rooms")
            continue
        for target in sorted(targets):
            if target not in arrows:
                faults.append(f"{name} imports {target}, which is not there")
            elif floors.get(target.partition("/")[0], len(FLOORS)) > floors[room]:
                faults.append(f"{name} imports {target} from a higher floor")
    faults += [f"{name} is in or behind a circle" for name in behind_circles(arrows)]
    for folder in (root, *sorted(path for path in root.rglob("*") if path.is_dir())):
        count = sum(path.is_file() for path in folder.iterdir())
        if count > MOST_FILES:
            faults.append(f"{folder.relative_to(root).as_posix()} has {count} files")
    return faults


def test_static_files_import_downwards_only_and_no_room_is_too_full() -> None:
    assert len(static_imports(ROOT / "static")) > 50
    assert static_faults(ROOT / "static") == []


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("core/a.js", 'import { b } from "../data/b.js";', "imports data/b.js from a higher floor"),
        ("core/a.js", 'export { b } from "../data/b.js";', "imports data/b.js from a higher floor"),
        ("core/a.js", 'new URL("../data/b.js", import.meta.url)', "imports data/b.js from a higher floor"),
        ("data/a.js", 'import("../sweep/c.js")', "imports sweep/c.js from a higher floor"),
        ("data/a.js", "import(`../sweep/c.js?${n}`)", "imports sweep/c.js from a higher floor"),
        ("sweep/a.js", 'import "../data/gone.js";', "imports data/gone.js, which is not there"),
        ("data/d.js", 'import { b } from "./b.js";', "is in or behind a circle"),
        ("helpers/a.js", "", "is in none of the rooms"),
        ("a.js", "", "is in none of the rooms"),
    ],
)
def test_a_planted_fault_is_reported(tmp_path: Path, name: str, text: str, fault: str) -> None:
    sound = {
        "core/e.js": "",
        "data/b.js": 'import { d } from "./d.js";\nimport { e } from "../core/e.js";',
        "data/d.js": "",
        "sweep/c.js": 'import { b } from "../data/b.js";',
    }
    for path, content in sound.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(content)
    assert static_faults(tmp_path) == []
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(text)
    assert f"{name} {fault}" in static_faults(tmp_path)


def test_a_room_that_is_too_full_is_reported(tmp_path: Path) -> None:
    room = tmp_path / "pages" / "forms"
    room.mkdir(parents=True)
    for number in range(MOST_FILES + 1):
        (room / f"{number}.css").touch()
    assert static_faults(tmp_path) == ["pages/forms has 19 files"]
