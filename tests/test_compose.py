"""The compose files and the image keep their promises: what they publish, may do, wait for and hold apart."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent
SQLITE = "docker-compose.yml"
POSTGRES = "docker-compose.postgres.yml"
OURS = ("migrate", "web", "worker")

Service = dict[str, Any]


def document(name: str) -> dict[str, Any]:
    content = yaml.safe_load((ROOT / name).read_text())
    assert isinstance(content, dict)
    return content


def services(name: str) -> dict[str, Service]:
    found = document(name)["services"]
    assert not any("extends" in service for service in found.values()), "see docker-compose.postgres.yml"
    return dict(found)


EVERY = [(file, name) for file in (SQLITE, POSTGRES) for name in services(file)]


@pytest.mark.parametrize(("file", "name"), EVERY)
def test_every_container_is_fenced_in(file: str, name: str) -> None:
    service = services(file)[name]
    assert service["read_only"] is True
    assert service["tmpfs"]
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["init"] is True
    assert service["stop_grace_period"] == "30s"
    assert not service.get("privileged", False)
    assert not any(str(volume).startswith(("/", ".", "~")) for volume in service["volumes"]), "a host folder"


@pytest.mark.parametrize("file", [SQLITE, POSTGRES])
def test_only_the_server_is_published_and_on_loopback_only(file: str) -> None:
    published = {name: service["ports"] for name, service in services(file).items() if "ports" in service}
    assert published == {"web": ["127.0.0.1:8000:8000"]}
    assert not any("network_mode" in service for service in services(file).values())


@pytest.mark.parametrize("file", [SQLITE, POSTGRES])
def test_server_and_workers_wait_for_the_schema(file: str) -> None:
    found = services(file)
    for name in ("web", "worker"):
        assert found[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
        assert found[name]["restart"] == "unless-stopped"
    assert found["migrate"]["restart"] == "no"
    assert "lossdeck migrate" in found["migrate"]["entrypoint"][-1]


@pytest.mark.parametrize("file", [SQLITE, POSTGRES])
def test_commands_and_health_checks_are_ours(file: str) -> None:
    found = services(file)
    assert (found["web"]["command"], found["worker"]["command"]) == (["serve"], ["worker"])
    assert "/healthz" in found["web"]["healthcheck"]["test"][-1]
    assert found["worker"]["healthcheck"]["test"][1:] == ["lossdeck", "doctor", "--only", "workers"]
    assert found["migrate"]["healthcheck"] == {"disable": True}


@pytest.mark.parametrize("file", [SQLITE, POSTGRES])
def test_workers_can_be_scaled(file: str) -> None:
    worker = services(file)["worker"]
    assert "container_name" not in worker
    assert "ports" not in worker
    assert worker["environment"]["LOSSDECK_WORKERS"] == "${LOSSDECK_WORKERS:-1}"


@pytest.mark.parametrize("file", [SQLITE, POSTGRES])
def test_there_is_no_secret_in_the_file(file: str) -> None:
    for service in services(file).values():
        for name, value in service["environment"].items():
            if "TOKEN" in name or "PASSWORD" in name:
                assert re.fullmatch(r"\$\{[A-Z_]+:[-?][^}]*\}", value), name
                assert not re.fullmatch(r"\$\{[A-Z_]+:-.+\}", value), f"{name} has a default"


def test_sqlite_lies_in_a_named_volume() -> None:
    found = services(SQLITE)
    assert set(found) == set(OURS)
    assert list(document(SQLITE)["volumes"]) == ["data"]
    assert all(service["volumes"] == ["data:/data"] for service in found.values())
    assert not any("DATABASE_URL" in service["environment"] for service in found.values())


def test_postgresql_starts_nothing_on_sqlite() -> None:
    found = services(POSTGRES)
    assert set(found) == {"db", *OURS}
    for name in OURS:
        assert found[name]["environment"]["DATABASE_URL"].startswith("postgresql://")
        assert found[name]["depends_on"]["db"] == {"condition": "service_healthy"}
    assert document(POSTGRES)["name"] != document(SQLITE)["name"]


@pytest.mark.parametrize("name", OURS)
def test_both_set_ups_differ_in_the_database_only(name: str) -> None:
    sqlite, postgres = services(SQLITE)[name], services(POSTGRES)[name]
    own = {"environment", "depends_on", "networks"}
    assert {key: value for key, value in sqlite.items() if key not in own} == {
        key: value for key, value in postgres.items() if key not in own
    }
    assert sqlite["environment"].items() <= postgres["environment"].items()


def test_the_postgresql_server_is_reached_by_ours_only() -> None:
    found = services(POSTGRES)
    assert document(POSTGRES)["networks"]["database"] == {"internal": True}
    assert found["db"]["networks"] == ["database"]
    assert found["db"]["user"] == "postgres"
    assert found["db"]["healthcheck"]["test"][:2] == ["CMD", "pg_isready"]
    assert all("database" in found[name]["networks"] for name in OURS)


def instructions(text: str) -> list[str]:
    """The instructions of a Dockerfile, continued lines joined, comments left out."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    return [line.strip() for line in "\n".join(lines).replace("\\\n", " ").splitlines() if line.strip()]


DOCKERFILE = instructions((ROOT / "Dockerfile").read_text())
FINAL = DOCKERFILE[max(n for n, line in enumerate(DOCKERFILE) if line.startswith("FROM ")) :]


def test_the_image_runs_as_a_user_without_rights() -> None:
    assert "USER 10001:10001" in FINAL
    after = FINAL[FINAL.index("USER 10001:10001") :]
    assert not any(line.startswith(("RUN", "COPY", "ADD", "USER root")) for line in after)


def test_the_image_is_built_in_two_stages_from_one_base() -> None:
    assert DOCKERFILE[0] == "ARG BASE=docker.io/library/python:3.13-slim"
    assert [line for line in DOCKERFILE if line.startswith("FROM ")] == [
        "FROM ${BASE} AS builder",
        "FROM ${BASE}",
    ]
    assert not any("pip" in line or "apt-get" in line for line in FINAL), "build tools in the final stage"


def test_everything_installed_is_hash_checked() -> None:
    text = " ".join(DOCKERFILE)
    commands = [
        part for part in re.split(r"&&|RUN ", text) if " install " in part and "install -d" not in part
    ]
    assert commands
    for command in commands:
        assert "--require-hashes" in command or "--no-index" in command, command


def test_the_image_checks_its_health_and_names_no_secret() -> None:
    assert sum(line.startswith("HEALTHCHECK") and "/healthz" in line for line in FINAL) == 1
    assert not any("TOKEN" in line for line in DOCKERFILE)
    assert not any("http://" in line and "127.0.0.1" not in line for line in DOCKERFILE), (
        "an index or a mirror"
    )


def test_extra_requirements_agree_with_the_main_ones() -> None:
    main, dev = pins("requirements.txt"), pins("requirements-dev.txt")
    for name in ("requirements-postgres.txt", "requirements-build.txt"):
        extra = pins(name)
        assert extra
        assert all(main.get(package, version) == version for package, version in extra.items())
        assert all(dev.get(package, version) == version for package, version in extra.items())


def pins(name: str) -> dict[str, str]:
    """Packages and their versions in a requirements file; each must come with a hash."""
    text = (ROOT / name).read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    assert all("--hash=sha256:" in line for line in lines)
    return dict(re.match(r"([A-Za-z0-9_.-]+)==(\S+)", line).groups() for line in lines)  # type: ignore[union-attr, misc]


def test_nothing_but_the_program_gets_into_the_image() -> None:
    rules = (ROOT / ".dockerignore").read_text().split("\n")
    rules = [rule for rule in rules if rule and not rule.startswith("#")]
    assert rules[0] == "*"
    copied = {
        word.removeprefix("./")
        for line in DOCKERFILE
        if line.startswith("COPY ")
        for word in line.split()[1:-1]
    }
    copied -= {"--from=builder", "/opt/lossdeck"}
    assert {rule.removeprefix("!") for rule in rules if rule.startswith("!")} == copied
    assert all((ROOT / name).exists() for name in copied)
