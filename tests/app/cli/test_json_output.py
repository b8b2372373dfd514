"""`--json` is ASCII, so that any terminal and any pipe takes it."""

import json
import os
import subprocess
import sys
from pathlib import Path


def test_json_of_a_name_in_any_script_is_printed_to_any_terminal(tmp_path: Path) -> None:
    body = {"name": "🐈 ש", "trials": 1, "space": {"lr": {"log_uniform": [0.001, 0.1]}}}
    (tmp_path / "search.json").write_text(json.dumps(body))
    command = [sys.executable, "-m", "app", "sweep", "search.json", "--json", "--home", "home"]
    environment = os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=True)
    assert done.stdout.isascii()
    assert json.loads(done.stdout)["name"] == "🐈 ש"
