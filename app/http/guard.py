"""Middleware that checks each request before a route sees it, and sets the security headers of each response.

It is the outermost middleware and closed by default: a new route is protected without doing anything.
"""

import hashlib
import hmac
import logging
import re
import secrets
import time
from collections import deque
from collections.abc import Callable, MutableMapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import cookie_parser
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.http import problems
from app.http.head_requests import STREAM_PATH
from app.http.problems import Problem
from store.config import Config

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
OPEN_PATHS = frozenset({"/healthz", "/readyz", "/login"})
OPEN_FOLDER = "/static/"
UPLOAD_PATH = "/api/datasets"
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]", "::1"})
LOGIN_COOKIE = "lossdeck"
MAX_BODY_BYTES = 1_000_000  # bytes of a request
MAX_UPLOAD_BYTES = 2_000_000_000  # bytes of an uploaded data set
LOGIN_TRIES = 10  # wrong tokens a minute, from all clients together

SECURITY_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; connect-src 'self'; font-src 'self'; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",  # no-referrer would make the Origin of our own forms "null"
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}

NO_FRAMES = "frame-ancestors 'none'"

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^\[\]:/@\s]+)(:\d{1,5})?", re.IGNORECASE)

log = logging.getLogger("lossdeck")


def is_loopback(host: str) -> bool:
    """Whether a host is one that only this machine can reach."""
    return host.lower() in LOOPBACK_NAMES or re.fullmatch(r"127(\.\d{1,3}){3}", host) is not None


def cookie_value(token: str) -> str:
    """The value of the login cookie: it proves the token without revealing it."""
    return hmac.new(token.encode(), b"lossdeck login cookie", hashlib.sha256).hexdigest()


def frame_headers(origins: Sequence[str]) -> dict[str, str]:
    """Headers of a response that only pages of these origins may frame."""
    if not origins:
        return {}
    policy = SECURITY_HEADERS["content-security-policy"]
    return {"content-security-policy": policy.replace(NO_FRAMES, f"frame-ancestors {' '.join(origins)}")}


def secrets_match(given: str, expected: str) -> bool:
    """Compares secrets in constant time."""
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), expected.encode())


Challenge = Callable[[Scope], Response | None]


class Throttle:
    """At most `tries` failures a minute; in memory, by the monotonic clock."""

    def __init__(self, tries: int = LOGIN_TRIES) -> None:
        self.failures: deque[float] = deque(maxlen=tries)

    def is_closed(self) -> bool:
        full = len(self.failures) == self.failures.maxlen
        return full and time.monotonic() - self.failures[0] < 60

    def record_failure(self) -> None:
        self.failures.append(time.monotonic())


class Guard:
    """Checks host, origin, token and body size of a request; turns errors into responses."""

    def __init__(self, app: ASGIApp, config: Config, challenge: Challenge) -> None:
        self.app = app
        self.challenge = challenge  # the login page, for a browser without the cookie
        self.token = config.token or None
        self.allowed_hosts = {host.lower() for host in config.allowed_hosts}
        self.hosts = LOOPBACK_NAMES | self.allowed_hosts | {config.host.lower()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        request_id = secrets.token_hex(8)
        outgoing = _SendWithHeaders(send, request_id)
        try:
            self._check(scope)
            incoming = _LimitedReceive(receive, _body_limit(scope), Headers(scope=scope))
            await self.app(scope, incoming, outgoing)
        except Problem as problem:
            page = self.challenge(scope) if problem.status == 401 else None
            await (page or problems.to_response(problem))(scope, receive, outgoing)
        except Exception as error:
            answer = problems.internal_error(error, request_id, f"{scope['method']} {scope['path']}")
            if outgoing.started:  # the answer is half out: only cutting the connection says so
                raise
            await answer(scope, receive, outgoing)
        return None

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        self._check_host(headers)
        if scope["method"] not in SAFE_METHODS or scope["path"] == STREAM_PATH:
            self._check_origin(headers)
        if self.token and not _is_open(scope["path"]):
            self._check_token(scope, headers)

    def _check_host(self, headers: Headers) -> None:
        """Against DNS rebinding: an unknown host name that points at this machine is refused."""
        host = headers.get("host", "")
        match = _HOST.fullmatch(host)
        if match is None or match[1].lower() not in self.hosts:
            raise Problem(
                400,
                f"This server does not answer to the name {host[:100]!r}; "
                "add it to LOSSDECK_ALLOWED_HOSTS if it should.",
            )

    def _check_origin(self, headers: Headers) -> None:
        """Against pages of other sites: browsers say where a request comes from; scripts need not."""
        site = headers.get("sec-fetch-site", "none")
        origin = headers.get("origin")
        if site not in ("same-origin", "none") or (origin is not None and not self._is_ours(origin, headers)):
            raise Problem(403, "Pages of another site may not do this.")

    def _is_ours(self, origin: str, headers: Headers) -> bool:
        try:
            parts = urlsplit(origin.lower())
            is_allowed = (parts.hostname or "") in self.allowed_hosts
        except ValueError:
            return False
        is_web = parts.scheme in ("http", "https")
        return is_web and (is_allowed or parts.netloc == headers["host"].lower())

    def _check_token(self, scope: Scope, headers: Headers) -> None:
        assert self.token is not None
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and secrets_match(given.strip(), self.token):
            return
        cookie = cookie_parser(headers.get("cookie", "")).get(LOGIN_COOKIE, "")
        if secrets_match(cookie, cookie_value(self.token)):
            return
        raise Problem(
            401,
            "This needs the token: send it as Authorization: Bearer, or log in at /login.",
            headers={"www-authenticate": "Bearer"},
        )


def _is_open(path: str) -> bool:
    return path in OPEN_PATHS or (path.startswith(OPEN_FOLDER) and ".." not in path)


def _body_limit(scope: Scope) -> int:
    return MAX_UPLOAD_BYTES if scope["path"].rstrip("/") == UPLOAD_PATH else MAX_BODY_BYTES


class _LimitedReceive:
    """Refuses a body above the limit: unread where Content-Length says so, else as soon as it is reached."""

    def __init__(self, receive: Receive, limit: int, headers: Headers) -> None:
        self.receive = receive
        self.limit = limit
        self.size = 0
        declared = headers.get("content-length", "0")
        if declared.isdecimal() and int(declared[:20]) > limit:
            raise Problem(413, self._message())

    async def __call__(self) -> Message:
        message = await self.receive()
        self.size += len(message.get("body", b""))
        if self.size > self.limit:
            raise HTTPException(413, self._message())
        return message

    def _message(self) -> str:
        return f"The body is larger than {self.limit:,} bytes, the most that this address takes."


class _SendWithHeaders:
    """Adds the security headers and the request id to the response."""

    def __init__(self, send: Send, request_id: str) -> None:
        self.send = send
        self.request_id = request_id
        self.started = False

    async def __call__(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY_HEADERS.items():
                headers.setdefault(name, value)
            if NO_FRAMES not in headers["content-security-policy"]:
                del headers["x-frame-options"]  # it knows no list of origins; the policy says who may
            headers["x-request-id"] = self.request_id
        await self.send(message)
