"""The login page: it trades the token for a cookie, and logout deletes the cookie."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import Scope

from app.http import guard
from app.http.guard import Throttle
from app.http.problems import Problem
from app.http.resources import Resources
from app.render.templates import render

COOKIE_SECONDS = 30 * 24 * 3600
HOME = "/"

router = APIRouter(tags=["login"], include_in_schema=False)


@router.get("/login")
def show_form(resources: Resources, next: Annotated[str, Query(max_length=2_000)] = HOME) -> Response:
    """The page that asks for the token."""
    if not resources.config.token:
        return RedirectResponse(HOME, HTTPStatus.SEE_OTHER)
    return HTMLResponse(render("login.html", next=keep_local(next), wrong=False))


@router.post("/login")
def log_in(
    request: Request,
    resources: Resources,
    token: Annotated[str, Form(max_length=1_000)],
    next: Annotated[str, Form(max_length=2_000)] = HOME,
) -> Response:
    """Sets the cookie if the token is right; shows the form again if not."""
    throttle: Throttle = request.app.state.throttle
    if not resources.config.token:
        return RedirectResponse(HOME, HTTPStatus.SEE_OTHER)
    if throttle.is_closed():
        raise Problem(429, "Too many wrong tokens; wait a minute.", headers={"retry-after": "60"})
    if not guard.secrets_match(token.strip(), resources.config.token):
        throttle.record_failure()
        return HTMLResponse(render("login.html", next=keep_local(next), wrong=True), HTTPStatus.FORBIDDEN)
    answer = RedirectResponse(keep_local(next), HTTPStatus.SEE_OTHER)
    answer.set_cookie(
        guard.LOGIN_COOKIE,
        guard.cookie_value(resources.config.token),
        max_age=COOKIE_SECONDS,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return answer


@router.post("/logout")
def log_out() -> Response:
    """Deletes the cookie."""
    answer = RedirectResponse("/login", HTTPStatus.SEE_OTHER)
    answer.delete_cookie(guard.LOGIN_COOKIE, httponly=True, samesite="strict")
    return answer


def challenge(scope: Scope) -> Response | None:
    """The form with status 401, for a browser that opens a page without the cookie; None for the rest."""
    headers = {name: value for name, value in scope["headers"]}
    page = scope["method"] == "GET" and not scope["path"].startswith("/api/")
    if not page or b"text/html" not in headers.get(b"accept", b""):
        return None
    query = scope["query_string"].decode("ascii", "ignore")
    next = keep_local(scope["path"] + (f"?{query}" if query else ""))
    return HTMLResponse(render("login.html", next=next, wrong=False), HTTPStatus.UNAUTHORIZED)


def keep_local(address: str) -> str:
    """The address if it stays on this server, else the first page."""
    is_path = address.startswith("/") and not address.startswith(("//", "/\\")) and address.isprintable()
    return address if is_path and "\\" not in address else HOME
