"""The arrows of the architecture, held by walking every import, wherever in a file it stands."""

import ast
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
