"""Security: who is let in, from where, with how much; and what every answer carries."""

import json
import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from app.http import guard
from app.main import create_app
from app.pages import login
from store.config import Config
from tests.support.made_up_worker import ADDRESS, BODY
from tests.support.servers import START, Server

TOKEN = "a-token-of-the-test"
METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PURGE")
OPEN = {"/healthz", "/readyz", "/login"}


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[TestClient]:
    """The application with a token set."""
    app = create_app(Config(home=tmp_path / "guarded", token=TOKEN, allowed_hosts=("lossdeck.example",)))
    with TestClient(app, base_url=ADDRESS, follow_redirects=False) as client:
        yield client


def addresses(client: TestClient) -> list[str]:
    """An address for every route there is, whoever added it."""
    paths = {route.path for route in client.app.routes if hasattr(route, "path")}  # type: ignore[attr-defined]
    for included in client.app.routes:  # type: ignore[attr-defined]
        paths |= {path for path in _paths(included)}
    return sorted(re.sub(r"\{[^}]*\}", "1", path) for path in paths)


def _paths(route: Any) -> Iterator[str]:
    inner = (
        getattr(route, "routes", None)
        or getattr(getattr(route, "original_router", None), "routes", None)
        or ()
    )
    for part in inner:
        if hasattr(part, "path"):
            yield part.path
        yield from _paths(part)


@pytest.mark.slow
def test_no_route_answers_without_the_token_but_the_open_ones(guarded: TestClient) -> None:
    walked = addresses(guarded)
    assert {"/api/sweeps", "/api/trials/1", "/api/stream", "/docs", "/openapi.json", "/metrics", "/"} <= set(
        walked
    )
    for path in [
        *walked,
        "/nowhere",
        "/static",
        "/staticx",
        "/healthz/",
        "//healthz",
        "/static/../api/sweeps",
    ]:
        for method in METHODS:
            answer = guarded.request(method, path)
            if path in OPEN or (path.startswith("/static/") and ".." not in path):
                assert answer.status_code != 401, (method, path)
            else:
                assert answer.status_code == 401, (method, path)
                assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (f"Bearer {TOKEN}", 200),
        (f"bearer {TOKEN}", 200),
        ("Bearer wrong", 401),
        ("Bearer", 401),
        (f"Basic {TOKEN}", 401),
        (TOKEN, 401),
    ],
)
def test_the_token_opens_as_bearer_only(guarded: TestClient, header: str, status: int) -> None:
    assert guarded.get("/api/sweeps", headers={"authorization": header}).status_code == status


def test_logging_in_gives_a_cookie_that_opens_and_does_not_tell_the_token(guarded: TestClient) -> None:
    page = guarded.get("/sweeps/1", headers={"accept": "text/html"})
    assert page.status_code == 401
    assert 'value="/sweeps/1"' in page.text
    wrong = guarded.post("/login", data={"token": "guess"})
    assert wrong.status_code == 403
    assert "set-cookie" not in wrong.headers
    right = guarded.post("/login", data={"token": TOKEN, "next": "/workers"})
    assert (right.status_code, right.headers["location"]) == (303, "/workers")
    cookie = right.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    assert TOKEN not in cookie
    assert guarded.get("/api/sweeps").status_code == 200
    guarded.post("/logout")
    assert guarded.get("/api/sweeps").status_code == 401


def test_guessing_the_token_is_slowed_down(guarded: TestClient) -> None:
    codes = [
        guarded.post("/login", data={"token": f"guess {n}"}).status_code for n in range(guard.LOGIN_TRIES + 1)
    ]
    assert codes == [403] * guard.LOGIN_TRIES + [429]


@pytest.mark.parametrize(
    "next", ["//evil.example", "/\\evil.example", "https://evil.example", "javascript:1", "/\n/x", ""]
)
def test_logging_in_leads_nowhere_else(next: str) -> None:
    assert login.keep_local(next) == "/"


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:8000", "localhost:1", "LOCALHOST", "[::1]:8000", "lossdeck.example"]
)
def test_names_of_this_server_are_answered(guarded: TestClient, host: str) -> None:
    assert guarded.get("/healthz", headers={"host": host}).status_code == 200


def test_further_names_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOSSDECK_ALLOWED_HOSTS", "a.example, b.example")
    assert Config().allowed_hosts == ("a.example", "b.example")


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "localhost@evil.example", "", "a b",
     "127.0.0.1:8000:1", "127.0.0.1:port", "[::2]", "0.0.0.0", "evil.example:8000", "lossdeck.example.evil"],
)  # fmt: skip
@pytest.mark.parametrize(
    "path", ["/", "/healthz", "/api/stream", "/static/img/logo.svg", "/api/sweeps", "/nowhere"]
)
def test_a_foreign_name_is_refused_everywhere(guarded: TestClient, host: str, path: str) -> None:
    for method in METHODS:
        assert guarded.request(method, path, headers={"host": host}).status_code == 400


FOREIGN: list[dict[str, str]] = [
    {"origin": "http://evil.example"},
    {"origin": "http://127.0.0.1:9999"},
    {"origin": "null"},
    {"origin": "http://[broken"},
    {"origin": "file://127.0.0.1:8000"},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "same-origin", "origin": "http://evil.example"},
]


@pytest.mark.parametrize("headers", FOREIGN)
def test_pages_of_other_sites_change_nothing_and_hear_nothing(
    client: TestClient, headers: dict[str, str]
) -> None:
    for method in METHODS:
        if method not in guard.SAFE_METHODS:
            assert client.request(method, "/api/sweeps", headers=headers).status_code == 403
            assert client.request(method, "/nowhere", headers=headers).status_code == 403
    assert client.get("/api/stream", headers=headers).status_code == 403
    answer = client.get("/api/sweeps", headers=headers)
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    "headers", [{}, {"origin": ADDRESS}, {"sec-fetch-site": "same-origin"}, {"sec-fetch-site": "none"}]
)
def test_our_own_pages_and_scripts_may(client: TestClient, headers: dict[str, str]) -> None:
    assert client.post("/api/sweeps", json=BODY, headers=headers).status_code == 201


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("GET", "/docs"), ("GET", "/nowhere"), ("GET", "/api/sweeps"), ("POST", "/api/sweeps"),
     ("GET", "/static/img/logo.svg"), ("PUT", "/api/sweeps"), ("GET", "/login"), ("GET", "/metrics")],
)  # fmt: skip
def test_every_answer_carries_the_headers(client: TestClient, method: str, path: str) -> None:
    headers = client.request(method, path, follow_redirects=False).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; ")
    assert "unsafe-eval" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert re.fullmatch(r"[0-9a-f]{16}", headers["x-request-id"])


def test_a_body_that_is_too_large_is_refused(client: TestClient) -> None:
    body = b'{"name": "' + b"x" * guard.MAX_BODY_BYTES + b'"}'
    json_type = {"content-type": "application/json"}
    announced = client.post("/api/sweeps", content=body, headers=json_type)
    chunked = client.post("/api/sweeps", content=iter([body[:1000], body[1000:]]), headers=json_type)
    for answer in (announced, chunked):
        assert answer.status_code == 413
        assert answer.headers["content-type"] == "application/problem+json"
        assert "1,000,000" in answer.json()["detail"]


def test_a_fault_of_the_server_tells_a_number_and_no_more(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    client.app.state.database.close()  # type: ignore[attr-defined]
    folder: Path = client.app.state.config.home  # type: ignore[attr-defined]
    for path in folder.glob("lossdeck.db*"):
        path.unlink()
    answer = client.get("/api/sweeps")  # there are no tables now
    assert answer.status_code == 500
    problem = answer.json()
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert problem["request_id"] in caplog.text
    assert "sweep" not in answer.text.lower().replace("/api/sweeps", "")
    assert "Traceback" in caplog.text
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/nothing", 404),
        ("PUT", "/api/sweeps", 405),
        ("GET", "/api/sweeps/99", 404),
        ("POST", "/docs", 405),
    ],
)
def test_errors_have_one_shape(client: TestClient, method: str, path: str, status: int) -> None:
    answer = client.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"].endswith(".")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/api/sweeps", "GET, HEAD, POST"),
        ("PUT", "/api/sweeps/1", "GET, HEAD, PATCH, DELETE"),
        ("GET", "/api/sweeps/1/pause", "POST"),
        ("HEAD", "/api/stream", "GET"),
    ],
)
def test_a_wrong_method_is_told_every_right_one(
    client: TestClient, method: str, path: str, allowed: str
) -> None:
    answer = client.request(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
    if method != "HEAD":
        assert answer.json()["detail"] == f"{method} is not possible at this address; it takes {allowed}."


@pytest.mark.parametrize(
    "path", ["/", "/healthz", "/api/sweeps", "/docs", "/api/sweeps/9", "/static/css/page.css"]
)
def test_head_is_get_without_the_body(shared_server: Server, path: str) -> None:
    with httpx2.Client(base_url=shared_server.address) as client:
        head, get = client.head(path), client.get(path)
    assert (head.status_code, head.content) == (get.status_code, b"")
    assert get.content
    for name in ("content-type", "content-length"):
        assert head.headers.get(name) == get.headers.get(name)


def test_no_path_leads_out_of_the_static_folder(shared_server: Server) -> None:
    host, port = shared_server.address.removeprefix("http://").split(":")
    for path in (
        "../pyproject.toml",
        "%2e%2e/pyproject.toml",
        "..%2fpyproject.toml",
        "/etc/passwd",
        "%00",
        "..%5c",
    ):
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            request = f"GET /static/{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
            connection.sendall(request.encode())
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        assert answer.split()[1] in (b"404", b"400"), path


@pytest.mark.slow
def test_an_open_address_without_a_token_is_refused(tmp_path: Path) -> None:
    for host in ("0.0.0.0", "::", "192.0.2.1"):
        done = subprocess.run(
            [sys.executable, "-c", START],
            env={"LOSSDECK_HOME": str(tmp_path), "LOSSDECK_HOST": host, "LOSSDECK_PORT": "0", "PATH": ""},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 2
        assert len(done.stderr.splitlines()) == 1
        assert "token" in done.stderr


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(["lr", "reg", "hidden", "epochs", "batch_size", "seed", "momentum", "val_count", "x"])
RANGES = st.dictionaries(
    st.sampled_from(["uniform", "log_uniform", "integer", "choice", "x"]),
    st.lists(st.floats() | st.integers() | st.text(max_size=3), max_size=3) | JSON,
    max_size=2,
)
NEARLY = st.fixed_dictionaries(
    {},
    optional={
        "name": st.text(max_size=10) | JSON,
        "dataset": st.sampled_from(["digits", "cifar10", "..", "\x00"]) | JSON,
        "recipe": st.sampled_from(["coarse", "fine", "x"]) | JSON,
        "space": st.dictionaries(NAMES, RANGES | JSON, max_size=3) | JSON,
        "settings": st.dictionaries(NAMES, JSON, max_size=3) | JSON,
        "trials": st.integers(-1, 40) | JSON,
        "points": st.lists(st.dictionaries(NAMES, JSON, max_size=2), max_size=3) | JSON,
        "sampler": st.sampled_from(["random", "grid", "sobol"]) | JSON,
        "seed": st.integers() | JSON,
        "extra": JSON,
    },
)


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def fuzzed(request: pytest.FixtureRequest) -> Iterator[TestClient]:
    """The application on each kind of database, for many requests."""
    url = None
    if request.param == "postgres":
        postgres = request.getfixturevalue("postgres")
        url = postgres.url(postgres.create("migrated"))
    with tempfile.TemporaryDirectory() as folder:
        config = Config(home=Path(folder), workers=1, database_url=url)
        with TestClient(create_app(config), base_url=ADDRESS) as client:
            assert client.post("/api/sweeps", json=BODY).status_code == 201
            yield client


FUZZ = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def check(answer: Any) -> None:
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["detail"]


@pytest.mark.slow
@FUZZ
@given(body=NEARLY | JSON, dry=st.booleans())
def test_no_body_breaks_the_server(fuzzed: TestClient, body: object, dry: bool) -> None:
    content = json.dumps(body)  # NaN and Infinity too, as Python writes them
    headers = {"content-type": "application/json"}
    check(fuzzed.post(f"/api/sweeps?dry_run={dry}", content=content, headers=headers))
    check(fuzzed.post("/api/sweeps/1/trials", content=content, headers=headers))
    check(fuzzed.post("/api/sweeps/1/refinement", content=content, headers=headers))
    check(fuzzed.patch("/api/sweeps/1", content=content, headers=headers))


@FUZZ
@given(
    content=st.binary(max_size=60),
    kind=st.sampled_from(["application/json", "text/plain", "multipart/form-data", ""]),
)
def test_no_bytes_break_the_server(fuzzed: TestClient, content: bytes, kind: str) -> None:
    for path in ("/api/sweeps", "/api/datasets", "/login", "/api/sweeps/1/refinement"):
        check(fuzzed.post(path, content=content, headers={"content-type": kind}, follow_redirects=False))


@FUZZ
@given(
    filter=st.text(max_size=40)
    | st.sampled_from(["lr > 1", "not " * 40 + "lr > 1", "(" * 99, "lr > 1e999", "state = 'a'"]),
    sort=st.text(max_size=12) | st.sampled_from(["-lr", "hidden", "best_val_acc"]),
    number=st.integers() | st.text(max_size=8),
)
def test_no_question_breaks_the_server(fuzzed: TestClient, filter: str, sort: str, number: object) -> None:
    query = {"filter": filter, "sort": sort, "limit": str(number), "offset": str(number)}
    check(fuzzed.get("/api/sweeps/1/trials", params=query))
    check(fuzzed.get("/api/sweeps/1/trials", params={"filter": filter}))
    check(fuzzed.get("/api/sweeps/1/trials", params={"sort": sort}))
    check(fuzzed.get("/api/sweeps/1/epochs", params={"after": str(number)}))
    check(fuzzed.get("/api/recipes", params={"dataset": filter}))
    check(
        fuzzed.get(
            "/api/sweeps", headers={"idempotency-key": repr(filter).encode("ascii", "replace").decode()}
        )
    )


def test_deep_nesting_is_refused(client: TestClient) -> None:
    for content in (b"[" * 100_000, b'{"space":' * 50_000, b'{"seed":' + b"9" * 100_000 + b"}"):
        answer = client.post("/api/sweeps", content=content, headers={"content-type": "application/json"})
        assert answer.status_code in (400, 422)
        assert answer.headers["content-type"] == "application/problem+json"
