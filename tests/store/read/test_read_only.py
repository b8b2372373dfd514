"""store/read only reads: no module of it writes a row or takes a change number."""

import ast
from pathlib import Path

import pytest

import store.read

MODULES = sorted(Path(store.read.__path__[0]).glob("*.py"))
WRITES = {"insert", "update", "delete"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_a_module_that_reads_never_writes(path: Path) -> None:
    tree = ast.parse(path.read_text())
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert (
        not {alias.name for node in imports for alias in node.names if node.module == "sqlalchemy"} & WRITES
    )
    attributes = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert not attributes & {"change_counter.take", "change_counter.reset"}
