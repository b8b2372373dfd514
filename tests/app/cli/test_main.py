"""The command line as a program: exit codes, what goes to stdout and stderr, what each command does."""

import json
import os
import re
import resource
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from app.cli import main, sweep_progress
from tests.support.ports import free_port

PROGRAM = Path(sys.executable).parent / "lossdeck"
COMMANDS = ("up", "serve", "worker", "migrate", "sweep", "export", "predict", "backup", "restore", "prune")
COMMANDS += (
    "preflight",
    "autopilot",
    "repeat",
    "model",
    "token",
    "doctor",
    "data list",
    "data get",
    "data add",
)
HEAVY = ("numpy", "scipy", "plotly", "alembic", "sqlalchemy", "fastapi", "pydantic", "rich.progress")

Done = subprocess.CompletedProcess[str]
Run = Callable[..., Done]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs `lossdeck` on a home folder of the test; keyword arguments are environment variables."""

    def run(*arguments: object, **environment: str) -> Done:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("LOSSDECK_", "DATABASE_"))}
        own = {"LOSSDECK_HOME": str(tmp_path / "home"), "HOME": str(tmp_path)} | environment
        command = [str(PROGRAM), *map(str, arguments)]
        return subprocess.run(
            command, env=kept | own, cwd=tmp_path, capture_output=True, text=True, timeout=60
        )

    return run


@pytest.fixture
def inside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Done]:
    """As `run`, but in this process: where starting up would take nearly all of the time."""
    for name in [name for name in os.environ if name.startswith(("LOSSDECK_", "DATABASE_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("LOSSDECK_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> Done:
        code = main.run([str(argument) for argument in arguments])
        told = capsys.readouterr()
        return Done(arguments, code, told.out, told.err)

    return run


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers are given no time to report."""
    monkeypatch.setattr(sweep_progress, "WORKER_START_SECONDS", 0.0)


def failed(done: Done, code: int) -> str:
    """The one sentence that a failed command says; nothing else is printed."""
    assert done.returncode == code, done.stdout + done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("lossdeck: ")
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.rstrip().endswith((".", "?"))
    return done.stderr


# Help and usage


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_examples(inside: Run, command: str) -> None:
    done = inside(*command.split(), "--help")
    assert done.returncode == 0
    assert f"Usage: lossdeck {command}" in done.stdout
    assert f"Examples:\n    lossdeck {command}" in done.stdout.replace("  LOSSDECK_TOKEN=... ", "  ")


def test_help_imports_nothing_heavy() -> None:
    program = f"import sys; import app.cli.main; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_help_is_quick(run: Run) -> None:
    def seconds() -> float:
        """Of processor time, which other programs on the machine do not lengthen."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        run("--help")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(seconds() for _ in range(3)) < 0.5


def test_wrong_usage_as_a_program(run: Run) -> None:
    assert "Did you mean 'sweep'?" in failed(run("swep"), 2)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "Missing command"),
        (("swep",), "No such command 'swep'"),
        (("sweep",), "RECIPE|FILE"),
        (("up", "--port", "many"), "--port"),
        (("up", "--port", "70000"), '--port must be 65535 or less, not "70000".'),
        (("export", "one"), 'sweep must be a whole number, not "one".'),
        (("sweep", "coarse", "--trials", "0"), "trials must be 1 or more, not 0."),
        (("export", "1", "--format", "xls"), "xls"),
        (("doctor", "--only", "heart"), "heart"),
        (("token", "--new", "--remove"), "exclude"),
    ],
)
def test_wrong_usage_is_one_sentence_and_exit_2(inside: Run, arguments: tuple[str, ...], words: str) -> None:
    assert words in failed(inside(*arguments), 2)


def test_a_bad_variable_is_named(run: Run) -> None:
    assert 'LOSSDECK_PORT must be a whole number, not "many".' in failed(
        run("serve", LOSSDECK_PORT="many"), 2
    )


def test_no_workers_are_no_workers_to_start(run: Run) -> None:
    assert "LOSSDECK_WORKERS is 0" in failed(run("worker", LOSSDECK_WORKERS="0"), 2)


def test_options_override_the_environment(inside: Run, tmp_path: Path) -> None:
    assert inside("migrate", "--home", tmp_path / "other").returncode == 0
    assert (tmp_path / "other" / "lossdeck.db").is_file()
    assert not (tmp_path / "home").exists()


def test_a_reader_that_leaves_is_no_error(run: Run, tmp_path: Path) -> None:
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {PROGRAM} data list --home {tmp_path} | true"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert all("is not on this machine" in line for line in done.stderr.splitlines()), done.stderr


# Sweeps without a worker


@pytest.mark.slow
def test_a_sweep_is_queued_and_its_number_printed(run: Run) -> None:
    first = run("sweep", "coarse", "--dataset", "digits", "--trials", 5, "--seed", 3)
    assert (first.returncode, first.stdout) == (0, "1\n"), first.stderr
    assert run("sweep", "coarse", "--trials", "5").stdout == "2\n"


def test_a_sweep_from_a_file_with_options_over_it(inside: Run, tmp_path: Path) -> None:
    body = {
        "name": "file",
        "dataset": "digits",
        "trials": 3,
        "space": {"lr": {"log_uniform": [0.01, 0.1]}},
        "settings": {"val_count": 300},
    }
    (tmp_path / "mine.json").write_text(json.dumps(body))
    done = inside("sweep", "mine.json", "--name", "mine", "--trials", "4", "--json")
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert (made["name"], made["trials"], made["state"]) == ("mine", 4, "running")
    assert made["space"] == body["space"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "is not JSON"),
        ("[1]", "JSON object"),
        ('{"trials": "ten"}', "trials"),
        ('{"trails": 10}', "trails"),
        ('{"trials": 2, "space": {"lr": {"log_uniform": [0, 1]}}}', "lr"),
        ('{"trials": 2, "settings": {"hidden": [-1], "val_count": 300}}', "hidden"),
        ('{"trials": 2, "dataset": "atlantis"}', "atlantis"),
    ],
)
def test_a_bad_file_is_refused_and_nothing_is_made(
    inside: Run, tmp_path: Path, content: str, words: str
) -> None:
    (tmp_path / "bad.json").write_text(content)
    assert words in failed(inside("sweep", "bad.json"), 2)
    assert not (tmp_path / "home" / "lossdeck.db").exists()


def test_an_unknown_recipe_names_the_known_ones(inside: Run) -> None:
    told = failed(inside("sweep", "corse"), 2)
    assert "coarse" in told
    assert "overfit-tiny" in told


def test_waiting_without_a_worker_says_so_and_exits_3(inside: Run, hurried: None) -> None:
    done = inside("sweep", "coarse", "--trials", "2", "--wait")
    assert done.returncode == 3
    assert done.stdout == ""
    assert "no worker is alive" in done.stderr
    assert "lossdeck worker" in done.stderr


# Preflight


def test_a_preflight_without_waiting_is_queued_and_prints_its_number(inside: Run) -> None:
    done = inside("preflight")
    assert (done.returncode, done.stdout) == (0, "1\n")
    assert done.stderr == "Preflight 1 on digits, queued.\n"
    row = json.loads(inside("preflight", "--recipe", "fine", "--seed", "3", "--json").stdout)
    assert (row["id"], row["state"], row["settings"]["epochs"]) == (2, "queued", 40)


def test_waiting_for_a_preflight_without_a_worker_exits_3(inside: Run, hurried: None) -> None:
    done = inside("preflight", "--wait")
    assert (done.returncode, done.stdout) == (3, "")
    assert "Preflight 1 is queued, but no worker is alive" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--dataset", "nowhere"], "no data set called 'nowhere'"),
        (["--dataset", " "], 'dataset must be a line of printable characters, not " ".'),
        (["--recipe", "corse"], "overfit-tiny"),
    ],
)
def test_a_preflight_of_what_is_not_there_is_refused(inside: Run, arguments: list[str], told: str) -> None:
    assert told in failed(inside("preflight", *arguments), 2)


def test_an_autopilot_without_waiting_is_queued_and_prints_its_number(inside: Run) -> None:
    done = inside("autopilot")
    assert (done.returncode, done.stdout) == (0, "1\n")
    row = json.loads(inside("autopilot", "--seed", "3", "--trials", "8", "--no-preflight", "--json").stdout)
    assert (row["id"], row["seed"], row["trials"], row["preflight"]) == (2, 3, 8, False)


def test_waiting_for_an_autopilot_without_a_worker_exits_3(inside: Run, hurried: None) -> None:
    done = inside("autopilot", "--wait")
    assert done.returncode == 3
    assert "Autopilot 1 is queued, but no worker is alive" in done.stderr


def test_an_autopilot_on_what_is_not_there_is_refused(inside: Run) -> None:
    assert "no data set called 'nowhere'" in failed(inside("autopilot", "--dataset", "nowhere"), 2)
    assert "trials" in failed(inside("autopilot", "--trials", "1"), 2)


# Data sets


def test_the_digits_are_always_there(run: Run) -> None:
    done = run("data", "list", "--json")
    assert {summary["name"] for summary in json.loads(done.stdout)} == {"digits"}
    plain = run("data", "list")
    assert re.match(r"digits +1,500 train +297 test +8x8x1 +10 classes", plain.stdout)
    assert "lossdeck data get cifar10" in plain.stderr


def test_a_data_set_of_ones_own_is_added(inside: Run, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "mine.npz", X=rng.normal(size=(40, 5)).astype(np.float32), y=np.arange(40) % 4)
    assert inside("data", "add", "mine.npz", "--name", "flowers").returncode == 0
    added = json.loads(inside("data", "list", "--json").stdout)[-1]
    assert (added["name"], added["n_train"], added["n_features"]) == ("flowers", 40, 5)
    assert inside("sweep", "coarse", "--dataset", "flowers", "--trials", "2").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("data", "add", "none.npz"), "none.npz"),
        (("data", "add", "text.npz"), "text"),
        (("data", "get", "imagenet"), "imagenet"),
        (("data", "get", "cifar10", "--url", "http://127.0.0.1:9/none"), "127.0.0.1:9"),
        (("predict", "1", "none.npz"), "none.npz"),
        (("predict", "1", "text.npz"), "text.npz"),
        (("export", "1"), "no database"),
        (("restore", "none.tar"), "none.tar"),
        (("backup", "here.tar"), "no database"),
        (("migrate", "--home", "text.npz"), "is not a folder"),
        (("prune",), "no database"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    inside: Run, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    (tmp_path / "text.npz").write_text("not an archive")
    done = inside(*arguments)
    if arguments[:2] == ("data", "get"):
        assert done.returncode == 1
        assert words in done.stderr.splitlines()[-1]
    else:
        assert words in failed(done, 1)


# The token


@pytest.mark.slow
def test_the_token_is_made_once_and_readable_by_its_owner_alone(run: Run, tmp_path: Path) -> None:
    first = run("token")
    assert re.fullmatch(r"[\w-]{43}\n", first.stdout), "256 bits"
    assert "from its next start on" in first.stderr
    assert (run("token").stdout, run("token").stderr) == (first.stdout, "")
    kept = tmp_path / "home" / "token"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert run("token", "--new").stdout != first.stdout
    assert run("token", LOSSDECK_TOKEN="mine").stdout == "mine\n"
    assert run("token", "--quiet").stdout == ""
    assert run("token", "--remove").returncode == 0
    assert not kept.exists()


def test_a_token_from_the_environment_is_not_replaced(run: Run) -> None:
    assert "LOSSDECK_TOKEN" in failed(run("token", "--new", LOSSDECK_TOKEN="mine"), 1)


# The doctor


def test_the_doctor_finds_nothing_wrong_with_a_new_home(run: Run) -> None:
    done = run("doctor", "--json", "--port", free_port())
    assert done.returncode == 0, done.stdout
    checks = {check["name"]: check for check in json.loads(done.stdout)}
    assert set(checks) == {"python", "numpy", "blas", "home", "database", "data", "port", "token", "workers"}
    assert all(check["ok"] for check in checks.values())


@pytest.mark.slow
def test_the_doctor_names_each_problem_and_what_to_do(inside: Run, tmp_path: Path) -> None:
    import socket

    inside("migrate")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = inside(
            "doctor", "--only", "database,workers,port,token,data", "--port", port, "--data", "nowhere"
        )
    assert done.returncode == 1
    lines = [line for line in done.stdout.splitlines() if line.startswith(("ok", "problem"))]
    verdicts = {line.split()[1]: line.split()[0] for line in lines}
    wrong = {"workers": "problem", "port": "problem", "data": "problem"}
    assert verdicts == {"database": "ok", "token": "ok"} | wrong
    assert done.stdout.count("to do: ") == 3


def test_the_doctor_sees_a_home_that_cannot_be_written(inside: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = inside("doctor", "--only", "home", "--home", tmp_path / "file" / "home")
    assert done.returncode == 1
    assert "LOSSDECK_HOME" in done.stdout


# Databases that cannot be used


@pytest.mark.parametrize(
    "command", ["migrate", "export 1", "sweep coarse --trials 2", "up --port 1", "backup x.tar"]
)
@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://nobody@127.0.0.1:9/none", "Connection refused"),
        ("mysql://localhost/none", "mysql is not supported"),
        ("gibberish", "DATABASE_URL is not a URL"),
        ("sqlite:///{home}/broken.db", "damaged"),
        ("sqlite:////proc/none/lossdeck.db", "/proc/none"),
    ],
)
def test_a_database_that_cannot_be_used_is_one_sentence(
    inside: Run, tmp_path: Path, command: str, url: str, words: str
) -> None:
    (tmp_path / "broken.db").write_bytes(b"no database at all, but as long as a page of one" * 100)
    name, *rest = command.replace("--port 1", f"--port {free_port()}").split()
    assert words in failed(inside(name, *rest, "--database-url", url.format(home=tmp_path)), 1)


def unreleased(run: Run, path: Path) -> None:
    """A database of a schema that no release has had."""
    from pysqlite3 import dbapi2

    assert run("migrate", "--home", path.parent).returncode == 0
    connection = dbapi2.connect(str(path))
    connection.execute("UPDATE alembic_version SET version_num = '0004'")
    connection.commit()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


@pytest.mark.parametrize(
    "command",
    ["migrate", "export 1", "sweep coarse", "up", "serve", "backup x.tar", "prune --yes", "restore"],
)
def test_a_database_from_before_the_first_release_is_refused_in_one_sentence(
    inside: Run, tmp_path: Path, command: str
) -> None:
    import tarfile

    path = tmp_path / "home" / "lossdeck.db"
    unreleased(inside, path)
    before = path.read_bytes()
    name, *rest = command.split()
    if name in ("up", "serve"):
        rest = ["--port", str(free_port())]
    if name == "restore":
        with tarfile.open(tmp_path / "old.tar", "w") as archive:
            archive.add(path, path.name)
        rest = ["old.tar", "--home", str(tmp_path / "new")]
    told = failed(inside(name, *rest), 1)
    assert "schema version 0004, which no release ever had" in told
    assert "start with an empty home folder or another database" in told
    assert path.read_bytes() == before
    assert not list((tmp_path / "new").rglob("*"))


def test_the_doctor_says_what_to_do_about_a_database_from_before_the_first_release(
    inside: Run, tmp_path: Path
) -> None:
    unreleased(inside, tmp_path / "home" / "lossdeck.db")
    done = inside("doctor", "--only", "database", "--json")
    assert done.returncode == 1
    (check,) = json.loads(done.stdout)
    assert (check["name"], check["ok"]) == ("database", False)
    assert "start with an empty home folder or another database" in check["advice"]


def test_the_doctor_sees_a_damaged_database(inside: Run, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "lossdeck.db").write_bytes(b"no database at all" * 500)
    done = inside("doctor", "--only", "database,workers")
    assert done.returncode == 1
    assert done.stdout.count("problem") == 2
    assert "restore" in done.stdout


# Backups that are not ours


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("text", "bad.tar is not a backup, or it is cut off"),
        ("cut", "bad.tar is not a backup, or it is cut off"),
        ("link", "it holds 'models/1.npz'"),
        ("inner link", "it holds 'models/1.npz'"),
        ("pipe", "it holds 'models/1.npz'"),
        ("outside", "outside the destination"),
        ("absolute", "it holds '/"),
        ("foreign", "it holds 'readme'"),
        ("broken", "lossdeck.db is not a sound database"),
    ],
)
def test_a_bad_backup_leaves_nothing(inside: Run, tmp_path: Path, kind: str, reason: str) -> None:
    bad_backup(inside, tmp_path, kind)
    told = failed(inside("restore", "bad.tar", "--home", tmp_path / "new"), 1)
    assert reason in told
    assert not list((tmp_path / "new").rglob("*"))
    assert not (tmp_path / "outside").exists()


def bad_backup(run: Run, folder: Path, kind: str) -> None:
    """A file bad.tar that is wrong in one way."""
    import io
    import tarfile

    if kind == "text":
        (folder / "bad.tar").write_text("not a tar file")
        return
    if kind == "cut":
        run("migrate")
        assert run("backup", "good.tar").returncode == 0
        content = (folder / "good.tar").read_bytes()
        (folder / "bad.tar").write_bytes(content[: len(content) // 3])
        return
    names = {
        "link": "models/1.npz",
        "inner link": "models/1.npz",
        "pipe": "models/1.npz",
        "outside": "models/../../outside",
        "absolute": str(folder / "outside"),
        "foreign": "readme",
        "broken": "lossdeck.db",
    }
    member = tarfile.TarInfo(names[kind])
    content = b"not a database" * 100
    member.size = len(content)
    if kind in ("link", "inner link"):
        target = "/etc/passwd" if kind == "link" else "2.npz"
        member.type, member.linkname, member.size = tarfile.SYMTYPE, target, 0
    if kind == "pipe":
        member.type, member.size = tarfile.FIFOTYPE, 0
    with tarfile.open(folder / "bad.tar", "w") as archive:
        archive.addfile(member, io.BytesIO(content))
